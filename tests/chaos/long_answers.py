#!/usr/bin/env python3
"""long_answers.py -- a live node whose groups keep as much as they may, and twenty peers that ask for
all of it and do not read.

What it holds stays below a bound, others are served meanwhile, and each of the twenty has a right
answer once it reads.
"""
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

from bad_groups import OFFSET_COMMIT, OFFSET_FETCH, array, compact, numbers, run
from bad_input import NONE, Target
from live import Closed, asked_for, create_topic, need_programs, text, until

PEERS = 20
GROUPS_MAX = 64 << 20   # skiff.groups.max.bytes of this node.
REQUESTS_MAX = 32 << 20 # queued.max.request.bytes.
BARE = 48 << 20         # The node without groups and replies.
# Two replies that have not left, and one more while it is made.
PEAK_MAX = BARE + GROUPS_MAX + REQUESTS_MAX + 3 * GROUPS_MAX
METADATA = b"m" * 30000
ROW = 100               # Partitions of one commit.
WIDE = 2400             # Of the topic: with so much metadata each, more than the groups may keep.
INVALID_COMMIT_OFFSET_SIZE = 28


def commit(wire, group, first, count, metadata=METADATA):
    """OffsetCommit 2 without a group's member: the errors."""
    partitions = b"".join(numbers("iq", first + index, 1000 + first + index) + text(metadata.decode())
                          for index in range(count))
    body = text(group) + numbers("i", -1) + text("") + numbers("q", -1)
    body += numbers("i", 1) + text("wide") + numbers("i", count) + partitions
    reply = wire.call(OFFSET_COMMIT, 2, body)
    reply.take("i")
    reply.text()
    reply.take("i")
    return {reply.take("ih")[1] for _ in range(count)}


def committed(wire, group):
    """The offset and the error of partition 0, by OffsetFetch 1."""
    reply = wire.call(OFFSET_FETCH, 1, text(group) + numbers("i", 1) + text("wide") + numbers("ii", 1, 0))
    reply.take("i")
    reply.text()
    offset = reply.take("iiq")[2]
    reply.text()
    return offset, reply.take("h")


def fill(target):
    """Commit until it is refused; how many offsets the group has."""
    wire = target.wire(60.0)
    assert create_topic(wire, "wide", partitions=WIDE, timeout_ms=60000)[0] == NONE
    assert commit(wire, "g", 0, 1, b"m") == {NONE}  # What is told of this one is short.
    for first in range(1, WIDE - ROW, ROW):
        errors = commit(wire, "g", first, ROW)
        if errors == {NONE}:
            continue
        assert errors <= {NONE, INVALID_COMMIT_OFFSET_SIZE}, errors
        assert commit(wire, "g", 1, ROW) == {NONE}, "what takes the place of as much is refused"
        assert commit(wire, "other", 1, 1) == {INVALID_COMMIT_OFFSET_SIZE}
        return first
    raise AssertionError("nothing was ever refused")


class Peer:
    """Asks for all that the group has committed, by OffsetFetch 8."""

    def __init__(self, target):
        self.target = target
        self.ask()

    def ask(self):
        self.wire = self.target.wire(60.0)
        self.wire.send(OFFSET_FETCH, 8, array(1) + compact(b"g") + b"\0" + b"\0" + b"\0\0", flexible=True)

    def receive(self, size):
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            count = self.wire.socket.recv_into(view[got:])
            if count == 0:
                raise Closed
            got += count
        return data

    def read(self):
        """Who has left a reply unread for long while others wait is hung up on, and asks again."""
        for _ in range(10):
            try:
                reply = self.receive(struct.unpack(">i", self.receive(4))[0])
            except (Closed, ConnectionResetError):
                reply = b""
            if len(reply) > len(METADATA):
                return reply
            self.wire.close()  # Closed, or told to ask again: a node that stood still is no coordinator.
            self.ask()
        raise AssertionError("refused ten times")


def assert_whole(reply, least):
    """Each partition once, in order, with its offset."""
    short = 4 + 8 + 4 + 1 + 1 + 2 + 1            # Index, offset, epoch, metadata, error, tags.
    one = 4 + 8 + 4 + 3 + len(METADATA) + 2 + 1
    at = reply.index(struct.pack(">iq", 0, 1000)) + short
    count = 1
    while reply[at:at + 12] == struct.pack(">iq", count, 1000 + count):
        at += one
        count += 1
    assert count >= least, f"{count} partitions, of {least}"
    assert at + 8 >= len(reply), f"{len(reply) - at} bytes behind the last one"


def assert_serves(target):
    target.cluster.assert_same_processes()
    wire = target.wire(20.0)
    until("an offset", lambda: committed(wire, "g") == (1000, NONE))
    until("a commit", lambda: commit(wire, "g", 1, 1, b"m") == {NONE})
    until("another one", lambda: commit(wire, "g", 1, 1) == {NONE})


def test_twenty_long_answers_that_nobody_reads_are_bounded_and_right(target):
    least = fill(target)
    filled = target.cluster.resident()
    peers = [Peer(target) for _ in range(PEERS)]
    for _ in range(10):
        assert_serves(target)
    waiting = target.cluster.resident(field="VmHWM")
    assert waiting < PEAK_MAX, f"{waiting} bytes resident at the most, of {PEAK_MAX}"
    with ThreadPoolExecutor(PEERS) as readers:  # All begin to read at once.
        for done in [readers.submit(lambda one=peer: assert_whole(one.read(), least)) for peer in peers]:
            done.result()
    peak = target.cluster.resident(field="VmHWM")
    print(f"{least} offsets: {filled >> 20} MiB resident, {waiting >> 20} with {PEERS} answers unread, "
          f"{peak >> 20} at the most; allowed are {PEAK_MAX >> 20}")
    assert peak < PEAK_MAX, f"{peak} bytes resident at the most, of {PEAK_MAX}"


class FullTarget(Target):
    sets = (f"skiff.groups.max.bytes={GROUPS_MAX}", f"queued.max.request.bytes={REQUESTS_MAX}",
            f"offset.metadata.max.bytes={len(METADATA)}")


if __name__ == "__main__":
    need_programs()
    sys.exit(run(asked_for(globals()), FullTarget()))
