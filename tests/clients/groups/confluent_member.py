#!/usr/bin/env python3
"""confluent_member.py -- a member of a group, also of one of consumers (KIP-848), on a librdkafka that knows them.

    confluent_member.py BROKERS TOPIC GROUP [consumer]

The lines are those of member.c.
"""
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition


def say(at, *words):
    print(at, *words, flush=True)


def tell_starts(consumer, assigned):
    began = time.monotonic_ns()
    try:
        for place in consumer.committed(assigned, timeout=20):
            say(began, "start", place.partition, max(place.offset, -1))
    except KafkaException as error:
        say(time.monotonic_ns(), "note committed:", repr(error))


def tell_losses(_, lost):
    for place in lost:
        say(time.monotonic_ns(), "lost", place.partition)


def commit(consumer, topic, partition, offset):
    try:
        done = consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
        if done[0].error:
            raise KafkaException(done[0].error)
        say(time.monotonic_ns(), "committed", partition, offset)
    except KafkaException as error:
        say(time.monotonic_ns(), "note commit:", repr(error))


def take(consumer, topic, messages):
    """Of each partition what came in a row."""
    ends = {}
    for message in messages:
        if message.error():
            say(time.monotonic_ns(), "note read:", message.error().str())
            continue
        first, end = ends.get(message.partition(), (message.offset(), message.offset()))
        assert message.offset() == end, "a gap within one answer"
        ends[message.partition()] = (first, message.offset() + 1)
    for partition, (first, end) in ends.items():
        say(time.monotonic_ns(), "read", partition, first, end - 1)
        commit(consumer, topic, partition, end)


def main():
    brokers, topic, group, *protocol = sys.argv[1:]
    watcher = threading.Thread(target=sys.stdin.read, daemon=True)
    watcher.start()
    kind = {"group.protocol": "consumer"} if protocol else {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, **kind,
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "reconnect.backoff.max.ms": 200})
    consumer.subscribe([topic], on_assign=tell_starts, on_revoke=tell_losses, on_lost=tell_losses)
    while watcher.is_alive():
        take(consumer, topic, consumer.consume(500, 0.05))
    consumer.close()


if __name__ == "__main__":
    main()
