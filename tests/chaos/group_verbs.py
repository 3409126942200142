#!/usr/bin/env python3
"""group_verbs.py -- `skiff group` and `skiff consume -g`, on real nodes.

    tests/chaos/group_verbs.py [-b HOST:PORT,...] [NAME...]     a cluster of Skiff's own, or one that runs

With -b the cluster may be Apache Kafka's: what needs to kill a node is skipped then. NAME: only the tests
whose names contain one of these words.
"""
import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from live import SKIFF, Cluster, Skip, asked_for, need_programs, run_named, until

FAILED, USAGE, NOT_FOUND, TIMED_OUT = 1, 2, 3, 5
cluster = None


class Running:
    """A cluster that somebody else started."""

    def __init__(self, brokers):
        self.addresses = brokers
        self.env = dict(os.environ, SKIFF_BROKERS=brokers)
        self.nodes = {}

    def words(self):
        return ["-b", self.addresses]

    def close(self):
        pass


class Own(Cluster):
    def words(self):
        return ["--dir", self.dir]


def call(*words, stdin=None, timeout=60):
    return subprocess.run([SKIFF, *words, *cluster.words()], input=stdin, env=cluster.env, capture_output=True,
                          text=True, timeout=timeout, check=False)


def skiff(*words, **more):
    run = call(*words, **more)
    assert run.returncode == 0, f"skiff {' '.join(words)}: exit {run.returncode}: {run.stdout}{run.stderr}"
    return run.stdout


def unique(name):
    return f"{name}-{os.getpid()}-{time.monotonic_ns() % 1000000}"


def topic_of(partitions, lines=0):
    """A new topic; `lines` records 0, 1, ... in each partition."""
    name = unique("topic")
    skiff("topic", "create", name, "-p", str(partitions))
    for partition in range(partitions):
        fill(name, partition, 0, lines)
    return name


def fill(topic, partition, first, end):
    skiff("produce", topic, "-p", str(partition), "-q", stdin="".join(f"{i}\n" for i in range(first, end)))


def group(name):
    """What `describe` says; None: there is no such group."""
    run = call("group", "describe", name, "--json")
    if run.returncode == NOT_FOUND:
        return None
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)[0]


def committed(name):
    found = group(name)
    return {(p["topic"], p["partition"]): p["committed"] for p in found["partitions"]} if found else {}


@contextlib.contextmanager
def member(topic, name, *words):
    """A member that runs; `process.stdout` is what it reads. It is told to leave at the end."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([SKIFF, "consume", topic, "-g", name, *words, *cluster.words()],
                                   stdout=subprocess.PIPE, stderr=errors, env=cluster.env, text=True)
        process.told = lambda: os.pread(errors.fileno(), 1 << 24, 0).decode(errors="replace")
        try:
            yield process
        finally:
            leave(process)


def leave(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    except ValueError:  # A test has closed its output.
        process.wait(timeout=20)
    return process.returncode


def stable(name, members, partitions=1):
    """The group, once that many members have all partitions among them. One that nobody has, as between two rebalances
    of the cooperative kind, is told of only if something is committed there."""
    def look():
        found = group(name)
        ready = found and found["state"] == "Stable" and len(found["members"]) == members
        ready = ready and len(found["partitions"]) >= partitions
        return found if ready and all(p["member"] for p in found["partitions"]) else None
    return until(f"group {name} stable with {members}", look, 30)


def consumed(topic, name, *words):
    """Lines that a member prints until it has read everything."""
    return skiff("consume", topic, "-g", name, "-e", *words).splitlines()


def seek(name, *words):
    return {(p["topic"], p["partition"]): (p["before"], p["after"])
            for p in json.loads(skiff("group", "seek", name, *words, "--json"))["partitions"]}


def test_a_member_goes_on_where_the_last_one_stopped():
    topic, name = topic_of(1, 10), unique("group")
    assert consumed(topic, name, "-n", "4") == ["0", "1", "2", "3"]
    assert committed(name) == {(topic, 0): 4}
    assert consumed(topic, name) == ["4", "5", "6", "7", "8", "9"]
    assert consumed(topic, name) == []
    assert committed(name) == {(topic, 0): 10}


def test_where_a_new_group_begins_is_said_with_o():
    topic, name = topic_of(1, 5), unique("group")
    with member(topic, name, "-o", "end", "-n", "2") as process:
        stable(name, 1)
        until("a line", lambda: fill(topic, 0, 5, 6) or process.poll() is not None or committed(name).get((topic, 0)), 30)
        fill(topic, 0, 6, 8)
        output, _ = process.communicate(timeout=30)
    assert "0\n" not in output and output.splitlines()[0] == "5", output
    assert consumed(topic, unique("group"), "-o", "start") [:5] == ["0", "1", "2", "3", "4"]


def test_two_members_share_and_one_takes_over_when_the_other_leaves():
    for strategy in ("range,roundrobin", "cooperative-sticky"):
        topic, name = topic_of(4, 3), unique("group")
        words = ("-X", f"partition.assignment.strategy={strategy}", "-X", "client.id=one")
        with member(topic, name, *words) as first:
            stable(name, 1)
            with member(topic, name, *words) as second:
                found = stable(name, 2, partitions=4)
                owners = [p["member"] for p in found["partitions"]]
                assert sorted(owners.count(owner) for owner in set(owners)) == [2, 2], owners
                assert {m["client"] for m in found["members"]} == {"one"}
                assert found["type"] == "classic" and found["assignor"] in strategy, found
                assert leave(second) == 0
            found = stable(name, 1, partitions=4)
            assert {p["member"] for p in found["partitions"]} == {found["members"][0]["member"]}
            assert leave(first) == 0
        assert set(committed(name).values()) == {3}, committed(name)


def test_describe_tells_how_far_behind_each_partition_is():
    topic, name = topic_of(2, 5), unique("group")
    consumed(topic, name)
    fill(topic, 1, 5, 12)
    found = group(name)
    assert (found["group"], found["state"], found["protocol_type"]) == (name, "Empty", "consumer"), found
    assert found["lag"] == 7 and found["members"] == [], found
    assert [(p["partition"], p["committed"], p["end"], p["lag"], p["member"]) for p in found["partitions"]] == [
        (0, 5, 5, 0, None), (1, 5, 12, 7, None)], found
    lines = [line.split() for line in skiff("group", "describe", name).splitlines()]
    assert lines[0][:2] == [name, "classic"] and "Empty" in lines[0], lines
    assert lines[1][:5] == ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG"], lines
    assert lines[3][:5] == [topic, "1", "5", "12", "7"], lines


def test_describe_names_members_without_partitions_too():
    topic, name = topic_of(1, 1), unique("group")
    with member(topic, name), member(topic, name):
        found = stable(name, 2)
        assert sorted(m["partitions"] for m in found["members"]) == [0, 1], found
        assert all(m["host"] and m["member"] for m in found["members"]), found
        lines = skiff("group", "describe", name).splitlines()
        assert len(lines) == 4 and lines[3].split()[:5] == ["-"] * 5, lines


def test_groups_are_listed_by_state_and_type():
    topic, idle, live = topic_of(1, 1), unique("group-a"), unique("group-b")
    consumed(topic, idle)
    with member(topic, live):
        stable(live, 1)
        listed = {g["group"]: g for g in json.loads(skiff("group", "list", "--json"))}
        assert listed[idle]["state"] == "Empty" and listed[live]["state"] == "Stable", listed
        assert listed[idle]["type"] == "classic" and listed[idle]["protocol_type"] == "consumer", listed
        assert listed[live]["coordinator"] == group(live)["coordinator"], listed
        for words, shown in ((("-s", "stable"), {live}), (("-s", "Empty"), {idle}), (("-t", "consumer"), set()),
                             (("-s", "Empty", "-s", "STABLE", "-t", "classic"), {idle, live})):
            names = {line.split()[0] for line in skiff("group", "ls", *words).splitlines()[1:]}
            assert names & {idle, live} == shown, (words, names)


def test_unknown_groups_are_not_found():
    for words in (("group", "describe"), ("group", "delete"), ("group", "seek")):
        more = ("--to", "start") if words[1] == "seek" else ()
        run = call(*words, unique("nobody"), *more)
        assert run.returncode == NOT_FOUND and run.stderr.startswith("skiff: "), run


def test_seek_moves_what_is_committed():
    topic, name = topic_of(2, 10), unique("group")
    consumed(topic, name)
    both = [(topic, 0), (topic, 1)]
    for where, before, after in (("start", 10, 0), ("7", 0, 7), ("+2", 7, 9), ("-4", 9, 5), ("end", 5, 10)):
        dry = seek(name, "--to", where, "--dry-run")
        assert dry == {place: (before, after) for place in both}, (where, dry)
        assert committed(name) == {place: before for place in both}, where
        assert seek(name, "--to", where) == dry
        assert committed(name) == {place: after for place in both}, where
    assert seek(name, f"{topic}/1", "--to", "8") == {(topic, 1): (10, 8)}
    assert consumed(topic, name) == ["8", "9"]


def test_seek_beyond_what_a_partition_has_ends_at_its_ends():
    topic, name = topic_of(1, 10), unique("group")
    consumed(topic, name)
    run = call("group", "seek", name, "--to", "99")
    assert run.returncode == 0 and f"{topic}/0" in run.stderr and "99 becomes 10" in run.stderr, run
    assert seek(name, "--to", "-99") == {(topic, 0): (10, 0)}


def test_seek_to_a_time_finds_the_first_record_after_it():
    topic, name = topic_of(1, 3), unique("group")
    records = [json.loads(line) for line in skiff("consume", topic, "-e", "-J").splitlines()]
    between = records[-1]["timestamp"] + 1
    until("the clock moves on", lambda: time.time() * 1000 > between + 1)
    fill(topic, 0, 3, 5)
    consumed(topic, name)
    assert seek(name, "--to", f"@{between}") == {(topic, 0): (5, 3)}
    assert seek(name, "--to", "@0") == {(topic, 0): (3, 0)}
    assert seek(name, "--to", f"@{between + 10**9}") == {(topic, 0): (0, 5)}


def test_seek_reads_a_file_as_kafkas_tool_writes_it():
    topic, name = topic_of(3, 10), unique("group")
    lines = f"# saved\n\n{topic},0,3\n{topic} 2 4\n"
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(lines)
        file.flush()
        assert seek(name, "--from-file", file.name) == {(topic, 0): (None, 3), (topic, 2): (None, 4)}
    assert committed(name) == {(topic, 0): 3, (topic, 2): 4}
    skiff("group", "seek", name, "--from-file", "-", stdin=f"{topic} 0 5\n")
    assert committed(name) == {(topic, 0): 5, (topic, 2): 4}
    for wrong in ("", f"{topic} 0\n", f"{topic} zero 1\n", f"{topic} 0 -1\n", f"{topic} 0 1 2\n",
                  f"{topic} 0 1\n{topic} 0 2\n"):
        run = call("group", "seek", name, "--from-file", "-", stdin=wrong)
        assert run.returncode == USAGE, (wrong, run)
    assert call("group", "seek", name, "--from-file", "-", stdin="no-such-topic 0 1\n").returncode == NOT_FOUND
    assert committed(name) == {(topic, 0): 5, (topic, 2): 4}


def test_seek_makes_a_group_where_topics_are_named():
    topic, name = topic_of(2, 10), unique("group")
    assert call("group", "seek", name, topic, "--to", "+1").returncode == FAILED
    assert group(name) is None
    assert seek(name, topic, "--to", "6") == {(topic, 0): (None, 6), (topic, 1): (None, 6)}
    assert sorted(consumed(topic, name)) == ["6", "6", "7", "7", "8", "8", "9", "9"]
    for words in ((f"{topic}/2",), ("no-such-topic",)):
        assert call("group", "seek", name, *words, "--to", "end").returncode == NOT_FOUND


def test_a_group_with_members_is_left_alone():
    topic, name = topic_of(1, 5), unique("group")
    with member(topic, name):
        stable(name, 1)
        until("a commit", lambda: committed(name).get((topic, 0)) == 5, 30)
        for words in (("seek", name, "--to", "start"), ("delete", name), ("delete", name, "--offsets", topic)):
            run = call("group", *words)
            assert run.returncode == FAILED and "stop them first" in run.stderr, run
        assert committed(name) == {(topic, 0): 5}


def test_groups_are_deleted():
    topic, names = topic_of(1, 1), [unique("group-a"), unique("group-b")]
    for name in names:
        consumed(topic, name)
    assert skiff("group", "delete", *names) == "".join(f"deleted {name}\n" for name in names)
    assert group(names[0]) is None and group(names[1]) is None
    assert call("group", "rm", names[0]).returncode == NOT_FOUND
    assert consumed(topic, names[0]) == ["0"]


def test_each_of_several_groups_says_what_became_of_it():
    topic, names = topic_of(1, 1), [unique("group-a"), unique("group-b"), unique("group-c")]
    consumed(topic, names[0])
    consumed(topic, names[2])
    run = call("group", "describe", *names[:2], "--json")
    seen, unseen = json.loads(run.stdout)
    assert run.returncode == NOT_FOUND and unseen == {"group": names[1], "error": "GROUP_ID_NOT_FOUND"}
    assert seen["group"] == names[0] and seen["error"] is None and seen["partitions"]
    run = call("group", "delete", *names, "--json")
    assert run.returncode == NOT_FOUND and names[1] in run.stderr, run
    assert [(row["group"], row["result"], row["error"]) for row in json.loads(run.stdout)] == [
        (names[0], "deleted", None), (names[1], "failed", "GROUP_ID_NOT_FOUND"), (names[2], "deleted", None)]


def test_some_of_what_is_committed_is_deleted():
    topics, name = [topic_of(2, 3), topic_of(2, 3)], unique("group")
    for topic in topics:
        consumed(topic, name)
    rows = json.loads(skiff("group", "delete", name, "--offsets", topics[0], "--offsets", f"{topics[1]}/1", "--json"))
    assert sorted((row["topic"], row["partition"], row["error"]) for row in rows) == sorted(
        [(topics[0], 0, None), (topics[0], 1, None), (topics[1], 1, None)])
    assert committed(name) == {(topics[1], 0): 3}
    assert call("group", "delete", name, "--offsets", topics[0]).returncode == NOT_FOUND
    assert sorted(consumed(topics[0], name)) == ["0", "0", "1", "1", "2", "2"]


def test_a_reader_that_goes_away_ends_the_member_and_what_it_did_not_take_stays():
    topic, name = topic_of(1, 20000), unique("group")
    with member(topic, name) as process:
        first = process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 0
    assert first == "0\n"
    kept = committed(name)[(topic, 0)]
    assert 1 <= kept < 20000, kept
    rest = consumed(topic, name)
    assert rest == [str(i) for i in range(kept, 20000)]


def test_ctrl_c_commits_what_was_printed():
    topic, name = topic_of(1, 3), unique("group")
    with member(topic, name, "-X", "auto.commit.interval.ms=600000") as process:
        assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
        assert leave(process) == 0
    assert committed(name) == {(topic, 0): 3}
    assert group(name)["members"] == []


def waiting_bytes(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)))[0]


def test_ctrl_c_ends_a_reader_whose_output_nobody_takes():
    topic, name = topic_of(1), unique("group")
    skiff("produce", topic, "-q", stdin=("x" * 1000 + "\n") * 600)
    for how in ((), ("-g", name)):
        process = subprocess.Popen([SKIFF, "consume", topic, *how, *cluster.words()], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=cluster.env)
        try:
            until("the pipe is full", lambda: waiting_bytes(process.stdout) > 60000)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=15) == 0, process.stderr.read()
        finally:
            process.kill()
            process.communicate()
    assert 0 < committed(name)[(topic, 0)] < 70


def test_ctrl_c_ends_a_member_whose_rebalance_another_one_holds_up():
    topic, name = topic_of(2, 5), unique("group")
    how = ("-X", "partition.assignment.strategy=cooperative-sticky", "-X", "auto.commit.interval.ms=600000",
           "-X", "heartbeat.interval.ms=100", "-X", "debug=cgrp")

    def asks():  # To be let in; nothing but the client's own words tells of it.
        return first.told().count("-> wait-join")
    with member(topic, name, *how) as first, contextlib.ExitStack() as others:
        stable(name, 1, 2)
        for _ in range(10):
            first.stdout.readline()
        hung = others.enter_context(member(topic, name, *how))
        stable(name, 2, 2)
        hung.send_signal(signal.SIGSTOP)
        others.callback(hung.send_signal, signal.SIGCONT)
        asked = asks()
        others.enter_context(member(topic, name, *how))
        until("the first asks to be let in again", lambda: asks() > asked)
        begun = time.monotonic()
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=60) == 0, first.told()[-3000:]
        assert time.monotonic() - begun < 12
        assert committed(name) == {(topic, 0): 5, (topic, 1): 5}


def test_the_coordinator_is_found_again_when_its_node_is_killed():
    if not cluster.nodes:
        raise Skip("the cluster is not ours to break")
    topic, name = topic_of(3, 5), unique("group")
    assert len(consumed(topic, name)) == 15
    victim = str(group(name)["coordinator"])
    cluster.skiff("kill", victim)
    try:
        found = group(name)
        assert found["coordinator"] != int(victim) and found["lag"] == 0, found
        assert seek(name, "--to", "4") == {(topic, i): (5, 4) for i in range(3)}
        assert consumed(topic, name) == ["4", "4", "4"]
    finally:
        cluster.skiff("restart", victim)


def test_control_characters_of_names_are_shown_not_obeyed():
    topic, name = topic_of(1), unique("\x1b[31mred\nrow\x9b\x7f")
    skiff("group", "seek", name, topic, "--to", "0")
    shown = "\\u001b[31mred\\nrow\\u009b\\u007f" + name[len("\x1b[31mred\nrow\x9b\x7f"):]
    assert any(line.startswith(shown + " ") for line in skiff("group", "ls").splitlines())
    assert name in [row["group"] for row in json.loads(skiff("group", "ls", "--json"))]
    with member(topic, name, "-X", "client.id=\x1b[32mgreen\n"):
        stable(name, 1)
        told = skiff("group", "describe", name)
    assert told.startswith(shown + "  ") and "\\u001b[32mgreen\\n" in told and "\x1b" not in told, told
    assert len(told.splitlines()) == 3, told
    assert skiff("group", "delete", name) == f"deleted {shown}\n"
    assert call("group", "describe", name).stderr == f"skiff: there is no group {shown}\n"


def test_wrong_words_are_usage_errors():
    for words in (("group",), ("group", "bogus"), ("group", "describe"), ("group", "seek", "g"),
                  ("group", "seek", "g", "--to", "soon"), ("group", "seek", "g", "--to", "@"),
                  ("group", "seek", "g", "--to", "end", "--from-file", "f"), ("group", "seek", "g", "a/b", "--to", "end"),
                  ("group", "seek", "g", "t", "--from-file", "f"), ("group", "delete", "g", "h", "--offsets", "t"),
                  ("group", "delete", "g", "--offsets", "t/x"), ("consume", "t", "-g", "g", "-p", "0"),
                  ("consume", "t", "-g", "g", "-o", "5")):
        run = call(*words)
        assert run.returncode == USAGE and run.stderr, (words, run)


def test_every_verb_has_help_with_examples():
    for verb in ("ls", "describe", "seek", "delete"):
        run = call("group", verb, "--help")
        assert run.returncode == 0 and f"  skiff group {verb}" in run.stdout.split("Examples:")[1], run.stdout


def main():
    global cluster
    words = sys.argv[1:]
    brokers = None
    if "-b" in words:
        at = words.index("-b")
        brokers = words[at + 1]
        del words[at:at + 2]
    need_programs()
    cluster = Running(brokers) if brokers else Own(sets=("group.initial.rebalance.delay.ms=0",))
    try:
        return run_named(asked_for(globals(), words))
    finally:
        cluster.close()


if __name__ == "__main__":
    sys.exit(main())
