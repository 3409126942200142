#!/usr/bin/env python3
"""kill_loop.py -- kafka-python against nodes that somebody else kills.

    kill_loop.py BROKERS TOPIC RATE RECORDS

An idempotent producer writes RATE records a second until standard input ends and RECORDS were sent; it
says "producing" when the first is acknowledged. Then a consumer that assign()s every partition reads
from the start, and each acknowledged record must stand at its offset, exactly once, in order by
partition; one without an acknowledgement may stand there at most once. Exit 0, or 11 with a witness.
"""
import logging
import struct
import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

VALUE_SIZE = 64
QUEUE_MAX = 20000
FLUSH_LIMIT_S = 120
READ_LIMIT_S = 60

# Kills come faster than a backoff is forgotten: it would grow to the default of 30 s.
COMMON = {"reconnect_backoff_max_ms": 200}


class Ledger:
    """What the producer was told; its callbacks run in a thread of its own."""

    def __init__(self):
        self.acknowledged = {}  # Number -> offset.
        self.failed = 0
        self.first_failure = None
        self.longest_gap_s = 0.0
        self.last_ack_s = None

    def acked(self, number, place):
        now = time.monotonic()
        if self.last_ack_s is None:
            print("producing", flush=True)
        else:
            self.longest_gap_s = max(self.longest_gap_s, now - self.last_ack_s)
        self.last_ack_s = now
        self.acknowledged[number] = place.offset

    def refused(self, error):
        self.failed += 1
        self.first_failure = self.first_failure or error

    def answered(self):
        return len(self.acknowledged) + self.failed


def produce(ledger, brokers, topic, rate, records):
    """Returns how many records were sent, and over how many partitions."""
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all", enable_idempotence=True, **COMMON)
    partitions = len(producer.partitions_for(topic))
    watcher = threading.Thread(target=sys.stdin.read, daemon=True)  # Its end: nobody kills any more.
    watcher.start()
    start = time.monotonic()
    sent = 0
    while watcher.is_alive() or sent < records:
        due = int((time.monotonic() - start) * rate)
        while sent < due and sent - ledger.answered() < QUEUE_MAX:
            value = struct.pack(">q", sent).ljust(VALUE_SIZE, b"\0")
            future = producer.send(topic, value, partition=sent % partitions)
            future.add_callback(ledger.acked, sent)
            future.add_errback(ledger.refused)
            sent += 1
        time.sleep(0.001)
    producer.flush(timeout=FLUSH_LIMIT_S)
    producer.close()
    return sent, partitions


class Comparison:
    """What was read, held against the ledger."""

    def __init__(self, ledger, sent, partitions):
        self.ledger, self.sent, self.partitions = ledger, sent, partitions
        self.found = {}  # Number -> offset.
        self.newest = {}  # Partition -> number.
        self.violations = 0

    def violation(self, text):
        self.violations += 1
        if self.violations <= 10:
            print(f"VIOLATION: {text}")

    def add(self, record):
        place = f"partition {record.partition} offset {record.offset}"
        number = struct.unpack(">q", record.value[:8])[0] if len(record.value) == VALUE_SIZE else -1
        if not 0 <= number < self.sent or number % self.partitions != record.partition:
            self.violation(f"{place}: a record that nobody sent there")
            return
        if number in self.found:
            self.violation(f"record {number} stands at offset {self.found[number]} and at {record.offset}")
        self.found[number] = record.offset
        promised = self.ledger.acknowledged.get(number, record.offset)
        if promised != record.offset:
            self.violation(f"record {number} was acknowledged at {promised} and stands at {record.offset}")
        if self.newest.get(record.partition, -1) >= number:
            self.violation(f"{place}: record {number} stands after record {self.newest[record.partition]}")
        self.newest[record.partition] = number

    def read_all(self, brokers, topic):
        consumer = KafkaConsumer(bootstrap_servers=brokers, group_id=None, auto_offset_reset="none", **COMMON)
        places = [TopicPartition(topic, index) for index in range(self.partitions)]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        deadline = time.monotonic() + READ_LIMIT_S
        while any(consumer.position(place) < ends[place] for place in places):
            for batch in consumer.poll(timeout_ms=200).values():
                for record in batch:
                    self.add(record)
            if time.monotonic() > deadline:
                sys.exit(f"not everything could be read within {READ_LIMIT_S} s")
        consumer.close()

    def finish(self):
        for number, offset in self.ledger.acknowledged.items():
            if number not in self.found:
                self.violation(f"record {number} was acknowledged at offset {offset} and is not there")


def main():
    if len(sys.argv) != 5:
        sys.exit("kill_loop.py BROKERS TOPIC RATE RECORDS")
    logging.disable(logging.CRITICAL)  # It tells of every connection that a kill ends.
    brokers, topic = sys.argv[1].split(","), sys.argv[2]
    ledger = Ledger()
    sent, partitions = produce(ledger, brokers, topic, int(sys.argv[3]), int(sys.argv[4]))
    comparison = Comparison(ledger, sent, partitions)
    comparison.read_all(brokers, topic)
    comparison.finish()
    failure = f" ({ledger.first_failure!r})" if ledger.first_failure else ""
    print(f"{sent} sent, {len(ledger.acknowledged)} acknowledged, {ledger.failed} not{failure}, "
          f"{len(comparison.found)} read; longest gap between acknowledgements {ledger.longest_gap_s:.3f} s")
    return 11 if comparison.violations else 0


if __name__ == "__main__":
    sys.exit(main())
