"""bench_faults.py -- startup, failover and idle: what Skiff's quorum does, seen by a stock client.

    startup   `skiff up -n 3` to the first record acknowledged with acks=all (RF 3, min ISR 2, synced);
              the same after kill -9 of all three, from their restart
    failover  the longest gap between acknowledgements of a stock idempotent librdkafka producer
              (200 records a second, one partition) when nodes are killed or stopped
    idle      memory and processor time of nodes with one topic and no clients
"""
import json
import os
import signal
import subprocess
import threading
import time

import live
from bench_rows import Row
from live import Cluster, Wire, batch, create_topic, metadata, produce, until

PROBE = os.path.join(live.BUILD, "ack-probe")
RATE = 200
SETTLE_S = 0.7
START_S, KILL_S, STOP_S, IDLE_S = 2, 5, 4, 20  # What one of each takes, about.


def stops(runs):
    """A stopped node takes longer to be missed, so there are fewer of them."""
    return max(3, runs // 4)


def kill_all(cluster):
    for node in cluster.ps():
        if node["state"] != "down":
            os.kill(node["pid"], signal.SIGKILL)
    until("all down", lambda: all(node["state"] == "down" for node in cluster.ps()))


def bench_startup(runs, progress, _):
    fresh, again = [], []
    for run in range(runs):
        cluster = Cluster()
        try:
            fresh.append(json.loads(cluster.skiff("up", "--json"))["first_ack_us"] / 1e6)
            cluster.skiff("topic", "create", "kept", "-p", "12")
            cluster.skiff("produce", "kept", stdin="".join(f"line {i}\n" for i in range(1000)))
            kill_all(cluster)
            again.append(json.loads(cluster.skiff("up", "--json"))["first_ack_us"] / 1e6)
        finally:
            cluster.close()
        progress.step(f"startup {run + 1} of {runs}: {fresh[-1]:.3f} s fresh, {again[-1]:.3f} s again", START_S)
    return [Row("startup", "three nodes to the first acked write", "s", fresh, targets={"p50": 0.25}),
            Row("startup", "all killed, restart to the first acked write", "s", again, targets={"p50": 0.6})]


class Probe:
    """ack-probe at work, its lines read as they come."""

    def __init__(self, cluster, topic, partition=0):
        self.process = subprocess.Popen([PROBE, cluster.brokers(), topic, str(partition), str(RATE)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.acks = []
        self.errors = []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            moment, error = line.split()
            (self.acks if error == "0" else self.errors).append(int(moment) / 1e6)

    def settle(self):
        """Acknowledgements come without a pause for a while."""
        def steady():
            now = time.monotonic()
            recent = [ack for ack in self.acks[-2 * RATE:] if ack > now - SETTLE_S]
            gaps = [b - a for a, b in zip(recent, recent[1:])]
            return len(recent) > SETTLE_S * RATE / 2 and max(gaps) < 0.1
        until("steady acknowledgements", steady, 30)

    def gap_around(self, moment, limit_s=30):
        """The longest gap that ends after `moment`, once acknowledgements are steady again."""
        until("an acknowledgement after the fault", lambda: self.acks[-1] > moment + 0.05, limit_s)
        until_steady = time.monotonic() + SETTLE_S
        while time.monotonic() < until_steady:
            time.sleep(0.05)
        self.settle()
        acks = [ack for ack in self.acks if ack > moment - 1.0]
        gaps = [(b - a) for a, b in zip(acks, acks[1:]) if b > moment]
        return max(gaps)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.thread.join()


def leaders(cluster, topic):
    described = json.loads(cluster.skiff("topic", "describe", topic, "--json"))[0]["partitions"]
    return {p["partition"]: (p["leader"], len(p["isr"])) for p in described}


def controller(cluster):
    return json.loads(cluster.skiff("cluster", "quorum", "--json"))["leader"]


def full_isr(cluster, topic):
    def is_full():
        run = cluster.call("topic", "describe", topic, "--json")
        if run.returncode != 0:
            return False
        return all(len(p["isr"]) == 3 for p in json.loads(run.stdout)[0]["partitions"])
    until("a full ISR", is_full, 30)


def fault(cluster, node, number):
    os.kill(next(n["pid"] for n in cluster.ps() if n["node"] == node), number)
    return time.monotonic()


def choose(cluster, topic, wanted):
    """(partition, victim) for a kind of fault, or None when the leaders stand otherwise."""
    office = controller(cluster)
    for partition, (leader, _) in sorted(leaders(cluster, topic).items()):
        if wanted == "leader" and leader != office:
            return partition, leader
        if wanted == "leader and controller" and leader == office:
            return partition, leader
        if wanted == "controller" and leader not in (office, -1):
            return partition, office
    return None


def gaps_of_kills(wanted, runs, progress):
    """A kill -9 a run, on one cluster while it lasts; a new one when its leaders leave no choice."""
    gaps = []
    cluster = None
    try:
        while len(gaps) < runs:
            if cluster is None:
                cluster = Cluster()
                cluster.skiff("topic", "create", "bench", "-p", "6")
            full_isr(cluster, "bench")
            chosen = choose(cluster, "bench", wanted)
            if chosen is None:
                cluster.close()
                cluster = None
                continue
            partition, victim = chosen
            probe = Probe(cluster, "bench", partition)
            probe.settle()
            moment = fault(cluster, victim, signal.SIGKILL)
            gaps.append(probe.gap_around(moment))
            probe.close()
            if probe.errors:
                progress.tell(f"{len(probe.errors)} records were refused")
            cluster.skiff("restart", str(victim))
            progress.step(f"kill -9 of {wanted} {len(gaps)} of {runs}: {gaps[-1]:.3f} s", KILL_S)
        return gaps
    finally:
        if cluster:
            cluster.close()


def produce_fresh(cluster, topic, tried):
    """One record over connections that are opened for it; the next node each time."""
    nodes = list(cluster.nodes)
    try:
        wire = Wire(cluster.port(nodes[tried % len(nodes)]), 0.5)
        leader = metadata(wire, [topic])[topic][1][0][1]
        wire.close()
        if leader < 0:
            return False
        wire = Wire(cluster.port(leader), 0.5)
        error, _ = produce(wire, topic, 0, batch([b"x"]))
        wire.close()
        return error == 0
    except (OSError, live.Closed, KeyError):
        return False


def gaps_of_stops(runs, progress):
    gaps = []
    for run in range(runs):
        cluster = Cluster()
        try:
            wire = Wire(cluster.port())
            assert create_topic(wire, "bench", 1, 3)[0] == 0
            full_isr(cluster, "bench")
            victim = leaders(cluster, "bench")[0][0]
            until("a write", lambda: produce_fresh(cluster, "bench", 0))
            moment = fault(cluster, victim, signal.SIGSTOP)
            tried = 0
            while not produce_fresh(cluster, "bench", tried):
                tried += 1
                time.sleep(0.005)
            gaps.append(time.monotonic() - moment)
        finally:
            cluster.close()
        progress.step(f"SIGSTOP of leader {run + 1} of {runs}: {gaps[-1]:.3f} s", STOP_S)
    return gaps


def bench_failover(runs, progress, _):
    def row(name, gaps, **targets):
        return Row("failover", name, "s", gaps, targets=targets)
    return [
        row("kill -9 of a leader", gaps_of_kills("leader", runs, progress), p50=0.4, p99=1.5),
        row("kill -9 of a leader that was the controller",
            gaps_of_kills("leader and controller", runs, progress), p50=0.4, p99=1.5),
        row("kill -9 of the controller, other partitions", gaps_of_kills("controller", runs, progress), p99=0.2),
        row("SIGSTOP of a leader, fresh connections", gaps_of_stops(stops(runs), progress), p99=5.0),
    ]


def bench_idle(_runs, progress, _):
    progress.step("idle", IDLE_S + 5)
    cluster = Cluster()
    try:
        cluster.skiff("topic", "create", "idle", "-p", "1")
        time.sleep(3)
        before = {node["node"]: node["cpu_us"] for node in cluster.ps()}
        time.sleep(IDLE_S)
        after = cluster.ps()
        shares = [(node["cpu_us"] - before[node["node"]]) / 1e4 / IDLE_S for node in after]
        resident = [node["resident_bytes"] / 1e6 for node in after]
    finally:
        cluster.close()
    return [Row("idle", "resident, a node", "MB", resident, targets={"max": 10.0}),
            Row("idle", "processor, a node", "% of a core", shares, targets={"max": 0.2})]


# How each is taken, and about how many seconds that is.
BENCHES = {
    "startup": (bench_startup, lambda runs: runs * START_S),
    "failover": (bench_failover, lambda runs: 3 * runs * KILL_S + stops(runs) * STOP_S),
    "idle": (bench_idle, lambda _: IDLE_S + 5),
}
