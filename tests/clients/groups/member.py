#!/usr/bin/env python3
"""member.py -- a member of a group on kafka-python, which says all that it does.

    member.py BROKERS TOPIC GROUP

The lines are those of member.c. It runs on versions 2.0.2 and 3: the older one tells an owner of partitions what it
remembers of their commits, so a consumer that owns nothing asks.
"""
import sys
import threading
import time

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata


NO_EPOCH = (-1,) * (len(OffsetAndMetadata._fields) - 2)  # Version 2.0.2 knows none.


def say(at, *words):
    print(at, *words, flush=True)


class Listener(ConsumerRebalanceListener):
    """Only takes note: the client allows no questions within."""

    def __init__(self):
        self.assigned = []

    def on_partitions_revoked(self, revoked):
        for place in revoked:
            say(time.monotonic_ns(), "lost", place.partition)

    def on_partitions_assigned(self, assigned):
        self.assigned = list(assigned)


def tell_starts(asker, assigned):
    for place in assigned:
        began = time.monotonic_ns()
        try:
            offset = asker.committed(place)
            say(began, "start", place.partition, -1 if offset is None else offset)
        except KafkaError as error:
            say(time.monotonic_ns(), "note committed:", repr(error))


def commit(consumer, topic, partition, offset):
    try:
        consumer.commit({TopicPartition(topic, partition): OffsetAndMetadata(offset, "", *NO_EPOCH)})
        say(time.monotonic_ns(), "committed", partition, offset)
    except KafkaError as error:
        say(time.monotonic_ns(), "note commit:", repr(error))


def main():
    brokers, topic, group = sys.argv[1:]
    watcher = threading.Thread(target=sys.stdin.read, daemon=True)
    watcher.start()
    settings = {"bootstrap_servers": brokers.split(","), "group_id": group, "enable_auto_commit": False,
                "auto_offset_reset": "earliest", "session_timeout_ms": 6000, "heartbeat_interval_ms": 500,
                "reconnect_backoff_max_ms": 200}
    consumer, asker = KafkaConsumer(**settings), KafkaConsumer(**settings)
    listener = Listener()
    consumer.subscribe([topic], listener=listener)
    while watcher.is_alive():
        found = consumer.poll(timeout_ms=50, max_records=500)
        assigned, listener.assigned = listener.assigned, []
        tell_starts(asker, assigned)
        for place, records in found.items():
            first, last = records[0].offset, records[-1].offset
            assert last - first == len(records) - 1, "a gap within one answer"
            say(time.monotonic_ns(), "read", place.partition, first, last)
            commit(consumer, topic, place.partition, last + 1)
    consumer.close()
    asker.close()


if __name__ == "__main__":
    main()
