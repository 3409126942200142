"""bench_members.py -- members of groups in raw frames, for tools/bench: a thread each, of either protocol.

What a member does between two answers costs microseconds, so that the time until all have what they
shall have is the coordinator's. Members ask again every HEARTBEAT_S, join anew when they are told to, and
take at once what they are assigned.
"""
import struct
import threading
import time

import live
from live import Reader, Wire, text

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC, CONSUMER_HEARTBEAT = \
    8, 9, 10, 11, 12, 13, 14, 68
REBALANCES, MEMBER_ID_REQUIRED = 27, 79
LOADS, LOADS_AGAIN_S = 14, 0.02  # A coordinator that has just got its seat.
HEARTBEAT_S = 0.1
SESSION_MS = 300000


class Refused(Exception):
    """An error code of Kafka's."""

    def __init__(self, what, code):
        super().__init__(f"{what}: error {code}")
        self.code = code


def take_error(reply, what):
    code = reply.take("h")
    if code != 0:
        raise Refused(what, code)


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def lump(data):
    return struct.pack(">i", len(data)) + data


# ---- Requests.

def find_coordinator(port, group, limit_s=0.5):
    """(node, port), as the node at `port` knows it."""
    wire = Wire(port, limit_s)
    try:
        reply = wire.call(FIND_COORDINATOR, 1, text(group) + b"\0")
        reply.take("i")
        code = reply.take("h")
        reply.text()
        node = reply.take("i")
        reply.text()
        if code != 0:
            raise Refused("FindCoordinator", code)
        return node, reply.take("i")
    finally:
        wire.close()


def commit(wire, group, topic, offsets, generation=-1, member=""):
    """offsets: {partition: offset}"""
    partitions = [struct.pack(">iqi", index, offset, -1) + text("") for index, offset in offsets.items()]
    reply = wire.call(OFFSET_COMMIT, 6, text(group) + struct.pack(">i", generation) + text(member)
                      + array([text(topic) + array(partitions)]))
    reply.take("i")
    assert reply.take("i") == 1
    reply.text()
    for _ in range(reply.take("i")):
        reply.take("i")
        take_error(reply, "OffsetCommit")


def committed(wire, group):
    """{(topic, partition): offset}, of all that the group has."""
    reply = wire.call(OFFSET_FETCH, 5, text(group) + struct.pack(">i", -1))
    reply.take("i")
    found = {}
    for _ in range(reply.take("i")):
        topic = reply.text()
        for _ in range(reply.take("i")):
            index, offset, _ = reply.take("iqi")
            reply.text()
            take_error(reply, "OffsetFetch")
            found[topic, index] = offset
    take_error(reply, "OffsetFetch")
    return found


def join(wire, group, member, topic):
    """(error code, generation, leader, the member's own id, all members if it leads); waits for the rebalance."""
    subscription = struct.pack(">h", 0) + array([text(topic)]) + lump(b"")
    reply = wire.call(JOIN, 5, text(group) + struct.pack(">ii", SESSION_MS, SESSION_MS) + text(member) + text(None)
                      + text("consumer") + array([text("range") + lump(subscription)]))
    reply.take("i")
    code, generation = reply.take("hi")
    reply.text()
    leader, member = reply.text(), reply.text()
    members = []
    for _ in range(reply.take("i")):
        members.append(reply.text())
        reply.text(), reply.bytes()
    return code, generation, leader, member, members


def sync(wire, group, generation, member, topic, assignments):
    """The partitions that the member gets; `assignments` are the leader's, {member: [partition]}."""
    lines = [text(name) + lump(struct.pack(">h", 0) + array([text(topic) + array(
        [struct.pack(">i", index) for index in partitions])]) + lump(b"")) for name, partitions in assignments.items()]
    reply = wire.call(SYNC, 3, text(group) + struct.pack(">i", generation) + text(member) + text(None) + array(lines))
    reply.take("i")
    take_error(reply, "SyncGroup")
    assigned = Reader(reply.bytes())
    assigned.take("h"), assigned.take("i"), assigned.text()
    return {assigned.take("i") for _ in range(assigned.take("i"))}


def heartbeat(wire, group, generation, member):
    reply = wire.call(HEARTBEAT, 3, text(group) + struct.pack(">i", generation) + text(member) + text(None))
    reply.take("i")
    take_error(reply, "Heartbeat")


def leave(wire, group, member):
    reply = wire.call(LEAVE, 1, text(group) + text(member))
    reply.take("i")
    take_error(reply, "LeaveGroup")


def unsigned(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def take_unsigned(reply):
    value = shift = 0
    while True:
        byte = reply.take("B")
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value


def compact(value):
    return unsigned(len(value) + 1) + value.encode()


def take_compact(reply):
    size = take_unsigned(reply) - 1
    return reply.take(f"{size}s").decode() if size > 0 else ""


def consumer_heartbeat(wire, group, member, epoch, topic, owned):
    """(member id, epoch, seconds to the next one, {topic id: partitions} or None: as before)

    owned: {topic id: partitions}"""
    names = b"\0" if topic is None else unsigned(2) + compact(topic)
    topics = unsigned(len(owned) + 1) + b"".join(
        name + unsigned(len(indexes) + 1) + b"".join(struct.pack(">i", index) for index in indexes) + b"\0"
        for name, indexes in owned.items())
    body = (compact(group) + compact(member) + struct.pack(">i", epoch) + b"\0\0"
            + struct.pack(">i", SESSION_MS if epoch == 0 else -1) + names + b"\0" + topics + b"\0")
    reply = wire.call(CONSUMER_HEARTBEAT, 0, body, flexible=True)
    reply.take("b"), reply.take("i")
    code = reply.take("h")
    take_compact(reply)
    if code != 0:
        raise Refused("ConsumerGroupHeartbeat", code)
    member = take_compact(reply) or member
    epoch, wait_ms, has_assignment = reply.take("iib")
    if has_assignment < 0:
        return member, epoch, wait_ms / 1000, None
    assigned = {}
    for _ in range(take_unsigned(reply) - 1):
        name = reply.take("16s")
        assigned[name] = [reply.take("i") for _ in range(take_unsigned(reply) - 1)]
        take_unsigned(reply)
    return member, epoch, wait_ms / 1000, assigned


# ---- Members.

class Member(threading.Thread):
    """`has` are its partitions since `at`; `joined` is when its first join left."""

    def __init__(self, gathering, number):
        super().__init__(daemon=True)
        self.gathering, self.number = gathering, number
        self.wire = Wire(gathering.port, 30)
        self.id, self.generation = "", 0
        self.joined = self.at = 0.0
        self.has = set()
        self.failure = None

    def run(self):
        try:
            self.gathering.begin.wait()
            self.live()
        except Exception as failure:  # Shown by whoever waits for the group.
            self.failure = failure
        finally:
            self.wire.close()

    def live(self):
        raise NotImplementedError

    def pause(self, seconds):
        """True: go on."""
        return not self.gathering.end.wait(seconds)


class ClassicMember(Member):
    def live(self):
        group, code = self.gathering.group, LOADS
        while code == LOADS and not self.gathering.end.wait(LOADS_AGAIN_S):
            code, _, _, self.id, _ = join(self.wire, group, "", self.gathering.topic)
        assert code == MEMBER_ID_REQUIRED, code
        self.joined = time.monotonic()
        self.rejoin()
        while self.pause(HEARTBEAT_S):
            try:
                heartbeat(self.wire, group, self.generation, self.id)
            except Refused as why:
                if why.code != REBALANCES:
                    raise
                self.rejoin()
        leave(self.wire, group, self.id)

    def rejoin(self):
        group, topic = self.gathering.group, self.gathering.topic
        while True:
            code, generation, leader, _, members = join(self.wire, group, self.id, topic)
            if code != 0:
                raise Refused("JoinGroup", code)
            shares = {}
            if leader == self.id:
                shares = {name: range(at, self.gathering.partitions, len(members)) for at, name in enumerate(members)}
            try:
                self.has = sync(self.wire, group, generation, self.id, topic, shares)
                self.generation, self.at = generation, time.monotonic()
                return
            except Refused as why:
                if why.code != REBALANCES:
                    raise


class ConsumerMember(Member):
    def live(self):
        group, topic, owned = self.gathering.group, self.gathering.topic, {}
        self.joined = time.monotonic()
        wait_s = 0
        while True:
            try:
                self.id, self.generation, wait_s, assigned = consumer_heartbeat(
                    self.wire, group, self.id, self.generation, topic if self.generation == 0 else None, owned)
            except Refused as why:
                if why.code != LOADS or not self.pause(LOADS_AGAIN_S):
                    raise
                self.joined = time.monotonic()
                continue
            if assigned is not None and assigned != owned:
                owned = assigned
                self.has, self.at = {index for indexes in owned.values() for index in indexes}, time.monotonic()
            elif not self.pause(wait_s):  # What is new is told at once.
                break
        consumer_heartbeat(self.wire, group, self.id, -1, None, {})


class Gathering:
    """Members that all begin at once; `with` ends them."""

    def __init__(self, kind, port, group, topic, partitions, count):
        self.port, self.group, self.topic, self.partitions = port, group, topic, partitions
        self.begin, self.end = threading.Event(), threading.Event()
        self.members = [kind(self, number) for number in range(count)]

    def __enter__(self):
        for member in self.members:
            member.start()
        self.begin.set()
        return self

    def __exit__(self, *_):
        self.end.set()
        for member in self.members:
            member.join(60)

    def is_stable(self):
        """Each partition has one owner, and each member its share."""
        failures = [member.failure for member in self.members if member.failure]
        if failures:
            raise AssertionError(f"{len(failures)} members failed: {failures[0]!r}")
        shares = [member.has for member in self.members]
        least = self.partitions // len(self.members)
        return (all(len(share) >= least for share in shares) and sum(map(len, shares)) == self.partitions
                and len(set().union(*shares)) == self.partitions)

    def seconds_to_stable(self):
        """From the last member's first join to the last assignment."""
        live.until(f"{self.group} is stable", self.is_stable, 60)
        return max(member.at for member in self.members) - max(member.joined for member in self.members)
