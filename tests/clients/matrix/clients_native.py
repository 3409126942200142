"""clients_native.py -- Debian's librdkafka, by a program that the build makes, its C++ interface, and kcat."""
import os
import shutil
import subprocess
import sys

from groups.test_groups import librdkafka_member
from live import BUILD, Skip
from matrix.client import Client
from ready import HERE, ready

VERSION = subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True, check=True).stdout.strip()


def kcat_version():
    """`Version 1.7.1 (...` of what it says of itself."""
    if not shutil.which("kcat"):
        return "of Debian"
    said = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=False).stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith("Version "))


def kcat():
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")
    return [sys.executable, os.path.join(HERE, "python", "kcat.py")]


def kcat_member(brokers, topic, group):
    settings = ("auto.offset.reset=earliest", "auto.commit.interval.ms=200", "session.timeout.ms=6000",
                "heartbeat.interval.ms=500", "reconnect.backoff.max.ms=200")
    return ["kcat", "-b", brokers, "-G", group, "-u", "-q", "-f", "Partition:%p Offset:%o\\n",
            *(word for setting in settings for word in ("-X", setting)), topic]


# By night: 2.0.2 never reads on from a partition whose old leader it was told of between two answers that name the
# new one, which happens when two nodes answer at the moment of a death and a busy machine delivers the older answer
# last ("leader 2 unchanged, not migrating away from preferred replica 2"). confluent-kafka brings one that does.
CLIENTS = [
    Client("librdkafka", VERSION, "C", lambda: [os.path.join(BUILD, "librdkafka-client")], librdkafka_member,
           is_nightly=True),
    Client("librdkafka++", VERSION, "C++", lambda: [os.path.join(ready("cpp"), "client")], is_nightly=True,
           lacks={"topics": "it has no admin calls"}),
    Client("kcat", kcat_version(), "C", kcat, silent_member=kcat_member, is_nightly=True,
           lacks={"topics": "it creates and deletes no topics", "commit": "it commits what its group has read, and nothing else",
                  "reset": "it commits what its group has read, and nothing else"}),
]
