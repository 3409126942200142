#!/usr/bin/env python3
"""bad_input.py -- what a hostile or broken client sends to a live node.

Each test shows the right error or a closed connection, and that the same process still
serves the record that was acknowledged before. Sources: Kafka's rules for frames (unknown
things close), KIP-511 (ApiVersions answers anyway), KIP-98 (batches).
"""
import random
import socket
import struct
import sys
import threading
import zlib

from live import (API_VERSIONS, FETCH, METADATA, PRODUCE, Closed, Cluster, Wire, batch, create_topic,
                  fetch, metadata, need_programs, produce, produce_body, record, run_named, tests_of, text,
                  until)

NONE, CORRUPT_MESSAGE, UNKNOWN_TOPIC, MESSAGE_TOO_LARGE = 0, 2, 3, 10
INVALID_TOPIC, INVALID_REQUIRED_ACKS, UNSUPPORTED_VERSION = 17, 21, 35
TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_FACTOR, INVALID_CONFIG = 36, 37, 38, 40
POLICY_VIOLATION, TRANSACTION_DENIED, INVALID_RECORD = 44, 53, 87
KEPT = b"acknowledged before all of it"
MEMORY_MAX = 48 << 20  # At rest.
PEAK_MAX = 128 << 20  # While it works on what came.


class Target:
    """One node with one topic and one acknowledged record."""

    sets = ()

    def __init__(self):
        self.cluster = Cluster(nodes=1, sets=self.sets)
        wire = self.wire()
        error, message = create_topic(wire, "kept")
        assert error == NONE, message
        until("a leader", lambda: metadata(wire, ["kept"])["kept"][1].get(0, (0, -1))[1] == 1)
        assert produce(wire, "kept", 0, batch([KEPT])) == (NONE, 0)

    def wire(self, limit_s=5.0):
        return Wire(self.cluster.port(), limit_s)

    def assert_lives(self):
        self.cluster.assert_same_processes()
        error, _, records = fetch(self.wire(), "kept", 0, 0)
        assert error == NONE and KEPT in records, f"error {error}"
        resident = self.cluster.resident()
        assert resident < MEMORY_MAX, f"{resident} bytes resident"

    def assert_closes(self, data):
        wire = self.wire()
        try:
            wire.raw(data)
        except Closed:
            pass
        assert wire.is_closed(), "still open"
        wire.close()
        self.assert_lives()


def request(key, version, body=b"", flexible=False):
    header = struct.pack(">hhi", key, version, 7) + text("bad") + (b"\0" if flexible else b"")
    return struct.pack(">i", len(header + body)) + header + body


def test_a_negative_length_closes(target):
    target.assert_closes(struct.pack(">i", -1))


def test_the_least_length_closes(target):
    target.assert_closes(struct.pack(">i", -2**31))


def test_a_length_of_zero_closes(target):
    target.assert_closes(struct.pack(">i", 0))


def test_a_length_of_two_gigabytes_closes(target):
    target.assert_closes(struct.pack(">i", 2**31 - 1) + b"x" * 1000)


def test_a_length_over_the_limit_closes(target):
    target.assert_closes(struct.pack(">i", 104857601) + b"x" * 1000)


def test_another_protocol_closes(target):
    target.assert_closes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_a_header_cut_short_closes(target):
    target.assert_closes(struct.pack(">i", 3) + b"\0\x12\0")


def test_a_client_id_that_runs_over_its_frame_closes(target):
    body = struct.pack(">hhi", METADATA, 1, 7) + struct.pack(">h", 30000) + b"short"
    target.assert_closes(struct.pack(">i", len(body)) + body)


def test_a_frame_that_never_ends_costs_no_memory(target):
    wires = [target.wire() for _ in range(20)]
    for wire in wires:
        wire.raw(struct.pack(">i", 100 << 20) + b"x" * 4096)
    target.assert_lives()
    for wire in wires:
        wire.close()
    target.assert_lives()


def test_a_frame_that_comes_byte_by_byte_is_answered(target):
    wire = target.wire()
    for byte in request(API_VERSIONS, 0):
        wire.raw(bytes([byte]))
    reply = wire.reply()
    assert struct.unpack(">ih", reply[:6]) == (7, NONE)
    target.assert_lives()


def test_two_requests_in_one_segment_are_answered_in_order(target):
    wire = target.wire()
    wire.raw(request(API_VERSIONS, 0) + request(METADATA, 1, struct.pack(">i", 0)))
    assert wire.reply()[:4] == struct.pack(">i", 7) and wire.reply()[:4] == struct.pack(">i", 7)
    target.assert_lives()


def test_a_client_that_goes_in_the_middle_of_a_frame_is_forgotten(target):
    for _ in range(50):
        wire = target.wire()
        wire.raw(struct.pack(">i", 5000) + b"x" * 100)
        wire.close()
    target.assert_lives()


def test_a_client_that_resets_is_forgotten(target):
    for _ in range(50):
        wire = target.wire()
        wire.raw(request(METADATA, 1, struct.pack(">i", 0)))
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
    target.assert_lives()


def test_a_client_that_does_not_read_is_not_read_from(target):
    wire = target.wire(limit_s=1.0)
    sent = 0
    try:
        while sent < 200000:
            wire.raw(request(METADATA, 1, struct.pack(">i", -1)) * 100)
            sent += 100
    except (socket.timeout, Closed):
        pass
    target.assert_lives()
    wire.close()


def test_an_unknown_api_closes(target):
    target.assert_closes(request(999, 0))


def test_a_negative_api_closes(target):
    target.assert_closes(request(-5, 0))


def test_an_api_that_is_not_advertised_closes(target):
    target.assert_closes(request(24, 3, b"\0" * 16, flexible=True))


def test_an_api_between_nodes_closes_for_a_client(target):
    target.assert_closes(request(52, 2, b"\0" * 40, flexible=True))


def test_a_version_too_new_closes(target):
    target.assert_closes(request(METADATA, 99))


def test_a_negative_version_closes(target):
    target.assert_closes(request(METADATA, -1))


def test_api_versions_too_new_is_answered_in_version_0(target):
    wire = target.wire()
    wire.raw(request(API_VERSIONS, 99, flexible=True))
    correlation, error = struct.unpack(">ih", wire.reply()[:6])
    assert (correlation, error) == (7, UNSUPPORTED_VERSION)
    wire.raw(request(API_VERSIONS, 0))
    assert struct.unpack(">ih", wire.reply()[:6]) == (7, NONE)
    target.assert_lives()


def test_what_is_not_there_is_not_advertised(target):
    reply = target.wire().call(API_VERSIONS, 0)
    assert reply.take("h") == NONE
    keys = {}
    for _ in range(reply.take("i")):
        key, low, high = reply.take("hhh")
        keys[key] = (low, high)
    assert keys[PRODUCE] == (0, 13), keys[PRODUCE]
    assert {*range(4), *range(8, 17), *range(18, 24), 42, 47, 55, 60, 68, 69} <= set(keys), sorted(keys)
    assert not {24, 26, 71, 72, 76} & set(keys), sorted(keys)


def test_a_count_that_lies_closes_and_takes_no_memory(target):
    for count in (2**31 - 1, 10**6, 10**5):
        target.assert_closes(request(METADATA, 1, struct.pack(">i", count)))


def test_a_count_below_null_closes(target):
    target.assert_closes(request(METADATA, 1, struct.pack(">i", -7)))


def test_bytes_that_run_over_their_frame_close(target):
    body = produce_body("kept", 0, b"")[:-4] + struct.pack(">i", 1 << 30)
    target.assert_closes(request(PRODUCE, 7, body))


def test_a_name_that_is_not_utf8_is_read_as_kafka_reads_it(target):
    name, wire = b"\xff\xfe\xfd", target.wire()
    wire.raw(request(METADATA, 1, struct.pack(">i", 1) + struct.pack(">h", len(name)) + name))
    assert "\ufffd\ufffd\ufffd".encode() in wire.reply()
    target.assert_lives()


def test_a_client_id_below_null_closes(target):
    body = struct.pack(">hhih", METADATA, 1, 7, -2)
    target.assert_closes(struct.pack(">i", len(body)) + body)


def flexible_request(tags, body=b""):
    """ApiVersions 3, with these bytes as the tags of its header."""
    header = struct.pack(">hhi", API_VERSIONS, 3, 7) + text("bad") + tags
    return struct.pack(">i", len(header + body)) + header + body


def test_tags_that_lie_close(target):
    for tags in (b"\xff\xff\xff\xff\x0f",  # Four billion of them.
                 b"\xff\xff\xff\xff\xff\x0f",  # A varint of six bytes.
                 b"\x01\x00\x7f",  # Longer than the frame.
                 b"\x02\x05\x00\x04\x00",  # Out of order.
                 b"\x02\x05\x00\x05\x00",  # Twice.
                 b"\x80\x00"):  # A zero of two bytes.
        target.assert_closes(flexible_request(tags, b"\x02a\x02b\x00"))


def test_a_compact_length_of_null_where_none_may_be_closes(target):
    target.assert_closes(flexible_request(b"\x00", b"\x00\x02b\x00"))


def test_unknown_tags_are_skipped(target):
    wire = target.wire()
    wire.raw(flexible_request(b"\x01\x63\x03abc", b"\x02a\x02b\x01\x64\x01x"))
    assert struct.unpack(">ih", wire.reply()[:6]) == (7, NONE)
    target.assert_lives()


def test_ten_thousand_requests_at_once_are_answered_in_order(target):
    wire = target.wire()
    sent = bytearray()
    for number in range(10000):
        body = struct.pack(">hhi", API_VERSIONS, 0, number) + text("bad")
        sent += struct.pack(">i", len(body)) + body
    sender = threading.Thread(target=wire.raw, args=(bytes(sent),))
    sender.start()
    for number in range(10000):
        got, error = struct.unpack(">ih", wire.reply()[:6])
        assert (got, error) == (number, NONE)
    sender.join()
    target.assert_lives()


def assert_peak(target, body, key):
    wire = target.wire(20.0)
    try:
        wire.raw(request(key, 4, body))
        wire.reply()
    except Closed:
        pass
    target.assert_lives()
    peak = target.cluster.resident(field="VmHWM")
    assert peak < PEAK_MAX, f"{peak} bytes resident at the most"


def test_a_request_for_very_many_topics_stays_within_memory(target):
    for names in (50000, 900000):
        assert_peak(target, struct.pack(">i", names) + text("a") * names + b"\0", METADATA)


def test_a_fetch_of_very_many_partitions_stays_within_memory(target):
    head = struct.pack(">iiiib", -1, 10, 1, 1 << 20, 0) + struct.pack(">i", 1) + text("kept")
    for count in (50000, 900000):
        one = struct.pack(">iqi", 0, 0, 1 << 20)
        assert_peak(target, head + struct.pack(">i", count) + one * count, FETCH)


def test_random_bytes_never_harm(target):
    chance = random.Random(20261121)
    for _ in range(400):
        wire = target.wire()
        size = chance.randrange(1, 200)
        junk = bytes(chance.randrange(256) for _ in range(size))
        try:
            if chance.random() < 0.5:
                wire.raw(junk)
            else:
                key, version = chance.choice([0, 1, 2, 3, 18, 19, 20, 22, 23, 55, 60]), chance.randrange(14)
                wire.raw(request(key, version, junk))
        except Closed:
            pass
        wire.close()
    target.assert_lives()


def refused(target, expected, records):
    wire = target.wire()
    error, base = produce(wire, "kept", 0, records)
    assert error == expected, f"error {error}, expected {expected}"
    assert base == -1, base
    target.assert_lives()


def test_a_wrong_checksum_is_a_corrupt_message(target):
    refused(target, CORRUPT_MESSAGE, batch([b"x"], crc=12345))


def test_a_flipped_bit_is_a_corrupt_message(target):
    data = bytearray(batch([b"some value"]))
    data[-3] ^= 0x10
    refused(target, CORRUPT_MESSAGE, bytes(data))


def test_an_old_magic_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x"], magic=1))


def test_two_batches_are_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x"]) + batch([b"y"]))


def test_no_batch_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, b"")


def test_a_batch_cut_short_is_refused(target):
    wire = target.wire()
    error, _ = produce(wire, "kept", 0, batch([b"x" * 50])[:-20])
    assert error in (CORRUPT_MESSAGE, INVALID_RECORD), error
    target.assert_lives()


def test_a_batch_length_that_lies_is_refused(target):
    for length in (0, -1, 48, 2**31 - 1):
        wire = target.wire()
        error, _ = produce(wire, "kept", 0, batch([b"x"], length=length))
        assert error in (CORRUPT_MESSAGE, INVALID_RECORD, MESSAGE_TOO_LARGE), (length, error)
    target.assert_lives()


def test_a_record_count_that_lies_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x"], count=2, last_delta=1))


def test_a_count_of_zero_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([], count=0, last_delta=0))


def test_negative_counts_are_refused(target):
    wire = target.wire()
    for count, delta in ((0, -1), (-1, 0), (-2**31, -2**31)):
        error, _ = produce(wire, "kept", 0, batch([], count=count, last_delta=delta))
        assert error in (CORRUPT_MESSAGE, INVALID_RECORD), (count, delta, error)
    target.assert_lives()


def test_a_count_without_its_delta_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x", b"y"], last_delta=5))


def test_deltas_with_a_gap_are_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x", b"y"], records=record(0, b"x") + record(2, b"y")))


def test_a_record_length_that_lies_is_an_invalid_record(target):
    wrong = bytes([0xFE, 0xFF, 0xFF, 0xFF, 0x0F]) + record(0, b"x")[1:]
    refused(target, INVALID_RECORD, batch([b"x"], records=wrong))


def test_a_control_batch_from_a_client_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x"], attributes=0x20))


def test_an_unknown_magic_is_an_invalid_record(target):
    for magic in (3, 127, -1):
        refused(target, INVALID_RECORD, batch([b"x"], magic=magic))


def test_unknown_codecs_are_an_invalid_record(target):
    for codec in (5, 6, 7):
        refused(target, INVALID_RECORD, batch([b"x"], attributes=codec))


def test_records_that_do_not_decompress_are_an_invalid_record(target):
    for codec in (1, 2, 3, 4):
        refused(target, INVALID_RECORD, batch([b"x"], attributes=codec))


def test_a_bomb_is_too_large_and_costs_no_memory(target):
    bomb = zlib.compress(record(0, b"\0" * (64 << 20)), wbits=31)
    refused(target, MESSAGE_TOO_LARGE, batch([b"x"], attributes=1, records=bomb))


def test_a_snappy_block_that_claims_four_gigabytes_is_an_invalid_record(target):
    refused(target, INVALID_RECORD, batch([b"x"], attributes=2, records=b"\xff\xff\xff\xff\x0f\0a"))


def old_message(magic, value, attributes=0):
    """A message of format 0 or 1, as Produce carries it before version 3."""
    rest = (struct.pack(">bb", magic, attributes) + (struct.pack(">q", 1) if magic else b"")
            + struct.pack(">ii", -1, len(value)) + value)
    return struct.pack(">qiI", 0, 4 + len(rest), zlib.crc32(rest)) + rest


def refused_old(target, wanted, records):
    reply = target.wire().call(PRODUCE, 2, produce_body("kept", 0, records)[2:])
    assert reply.take("i") == 1
    reply.text()
    assert reply.take("i") == 1
    _, error, base = reply.take("ihq")
    assert (error, base) == (wanted, -1), (error, base)
    target.assert_lives()


def test_old_messages_that_are_damaged_are_corrupt(target):
    for message in (old_message(1, b"x")[:-1] + b"y", b"\0" * 30):
        refused_old(target, CORRUPT_MESSAGE, message)


def test_an_old_message_that_is_cut_short_is_no_message(target):
    refused_old(target, INVALID_RECORD, old_message(0, b"x")[:-1])


def test_old_messages_that_do_not_unwrap_are_an_invalid_record(target):
    nested = zlib.compress(old_message(1, zlib.compress(old_message(1, b"x"), wbits=31), 1), wbits=31)
    for message in (old_message(1, b"x", 1), old_message(1, b"x", 7), old_message(1, nested, 1),
                    old_message(1, zlib.compress(old_message(0, b"x"), wbits=31), 1)):
        refused_old(target, INVALID_RECORD, message)


def test_a_bomb_in_old_messages_is_too_large_and_costs_no_memory(target):
    bomb = zlib.compress(old_message(1, b"\0" * (64 << 20)), wbits=31)
    refused_old(target, MESSAGE_TOO_LARGE, old_message(1, bomb, 1))


def test_unknown_attributes_are_an_invalid_record(target):
    for attributes in (0x40, 0x80, 0x4000):
        refused(target, INVALID_RECORD, batch([b"x"], attributes=attributes))


def test_a_producer_without_a_sequence_is_an_invalid_record(target):
    for odd in ({"sequence": -1, "producer_epoch": 0}, {"sequence": 0, "producer_epoch": -1}):
        refused(target, INVALID_RECORD, batch([b"x"], producer_id=9, **odd))


def test_a_transactional_batch_without_its_id_is_refused(target):
    refused(target, TRANSACTION_DENIED,
            batch([b"x"], attributes=0x10, producer_id=9, producer_epoch=0, sequence=0))


def test_an_oversized_batch_is_too_large(target):
    refused(target, MESSAGE_TOO_LARGE, batch([b"x" * 1100000]))


def test_acks_of_5_are_refused(target):
    wire = target.wire()
    error, _ = produce(wire, "kept", 0, batch([b"x"]), acks=5)
    assert error == INVALID_REQUIRED_ACKS, error
    target.assert_lives()


def test_an_unknown_topic_is_told(target):
    wire = target.wire()
    assert produce(wire, "nowhere", 0, batch([b"x"]))[0] == UNKNOWN_TOPIC
    assert metadata(wire, ["nowhere"])["nowhere"][0] == UNKNOWN_TOPIC
    assert fetch(wire, "nowhere", 0, 0)[0] == UNKNOWN_TOPIC
    target.assert_lives()


def test_an_unknown_partition_is_told(target):
    wire = target.wire()
    for partition in (1, -1, 2**31 - 1):
        assert produce(wire, "kept", partition, batch([b"x"]))[0] == UNKNOWN_TOPIC
    target.assert_lives()


def test_acks_0_to_an_unknown_topic_closes(target):
    wire = target.wire()
    wire.send(PRODUCE, 7, produce_body("nowhere", 0, batch([b"x"]), acks=0))
    assert wire.is_closed()
    target.assert_lives()


def test_an_offset_out_of_range_is_told(target):
    wire = target.wire()
    for offset in (-5, 10**9):
        assert fetch(wire, "kept", 0, offset)[0] == 1
    target.assert_lives()


def test_bad_topic_names_are_refused(target):
    wire = target.wire()
    for name in ("", ".", "..", "a/b", "a b", "x" * 250, "../../etc/passwd", "caf\u00e9"[:3] + "!"):
        error, _ = create_topic(wire, name)
        assert error == INVALID_TOPIC, (name, error)
    target.assert_lives()


def test_names_that_collide_are_refused(target):
    wire = target.wire()
    assert create_topic(wire, "my.topic")[0] == NONE
    assert create_topic(wire, "my_topic")[0] == INVALID_TOPIC
    target.assert_lives()


def test_a_topic_that_exists_is_told(target):
    assert create_topic(target.wire(), "kept")[0] == TOPIC_EXISTS


def test_no_partitions_are_refused(target):
    assert create_topic(target.wire(), "none", partitions=0)[0] == INVALID_PARTITIONS


def test_very_many_partitions_are_refused(target):
    for partitions in (100000, 2**31 - 1):
        error, message = create_topic(target.wire(), "many", partitions=partitions)
        assert error == POLICY_VIOLATION and "10000" in message, (error, message)
    target.assert_lives()


def test_negative_partitions_are_refused(target):
    assert create_topic(target.wire(), "less", partitions=-2)[0] == INVALID_PARTITIONS


def test_a_setting_that_is_not_known_is_refused(target):
    for setting in (("no.such.setting", "1"), ("min.insync.replicas", "many")):
        error, message = create_topic(target.wire(), "set", configs=[setting])
        assert error == INVALID_CONFIG and setting[0] in message, (error, message)
    target.assert_lives()


def test_more_copies_than_brokers_are_refused(target):
    assert create_topic(target.wire(), "wide", copies=4)[0] == INVALID_FACTOR


def test_no_copies_are_refused(target):
    assert create_topic(target.wire(), "thin", copies=0)[0] == INVALID_FACTOR


def test_five_hundred_idle_connections_do_no_harm(target):
    wires = [target.wire() for _ in range(500)]
    target.assert_lives()
    for wire in wires:
        wire.close()
    target.assert_lives()


def main():
    need_programs()
    target = Target()
    try:
        return run_named(tests_of(globals()), target)
    finally:
        target.cluster.close()


if __name__ == "__main__":
    sys.exit(main())
