#!/usr/bin/env python3
"""bad_disk.py -- directories that are full, rotten, taken or somebody else's.

Nodes are started as a user would start them, with skiffd and a server.properties, or as a local
cluster whose files are touched while a node is down.
"""
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from dump_files import dump, of_kind
from live import (SKIFFD, Closed, Cluster, Skip, Wire, batch, create_topic, delete_topic, fetch, free_ports, metadata,
                  need_programs, produce, run_named, tests_of, until)

UNKNOWN_TOPIC, NOT_LEADER = 3, 6


class Node:
    """One skiffd of its own quorum in the foreground."""

    def __init__(self, home, node_id=1, data=None, lines=()):
        self.data = data or os.path.join(home, "data")
        self.log_path = os.path.join(home, "log")
        self.port, internal = free_ports(2)
        config = os.path.join(home, "server.properties")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"node.id={node_id}\nprocess.roles=broker,controller\n"
                       f"listeners=CLIENT://localhost:{self.port},INTERNAL://localhost:{internal}\n"
                       "listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT\n"
                       "inter.broker.listener.name=INTERNAL\ncontroller.listener.names=INTERNAL\n"
                       f"controller.quorum.voters={node_id}@localhost:{internal}\nlog.dirs={self.data}\n"
                       + "".join(line + "\n" for line in lines))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([SKIFFD, "-c", config], stdout=log, stderr=log)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.log()[-600:]}")
        try:
            return metadata(Wire(self.port, 2.0), []) == {}
        except (OSError, Closed):
            return False

    def wire(self):
        until("a node that serves", self.serves)
        return Wire(self.port)

    def refuses(self, *words):
        """It ends with an error that says these words."""
        code = until("an end", lambda: self.process.poll(), 10)
        assert code == 1, f"exit {code}: {self.log()}"
        for word in words:
            assert word in self.log(), f"{word} is not in: {self.log()}"

    def stop(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=20)


class Home:
    """A temporary folder, and an end for whatever was started in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="skiff-test-")
        self.nodes = []
        return self

    def node(self, name="a", **more):
        folder = os.path.join(self.path, name)
        os.makedirs(folder, exist_ok=True)
        self.nodes.append(Node(folder, **more))
        return self.nodes[-1]

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.path, ignore_errors=True)


def until_marked(data, end):
    """What is synced of the partition kept-0 is noted a little later, and only what is noted is kept for certain."""
    topic, = (item["value"] for item in dump(os.path.join(data, "kept-0", "partition.metadata"))[1]
              if item.get("key") == "topic_id")
    until("a mark at the end", lambda: any(
        mark["topic_id"] == topic and mark["durable_offset"] >= end
        for path in glob.glob(os.path.join(data, "marks-*")) for mark in of_kind(dump(path)[1], "mark")))


def write(wire, topic, count, size=100):
    """Values that were acknowledged, one batch each."""
    values = []
    for number in range(count):
        value = f"{number:08d}".encode() + b"x" * size
        error, base = produce(wire, topic, 0, batch([value]))
        deadline = time.monotonic() + 5
        while error in (UNKNOWN_TOPIC, NOT_LEADER) and time.monotonic() < deadline:  # It has not heard of it yet.
            time.sleep(0.01)
            error, base = produce(wire, topic, 0, batch([value]))
        if error:
            return values, error
        assert base >= 0
        values.append(value)
    return values, 0


def read_all(wire, topic):
    data = b""
    offset = 0
    while True:
        error, high, records = fetch(wire, topic, 0, offset, wait_ms=10)
        assert error == 0, error
        if offset >= high:
            return data
        at = 0
        while at + 61 <= len(records):
            base = int.from_bytes(records[at:at + 8], "big")
            size = int.from_bytes(records[at + 8:at + 12], "big") + 12
            if at + size > len(records):
                break
            offset = base + int.from_bytes(records[at + 23:at + 27], "big") + 1
            data += records[at:at + size]
            at += size


def make_topic(wire, name, copies=1):
    assert create_topic(wire, name, 1, copies)[0] == 0
    until("a leader", lambda: metadata(wire, [name])[name][1].get(0, (0, -1))[1] > 0)


def test_a_second_process_on_the_same_directory_is_refused():
    with Home() as home:
        first = home.node()
        make_topic(first.wire(), "kept")
        second = home.node("b", data=first.data)
        second.refuses(first.data, "in use")
        assert first.serves()


def test_a_directory_of_another_node_is_refused_untouched():
    with Home() as home:
        first = home.node(node_id=1)
        make_topic(first.wire(), "kept")
        first.stop()
        before = sorted(glob.glob(first.data + "/**", recursive=True))
        home.node("b", node_id=2, data=first.data).refuses("1", "2", first.data)
        assert sorted(glob.glob(first.data + "/**", recursive=True)) == before


def test_a_directory_of_another_cluster_is_refused_with_both_ids():
    ours, theirs = Cluster(), Cluster()
    try:
        ids = [json.loads(cluster.skiff("cluster", "info", "--json"))["cluster_id"] for cluster in (ours, theirs)]
        ours.skiff("kill", "1")
        theirs.skiff("kill", "1")
        data = os.path.join(ours.dir, "node-1", "data")
        shutil.rmtree(data)
        shutil.copytree(os.path.join(theirs.dir, "node-1", "data"), data)
        ours.call("restart", "1")
        told = until("a refusal that names both",
                     lambda: next((line for line in ours.log(1).splitlines() if all(one in line for one in ids)), ""))
        assert data in told, told
        until("its end", lambda: next(node for node in ours.ps() if node["node"] == 1)["state"] != "running")
        until("the others to go on", lambda: create_topic(Wire(ours.port(2)), "kept", 1, 2)[0] in (0, 36))
    finally:
        ours.close()
        theirs.close()


def test_a_directory_of_apache_kafka_is_refused_untouched():
    with Home() as home:
        data = os.path.join(home.path, "kafka")
        os.makedirs(os.path.join(data, "orders-0"))
        for path, text in ((data + "/meta.properties", "version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\nnode.id=1\n"
                                                       "directory.id=BBBBBBBBBBBBBBBBBBBBBB\n"),
                           (data + "/orders-0/00000000000000000000.log", "not ours")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        before = sorted(glob.glob(data + "/**", recursive=True))
        home.node(data=data).refuses("Kafka", data)
        after = sorted(path for path in glob.glob(data + "/**", recursive=True))
        assert after == before, set(after) ^ set(before)


def test_a_data_directory_that_is_a_file_is_told():
    with Home() as home:
        path = os.path.join(home.path, "file")
        with open(path, "w", encoding="ascii"):
            pass
        home.node(data=path).refuses(path)


def test_a_config_that_cannot_be_read_is_told():
    with Home() as home:
        for path in (home.path, os.path.join(home.path, "none")):
            run = subprocess.run([SKIFFD, "-c", path], capture_output=True, text=True, timeout=10, check=False)
            assert run.returncode == 1 and path in run.stdout + run.stderr, run


def test_security_that_is_not_there_stops_the_start():
    for line in ("ssl.keystore.location=/etc/keys", "sasl.enabled.mechanisms=PLAIN",
                 "authorizer.class.name=org.example.Authorizer",
                 "listener.security.protocol.map=CLIENT:SASL_SSL,INTERNAL:PLAINTEXT"):
        with Home() as home:
            node = home.node(lines=[line])
            node.refuses("not built yet", "SASL_SSL" if "map" in line else line)
            assert not os.path.exists(node.data), "something was made"


def test_an_identity_that_cannot_be_read_stops_the_start_untouched():
    for text in ("", "not a file of properties", "version=1\n", "\0" * 100):
        with Home() as home:
            first = home.node()
            make_topic(first.wire(), "kept")
            first.stop()
            path = os.path.join(first.data, "meta.properties")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            before = sorted(glob.glob(first.data + "/**", recursive=True))
            home.node("b", data=first.data).refuses("meta.properties")
            assert sorted(glob.glob(first.data + "/**", recursive=True)) == before


def test_a_segment_that_cannot_be_read_is_named_and_nothing_is_cut():
    with Home() as home:
        first = home.node()
        for topic in ("kept", "lost"):
            make_topic(first.wire(), topic)
        values = {topic: write(first.wire(), topic, 5)[0] for topic in ("kept", "lost")}
        first.stop()
        path, = glob.glob(first.data + "/lost-0/*.log")
        os.rename(path, path + ".away")
        os.mkdir(path)
        home.node("b", data=first.data).refuses("lost-0 offline: ", "the log directory has failed")
        os.rmdir(path)
        os.rename(path + ".away", path)
        again = home.node("c", data=first.data)
        for topic in values:
            until("a leader", lambda name=topic: fetch(again.wire(), name, 0, 0, wait_ms=10)[0] == 0)
            kept = read_all(again.wire(), topic)
            assert len(values[topic]) == 5 and all(value in kept for value in values[topic])


def test_a_taken_port_is_told_with_listener_and_port():
    with Home() as home, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home.node(lines=[f"listeners=CLIENT://127.0.0.1:{port},INTERNAL://localhost:0"]).refuses(
            "CLIENT", str(port))


def test_a_full_disk_refuses_and_goes_on_when_there_is_room():
    if os.geteuid() != 0:
        raise Skip("mounting a small file system takes root")
    with Home() as home:
        data = os.path.join(home.path, "small")
        os.makedirs(data)
        image = os.path.join(home.path, "image")
        with open(image, "wb") as file:
            file.truncate(96 << 20)
        if subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=False).returncode or \
                subprocess.run(["mount", "-o", "loop", image, data], check=False).returncode:
            raise Skip("no loop device can be mounted here")
        try:
            shutil.rmtree(os.path.join(data, "lost+found"))
            full_disk(home, data)
        finally:
            for node in home.nodes:
                node.stop()
            subprocess.run(["umount", data], check=False)


def full_disk(home, data):
    node = home.node(data=data, lines=["log.segment.bytes=4194304"])
    wire = node.wire()
    make_topic(wire, "kept")
    make_topic(wire, "goes")
    assert write(wire, "goes", 1)[1] == 0
    values, error = write(wire, "kept", 5)
    assert error == 0
    with open(os.path.join(home.path, "small", "ballast"), "wb") as ballast:
        free = os.statvfs(data).f_bavail * os.statvfs(data).f_frsize
        ballast.write(b"\0" * max(0, free - (12 << 20)))
        ballast.flush()
        os.fsync(ballast.fileno())
    refused = 0
    for _ in range(60):
        more, error = write(wire, "kept", 1, size=900000)
        values += more
        refused += error != 0
        if refused >= 3:
            break
    assert refused, "the disk never filled"
    assert node.process.poll() is None, node.log()[-600:]
    goes, = glob.glob(os.path.join(data, "goes-0"))  # Rule 22: the metadata log has room of its own.
    assert delete_topic(wire, "goes") == 0
    until("its directory to be gone", lambda: not os.path.exists(goes))
    os.remove(os.path.join(data, "ballast"))

    def writes_again():
        more, failed = write(wire, "kept", 1)
        values.extend(more)
        return not failed
    until("a write after room was made", writes_again, 20)
    kept = read_all(wire, "kept")
    assert all(value in kept for value in values), "an acknowledged record is gone"


def flip_a_byte(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x40]))


def segment_of(cluster, node, topic):
    paths = glob.glob(os.path.join(cluster.dir, f"node-{node}", "data", f"{topic}-0", "*.log"))
    assert len(paths) == 1, paths
    return paths[0]


def test_rot_is_never_served_and_heals_from_a_peer():
    cluster = Cluster()
    try:
        wire = Wire(cluster.port(1))
        make_topic(wire, "kept", 3)
        leader = metadata(wire, ["kept"])["kept"][1][0][1]
        wire = Wire(cluster.port(leader))
        values, error = write(wire, "kept", 50)
        assert error == 0
        victim = leader % 3 + 1
        until_marked(os.path.join(cluster.dir, f"node-{victim}", "data"), len(values))
        cluster.skiff("kill", str(victim))
        flip_a_byte(segment_of(cluster, victim, "kept"))
        cluster.skiff("restart", str(victim))

        def healed():
            try:
                partition = metadata(Wire(cluster.port(leader)), ["kept"])["kept"][1][0]
            except (OSError, Closed):
                return False
            return len(partition[3]) == 3
        until("news of the rot", lambda: "kept-0 offline: " in cluster.log(victim))
        until("a full ISR again", healed, 30)
        with open(segment_of(cluster, victim, "kept"), "rb") as mended, \
                open(segment_of(cluster, leader, "kept"), "rb") as good:
            assert mended.read(1 << 20).rstrip(b"\0") == good.read(1 << 20).rstrip(b"\0")
        kept = read_all(Wire(cluster.port(leader)), "kept")
        assert all(value in kept for value in values)
    finally:
        cluster.close()


def test_a_torn_tail_beyond_the_mark_is_cut_and_the_rest_kept():
    with Home() as home:
        node = home.node()
        wire = node.wire()
        make_topic(wire, "kept")
        values, error = write(wire, "kept", 20)
        assert error == 0
        until_marked(node.data, len(values))
        node.stop()
        path, = glob.glob(node.data + "/kept-0/*.log")
        with open(path, "rb") as file:
            used = len(file.read().rstrip(b"\0"))
        with open(path, "r+b") as file:
            file.seek(used)
            file.write(batch([b"torn"])[:40])
        again = home.node("b", data=node.data)
        until("a leader", lambda: fetch(again.wire(), "kept", 0, 0, wait_ms=10)[0] == 0)
        kept = read_all(again.wire(), "kept")
        assert all(value in kept for value in values)
        assert write(again.wire(), "kept", 1)[1] == 0


def main():
    need_programs()
    return run_named(tests_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
