"""clients_python.py -- kafka-python of three ages, one program on each, confluent-kafka and aiokafka."""
import sys

from live import Skip
from matrix.client import Client
from ready import python


def kafka_python(version, folder, **more):
    def program(name):
        if int(version[0]) < 3 and sys.version_info >= (3, 12):
            raise Skip(f"kafka-python {version} imports what Python 3.12 has no more")
        return python(folder, name)
    return Client("kafka-python", version, "Python", lambda: program("python/kafka_python.py"),
                  lambda: program("groups/member.py"), **more)


CLIENTS = [
    kafka_python("3.0.12", "python"),
    kafka_python("2.0.2", "old_python", is_idempotent=False),
    kafka_python("1.4.7", "older_python", codecs=("none", "gzip", "snappy", "lz4"), is_idempotent=False),
    Client("confluent-kafka", "2.16.0", "Python", lambda: python("groups", "python/confluent.py"),
           lambda: python("groups", "groups/confluent_member.py"), groups=("classic", "consumer")),
    Client("aiokafka", "0.14.0", "Python", lambda: python("aiokafka", "python/aio.py")),
]
