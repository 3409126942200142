"""test_groups.py -- stock clients in a group of three: a member is killed, one comes, the coordinator's node dies.

What members commit is confirmed, so it must never be lost nor go back; and everything is read.
"""
import json
import os
import re
import shutil
import subprocess
import threading
import time

from dump.test_dump import kafka_tool
from groups.history import LIMIT_S, History
from live import BUILD, Cluster, Skip, until

PARTITIONS = 6
RATE = 600
# A member that is killed is missed after a session: members of the classic protocol set theirs, also to 6 s.
SETS = ("group.initial.rebalance.delay.ms=500", "group.consumer.session.timeout.ms=6000",
        "group.consumer.heartbeat.interval.ms=500")


class Writer(threading.Thread):
    """kcat, a line at a time, until it is told to stop."""

    def __init__(self, cluster, topic):
        super().__init__(daemon=True)
        self.process = subprocess.Popen(["kcat", "-P", "-E", "-b", cluster.brokers(), "-t", topic, "-p", "-1",
                                         "-X", "enable.idempotence=true", "-X", "linger.ms=5",
                                         "-X", "sticky.partitioning.linger.ms=0", "-X", "reconnect.backoff.max.ms=200"],
                                        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.stopping = threading.Event()
        self.count = 0

    def run(self):
        began = time.monotonic()
        while not self.stopping.wait(0.01):
            while self.count < (time.monotonic() - began) * RATE:
                self.process.stdin.write(f"{self.count}\n")
                self.count += 1
            self.process.stdin.flush()

    def stop(self):
        self.stopping.set()
        self.join()
        _, errors = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, errors[-500:]
        return self.count


def coordinator(cluster, group):
    """The node that coordinates; None while there is none."""
    return next((found["coordinator"] for found in json.loads(cluster.skiff("group", "ls", "--json"))
                 if found["group"] == group), None)


def topic_ends(cluster, topic, partitions=PARTITIONS):
    """One past the last record of each partition, by kcat, which does not wait for a leader: so it is asked until it knows."""
    words = [word for place in range(partitions) for word in ("-t", f"{topic}:{place}:-1")]

    def look():
        run = subprocess.run(["kcat", "-Q", "-b", cluster.brokers(), *words], capture_output=True, text=True, timeout=60,
                             check=False)
        found = re.findall(r"\[(\d+)\] offset (\d+)", run.stdout)  # read [0] offset 123
        return {int(place): int(offset) for place, offset in found} if len(found) == partitions else None
    return until(f"ends of {topic}", look)


def fill(cluster, topic, count):
    """As many records, the same number of them in each partition."""
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")
    for place in range(PARTITIONS):
        lines = "".join(f"{number}\n" for number in range(place, count, PARTITIONS))
        subprocess.run(["kcat", "-P", "-b", cluster.brokers(), "-t", topic, "-p", str(place)], input=lines, text=True,
                       timeout=60, check=True)


def kill_coordinator(cluster, history, group):
    """kill -9 of its node; how long nothing was committed, in seconds."""
    node = until("a coordinator", lambda: coordinator(cluster, group))
    cluster.skiff("kill", str(node))
    try:
        first = history.first_commit_after()
        history.wait_for_commits(PARTITIONS)
    finally:
        cluster.skiff("restart", str(node))
    return first


def all_owned(history):
    """One owner for each partition, who commits."""
    def owned():
        assert not history.ended(), f"members ended by themselves: {history.notes()[-5:]}"
        return history.owners(PARTITIONS)
    until("every partition has one owner", owned, LIMIT_S)
    history.wait_for_commits(PARTITIONS)


def type_of(cluster, group):
    """classic or consumer."""
    return next(found["type"] for found in json.loads(cluster.skiff("group", "ls", "--json"))
                if found["group"] == group)


def play(cluster, command, extras, kind, group, topic):
    """Members take the words of `extras` in turn; `kind` is what the group is, if only for a while where they differ."""
    history = History()
    writer = Writer(cluster, topic)
    writer.start()
    words = [*command, cluster.brokers(), topic, group]
    try:
        members = [history.add([*words, *extras[place % len(extras)]]) for place in range(3)]
        all_owned(history)
        members[0].kill()
        all_owned(history)
        kinds = {type_of(cluster, group)}
        members.append(history.add([*words, *extras[3 % len(extras)]]))
        until("the new member owns something", lambda: members[-1].owned, LIMIT_S)
        all_owned(history)
        kinds.add(type_of(cluster, group))
        gap_s = kill_coordinator(cluster, history, group)
        all_owned(history)
        assert kind in kinds and (len(extras) > 1 or len(kinds) == 1), kinds
        written = writer.stop()
        ends = topic_ends(cluster, topic)
        assert sum(ends.values()) >= written
        until("all is committed", lambda: all(history.commits()[place] == end for place, end in ends.items()), LIMIT_S)
        codes = [member.leave() for member in members[1:]]
        assert codes == [0, 0, 0], (codes, history.notes()[-10:])
        commits, starts = history.check(ends)
        print(f"  {written} records, {commits} commits, {starts} starts; first commit {gap_s:.2f} s after the kill")
    except AssertionError:
        print("\n".join(f"{place} {line}" for place, line in history.told(("start", "lost", "note"))[-60:]))
        print("\n".join(line for _, line in history.lines[-30:]))
        print(cluster.call("group", "describe", group).stdout)
        print("\n".join(history.notes()[-20:]))
        raise
    finally:
        writer.stopping.set()
        writer.process.kill()
        for member in history.members:
            member.process.kill()


def group_on(cluster, command, extras=((),), kind="classic"):
    """The whole story with one client, on a topic and in a group of its own."""
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")
    topic = f"read-{kind}"
    cluster.skiff("topic", "create", topic, "-p", str(PARTITIONS), "-r", "3")
    play(cluster, command, extras, kind, f"readers-{kind}", topic)


def group_of_three(command, extras=((),), kind="classic"):
    cluster = Cluster(sets=SETS)
    try:
        group_on(cluster, command, extras, kind)
    finally:
        cluster.close()


def librdkafka_member():
    return [os.path.join(BUILD, "group-member")]


def groups_tool(cluster, *words):
    return kafka_tool("consumer.group.ConsumerGroupCommand", "--bootstrap-server", cluster.brokers(), *words)


def described(cluster, group):
    """Committed offset and lag of each partition, as Kafka's own tool shows them."""
    found = {}
    for line in groups_tool(cluster, "--describe", "--group", group):
        words = line.split()
        if len(words) >= 6 and words[0] == group:
            found[int(words[2])] = (int(words[3]), int(words[5]))
    return found


def committed_by_tool(cluster, member):
    """A group reads all and leaves; the tool sees it while it is there and when it has gone."""
    history = History()
    member = history.add([*member, cluster.brokers(), "read", "readers"])
    try:
        ends = topic_ends(cluster, "read")
        until("all is committed", lambda: all(history.commits()[place] == end for place, end in ends.items()), LIMIT_S)
        whole = {place: (end, 0) for place, end in ends.items()}
        assert described(cluster, "readers") == whole
        state = groups_tool(cluster, "--describe", "--group", "readers", "--state")
        assert any("Stable" in line and "range" in line for line in state), state
        assert any("/127.0.0.1" in line for line in groups_tool(cluster, "--describe", "--group", "readers", "--members"))
        assert member.leave() == 0
        return ends
    finally:
        member.process.kill()


def test_kafkas_own_consumer_groups_tool_describes_and_resets():
    cluster = Cluster(sets=SETS)
    try:
        cluster.skiff("topic", "create", "read", "-p", str(PARTITIONS), "-r", "3")
        fill(cluster, "read", 1200)
        ends = committed_by_tool(cluster, librdkafka_member())
        assert groups_tool(cluster, "--list")[-1].strip() == "readers"
        groups_tool(cluster, "--reset-offsets", "--group", "readers", "--topic", "read", "--to-earliest", "--execute")
        assert described(cluster, "readers") == {place: (0, end) for place, end in ends.items()}
        groups_tool(cluster, "--delete-offsets", "--group", "readers", "--topic", "read:0")
        assert sorted(described(cluster, "readers")) == list(range(1, PARTITIONS))
        groups_tool(cluster, "--delete", "--group", "readers")
        assert groups_tool(cluster, "--list") == []
    finally:
        cluster.close()
