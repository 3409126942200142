#!/usr/bin/env python3
"""bad_groups.py -- what a hostile member of a group, or a hostile admin, sends to a live node.

As in bad_input.py: Kafka's own error or a closed connection, bounded memory, and the same process
still serves the record that was acknowledged before.
"""
import struct
import sys

from bad_input import NONE, PEAK_MAX, Target, request
from live import FETCH, Closed, asked_for, need_programs, run_named, text, until

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, LEAVE_GROUP, SYNC_GROUP = 8, 9, 10, 11, 13, 14
DESCRIBE_GROUPS, LIST_GROUPS, DELETE_RECORDS, DELETE_GROUPS, OFFSET_DELETE, CONSUMER_HEARTBEAT = 15, 16, 21, 42, 47, 68
INVALID_REGEX, MEMBER_ID_REQUIRED = 128, 79
FEW, MANY = 50000, 900000


def numbers(form, *values):
    return struct.pack(">" + form, *values)


def compact(value):
    """A string of a flexible version; shorter than 127 bytes."""
    return bytes([len(value) + 1]) + value


def array(count):
    """The head of a compact array, or of a long string."""
    value, out = count + 1, b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def of_kept(element, count):
    """An array of one topic with as many partitions."""
    return numbers("i", 1) + text("kept") + numbers("i", count) + element * count


def assert_bounded(target, key, version, body, flexible=False):
    """Whatever it says: soon, and without much memory."""
    for count in (FEW, MANY):
        wire = target.wire(20.0)
        try:
            wire.raw(request(key, version, body(count), flexible))
            wire.reply()
        except Closed:
            pass
        wire.close()
        target.assert_lives()
        peak = target.cluster.resident(field="VmHWM")
        assert peak < PEAK_MAX, f"{count}: {peak} bytes resident at the most"


def test_a_commit_of_very_many_partitions_stays_within_memory(target):
    one = numbers("iqh", 0, 5, 0)
    assert_bounded(target, OFFSET_COMMIT, 2,
                   lambda count: text("g") + numbers("i", -1) + text("") + numbers("q", -1) + of_kept(one, count))


def test_a_question_for_the_offsets_of_very_many_partitions_stays_within_memory(target):
    assert_bounded(target, OFFSET_FETCH, 1, lambda count: text("g") + of_kept(numbers("i", 0), count))


def test_a_deletion_of_the_offsets_of_very_many_partitions_stays_within_memory(target):
    assert_bounded(target, OFFSET_DELETE, 0, lambda count: text("g") + of_kept(numbers("i", 0), count))


def test_a_deletion_of_the_records_of_very_many_partitions_stays_within_memory(target):
    assert_bounded(target, DELETE_RECORDS, 0,
                   lambda count: of_kept(numbers("iq", 0, 0), count) + numbers("i", 1000))


def test_a_join_with_very_many_protocols_stays_within_memory(target):
    head = text("g") + numbers("ii", 10000, 10000) + text("") + text("consumer")
    assert_bounded(target, JOIN_GROUP, 2,
                   lambda count: head + numbers("i", count) + (text("r") + numbers("i", 0)) * count)


def test_a_sync_with_very_many_assignments_stays_within_memory(target):
    head = text("g") + numbers("i", 1) + text("nobody")
    assert_bounded(target, SYNC_GROUP, 1,
                   lambda count: head + numbers("i", count) + (text("m") + numbers("i", 0)) * count)


def test_a_leave_of_very_many_members_stays_within_memory(target):
    assert_bounded(target, LEAVE_GROUP, 3,
                   lambda count: text("g") + numbers("i", count) + (text("m") + text(None)) * count)


def test_a_description_of_very_many_groups_stays_within_memory(target):
    for key in (DESCRIBE_GROUPS, DELETE_GROUPS):
        assert_bounded(target, key, 0, lambda count: numbers("i", count) + text("g") * count)


def test_a_list_with_very_many_filters_stays_within_memory(target):
    assert_bounded(target, LIST_GROUPS, 4,
                   lambda count: array(count) + compact(b"Stabel") * count + b"\0", flexible=True)


def test_a_search_for_very_many_coordinators_stays_within_memory(target):
    assert_bounded(target, FIND_COORDINATOR, 4,
                   lambda count: b"\0" + array(count) + compact(b"g") * count + b"\0", flexible=True)


def heartbeat(group, regex=None, names=(), owned=()):
    """A first ConsumerGroupHeartbeat 1."""
    topics = array(len(names)) + b"".join(compact(name) for name in names)
    body = compact(group) + compact(b"member") + numbers("i", 0) + b"\0\0" + numbers("i", 10000) + topics
    body += b"\0" if regex is None else array(len(regex)) + regex
    return body + b"\0" + array(len(owned)) + b"\0"


def test_a_subscription_to_very_many_topics_stays_within_memory(target):
    assert_bounded(target, CONSUMER_HEARTBEAT, 1, lambda count: heartbeat(b"many", names=[b"t"] * count), flexible=True)


def beat(wire, body):
    """The error of a ConsumerGroupHeartbeat 1."""
    reply = wire.call(CONSUMER_HEARTBEAT, 1, body, flexible=True)
    reply.take("b")
    return reply.take("ih")[1]


def test_expressions_that_explode_hold_up_nobody(target):
    wire = target.wire(10.0)
    for regex in (b"(a|a)*b", b"(a+)+b", b"(.*)*b", b"(a*)*(a*)*(a*)*b", b"(" * 5000, b"x{1000}{1000}{1000}"):
        assert beat(wire, heartbeat(b"wild", regex)) in (NONE, INVALID_REGEX), regex
    assert beat(wire, heartbeat(b"wild", b"(a)\\1")) == INVALID_REGEX
    assert beat(wire, heartbeat(b"wild", b"a" * 5000)) == INVALID_REGEX
    target.assert_lives()


def test_ten_thousand_ids_that_nobody_uses_cost_little_memory(target):
    wire = target.wire(20.0)
    body = text("unused") + numbers("ii", 10000, 10000) + text("") + text(None) + text("consumer")
    body += numbers("i", 1) + text("range") + numbers("i", 0)
    for _ in range(100):
        wire.raw(request(JOIN_GROUP, 5, body) * 100)
        for _ in range(100):
            _, _, error = struct.unpack(">iih", wire.reply()[:10])
            assert error == MEMBER_ID_REQUIRED, error
    target.assert_lives()


def test_a_fetch_that_names_a_partition_very_often_does_not_wait_with_all_of_them(target):
    part = numbers("iqi", 0, 1, 1 << 20)
    wait_a_minute = numbers("iiiib", -1, 60000, 1 << 30, 1 << 20, 0)
    target.assert_closes(request(FETCH, 4, wait_a_minute + of_kept(part, 50000)))


def run(tests, target):
    """When the groups of the target have a coordinator. Exit code."""
    wire = target.wire()
    until("a coordinator", lambda: wire.call(FIND_COORDINATOR, 0, text("g")).take("h") == NONE)
    try:
        return run_named(tests, target)
    finally:
        target.cluster.close()


if __name__ == "__main__":
    need_programs()
    sys.exit(run(asked_for(globals()), Target()))
