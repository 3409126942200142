"""clients_go.py -- three clients written in Go; sarama speaks the version of the protocol that it is told."""
import os

from matrix.client import AS_OF_0_10, Client
from ready import ready

BEFORE_ZSTD = ("none", "gzip", "snappy", "lz4")


def program(name, *words):
    return lambda: [os.path.join(ready("go"), name), *words]


def sarama(version, **more):
    return Client("sarama", f"1.61.1 as of {version}", "Go", program("sarama", version), **more)


CLIENTS = [
    Client("franz-go", "1.22.2", "Go", program("franz"), program("member"), groups=("classic", "consumer")),
    sarama("0.10.2.0", codecs=BEFORE_ZSTD, is_idempotent=False, not_on_kafka={"topics": ("CreateTopics", 1), **AS_OF_0_10}),
    sarama("default"),
    sarama("4.1.0"),
    Client("segmentio/kafka-go", "0.4.51", "Go", program("segmentio"), is_idempotent=False),
]
