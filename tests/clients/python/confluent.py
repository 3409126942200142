#!/usr/bin/env python3
"""confluent.py -- confluent-kafka, a librdkafka of its own, as a client of the matrix, and as a member of a group.

Its groups are of the protocol that the word says; groups/confluent_member.py is such a member.
"""
import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from said import ASK_LIMIT_S, converse, line, pairs, tell_offset, tell_record


class Verbs:
    def __init__(self, brokers):
        self.settings = {"bootstrap.servers": brokers, "reconnect.backoff.max.ms": 200}
        self.admin = AdminClient(self.settings)
        self.producers = {}

    def partitions(self, topic):
        found = self.admin.list_topics(topic, timeout=ASK_LIMIT_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions.values(), key=lambda place: place.id)

    def create(self, topic, partitions, replicas):
        self.admin.create_topics([NewTopic(topic, partitions, replicas)])[topic].result()

    def describe(self, topic):
        for place in self.partitions(topic):
            line("partition", place.id, place.leader, len(place.replicas))

    def delete(self, topic):
        self.admin.delete_topics([topic])[topic].result()

    def producer(self, codec):
        if codec not in self.producers:
            self.producers[codec] = Producer({**self.settings, "enable.idempotence": True, "compression.type": codec,
                                              "linger.ms": 20, "sticky.partitioning.linger.ms": 0})
        return self.producers[codec]

    def produce(self, topic, codec, first, count):
        failed = []
        producer = self.producer(codec)
        for key, value in pairs(first, count):
            producer.produce(topic, value, key, on_delivery=lambda error, _: error is not None and failed.append(error))
        if producer.flush(ASK_LIMIT_S):
            raise TimeoutError("not all are acknowledged")
        if failed:
            raise KafkaException(failed[0])

    def read(self, topic, count):
        consumer = Consumer({**self.settings, "group.id": "none", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, place.id, 0) for place in self.partitions(topic)])
        for _ in range(count):
            message = consumer.poll(ASK_LIMIT_S)
            if message is None:
                raise TimeoutError("records are missing")
            if message.error():
                raise KafkaException(message.error())
            tell_record(message.partition(), message.offset(), message.key(), message.value())
        consumer.close()

    def listed(self, topic, spec):
        """What ListOffsets answers to a specification, as partitions with offsets."""
        places = [TopicPartition(topic, place.id) for place in self.partitions(topic)]
        for place, future in self.admin.list_offsets({place: spec for place in places}).items():
            yield TopicPartition(topic, place.partition, future.result().offset)

    def times(self, topic, time_ms):
        for place in self.listed(topic, OffsetSpec.for_timestamp(time_ms)):
            tell_offset(place.partition, place.offset)

    def alter(self, group, places):
        found = self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group].result()
        for place in found.topic_partitions:
            if place.error:
                raise KafkaException(place.error)

    def commit(self, topic, group, partition, offset):
        self.alter(group, [TopicPartition(topic, partition, offset)])

    def committed(self, topic, group):
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, place.id) for place in self.partitions(topic)])
        for place in self.admin.list_consumer_group_offsets([asked])[group].result().topic_partitions:
            tell_offset(place.partition, place.offset)

    def reset(self, topic, group):
        self.alter(group, list(self.listed(topic, OffsetSpec.earliest())))


if __name__ == "__main__":
    converse(Verbs(sys.argv[1]))
