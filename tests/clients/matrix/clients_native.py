"""clients_native.py -- Debian's librdkafka, by a program that the build makes."""
import os
import subprocess

from groups.test_groups import librdkafka_member
from live import BUILD
from matrix.client import Client

VERSION = subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True, check=True).stdout.strip()

CLIENTS = [
    Client("librdkafka", VERSION, "C", lambda: [os.path.join(BUILD, "librdkafka-client")], librdkafka_member),
]
