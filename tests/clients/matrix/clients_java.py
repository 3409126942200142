"""clients_java.py -- the Java client, new and old: one program on the jars of each version (old/src); Pekko for Scala."""
from matrix.client import AS_OF_0_10, Client
from ready import java


def kafka_clients(version, **more):
    return Client("kafka-clients", version, "Java", lambda: java("old", "JavaClient", version=version), **more)


BEFORE_ZSTD = ("none", "gzip", "snappy", "lz4")
CLIENTS = [
    kafka_clients("4.4.0", groups=("classic", "consumer")),
    kafka_clients("2.1.1"),
    kafka_clients("0.11.0.3", codecs=BEFORE_ZSTD),
    kafka_clients("0.10.2.2", codecs=BEFORE_ZSTD, is_idempotent=False, not_on_kafka=AS_OF_0_10),
    Client("Pekko connectors", "1.1.0", "Scala", lambda: java("pekko", "PekkoClient"), is_nightly=True,
           lacks={"topics": "it has no admin calls", "reset": "it commits what it has read, and nothing else"}),
]
