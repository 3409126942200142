"""clients_rust.py -- rskafka, a client all written in Rust."""
import os

from matrix.client import Client
from ready import ready


def program(name):
    return lambda: [os.path.join(ready("rust"), "release", name)]


CLIENTS = [
    Client("rskafka", "0.6.0", "Rust", program("rskafka-client"), groups=(), is_idempotent=False, is_nightly=True,
           lacks={"commit": "it has no groups", "reset": "it has no groups"}),
]
