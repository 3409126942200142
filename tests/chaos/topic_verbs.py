#!/usr/bin/env python3
"""topic_verbs.py -- topics that grow, and partitions whose leaders go back, as a user types it."""
import json
import socket
import sys
import threading

from live import Cluster, run_in_cluster, until

cluster = None
FAILED, USAGE, NOT_FOUND, TIMED_OUT = 1, 2, 3, 5


def partitions(*words):
    return json.loads(cluster.skiff("partition", "ls", *words, "--json"))


def test_a_topic_gets_more_partitions_which_take_records():
    cluster.skiff("topic", "create", "grows", "-p", "2")
    assert cluster.skiff("topic", "add-partitions", "grows", "3") == "grows 2 -> 5 partitions\n"
    rows = partitions("grows")
    assert [row["partition"] for row in rows] == [0, 1, 2, 3, 4]
    assert all(len(row["replicas"]) == 3 and row["leader"] == row["preferred"] for row in rows), rows
    cluster.skiff("produce", "grows", "-p", "4", "-q", stdin="here\n")
    assert cluster.skiff("consume", "grows", "-e", "-f", "%p %v\\n") == "4 here\n"


def test_growing_can_be_tried_without_doing_it():
    cluster.skiff("topic", "create", "tried", "-p", "1")
    assert cluster.skiff("topic", "add-partitions", "tried", "2", "--dry-run") == \
        "it would be taken: tried 1 -> 3 partitions\n"
    assert len(partitions("tried")) == 1
    told = json.loads(cluster.skiff("topic", "add-partitions", "tried", "1", "--json"))
    assert told == {"topic": "tried", "before": 1, "partitions": 2, "applied": True}


def test_growing_is_refused_with_its_reason():
    cluster.skiff("topic", "create", "stays", "-p", "1")
    for wrong in ("0", "-1", "many", "1.5", "99999999999"):
        assert cluster.call("topic", "add-partitions", "stays", wrong).returncode == USAGE, wrong
    assert cluster.call("topic", "add-partitions", "missing", "1").returncode == NOT_FOUND
    much = cluster.call("topic", "add-partitions", "stays", "20000")
    assert much.returncode == FAILED and "POLICY_VIOLATION" in much.stderr and "10000" in much.stderr, much.stderr
    assert len(partitions("stays")) == 1


def test_the_topic_by_which_groups_are_found_does_not_grow():
    cluster.skiff("topic", "create", "read", "-p", "1")
    cluster.skiff("produce", "read", "-q", stdin="one\n")
    cluster.skiff("consume", "read", "-g", "readers", "-n", "1", "-o", "beginning")
    refused = cluster.call("topic", "add-partitions", "__consumer_offsets", "1")
    assert refused.returncode == FAILED and "POLICY_VIOLATION" in refused.stderr, refused.stderr


def test_partitions_are_listed_by_what_is_wrong_with_them():
    cluster.skiff("topic", "create", "listed", "-p", "3")
    assert partitions("listed", "--moved") == partitions("listed", "--leaderless") == []
    assert [row["partition"] for row in partitions("listed/1")] == [1]
    assert cluster.call("partition", "ls", "missing").returncode == NOT_FOUND
    assert cluster.call("partition", "ls", "listed/9").returncode == NOT_FOUND
    assert cluster.call("partition", "ls", "listed/x").returncode == USAGE
    heads = cluster.skiff("partition", "ls", "listed").splitlines()[0].split()
    assert heads == ["PARTITION", "LEADER", "PREFERRED", "EPOCH", "REPLICAS", "ISR"]


def test_leadership_goes_back_when_it_is_asked_for():
    cluster.skiff("topic", "create", "led", "-p", "3")
    mine = next(row for row in partitions("led") if row["leader"] == 1)
    place = f"led/{mine['partition']}"
    cluster.skiff("kill", "1")
    until("another node leads", lambda: partitions(place)[0]["leader"] not in (None, 1))
    refused = cluster.call("partition", "elect", place)
    assert refused.returncode == FAILED and "PREFERRED_LEADER_NOT_AVAILABLE" in refused.stderr, refused.stderr
    cluster.skiff("restart", "1")
    until("node 1 is in sync again", lambda: 1 in partitions(place)[0]["isr"])
    assert [row["partition"] for row in partitions("led", "--moved")] == [mine["partition"]]

    assert cluster.skiff("partition", "elect", place) == f"{place} elected\n"

    after, = partitions(place)
    assert after["leader"] == 1 and after["epoch"] > mine["epoch"], (mine, after)
    assert cluster.skiff("partition", "elect", place) == f"{place} needs no election\n"
    told, = json.loads(cluster.skiff("partition", "elect", place, "--json"))
    assert told == {"topic": "led", "partition": mine["partition"], "error": "ELECTION_NOT_NEEDED"}
    until("all are in sync", lambda: all(len(row["isr"]) == 3 for row in partitions("--internal")))
    cluster.skiff("partition", "elect")
    assert partitions("--internal", "--moved") == []


def test_leadership_goes_back_by_itself():
    other = Cluster(sets=("leader.imbalance.check.interval.seconds=1",))
    try:
        other.skiff("topic", "create", "led", "-p", "6")
        other.skiff("restart", "2")

        def preferred():
            rows = json.loads(other.skiff("partition", "ls", "--json"))
            return all(row["leader"] == row["preferred"] for row in rows)
        until("every partition has its preferred leader", preferred)
        assert "leadership goes back to preferred replicas" in "".join(other.log(node) for node in (1, 2, 3))
    finally:
        other.close()


def results(*words):
    """Exit code, what went wrong for people, and what became of each topic."""
    run = cluster.call(*words, "--json")
    return run.returncode, run.stderr, json.loads(run.stdout)


def test_each_of_several_topics_says_whether_it_was_created():
    cluster.skiff("topic", "create", "second", "-p", "1")
    code, told, rows = results("topic", "create", "first", "second", "third/", "fourth", "-p", "1")
    assert code == FAILED and "second: TOPIC_ALREADY_EXISTS" in told, told
    assert [(row["topic"], row["result"], row["error"]) for row in rows] == [
        ("first", "created", None), ("second", "failed", "TOPIC_ALREADY_EXISTS"),
        ("third/", "failed", "INVALID_TOPIC_EXCEPTION"), ("fourth", "created", None)]
    assert rows[0]["message"] is None and "second" in rows[1]["message"], rows
    code, _, rows = results("topic", "create", "first", "fifth", "-p", "1", "--if-not-exists")
    assert code == 0 and [row["result"] for row in rows] == ["exists", "created"]


def test_each_of_several_topics_says_whether_it_was_deleted():
    cluster.skiff("topic", "create", "one", "three", "-p", "1")
    code, told, rows = results("topic", "rm", "one", "two", "three")
    assert code == NOT_FOUND and "two: UNKNOWN_TOPIC_OR_PARTITION" in told, told
    assert [(row["topic"], row["result"], row["error"]) for row in rows] == [
        ("one", "deleted", None), ("two", "failed", "UNKNOWN_TOPIC_OR_PARTITION"), ("three", "deleted", None)]


class Mute:
    """A broker that shakes hands, as the node behind it does, and answers nothing after that."""

    def __init__(self, port):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.node = socket.create_connection(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        client = self.listening.accept()[0]
        self.node.sendall(client.recv(65536))
        client.sendall(self.node.recv(65536))
        while client.recv(65536):
            pass
        client.close()

    def address(self):
        return f"127.0.0.1:{self.listening.getsockname()[1]}"

    def close(self):
        self.thread.join(20)
        self.listening.close()
        self.node.close()


def test_topics_after_one_without_an_answer_are_not_tried_and_say_so():
    for verb in ("create", "delete"):
        mute = Mute(cluster.port())
        try:
            code, told, rows = results("topic", verb, "a", "b", "--timeout", "300ms", "-b", mute.address())
        finally:
            mute.close()
        assert code == TIMED_OUT and "may have been done" in told and "topic b: not tried" in told, told
        assert [(row["topic"], row["result"], row["error"]) for row in rows] == [
            ("a", "unknown", "REQUEST_TIMED_OUT"), ("b", "untried", "OPERATION_NOT_ATTEMPTED")]


class Unseated(Mute):
    """Answers the CreateTopics that follows (version 7) with NOT_CONTROLLER and `words`."""

    def __init__(self, port, words):
        self.words = words.encode()
        super().__init__(port)

    def serve(self):
        client = self.listening.accept()[0]
        self.node.sendall(client.recv(65536))
        client.sendall(self.node.recv(65536))
        request = client.recv(65536)
        assert request[4:8] == b"\0\x13\0\7", request
        answer = request[8:12] + b"\0" + b"\0\0\0\0" + b"\2" + b"\2a" + bytes(16) + b"\0\x29"
        answer += bytes([len(self.words) + 1]) + self.words + b"\xff" * 4 + b"\xff" * 2 + b"\1\0" + b"\0"
        client.sendall(len(answer).to_bytes(4, "big") + answer)
        while client.recv(65536):
            pass
        client.close()


def test_what_a_lost_controller_may_still_do_is_not_called_failed():
    for words, result in (("It may still happen.", "unknown"), ("", "unknown"), ("Nothing is changed.", "failed")):
        broker = Unseated(cluster.port(), words)
        try:
            code, told, rows = results("topic", "create", "a", "-b", broker.address())
        finally:
            broker.close()
        assert code == FAILED and "NOT_CONTROLLER" in told, told
        assert ("may have been done" in told) == (result == "unknown"), told
        assert [(row["topic"], row["result"], row["error"]) for row in rows] == [("a", result, "NOT_CONTROLLER")]


def test_each_of_several_topics_is_described_or_says_why_not():
    cluster.skiff("topic", "create", "seen", "-p", "1")
    code, told, rows = results("topic", "describe", "unseen", "seen")
    assert code == NOT_FOUND and "unseen" in told
    assert rows[0] == {"topic": "unseen", "error": "UNKNOWN_TOPIC_OR_PARTITION"}
    assert rows[1]["topic"] == "seen" and rows[1]["error"] is None and len(rows[1]["partitions"]) == 1


def test_an_unclean_election_has_to_name_its_partitions():
    cluster.skiff("topic", "create", "clean", "-p", "1")
    assert cluster.call("partition", "elect", "--unclean").returncode == USAGE
    assert cluster.skiff("partition", "elect", "clean", "--unclean") == "clean/0 needs no election\n"
    assert cluster.call("partition", "elect", "missing").returncode == NOT_FOUND


if __name__ == "__main__":
    sys.exit(run_in_cluster(globals()))
