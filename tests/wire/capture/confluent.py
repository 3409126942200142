"""What a program on confluent-kafka asks for; run.py calls it."""
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec


def tolerate(futures):
    for future in futures.values():
        try:
            print(future.result(20))
        except KafkaException as error:
            print(error)


def main(brokers):
    admin = AdminClient({"bootstrap.servers": brokers})
    topics = [NewTopic("confluent", 3, 3, config={"min.insync.replicas": "2"}), NewTopic("doomed", 1, 1)]
    tolerate(admin.create_topics(topics))
    tolerate(admin.create_topics([topics[0], NewTopic("bad name", 1, 1), NewTopic("wide", 1, 9)]))
    tolerate(admin.create_topics([NewTopic("checked", 1, 1)], validate_only=True))
    print(admin.list_topics("missing", timeout=10).topics)
    for options in ({"enable.idempotence": True}, {"acks": 1, "compression.type": "lz4"},
                    {"transactional.id": "confluent-1"}):
        producer = Producer({"bootstrap.servers": brokers, **options})
        if "transactional.id" in options:
            producer.init_transactions(20)
            producer.begin_transaction()
        for i in range(5):
            producer.produce("confluent", f"value {i}", key=str(i), headers={"h": "1"})
        producer.flush(20)
        if "transactional.id" in options:
            producer.abort_transaction(20)
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "unused"})
    for offset in (0, 999):  # The second is out of range.
        consumer.assign([TopicPartition("confluent", p, offset) for p in range(3)])
        consumer.consume(30, 5)
    print(consumer.get_watermark_offsets(TopicPartition("confluent", 0), timeout=10))
    consumer.offsets_for_times([TopicPartition("confluent", 0, 1)], timeout=10)
    consumer.close()
    tolerate(admin.list_offsets({TopicPartition("confluent", 0): OffsetSpec.latest()}))
    admin.describe_cluster(include_authorized_operations=True).result(20)
    tolerate(admin.delete_topics(["doomed", "missing"]))


main(sys.argv[1])
