"""rows.py -- the play that every client of the matrix goes through, row by row, on one cluster of three nodes.

A row is a function of a Stage; what it returns is a remark for the table. It raises Lacks where the client
has no such thing, and anything else is a failure.
"""
import glob
import json
import os
import time

from groups.silent import silent_group_on
from groups.test_groups import group_on, topic_ends
from live import until
from matrix.client import Lacks, Talk
from matrix.kafka_cluster import wait_for_leaders

RECORDS = 100
PACKED = 1000  # Some clients do not pack a batch that gets no smaller by it, which a short one does not.
SURVIVE_ROUNDS, SURVIVE_RECORDS = 30, 100  # A node dies in the middle of these.


class Stage:
    """A cluster, a client, and the process of it that is asked most."""

    def __init__(self, cluster, client):
        self.cluster, self.client = cluster, client
        self.talk = None

    def asked(self):
        if self.talk is None or self.talk.process.poll() is not None:
            self.talk = Talk(self.client, self.cluster.brokers())
        return self.talk

    def start_anew(self):
        """What a row left in a program does not reach the next one."""
        if self.talk is not None:
            self.talk.close()
            self.talk = None

    def create(self, topic, partitions):
        """A client may ask any broker, and some take a topic that it has not heard of yet for an error."""
        self.cluster.skiff("topic", "create", topic, "-p", str(partitions), "-r", "3")
        wait_for_leaders(self.cluster, topic)

    def topics(self):
        return {found["topic"]: found for found in json.loads(self.cluster.skiff("topic", "ls", "--json"))}


def expect(found, wanted, what):
    assert found == wanted, f"{what}: {str(found)[:300]}, not {str(wanted)[:300]}"


def numbered(numbers):
    return [(f"k{number}", f"v{number}") for number in numbers]


def row_topics(stage):
    """Created, described, deleted."""
    talk = stage.asked()
    talk.ask("create", "made", 3, 3)
    wait_for_leaders(stage.cluster, "made")
    remark = describe(talk)
    talk.ask("delete", "made")
    until("the topic has gone", lambda: "made" not in stage.topics())
    return remark


def describe(talk):
    """A leader and three replicas of each partition; what a client lacks of that is the remark."""
    try:
        lines = until("a leader each", lambda: led(talk.ask("describe", "made")))
    except Lacks as why:
        return str(why)
    found = sorted((int(index), int(leader) in (1, 2, 3), int(copies)) for _, index, leader, copies in lines)
    expect(found, [(place, True, 3) for place in range(3)], "described")
    return None


def led(lines):
    return lines if len(lines) == 3 and all(int(leader) > 0 for _, _, leader, _ in lines) else None


def stored_codecs(cluster, topic):
    """What the batches of a partition's log are packed with; none where no file can be seen."""
    paths = glob.glob(os.path.join(cluster.dir, "node-*", "data", f"{topic}-0", "*.log"))
    items = [json.loads(line) for path in paths for line in cluster.skiff("dump", path, "--json").splitlines()]
    return {item["codec"] for item in items if item["item"] == "batch"}


def row_codecs(stage):
    """Each codec that the client has: what it wrote is in the log so packed, and is read back whole."""
    for codec in stage.client.codecs:
        topic = f"packed-{codec}"
        stage.create(topic, 1)
        stage.asked().ask("produce", topic, codec, 0, PACKED)
        found = stage.asked().records(topic, PACKED)[0]
        expect(found, [(n, f"k{n}", f"v{n}") for n in range(PACKED)], codec)
        stored = stored_codecs(stage.cluster, topic)
        assert codec in stored and stored <= {codec, "none"}, f"the log holds {stored}, not {codec}"
    return ", ".join(stage.client.codecs)


def row_commit(stage):
    """What one process committed, another of the same client finds, and so does `skiff group`."""
    stage.create("committed", 2)
    stage.asked().ask("produce", "committed", "none", 0, RECORDS)
    stage.asked().ask("commit", "committed", "committers", 1, 7)
    other = Talk(stage.client, stage.cluster.brokers())
    try:
        expect(other.offsets("committed", "committed", "committers"), {0: -1, 1: 7}, "committed")
        other.leave()
    finally:
        other.close()
    expect(group_offsets(stage.cluster, "committers").get(1), 7, "by skiff group")


def group_offsets(cluster, group):
    found, = json.loads(cluster.skiff("group", "describe", group, "--json"))
    return {place["partition"]: place["committed"] for place in found["partitions"]}


def row_seek(stage):
    """The offset of a time: between two batches, before all and after all."""
    stage.create("timed", 1)
    talk = stage.asked()
    began = int(time.time() * 1000)
    talk.ask("produce", "timed", "none", 0, 10)
    between = int(time.time() * 1000) + 2
    until("the clock has gone on", lambda: time.time() * 1000 > between + 2)
    talk.ask("produce", "timed", "none", 10, 10)
    expect(talk.offsets("times", "timed", began), {0: 0}, "at the beginning")
    expect(talk.offsets("times", "timed", between), {0: 10}, "between")
    expect(talk.offsets("times", "timed", int(time.time() * 1000) + 3600_000), {0: -1}, "in an hour")


def row_reset(stage):
    """A group without members goes back to the beginning, which is not offset 0 everywhere."""
    stage.create("back", 2)
    talk = stage.asked()
    talk.ask("produce", "back", "none", 0, RECORDS)
    found = talk.records("back", RECORDS)
    assert len(found[0]) > 3, {place: len(records) for place, records in found.items()}
    stage.cluster.skiff("topic", "trim", "back/0", "3")
    for place, records in sorted(found.items()):
        talk.ask("commit", "back", "resetters", place, len(records))
    talk.ask("reset", "back", "resetters")
    expect(talk.offsets("committed", "back", "resetters"), {0: 3, 1: 0}, "after the reset")


def leader_of(cluster, topic):
    found, = json.loads(cluster.skiff("topic", "describe", topic, "--json"))
    return found["partitions"][0]["leader"]


def kept(found, count, is_idempotent):
    """Each number is there, once where the client promises so, and in the order in which it was sent."""
    for place, records in found.items():
        expect([offset for offset, _, _ in records], list(range(len(records))), f"offsets of partition {place}")
    pairs = [(key, value) for records in found.values() for _, key, value in records]
    expect(sorted(set(pairs)), sorted(numbered(range(count))), "records")
    if is_idempotent:
        expect(len(pairs), count, "how many")
        for place, records in found.items():
            numbers = [int(key[1:]) for _, key, _ in records]
            expect(numbers, sorted(numbers), f"order of partition {place}")
    return len(pairs) - count


def row_survive(stage):
    """A leader dies of kill -9 while the client writes to it; all that was acknowledged is read from the others."""
    stage.create("outlives", 3)
    talk = stage.asked()
    write(talk, 0, SURVIVE_ROUNDS // 2)
    lead = leader_of(stage.cluster, "outlives")
    tell_to_write(talk, SURVIVE_ROUNDS // 2)
    stage.cluster.skiff("kill", str(lead))
    try:
        talk.answer("the round in which a leader died")
        write(talk, SURVIVE_ROUNDS // 2 + 1, SURVIVE_ROUNDS)
        written = sum(topic_ends(stage.cluster, "outlives", 3).values())
        doubled = kept(talk.records("outlives", written), SURVIVE_ROUNDS * SURVIVE_RECORDS, stage.client.is_idempotent)
    finally:
        stage.cluster.skiff("restart", str(lead))
    return f"{doubled} written twice" if doubled else None


def tell_to_write(talk, number):
    talk.tell("produce", "outlives", "none", number * SURVIVE_RECORDS, SURVIVE_RECORDS)


def write(talk, first, end):
    for number in range(first, end):
        tell_to_write(talk, number)
        talk.answer(f"round {number}")


def row_group(stage):
    """A group of three: a member is killed, one comes, its coordinator's node dies of kill -9 (groups/history.py)."""
    if "classic" not in stage.client.groups:
        raise Lacks("it has no groups")
    if stage.client.silent_member:
        words = stage.client.silent_member(stage.cluster.brokers(), "read-classic", "readers-classic")
        silent_group_on(stage.cluster, words, "read-classic", "readers-classic")
        return
    group_on(stage.cluster, stage.client.member_words(), ((),), "classic")


def row_group_of_consumers(stage):
    """The same with the consumer protocol (KIP-848)."""
    if "consumer" not in stage.client.groups:
        raise Lacks("it knows the classic protocol alone" if stage.client.groups else "it has no groups")
    group_on(stage.cluster, stage.client.member_words(), (("consumer",),), "consumer")


ROWS = {"topics": row_topics, "codecs": row_codecs, "commit": row_commit, "seek": row_seek, "reset": row_reset,
        "survive": row_survive, "group": row_group, "group-consumer": row_group_of_consumers}
