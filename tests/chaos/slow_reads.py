#!/usr/bin/env python3
"""slow_reads.py -- old records read from a slow disk: nobody else waits for it.

The node's disk takes a second for each read that the page cache does not answer. Its process is a new
one, so that it has written nothing of what is read, and the kernel is told to forget the node's files.
"""
import os
import sys
import threading
import time

from live import Cluster, asked_for, batch, create_topic, fetch, need_programs, produce, run_named

SIZE, TOPICS = 12 << 20, ("old", "new")
DELAY = "1s"
SLOWEST_MS = 500


def forget(cluster, node=1):
    """Bytes of `old` that the kernel keeps no longer, as far as it does what it is asked for."""
    total = 0
    data = os.path.join(cluster.dir, f"node-{node}", "data", "old-0")
    for name in os.listdir(data):
        fd = os.open(os.path.join(data, name), os.O_RDONLY)
        total += os.fstat(fd).st_size
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
    return total


def fill(cluster):
    wire = cluster.wire(limit_s=30)
    for topic in TOPICS:
        assert create_topic(wire, topic, configs=(("segment.bytes", str(4 << 20)),))[0] == 0
    records = batch([os.urandom(1000) for _ in range(500)])
    for _ in range(SIZE // len(records) + 1):
        assert produce(wire, "old", 0, records)[0] == 0
    wire.close()


def end_of(data):
    """The offset after the last whole batch of `data`."""
    at = end = 0
    while at + 61 <= len(data):
        end = int.from_bytes(data[at:at + 8], "big") + int.from_bytes(data[at + 23:at + 27], "big") + 1
        at += 12 + int.from_bytes(data[at + 8:at + 12], "big")
    return end


class Backfill(threading.Thread):
    """Reads all of `old`, as fast as it gets it."""

    def __init__(self, cluster):
        super().__init__()
        self.wire = cluster.wire(limit_s=60)
        self.bytes, self.offset, self.failed = 0, 0, None

    def run(self):
        try:
            while True:
                error, high, data = fetch(self.wire, "old", 0, self.offset)
                assert error == 0, error
                if self.offset >= high > 0:
                    return
                self.bytes += len(data or b"")
                self.offset = max(self.offset, end_of(data or b""))
        except Exception as error:  # Told by the test.
            self.failed = error


def delayed(cluster):
    import json
    nodes = json.loads(cluster.skiff("chaos", "status", "--json"))["nodes"]
    return next(node for node in nodes if node["node"] == 1)["rules"]["reads_delayed"]


def test_a_backfill_from_a_slow_disk_holds_up_nobody_else():
    cluster = Cluster(nodes=1, chaos=True, sets=("flush.messages=100000",))
    try:
        fill(cluster)
        cluster.skiff("kill", "1")
        cluster.skiff("restart", "1")
        cluster.skiff("chaos", "slow-disk", "1", DELAY, "--reads")
        wire, took = cluster.wire(), []
        size = forget(cluster)
        backfill = Backfill(cluster)
        backfill.start()
        while backfill.is_alive():
            began = time.monotonic()
            assert produce(wire, "new", 0, batch([b"beside"]), acks=1)[0] == 0
            took.append((time.monotonic() - began) * 1000)
            time.sleep(0.002)
        backfill.join()
        slow = delayed(cluster)
        took.sort()
        told = (f"{len(took)} produce requests beside a backfill of {backfill.bytes >> 20} MiB, which waited {slow} "
                f"times: p50 {took[len(took) // 2]:.1f} ms, p99 {took[len(took) * 99 // 100]:.1f}, max {took[-1]:.1f}")
        print(told)
        assert backfill.failed is None, backfill.failed
        assert backfill.bytes >= SIZE and size >= SIZE, (backfill.bytes, size)
        assert slow >= 5, told
        assert len(took) > 100 and took[len(took) * 99 // 100] < SLOWEST_MS, told
    finally:
        cluster.close()


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
