"""test_keys.py -- a key goes to the same partition as with the Java client, whatever bytes it has."""
import base64
import collections
import json
import random
import subprocess

from formats.test_formats import run_java
from live import SKIFF, Cluster

PARTITIONS = 17
KEYS = 1000


def keys_of(chance):
    """Different keys of many lengths, empty to 300 bytes: words, UTF-8, and bytes of any value but \\n and \\t."""
    letters = [bytes([value]) for value in range(256) if value not in b"\n\t"]
    signs = [chr(code).encode() for code in (0x41, 0x7A, 0xE9, 0x3B1, 0x416, 0x20AC, 0x4E2D, 0x1F41F)]
    found = {b""}
    for length in range(1, 301):
        found.add(b"".join(chance.choice(letters) for _ in range(length)))
        found.add((b"".join(chance.choice(signs) for _ in range(length)))[:length * 2])
        found.add(f"user-{chance.randrange(10 ** 9)}".encode())
    while len(found) < KEYS:
        found.add(b"".join(chance.choice(letters) for _ in range(chance.randrange(1, 12))))
    return sorted(found)[:KEYS]


def read(cluster, topic):
    """{key: partition}; None is the key of records without one."""
    places = collections.defaultdict(list)
    for record in map(json.loads, cluster.skiff("consume", topic, "-e", "-J").splitlines()):
        key = base64.b64decode(record["key_base64"]) if "key_base64" in record else record["key"]
        places[key.encode() if isinstance(key, str) else key].append(record["partition"])
    return places


def test_a_thousand_keys_go_where_the_java_client_sends_them():
    keys = keys_of(random.Random(1))
    assert len(set(keys)) == KEYS and keys[0] == b""
    cluster = Cluster(nodes=1)
    try:
        for topic in ("java", "ours"):
            cluster.skiff("topic", "create", topic, "-p", str(PARTITIONS))
        wanted = run_java("formats", "keys/Keys.java", cluster.brokers(), "java",
                          stdin="".join(key.hex() + "\n" for key in keys)).split()
        run = subprocess.run([SKIFF, "produce", "ours", "-K", "\t", "--dir", cluster.dir], capture_output=True,
                             input=b"".join(key + b"\t\n" for key in keys), timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        places = read(cluster, "ours")
        assert places == {key: [int(partition)] for key, partition in zip(keys, wanted)}
        assert places == read(cluster, "java")
        assert len(set(wanted)) == PARTITIONS
    finally:
        cluster.close()


def test_records_without_a_key_stay_together_for_a_while():
    cluster = Cluster(nodes=1)
    try:
        cluster.skiff("topic", "create", "sticky", "-p", str(PARTITIONS))
        used = set()
        for calls in range(1, 9):
            cluster.skiff("produce", "sticky", "-q", stdin="x\n" * 100)
            places = read(cluster, "sticky")
            assert list(places) == [None] and len(places[None]) == 100 * calls
            assert len(set(places[None]) - used) <= 2, (used, collections.Counter(places[None]))
            used |= set(places[None])
        assert len(used) > 1, used
    finally:
        cluster.close()
