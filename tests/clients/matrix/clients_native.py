"""clients_native.py -- Debian's librdkafka, by a program that the build makes."""
import os
import subprocess

from groups.test_groups import librdkafka_member
from live import BUILD
from matrix.client import Client

VERSION = subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True, check=True).stdout.strip()

# By night: 2.0.2 never reads on from a partition whose old leader it was told of between two answers that name the
# new one, which happens when two nodes answer at the moment of a death and a busy machine delivers the older answer
# last ("leader 2 unchanged, not migrating away from preferred replica 2"). confluent-kafka brings one that does.
CLIENTS = [
    Client("librdkafka", VERSION, "C", lambda: [os.path.join(BUILD, "librdkafka-client")], librdkafka_member,
           is_nightly=True),
]
