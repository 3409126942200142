"""stock.py -- what Kafka brings to run beside a broker: Connect, MirrorMaker 2, Streams, from stock jars; one program each.

A function takes a cluster and a folder for its files; what the processes say lies there too.
"""
import collections
import json
import os
import subprocess
import urllib.error
import urllib.request

from live import free_ports, until
from ready import java

LIMIT_S = 180.0
CONVERTER = "org.apache.kafka.connect.storage.StringConverter"


class Process:
    """A program that runs until it is ended; what it says goes to a file."""

    def __init__(self, folder, name, program, *words):
        self.path = os.path.join(folder, f"{name}.log")
        with open(self.path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(java("stock", program, *words), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def assert_runs(self):
        if self.process.poll() is not None:
            with open(self.path, encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"exit {self.process.returncode}: {log.read()[-1500:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; 143 is how Java tells that it ended so."""
        self.process.terminate()
        assert self.process.wait(timeout=LIMIT_S) == 143, self.process.returncode


def soon(process, what, condition):
    """As until(); a program that has ended is not waited for."""
    def look():
        process.assert_runs()
        return condition()
    return until(what, look, LIMIT_S)


def write_properties(folder, name, settings):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{key}={value}\n" for key, value in settings.items())
    return path


def rest(port, path, method="GET", body=None):
    """The answer of a worker, None while it cannot be had."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)
    except (urllib.error.URLError, OSError):
        return None


def worker(cluster, folder, number, port):
    """One of a distributed Connect cluster."""
    settings = {"bootstrap.servers": cluster.brokers(), "group.id": "connect", "key.converter": CONVERTER,
                "value.converter": CONVERTER, "listeners": f"http://127.0.0.1:{port}", "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500, "rebalance.timeout.ms": 6000, "scheduled.rebalance.max.delay.ms": 500,
                "offset.flush.interval.ms": 500}
    for kind in ("offset", "config", "status"):
        settings.update({f"{kind}.storage.topic": f"connect-{kind}s", f"{kind}.storage.replication.factor": 3})
    path = write_properties(folder, f"worker-{number}.properties", settings)
    return Process(folder, f"worker-{number}", "org.apache.kafka.connect.cli.ConnectDistributed", path)


def running(port, name):
    """The workers of a connector's tasks, if all of them run."""
    state = rest(port, f"/connectors/{name}/status")
    tasks = state["tasks"] if state else []
    return [task["worker_id"] for task in tasks] if tasks and all(task["state"] == "RUNNING" for task in tasks) else None


def append(path, first, end):
    with open(path, "a", encoding="ascii") as file:
        file.writelines(f"line {number}\n" for number in range(first, end))


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        return file.read().split("\n")[:-1]


def kafka_connect(cluster, folder):
    """Two workers carry the lines of a file through a topic into another; one of them is killed, the other goes on."""
    source, sink = os.path.join(folder, "source.txt"), os.path.join(folder, "sink.txt")
    append(source, 0, 500)
    ports = free_ports(2)
    workers = {port: worker(cluster, folder, number, port) for number, port in enumerate(ports)}
    try:
        for port, process in workers.items():
            soon(process, "a worker answers", lambda port=port: rest(port, "/connectors") is not None)
        for name, kind, more in (("source", "Source", {"file": source, "topic": "carried"}),
                                 ("sink", "Sink", {"file": sink, "topics": "carried"})):
            config = {"connector.class": f"org.apache.kafka.connect.file.FileStream{kind}Connector", **more}
            soon(workers[ports[0]], f"{name} is taken",
                 lambda name=name, config=config: rest(ports[0], f"/connectors/{name}/config", "PUT", config))
        soon(workers[ports[0]], "500 lines are carried", lambda: len(lines_of(sink)) >= 500)
        assert lines_of(sink) == [f"line {number}" for number in range(500)]
        where = soon(workers[ports[0]], "the source runs", lambda: running(ports[0], "source"))
        killed, = [port for port in ports if where[0].endswith(f":{port}")]
        left, = set(ports) - {killed}
        workers[killed].kill()
        append(source, 500, 1000)
        wanted = {f"line {number}" for number in range(1000)}
        soon(workers[left], "the other worker carries on", lambda: set(lines_of(sink)) == wanted)
        workers[left].stop()
    finally:
        for process in workers.values():
            process.kill()


def kafka_streams(cluster, folder):
    """A word count; a second instance takes over from one that is killed, with what the first one had counted."""
    for topic in ("lines", "counts"):
        cluster.skiff("topic", "create", topic, "-p", "3", "-r", "3")
    words = [f"word-{number % 7}" for number in range(700)]
    for number in range(2):
        cluster.skiff("produce", "lines", stdin="".join(f"{word} and {word}\n" for word in words))
        wanted = {**{f"word-{one}": 200 * (number + 1) for one in range(7)}, "and": 700 * (number + 1)}
        process = Process(folder, f"streams-{number}", "WordCount", cluster.brokers(), "lines", "counts",
                          os.path.join(folder, f"state-{number}"))
        try:
            soon(process, "all words are counted", lambda wanted=wanted: last_counts(cluster) == wanted)
            soon(process, "what was read is committed", lambda: lag(cluster, "word-count") == 0)
        finally:
            process.kill()


def last_counts(cluster):
    """{word: the newest count}"""
    counts = collections.defaultdict(int)
    for line in cluster.skiff("consume", "counts", "-e", "-f", "%k %s\\n").splitlines():
        word, count = line.split(" ")
        counts[word] = max(counts[word], int(count))
    return counts


def lag(cluster, group):
    run = cluster.call("group", "describe", group, "--json")
    return json.loads(run.stdout)[0]["lag"] if run.returncode == 0 else None


def kafka_mirror_maker(cluster, folder, other):
    """A topic and the place of a group in it go to another cluster, also what is written while the mirror runs."""
    cluster.skiff("topic", "create", "mirrored", "-p", "3", "-r", "3")
    cluster.skiff("produce", "mirrored", stdin="".join(f"{number}\n" for number in range(1000)))
    cluster.skiff("consume", "mirrored", "-g", "readers", "-e")
    settings = {"clusters": "here,there", "here.bootstrap.servers": cluster.brokers(),
                "there.bootstrap.servers": other.brokers(), "here->there.enabled": "true", "here->there.topics": "mirrored",
                "there->here.enabled": "false", "replication.factor": 3, "sync.group.offsets.enabled": "true",
                "sync.group.offsets.interval.seconds": 1, "emit.checkpoints.interval.seconds": 1,
                "refresh.topics.interval.seconds": 2, "refresh.groups.interval.seconds": 2, "offset.lag.max": 0}
    for kind in ("checkpoints", "heartbeats", "offset-syncs"):
        settings[f"{kind}.topic.replication.factor"] = 3
    path = write_properties(folder, "mirror.properties", settings)
    process = Process(folder, "mirror", "org.apache.kafka.connect.mirror.MirrorMaker", path)
    try:
        soon(process, "the topic is there", lambda: "here.mirrored" in other.skiff("topic", "ls"))
        soon(process, "its records are there", lambda: mirrored(other) == set(range(1000)))
        soon(process, "the group stands at the end", lambda: lag(other, "readers") == 0)
        cluster.skiff("produce", "mirrored", stdin="".join(f"{number}\n" for number in range(1000, 1500)))
        soon(process, "new records are there", lambda: mirrored(other) == set(range(1500)))
        process.stop()
    finally:
        process.kill()


def mirrored(cluster):
    return {int(line) for line in cluster.skiff("consume", "here.mirrored", "-e", "-f", "%s\\n").split()}
