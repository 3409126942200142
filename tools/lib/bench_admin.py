"""bench_admin.py -- many topics: making them, and being told of them.

    create    1000 topics of 3 partitions on 3 nodes in one request, until it is answered; each run on nodes of its own
    metadata  a cluster of 10,000 topics tells all of them in one answer: processor time of the node that is asked
    configs   all configs of 1000 topics: bench_describe.py
"""
import contextlib
import struct
import time

from bench_describe import cpu_ms, describe_configs
from bench_rows import Row
from live import Cluster, text, until

CREATE_TOPICS, METADATA = 19, 3
TOPICS, PARTITIONS, COPIES, MANY, AT_ONCE = 1000, 3, 3, 10000, 500
TIMEOUT_MS = 120000
CREATE_S, FILL_S, TELL_S = 6, 20, 5  # What each takes, about.


def create(wire, names, partitions):
    """Seconds until all of them were confirmed, by CreateTopics 4."""
    body = struct.pack(">i", len(names))
    body += b"".join(text(name) + struct.pack(">ihii", partitions, COPIES, 0, 0) for name in names)
    began = time.monotonic()
    reply = wire.call(CREATE_TOPICS, 4, body + struct.pack(">ib", TIMEOUT_MS, 0))
    took = time.monotonic() - began
    reply.take("i")
    for _ in range(reply.take("i")):
        name, code, why = reply.text(), reply.take("h"), reply.text()
        assert code == 0, f"{name}: error {code}, {why}"
    return took


def names_of(first, count):
    return [f"a-topic-of-the-bench-{first + index:06d}" for index in range(count)]


def nodes_ms(cluster):
    return sum(cpu_ms(node["pid"]) for node in cluster.nodes.values())


def create_rows(runs, progress):
    took, spent = [], []
    for run in range(runs):
        cluster = Cluster(3)
        try:
            before = nodes_ms(cluster)
            with contextlib.closing(cluster.wire(limit_s=TIMEOUT_MS / 1000)) as wire:
                took.append(create(wire, names_of(0, TOPICS), PARTITIONS))
            spent.append((nodes_ms(cluster) - before) / 1000)
        finally:
            cluster.close()
        progress.step(f"{TOPICS} topics are made, {run + 1} of {runs}: {took[-1]:.3f} s, processors {spent[-1]:.3f} s",
                      CREATE_S)
    what = f"CreateTopics of {TOPICS:,} topics x {PARTITIONS} partitions, {COPIES} copies"
    return [Row("admin", f"{what}: until it is answered", "s", took, targets={"max": 2.0}),
            Row("admin", f"{what}: processor time of all nodes until then", "s", spent)]


def rest(cluster):
    """Wait until the nodes have nothing more to do with what was made."""
    def is_resting():
        before = nodes_ms(cluster)
        time.sleep(0.5)  # Between two readings.
        return nodes_ms(cluster) - before < 50
    until("the nodes rest", is_resting, 120)


def metadata_rows(runs, cluster, progress):
    progress.step(f"{MANY:,} topics are made", FILL_S)
    pid, samples = cluster.nodes[1]["pid"], []
    with contextlib.closing(cluster.wire(limit_s=TIMEOUT_MS / 1000)) as wire:
        for first in range(0, MANY, AT_ONCE):
            create(wire, names_of(first, AT_ONCE), 1)
        rest(cluster)
        for run in range(runs):
            before = cpu_ms(pid)
            wire.send(METADATA, 12, b"\0\0\0\0", flexible=True)
            reply = wire.reply()
            samples.append(cpu_ms(pid) - before)
            assert len(reply) > MANY * 60, f"{len(reply)} bytes tell of no {MANY} topics"
            progress.step(f"Metadata {run + 1} of {runs}: {samples[-1]:.1f} ms")
    return [Row("admin", f"Metadata of {MANY:,} topics, {COPIES} copies: processor time of the node", "ms", samples,
                targets={"max": 50})]


# ---- The bench.

def on_three_nodes(rows, runs, progress):
    cluster = Cluster(3)
    try:
        return rows(runs, cluster, progress)
    finally:
        cluster.close()


def some(runs):
    return max(1, min(runs, 5))


def bench_admin(runs, progress, _):
    return (create_rows(some(runs), progress) + on_three_nodes(metadata_rows, runs, progress)
            + on_three_nodes(describe_configs, runs, progress))


def seconds(runs):
    return some(runs) * CREATE_S + FILL_S + TELL_S


BENCHES = {"admin": (bench_admin, seconds)}
