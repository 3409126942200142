"""bench_groups.py -- groups of consumers: how soon all have their partitions, how soon a killed coordinator is replaced.

    members   100 of them join at once, on 100 partitions: from the last join to the last assignment, less the delay
              that is configured (group.initial.rebalance.delay.ms, group.consumer.assignment.interval.ms; 100 ms here)
    offsets   100,000 of 1000 groups in one partition of __consumer_offsets, and a member of one more group; kill -9 of
              their coordinator to the first OffsetFetch and to the first OffsetCommit that is served again
"""
import re
import signal
import threading
import time

from bench_faults import fault, full_isr
from bench_members import (ClassicMember, ConsumerMember, Gathering, MEMBER_ID_REQUIRED, Refused, commit, committed,
                           find_coordinator, join, sync)
from bench_rows import Row
from live import Closed, Cluster, Wire, until

DELAY_MS = 100
SETS = (f"group.initial.rebalance.delay.ms={DELAY_MS}", f"group.consumer.assignment.interval.ms={DELAY_MS}",
        "group.consumer.heartbeat.interval.ms=100")
MEMBERS = PARTITIONS = 100
GROUPS = 1000  # Each with an offset of each partition.
OFFSETS_PARTITIONS = 50  # offsets.topic.num.partitions
RETRY_S = 0.05
GATHER_S, FILL_S, KILL_S = 1.5, 10, 3  # What one of each takes, about.


def place_of(group):
    """Its partition of __consumer_offsets: Java's hash of the name."""
    value = 0
    for byte in group.encode():
        value = (31 * value + byte) & 0xFFFFFFFF
    return (value & 0x7FFFFFFF) % OFFSETS_PARTITIONS


def names_in(place, count):
    """Names of groups that one coordinator has."""
    found, number = [], 0
    while len(found) < count:
        if place_of(f"group-{number}") == place:
            found.append(f"group-{number}")
        number += 1
    return found


def coordinator(cluster, group, without=None):
    """(node, port); asks one node after the other until one knows."""
    ports = [node["port"] for number, node in sorted(cluster.nodes.items()) if number != without]

    def ask():
        for port in ports:
            try:
                return find_coordinator(port, group)
            except (Refused, Closed, OSError):
                pass
        return None
    return until(f"a coordinator of {group}", ask, 30)


# ---- Members.

def bench_members(runs, cluster, progress):
    rows = []
    for name, kind in (("classic", ClassicMember), ("consumer", ConsumerMember)):
        took = []
        for run in range(runs):
            group = f"{name}-{run}"
            _, port = coordinator(cluster, group)
            with Gathering(kind, port, group, "hundred", PARTITIONS, MEMBERS) as gathering:
                took.append(max(0.0, gathering.seconds_to_stable() - DELAY_MS / 1000))
            progress.step(f"{MEMBERS} members, {name} protocol, {run + 1} of {runs}: {took[-1]:.3f} s", GATHER_S)
        rows.append(Row("groups", f"{MEMBERS} members on {PARTITIONS} partitions, {name} protocol: last join to stable",
                        "s", took, targets={"max": 1.0}))
    return rows


# ---- A coordinator is killed.

class Watched:
    """A group with one member that commits, whoever coordinates."""

    def __init__(self, cluster, group):
        self.group, self.serial = group, 0
        wire = Wire(coordinator(cluster, group)[1], 30)
        code, _, _, self.member, _ = join(wire, group, "", "hundred")
        assert code == MEMBER_ID_REQUIRED, code
        code, self.generation, _, self.member, _ = join(wire, group, self.member, "hundred")
        assert code == 0, code
        assert sync(wire, group, self.generation, self.member, "hundred", {self.member: range(PARTITIONS)})
        wire.close()

    def commit(self, port):
        wire = Wire(port, 0.5)
        try:
            commit(wire, self.group, "hundred", {0: self.serial + 1}, self.generation, self.member)
            self.serial += 1
        finally:
            wire.close()

    def check(self, port):
        wire = Wire(port, 5)
        found = committed(wire, self.group)
        wire.close()
        assert found["hundred", 0] == self.serial, f"{found} after offset {self.serial} was confirmed"


def fill(cluster, groups):
    wire = Wire(coordinator(cluster, groups[0])[1], 30)
    for group in groups:
        commit(wire, group, "hundred", {index: index + 1 for index in range(PARTITIONS)})
    wire.close()


def check_offsets(port, group):
    """All that was committed is there."""
    wire = Wire(port, 0.5)
    try:
        found = committed(wire, group)
    finally:
        wire.close()
    assert found == {("hundred", index): index + 1 for index in range(PARTITIONS)}, f"{group} has {found}"


class Retries(threading.Thread):
    """Asks who coordinates the group and does something there, every RETRY_S, until it works."""

    def __init__(self, cluster, without, group, attempt):
        super().__init__(daemon=True)
        self.ports = [node["port"] for number, node in sorted(cluster.nodes.items()) if number != without]
        self.group, self.attempt = group, attempt
        self.done_at = self.failure = None
        self.start()

    def run(self):
        deadline = time.monotonic() + 30
        tried = 0
        while time.monotonic() < deadline:
            try:
                self.attempt(find_coordinator(self.ports[tried % len(self.ports)], self.group)[1])
                self.done_at = time.monotonic()
                return
            except (Refused, Closed, OSError) as why:
                self.failure = why
            except AssertionError as wrong:
                self.failure = wrong
                return
            tried += 1
            time.sleep(RETRY_S)

    def seconds_since(self, moment):
        self.join(35)
        assert self.done_at, f"{self.group} after its coordinator was killed: {self.failure!r}"
        return self.done_at - moment


def loaded_s(cluster, node, place):
    """How long the node's coordinator took, from its seat to its first answer, as its log has it."""
    line = re.compile(rf"__consumer_offsets-{place} node {node} coordinates its groups, "
                      r"loaded up to \d+ in (\d+) ms")
    found = until("the line of the new coordinator", lambda: line.findall(cluster.log(node)), 10)
    return int(found[-1]) / 1000


def bench_kills(runs, cluster, progress):
    place = place_of("group-0")
    groups = names_in(place, GROUPS + 1)
    watched = Watched(cluster, groups.pop())
    progress.step(f"{GROUPS * PARTITIONS:,} offsets are committed", FILL_S)
    fill(cluster, groups)
    loads, fetches, commits = [], [], []
    for run in range(runs):
        full_isr(cluster, "__consumer_offsets")
        victim, port = coordinator(cluster, watched.group)
        watched.commit(port)
        moment = fault(cluster, victim, signal.SIGKILL)
        name = groups[run % GROUPS]
        reader = Retries(cluster, victim, name, lambda at, name=name: check_offsets(at, name))
        writer = Retries(cluster, victim, watched.group, watched.commit)
        fetches.append(reader.seconds_since(moment))
        commits.append(writer.seconds_since(moment))
        heir, port = coordinator(cluster, watched.group, without=victim)
        watched.check(port)
        loads.append(loaded_s(cluster, heir, place))
        cluster.skiff("restart", str(victim))
        progress.step(f"kill -9 of a coordinator {run + 1} of {runs}: loads in {loads[-1]:.3f} s, fetches after "
                      f"{fetches[-1]:.3f} s, commits after {commits[-1]:.3f} s", KILL_S)
    for group in groups:
        check_offsets(port, group)
    holds = f"kill -9 of a coordinator of {GROUPS * PARTITIONS:,} offsets"
    return [Row("groups", f"{holds}: its successor loads them", "s", loads, targets={"max": 1.0}),
            Row("groups", f"{holds}: until OffsetFetch has them", "s", fetches, targets={"p50": 1.0}),
            Row("groups", f"{holds}: until the group commits again", "s", commits, targets={"p50": 1.0})]


# ---- The bench.

def bench_groups(runs, progress, _):
    cluster = Cluster(3, sets=SETS)
    try:
        cluster.skiff("topic", "create", "hundred", "-p", str(PARTITIONS))
        return bench_members(runs, cluster, progress) + bench_kills(runs, cluster, progress)
    finally:
        cluster.close()


def seconds(runs):
    return runs * (2 * GATHER_S + KILL_S) + FILL_S


BENCHES = {"groups": (bench_groups, seconds)}
