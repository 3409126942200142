#!/usr/bin/env python3
"""side_workloads.py -- skiff-workload churn and write --keys against live nodes: groups and compacted topics.

    tests/chaos/side_workloads.py [NAME...]      only the tests whose names contain one of these words
"""
import json
import re
import subprocess
import sys

from live import SKIFF, Cluster, asked_for, need_programs, run_named, until
from workloads import RUN, TOPIC, VIOLATION, Workload, read_all, run, verdict, with_topic

SOON = ("log.cleaner.backoff.ms=100", "group.min.session.timeout.ms=500", "group.initial.rebalance.delay.ms=100")
COMPACTED = ("-c", "cleanup.policy=compact", "-c", "segment.ms=300", "-c", "min.cleanable.dirty.ratio=0.01")


def judged(*histories):
    """(exit code, text) of `skiff chaos check`."""
    said = subprocess.run([SKIFF, "chaos", "check", *(history.path for history in histories)],
                          capture_output=True, text=True, timeout=60, check=False)
    return said.returncode, said.stdout + said.stderr


def create(cluster, copies):
    made = run(cluster, "topic", "create", TOPIC, "-p", "3", "-r", str(copies), *COMPACTED)
    assert made.returncode == 0, made.stderr


def with_compacted(test, copies=3, **more):
    cluster = Cluster(sets=SOON, **more)
    try:
        create(cluster, copies)
        test(cluster)
    finally:
        Workload.end_all()
        cluster.close()


def left(cluster):
    """Records that a reader gets now."""
    return len(cluster.skiff("consume", TOPIC, "-e", "-f", "%o\\n").splitlines())


def test_keys_keep_their_last_values_while_nodes_are_killed_and_compact():
    def look(cluster):
        writer = Workload(cluster, "write", "--keys", "4", "--rate", "300")
        for node in ("1", "2", "3"):
            writer.until("a", writer.lines("a") + 300)
            cluster.skiff("kill", node)
            writer.until("a", writer.lines("a") + 300)
            cluster.skiff("restart", node)
        until("half of it is compacted away", lambda: 2 * left(cluster) < writer.lines("a"), 30)
        assert writer.end()[0] == 0
        written, final = writer.history(), read_all(cluster)
        found = verdict(writer, final)
        assert found["keys"] == len({line[4] for line in written.of["k"] + written.of["t"]}) == 12, found
        assert found["keys_compacted"] == len(written.of["a"]) - len(final.of["v"]) > 0, found
        tombstones = {tuple(line[1:3]) for line in written.of["t"]}
        assert tombstones & {(w, v) for _, _, _, _, _, w, v, _ in final.of["v"]}, "no tombstone was read"
    with_compacted(look)


def test_keys_that_are_gone_are_a_violation():
    def look(cluster):
        writer = Workload(cluster, "write", "--keys", "4", "--rate", "300")
        writer.until("a", 200)
        assert writer.end()[0] == 0
        assert run(cluster, "topic", "delete", TOPIC).returncode == 0
        create(cluster, 1)
        code, text = judged(writer, read_all(cluster))
        assert code == VIOLATION and re.search(r"lost-key: partition \d: key \d+ of client \d+ is not there", text), text
    with_compacted(look, nodes=1, copies=1)


def test_records_under_foreign_keys_are_foreign():
    def look(cluster):
        writer = Workload(cluster, "write", "--keys", "4", "--rate", "300")
        writer.until("a", 50)
        assert writer.end()[0] == 0
        value = cluster.skiff("consume", TOPIC, "-e", "-f", "%v\\n").split()[0]
        cluster.skiff("produce", TOPIC, "-K", "|", "-q", stdin=f"somebody|{value}\n")
        final = read_all(cluster)
        assert len(final.of["x"]) == 1 and final.of["x"][0][-1] == value.encode().hex()[:64], final.of["x"]
    with_compacted(look, nodes=1, copies=1)


def is_late_refused(churn):
    """Whether a member has tried a commit of a generation that was over, and one was refused."""
    with open(churn.path, encoding="ascii") as file:
        lines = file.read().splitlines()
    tried = any(line.startswith("n ") and line.endswith("generation that is over") for line in lines)
    return tried and any(line.startswith("f ") and "ILLEGAL_GENERATION" in line for line in lines)


def test_a_group_whose_members_come_go_and_die_reads_and_commits_all():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "200")
        churn = Workload(cluster, "churn", "--every-ms", "500", "--session-ms", "1000")
        churn.until("f", 6)
        for node in ("1", "2", "3"):
            cluster.skiff("kill", node)
            churn.until("o", churn.lines("o") + 6, 60)
            cluster.skiff("restart", node)
            churn.until("f", churn.lines("f") + 6, 60)
        until("a late commit was refused", lambda: is_late_refused(churn), 60)
        assert writer.end()[0] == 0
        code, said = churn.end(60)
        counts = re.search(r"(\d+) members joined, (\d+) left, (\d+) died; (\d+) records read, (\d+) commits", said)
        assert code == 0 and counts, said
        joined, gone, died, got, commits = map(int, counts.groups())
        assert joined == gone + died and died > 0, said
        found = verdict(writer, churn, read_all(cluster))
        assert found["member_commits"] == commits > 0 and found["member_asked"] == churn.lines("q") > 12, found
        again, still_ms, late = map(int, re.search(r"after (\d+) deaths, and last (\d+) ms before the end; (\d+) late", said).groups())
        assert died >= again > 0 and late > 0 and found["member_fenced"] > 0, (said, found)
        assert still_ms < 60000 and 0 < found["member_unowned_ns"] < 60e9, (said, found)
        assert got >= found["acked"] and found["reads"] == got + found["acked"], found
        assert json.loads(cluster.skiff("group", "ls", "--json")) == []
    with_topic(look, sets=SOON)


def test_a_group_that_forgets_what_it_committed_is_a_violation():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "100")
        churn = Workload(cluster, "churn", "--every-ms", "500", "--session-ms", "1000")
        churn.until("f", 12)
        cluster.skiff("topic", "delete", "__consumer_offsets")
        churn.until("q", churn.lines("q") + 6, 60)
        writer.end()
        churn.end(60)
        code, text = judged(writer, churn, read_all(cluster))
        assert code == VIOLATION and "lost-commit: partition" in text and "its group has -1 committed" in text, text
    with_topic(look, nodes=1, copies=1, sets=SOON)


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
