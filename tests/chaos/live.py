"""live.py -- what the tests of live nodes share: a throw-away cluster, raw frames, named tests.

The frames are built here by hand, not by the broker's own codec, so that a mistake that both
sides of that codec share is seen. Python's standard library only.
"""
import glob
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SKIFF_BUILD", os.path.join(ROOT, "build"))
SKIFF = os.path.join(BUILD, "skiff")
SKIFFD = os.path.join(BUILD, "skiffd")

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS = 0, 1, 2, 3, 18, 19, 20


class Skip(Exception):
    """The machine lacks what this test needs."""


def until(what, condition, limit_s=60.0):
    """Poll a condition; what it returned when it became true."""
    deadline = time.monotonic() + limit_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}")
        time.sleep(0.005)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def quickest(action, tries=20):
    """Seconds of the quickest try: a busy machine makes some slow, a fault all of them."""
    def seconds():
        begun = time.monotonic()
        action()
        return time.monotonic() - begun
    return min(seconds() for _ in range(tries))


def is_failing():
    """Whether a test's failure is on its way while something is closed."""
    return isinstance(sys.exc_info()[1], Exception) and not isinstance(sys.exc_info()[1], Skip)


class Cluster:
    """`skiff up` in a directory of its own, on free ports; taken down at the end."""

    def __init__(self, nodes=3, sets=(), chaos=False):
        self.home = tempfile.mkdtemp(prefix="skiff-test-")
        self.dir = os.path.join(self.home, "cluster")
        self.env = dict(os.environ, XDG_STATE_HOME=os.path.join(self.home, "state"), SKIFFD=SKIFFD)
        self.env.pop("SKIFF_BROKERS", None)
        words = ["up", "-n", str(nodes), "-p", "0"]
        self.chaos = chaos
        if chaos:
            words.append("--chaos")
        for line in sets:
            words += ["--set", line]
        try:
            self.skiff(*words)
            self.nodes = {node["node"]: node for node in self.ps()}
        except BaseException:  # Ctrl-C too: nodes are sessions of their own, and would stay.
            self.close()
            raise

    def call(self, *words, stdin=None, timeout=60):
        return subprocess.run([SKIFF, *words, "--dir", self.dir], input=stdin, env=self.env,
                              capture_output=True, text=True, timeout=timeout, check=False)

    def skiff(self, *words, stdin=None, timeout=60):
        run = self.call(*words, stdin=stdin, timeout=timeout)
        assert run.returncode == 0, f"skiff {' '.join(words)}: exit {run.returncode}: {run.stderr}"
        return run.stdout

    def ps(self):
        import json
        return json.loads(self.skiff("ps", "--json"))["nodes"]

    def port(self, node=1):
        return self.nodes[node]["port"]

    def host(self, node=1):
        return f"127.0.2.{node}" if self.chaos else "localhost"

    def brokers(self):
        return ",".join(f"{self.host(number)}:{node['port']}" for number, node in self.nodes.items())

    def wire(self, node=1, limit_s=5.0):
        return Wire(self.port(node), limit_s, self.host(node))

    def log(self, node=1):
        with open(os.path.join(self.dir, f"node-{node}", "log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def resident(self, node=1, field="VmRSS"):
        with open(f"/proc/{self.nodes[node]['pid']}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field}")

    def assert_same_processes(self):
        now = {node["node"]: node["pid"] for node in self.ps() if node["state"] == "running"}
        before = {number: node["pid"] for number, node in self.nodes.items()}
        assert now == before, f"processes were {before} and are {now}\n{self.log()[-800:]}"

    def close(self):
        """What the nodes of a failed test said stays, beside it."""
        if is_failing():
            self.call("down")
            print(f"the nodes' folders stay: {self.dir}", flush=True)
            return
        self.call("down", "--rm")
        shutil.rmtree(self.home, ignore_errors=True)


class Closed(Exception):
    """The broker closed the connection."""


class Wire:
    """One connection, raw."""

    def __init__(self, port, limit_s=5.0, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=limit_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = 0

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Closed from error

    def frame(self, body):
        self.raw(struct.pack(">i", len(body)) + body)

    def receive(self, size):
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionResetError as error:
                raise Closed from error
            if not part:
                raise Closed
            data += part
        return data

    def reply(self):
        size, = struct.unpack(">i", self.receive(4))
        return self.receive(size)

    def send(self, key, version, body=b"", flexible=False):
        self.correlation += 1
        header = struct.pack(">hhi", key, version, self.correlation) + text("chaos")
        self.frame(header + (b"\0" if flexible else b"") + body)
        return self.correlation

    def call(self, key, version, body=b"", flexible=False):
        """The reply's body, after its header of a version that is not flexible."""
        correlation = self.send(key, version, body, flexible)
        reply = self.reply()
        got, = struct.unpack(">i", reply[:4])
        assert got == correlation, f"reply {got} to request {correlation}"
        return Reader(reply[4:])

    def is_closed(self):
        """Whether the broker closes without saying a word."""
        try:
            data = self.socket.recv(1)
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        return data == b""

    def close(self):
        self.socket.close()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        size = self.take("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def bytes(self):
        size = self.take("i")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at]


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def record(delta, value, key=None):
    body = b"\0" + varint(0) + varint(delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(values, **odd):
    """A record batch of format 2; `odd` overrides single header fields to make it wrong."""
    now = int(time.time() * 1000)
    records = odd.get("records", b"".join(record(i, value) for i, value in enumerate(values)))
    tail = struct.pack(">hiqqqhii", odd.get("attributes", 0),
                       odd.get("last_delta", len(values) - 1), odd.get("timestamp", now), odd.get("timestamp", now),
                       odd.get("producer_id", -1), odd.get("producer_epoch", -1),
                       odd.get("sequence", -1), odd.get("count", len(values))) + records
    crc = odd.get("crc", crc32c(tail))
    rest = struct.pack(">ibI", -1, odd.get("magic", 2), crc) + tail
    return struct.pack(">qi", 0, odd.get("length", len(rest))) + rest


def produce_body(topic, partition, records, acks=-1, timeout_ms=5000):
    return (text(None) + struct.pack(">hii", acks, timeout_ms, 1) + text(topic)
            + struct.pack(">ii", 1, partition) + struct.pack(">i", len(records)) + records)


def produce(wire, topic, partition, records, acks=-1, version=7):
    """(error, base offset)"""
    reply = wire.call(PRODUCE, version, produce_body(topic, partition, records, acks))
    assert reply.take("i") == 1
    reply.text()
    assert reply.take("i") == 1
    index, error, base = reply.take("ihq")
    assert index == partition
    return error, base


def fetch(wire, topic, partition, offset, max_bytes=1 << 20, wait_ms=500):
    """(error, high watermark, record bytes), by Fetch 4."""
    body = struct.pack(">iiiib", -1, wait_ms, 1, max_bytes, 0) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">iiqi", 1, partition, offset, max_bytes)
    reply = wire.call(FETCH, 4, body)
    reply.take("i")
    assert reply.take("i") == 1
    reply.text()
    assert reply.take("i") == 1
    _, error, high, _ = reply.take("ihqq")
    aborted = reply.take("i")
    assert aborted <= 0
    return error, high, reply.bytes()


def create_topic(wire, name, partitions=1, copies=1, configs=(), timeout_ms=5000):
    """(error, message), by CreateTopics 2."""
    body = struct.pack(">i", 1) + text(name) + struct.pack(">ihi", partitions, copies, 0)
    body += struct.pack(">i", len(configs)) + b"".join(text(k) + text(v) for k, v in configs)
    reply = wire.call(CREATE_TOPICS, 2, body + struct.pack(">ib", timeout_ms, 0))
    reply.take("i")
    assert reply.take("i") == 1
    reply.text()
    return reply.take("h"), reply.text()


def delete_topic(wire, name, timeout_ms=5000):
    """error, by DeleteTopics 1."""
    reply = wire.call(DELETE_TOPICS, 1, struct.pack(">i", 1) + text(name) + struct.pack(">i", timeout_ms))
    reply.take("i")
    assert reply.take("i") == 1
    reply.text()
    return reply.take("h")


def metadata(wire, topics, create=False):
    """{topic: (error, {partition: (error, leader, replicas, isr)})}, by Metadata 4."""
    body = struct.pack(">i", len(topics)) + b"".join(text(name) for name in topics)
    reply = wire.call(METADATA, 4, body + struct.pack(">b", create))
    reply.take("i")
    for _ in range(reply.take("i")):
        reply.take("i"), reply.text(), reply.take("i"), reply.text()
    reply.text(), reply.take("i")
    found = {}
    for _ in range(reply.take("i")):
        error = reply.take("h")
        name = reply.text()
        reply.take("b")
        partitions = {}
        for _ in range(reply.take("i")):
            wrong, index, leader = reply.take("hii")
            nodes = [[reply.take("i") for _ in range(reply.take("i"))] for _ in range(2)]
            partitions[index] = (wrong, leader, *nodes)
        found[name] = (error, partitions)
    return found


def run_named(tests, argument=None):
    """Run functions whose names are sentences; the closing line counts them. Exit code."""
    passed = failed = skipped = 0
    for test in tests:
        name = test.__name__.removeprefix("test_")
        start = time.monotonic()
        try:
            test(argument) if argument is not None else test()
            passed += 1
            print(f"ok    {name} ({time.monotonic() - start:.1f} s)", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skip  {name}: {why}", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {name}\n{traceback.format_exc(limit=4)}", flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


def tests_of(module_globals):
    return [value for name, value in module_globals.items() if name.startswith("test_")]


def asked_for(module_globals, words=None):
    """Of a file's tests those in whose names a word of the command line stands; all where there is none."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")] if words is None else words
    return [test for test in tests_of(module_globals) if not words or any(word in test.__name__ for word in words)]


def run_in_cluster(module_globals, **settings):
    """A file's tests, which find the cluster that they share in its global `cluster`. Exit code."""
    need_programs()
    cluster = module_globals["cluster"] = Cluster(**settings)
    try:
        return run_named(asked_for(module_globals))
    finally:
        cluster.close()


def command_lines():
    """Those of all processes, in words."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                yield file.read().split("\0")
        except OSError:
            continue


def need_programs():
    for program in (SKIFF, SKIFFD):
        if not os.access(program, os.X_OK):
            print(f"{program} does not exist", file=sys.stderr)
            sys.exit(1)
