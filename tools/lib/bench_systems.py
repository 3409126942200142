"""bench_systems.py -- the two systems of tools/bench, started and stopped alike: Skiff and Apache Kafka.

Both get the defaults of their makers but for what a fair race needs: the same disk, topics made with
the same settings, and old topics deleted soon. Kafka comes as published, from its jars, with the
heap and the collector that its own scripts choose.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import bench_machine
import kafka_program
import live
from kafka_program import VERSION as KAFKA, Missing, fetch as fetch_kafka  # noqa: F401  (for their users)
from live import Cluster, Wire, fetch, until


class System:
    """Nodes under load: who they are, and topics on them."""

    name = ""
    moved = 0  # How often a request met a controller that no longer was one.

    def pids(self):
        raise NotImplementedError

    def brokers(self):
        raise NotImplementedError

    def skiff(self, *words):
        """The command line is a client like any other, for both systems.

        A controller that changes meanwhile is asked again, as every client does.
        """
        deadline = time.monotonic() + 30
        while True:
            run = subprocess.run([live.SKIFF, *words, "-b", self.brokers(), "--timeout", "30s"],
                                 env=dict(os.environ, XDG_STATE_HOME=self.home), capture_output=True, text=True,
                                 timeout=60, check=False)
            if run.returncode == 0:
                return
            if "NOT_CONTROLLER" not in run.stderr or time.monotonic() > deadline:
                raise AssertionError(f"{self.name}: skiff {' '.join(words)}: {run.stderr.strip()}")
            self.moved += 1
            time.sleep(0.1)

    def create(self, topic, partitions, copies, synced):
        every = "1" if synced else "9223372036854775807"
        self.skiff("topic", "create", topic, "-p", str(partitions), "-r", str(copies),
                   "-c", f"flush.messages={every}", "-c", f"min.insync.replicas={min(2, copies)}")
        until(f"leaders of {topic} at {self.name}", lambda: self.is_served(topic, partitions), 30)

    def is_served(self, topic, partitions):
        """Whether each leader knows that it leads: Kafka's metadata says so before its broker does."""
        wires = [Wire(port) for port in self.ports]
        try:
            answers = [fetch(wire, topic, partition, 0, wait_ms=0)[0]
                       for wire in wires for partition in range(partitions)]
            return answers.count(0) == partitions
        finally:
            for wire in wires:
                wire.close()

    def delete(self, topic):
        self.skiff("topic", "delete", topic)

    def cpu(self):
        return sum(bench_machine.cpu_of(pid) for pid in self.pids())

    def peak_memory(self):
        """Of the node that took most."""
        return max(bench_machine.peak_memory(pid) for pid in self.pids())


class Skiff(System):
    name = "Skiff"

    def __init__(self, nodes, sets=()):
        self.cluster = Cluster(nodes, sets=sets)
        self.home = self.cluster.home
        self.ports = [node["port"] for node in self.cluster.nodes.values()]

    def pids(self):
        return [node["pid"] for node in self.cluster.nodes.values()]

    def brokers(self):
        return self.cluster.brokers()

    def close(self):
        self.cluster.close()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Kafka(System):
    """Combined brokers and controllers, each a process with a heap of 1 GB."""

    name = f"Apache Kafka {KAFKA}"

    def __init__(self, nodes):
        self.home = tempfile.mkdtemp(prefix="skiff-bench-kafka-")
        self.processes = []
        ports = free_ports(2 * nodes)
        self.ports, self.voters = ports[:nodes], ports[nodes:]
        try:
            for node in range(nodes):
                self.format(node + 1)
            for node in range(nodes):
                self.start(node + 1)
            for port in self.ports:
                until(f"Kafka at {port}", lambda: self.answers(port, nodes), 90)
        except BaseException:
            self.close()
            raise

    def path(self, node, name):
        return os.path.join(self.home, f"{name}-{node}")

    def format(self, node):
        voters = {i + 1: f"127.0.0.1:{port}" for i, port in enumerate(self.voters)}
        clients = {"PLAINTEXT": f"127.0.0.1:{self.ports[node - 1]}"}
        properties = self.path(node, "server.properties")
        kafka_program.write_properties(
            properties, node, voters, {**clients, "CONTROLLER": voters[node]}, clients,
            [f"log.dirs={self.path(node, 'data')}", "log.segment.delete.delay.ms=1000",
             f"offsets.topic.replication.factor={min(3, len(self.ports))}"])
        kafka_program.format_storage(properties)

    def start(self, node):
        with open(self.path(node, "log"), "wb") as log:
            self.processes.append(subprocess.Popen(
                kafka_program.broker(self.path(node, "server.properties")), stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True))

    def answers(self, port, nodes):
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                with open(self.path(number + 1, "log"), encoding="utf-8", errors="replace") as log:
                    raise AssertionError(f"Kafka ended with {process.returncode}: {log.read()[-800:]}")
        try:
            wire = Wire(port, 2)
            reply = wire.call(live.METADATA, 4, b"\0\0\0\0\0")
            reply.take("i")
            wire.close()
            return reply.take("i") == nodes
        except (OSError, live.Closed):
            return False

    def pids(self):
        return [process.pid for process in self.processes]

    def brokers(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
