#!/usr/bin/env python3
"""kafka_python.py -- kafka-python as a client of the matrix, versions 1.4.7 to 3. Its member of a group is groups/member.py."""
import sys
import time

import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata

from said import ASK_LIMIT_S, converse, line, pairs, tell_offset, tell_record

MAJOR = int(kafka.__version__.split(".", maxsplit=1)[0])
NO_EPOCH = (-1,) * (len(OffsetAndMetadata._fields) - 2)  # Versions before 3 know none.


class Verbs:
    def __init__(self, brokers):
        self.settings = {"bootstrap_servers": brokers.split(","), "reconnect_backoff_max_ms": 200}
        self.admin = KafkaAdminClient(**self.settings)
        self.producers = {}

    def consumer(self, group=None):
        return KafkaConsumer(group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", **self.settings)

    def places(self, consumer, topic):
        """Its partitions, when the node that is asked has heard of it."""
        deadline = time.monotonic() + ASK_LIMIT_S
        while not consumer.partitions_for_topic(topic):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no topic {topic}")
        return [TopicPartition(topic, index) for index in sorted(consumer.partitions_for_topic(topic))]

    def create(self, topic, partitions, replicas):
        self.admin.create_topics([NewTopic(topic, partitions, replicas)])

    def describe(self, topic):
        if MAJOR == 1:  # It has no call for that, but a consumer remembers it.
            return self.describe_by_consumer(topic)
        for place in self.admin.describe_topics([topic])[0]["partitions"]:
            if MAJOR == 2:
                line("partition", place["partition"], place["leader"], len(place["replicas"]))
            else:
                line("partition", place["partition_index"], place["leader_id"], len(place["replica_nodes"]))

    def describe_by_consumer(self, topic):
        consumer = self.consumer()
        self.places(consumer, topic)
        for place in consumer._client.cluster._partitions[topic].values():
            line("partition", place.partition, place.leader, len(place.replicas))
        consumer.close()

    def delete(self, topic):
        self.admin.delete_topics([topic])

    def producer(self, codec):
        if codec not in self.producers:
            more = {"enable_idempotence": True} if MAJOR >= 3 else {"retries": 1000, "max_in_flight_requests_per_connection": 1}
            self.producers[codec] = KafkaProducer(acks="all", linger_ms=5, compression_type=None if codec == "none" else codec,
                                                  **more, **self.settings)
        return self.producers[codec]

    def produce(self, topic, codec, first, count):
        producer = self.producer(codec)
        waiting = [producer.send(topic, value, key) for key, value in pairs(first, count)]
        for future in waiting:
            future.get(timeout=ASK_LIMIT_S)

    def read(self, topic, count):
        consumer = self.consumer()
        consumer.assign(self.places(consumer, topic))
        deadline = time.monotonic() + ASK_LIMIT_S
        while count > 0:
            for records in consumer.poll(timeout_ms=100, max_records=count).values():
                for record in records:
                    tell_record(record.partition, record.offset, record.key, record.value)
                    count -= 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} records are missing")
        consumer.close()

    def times(self, topic, time_ms):
        consumer = self.consumer()
        for place, found in consumer.offsets_for_times({place: time_ms for place in self.places(consumer, topic)}).items():
            tell_offset(place.partition, found and found.offset)
        consumer.close()

    def commit(self, topic, group, partition, offset):
        self.commit_all(group, {TopicPartition(topic, partition): offset})

    def commit_all(self, group, offsets):
        consumer = self.consumer(group)
        consumer.assign(list(offsets))
        consumer.commit({place: OffsetAndMetadata(offset, "", *NO_EPOCH) for place, offset in offsets.items()})
        consumer.close()

    def committed(self, topic, group):
        consumer = self.consumer(group)
        for place in self.places(consumer, topic):
            tell_offset(place.partition, consumer.committed(place))
        consumer.close()

    def reset(self, topic, group):
        consumer = self.consumer()
        first = consumer.beginning_offsets(self.places(consumer, topic))
        consumer.close()
        self.commit_all(group, first)


if __name__ == "__main__":
    converse(Verbs(sys.argv[1]))
