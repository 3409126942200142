"""clients_rust.py -- two clients written in Rust: rdkafka on the librdkafka that it brings, and rskafka, all Rust."""
import os

from matrix.client import Client
from ready import ready


def program(name):
    return lambda: [os.path.join(ready("rust"), "release", name)]


CLIENTS = [
    Client("rdkafka", "0.39.0", "Rust", program("rdkafka-client"), program("rdkafka-member"), groups=("classic", "consumer"),
           is_nightly=True),
    Client("rskafka", "0.6.0", "Rust", program("rskafka-client"), groups=(), is_idempotent=False, is_nightly=True,
           lacks={"commit": "it has no groups", "reset": "it has no groups"}),
]
