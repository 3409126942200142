#!/usr/bin/env python3
"""compacted.py -- compacted topics on real nodes: kills, tombstones, replicas, what is refused.

Segments are small and the cleaner looks often, so that a few thousand records are compacted many times.
"""
import glob
import os
import random
import sys
import urllib.request

from live import Cluster, asked_for, need_programs, run_named, until

SETS = ("log.cleaner.backoff.ms=100",)
TOPIC = ("-c", "cleanup.policy=compact", "-c", "segment.bytes=65536", "-c", "min.cleanable.dirty.ratio=0.1",
         "-c", "delete.retention.ms=200")
KEYS = 60


def metric(cluster, name, node=1):
    port = cluster.nodes[node]["http_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        for line in page.read().decode().splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
    raise AssertionError(f"no metric {name}")


def compactions(cluster, node=1):
    return metric(cluster, "skiff_compactions_total", node)


class Model:
    """What was acknowledged last of each key."""

    def __init__(self, seed=1):
        self.random = random.Random(seed)
        self.last, self.serial = {}, 0

    def write(self, cluster, records=3000, codec=None):
        lines, new = [], {}
        for _ in range(records):
            self.serial += 1
            key, value = f"k{self.random.randrange(KEYS)}", f"v{self.serial} {self.random.randbytes(60).hex()}"
            new[key] = value
            lines.append(f"{key}:{value}\n")
        words = ["-z", codec] if codec else []
        cluster.skiff("produce", "kv", "-K", ":", "-q", "-X", "batch.size=20000", *words,
                      stdin="".join(lines))
        self.last.update(new)

    def delete(self, cluster, keys):
        cluster.skiff("produce", "kv", "-K", ":", "-q", "-Z", stdin="".join(f"{key}:\n" for key in keys))
        for key in keys:
            self.last.pop(key, None)


def read(cluster):
    """(records read, last value of each key); offsets must rise."""
    found, count, before = {}, 0, -1
    for line in cluster.skiff("consume", "kv", "-e", "-f", "%o|%S|%k|%v\\n").splitlines():
        offset, size, key, value = line.split("|", 3)
        assert int(offset) > before, (before, line)
        before, count = int(offset), count + 1
        if int(size) < 0:
            found.pop(key, None)
        else:
            found[key] = value
    return count, found


def folders(cluster):
    return [os.path.join(cluster.dir, f"node-{node}", "data", "kv-0") for node in sorted(cluster.nodes)]


def leftovers(folder):
    return glob.glob(folder + "/*.cleaned") + glob.glob(folder + "/*.swap")


def size_of(folder):
    """Bytes of the segments; one may go while we look."""
    size = 0
    for path in glob.glob(folder + "/*.log"):
        try:
            size += os.path.getsize(path)
        except FileNotFoundError:
            pass
    return size


def test_of_each_key_the_last_value_is_read_whatever_was_killed_when():
    cluster, model = Cluster(nodes=1, sets=SETS), Model()
    try:
        cluster.skiff("topic", "create", "kv", "-p", "1", *TOPIC)
        for number in range(14):
            model.write(cluster, codec=(None, "lz4", "zstd", "gzip", "snappy")[number % 5])
            if number % 3 == 0:
                until("a compaction since the start", lambda: compactions(cluster) > 0, 30)
            cluster.skiff("kill", "1")
            cluster.skiff("restart", "1")
            count, found = read(cluster)
            assert found == model.last, set(found.items()) ^ set(model.last.items())
        until("most of it is gone", lambda: read(cluster)[0] < 6000, 30)
        assert metric(cluster, "kafka_log_logcleanermanager_uncleanable_partitions_count") == 0
        assert leftovers(folders(cluster)[0]) == []
    finally:
        cluster.close()


def test_a_deleted_key_does_not_come_back_and_its_tombstone_goes():
    cluster, model = Cluster(nodes=1, sets=SETS), Model()
    try:
        cluster.skiff("topic", "create", "kv", "-p", "1", *TOPIC)
        model.write(cluster)
        gone = [f"k{i}" for i in range(0, KEYS, 2)]
        model.delete(cluster, gone)

        def keys_left():
            lines = "".join(f"filler:{i}{'x' * 900}\n" for i in range(200))
            cluster.skiff("produce", "kv", "-K", ":", "-q", stdin=lines)
            shown = cluster.skiff("consume", "kv", "-e", "-f", "%k\\n").split()
            return set(shown) & set(gone)
        until("no tombstone is left", lambda: not keys_left(), 60)
        count, found = read(cluster)
        found.pop("filler")
        assert found == model.last
    finally:
        cluster.close()


def test_each_replica_compacts_by_itself_and_any_may_lead():
    cluster, model = Cluster(nodes=3, sets=SETS), Model()
    try:
        cluster.skiff("topic", "create", "kv", "-p", "1", *TOPIC)
        for _ in range(3):
            model.write(cluster)
        for folder in folders(cluster):
            until(f"{folder} shrinks", lambda at=folder: size_of(at) < 500000, 30)
        for _ in range(2):
            cluster.skiff("kill", "leader:kv/0")
            model.write(cluster)
            assert read(cluster)[1] == model.last
            for node in [at["node"] for at in cluster.ps() if at["state"] != "running"]:
                cluster.skiff("restart", str(node))
        assert read(cluster)[1] == model.last
    finally:
        cluster.close()


def test_a_record_without_a_key_is_refused():
    cluster = Cluster(nodes=1, sets=SETS)
    try:
        cluster.skiff("topic", "create", "kv", "-p", "1", *TOPIC)
        run = cluster.call("produce", "kv", stdin="nobody\n")
        assert run.returncode == 1, (run.returncode, run.stderr)
        assert "validate" in run.stderr or "INVALID_RECORD" in run.stderr, run.stderr
        assert read(cluster)[0] == 0
    finally:
        cluster.close()


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
