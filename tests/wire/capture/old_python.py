"""What a program on kafka-python 2.0.2 asks for: old versions of everything; run.py calls it."""
import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic


def main(brokers):
    admin = KafkaAdminClient(bootstrap_servers=brokers)
    admin.create_topics([NewTopic("python", 2, 3)])
    producer = KafkaProducer(bootstrap_servers=brokers, acks="all", compression_type="gzip")
    for i in range(4):
        print(producer.send("python", f"value {i}".encode(), partition=i % 2).get(20))
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=brokers)
    consumer.assign([TopicPartition("python", 0), TopicPartition("python", 1)])
    consumer.seek_to_beginning()
    print(consumer.poll(5000))
    print(consumer.end_offsets([TopicPartition("python", 0)]))
    consumer.close()
    admin.describe_cluster()
    admin.delete_topics(["python"])


main(sys.argv[1])
