"""bench_describe.py -- what it costs a node to tell all configs of 1,000 topics, a part of `tools/bench admin`.

Processor time of the node from before the request to after the reply, by the kernel's count of nanoseconds; all that it
does meanwhile counts too. Every fourth topic says something itself. Synonyms are asked for, as admin tools do.
"""
import glob
import struct
import time

from bench_rows import Row
from live import Wire, text

TOPICS = 1000
OWN = (("retention.ms", "86400000"), ("cleanup.policy", "compact"), ("max.message.bytes", "2000000"))
CREATE_TOPICS, DESCRIBE_CONFIGS, TOPIC = 19, 32, 2
REQUEST_S = 0.2  # What one takes, about.


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def cpu_ms(pid):
    """Of all threads, to the nanosecond."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e6


def create(wire, names):
    topics = []
    for number, name in enumerate(names):
        configs = [text(key) + text(value) for key, value in OWN] if number % 4 == 0 else []
        topics.append(text(name) + struct.pack(">ih", 1, 3) + array([]) + array(configs))
    reply = wire.call(CREATE_TOPICS, 4, array(topics) + struct.pack(">ib", 60000, 0))
    reply.take("i")
    for _ in range(reply.take("i")):
        name = reply.text()
        code = reply.take("h")
        reply.text()
        assert code == 0, f"CreateTopics of {name}: error {code}"


def check(reply, names):
    """Each is there, in the order of the request, with its configs."""
    reply.take("i")
    assert reply.take("i") == len(names)
    assert reply.take("h") == 0
    reply.text()
    assert reply.take("b") == TOPIC
    assert reply.text() == names[0]
    assert reply.take("i") > 30


def describe_configs(runs, cluster, progress):
    wire = Wire(cluster.port(1), 60)
    names = [f"described-{number:04}" for number in range(TOPICS)]
    create(wire, names)
    body = array([struct.pack(">b", TOPIC) + text(name) + struct.pack(">i", -1) for name in names]) + b"\1\0"
    check(wire.call(DESCRIBE_CONFIGS, 3, body), names)
    samples = []
    for run in range(runs):
        before = cpu_ms(cluster.nodes[1]["pid"])
        reply = wire.call(DESCRIBE_CONFIGS, 3, body)
        samples.append(cpu_ms(cluster.nodes[1]["pid"]) - before)
        check(reply, names)
        progress.step(f"DescribeConfigs {run + 1} of {runs}: {samples[-1]:.1f} ms", REQUEST_S)
        time.sleep(0.05)
    wire.close()
    return [Row("admin", f"DescribeConfigs of {TOPICS:,} topics: processor time of the node", "ms", samples,
                targets={"max": 100})]
