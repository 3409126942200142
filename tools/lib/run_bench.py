"""run_bench.py -- the benches of tools/bench, on clusters of their own.

    tools/bench [startup] [failover] [idle] [--runs N] [--json]

    startup   `skiff up -n 3` to the first record acknowledged with acks=all (RF 3, min ISR 2, synced);
              the same after kill -9 of all three, from their restart
    failover  the longest gap between acknowledgements of a stock idempotent librdkafka producer
              (200 records a second, one partition) when nodes are killed or stopped
    idle      memory and processor time of nodes with one topic and no clients

Percentiles are nearest-rank. p99 stands only where there are 100 runs or more; else the maximum does.
"""
import argparse
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "chaos"))
import live  # noqa: E402  (the folder of clusters and raw frames)
from live import Cluster, Wire, batch, create_topic, metadata, produce, until  # noqa: E402

PROBE = os.path.join(live.BUILD, "ack-probe")
RATE = 200
SETTLE_S = 0.7


def percentile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Row:
    """One figure: its samples, its unit, and what the design asks for."""

    def __init__(self, name, values, unit, targets=None):
        self.name, self.values, self.unit, self.targets = name, values, unit, targets or {}

    def figures(self):
        figures = {"p50": percentile(self.values, 0.5)}
        if len(self.values) >= 100:
            figures["p99"] = percentile(self.values, 0.99)
        figures["max"] = max(self.values)
        return figures

    def met(self):
        """Each target held against its percentile; the maximum stands in for a p99 of few runs."""
        figures = self.figures()
        return all(figures.get(name, figures["max"]) <= limit for name, limit in self.targets.items())


def print_table(rows):
    heads = ["", "n", "p50", "p99", "max", "unit", "target", ""]
    lines = [heads]
    for row in rows:
        figures = row.figures()
        shown = [f"{figures[name]:.3f}" if name in figures else "-" for name in ("p50", "p99", "max")]
        targets = ", ".join(f"{name} {limit}" for name, limit in row.targets.items())
        verdict = "" if not row.targets else "met" if row.met() else "MISSED"
        lines.append([row.name, str(len(row.values)), *shown, row.unit, targets, verdict])
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def progress(text):
    print(text, file=sys.stderr, flush=True)


def kill_all(cluster):
    for node in cluster.ps():
        if node["state"] != "down":
            os.kill(node["pid"], signal.SIGKILL)
    until("all down", lambda: all(node["state"] == "down" for node in cluster.ps()))


def bench_startup(runs):
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
        progress(f"startup {run + 1}/{runs}: {fresh[-1]:.3f} s fresh, {again[-1]:.3f} s again")
    return [Row("startup, three nodes to the first acked write", fresh, "s", {"p50": 0.25}),
            Row("all killed, restart to the first acked write", again, "s", {"p50": 0.6})]


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


def gaps_of_kills(wanted, runs):
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
                progress(f"  {len(probe.errors)} records were refused")
            cluster.skiff("restart", str(victim))
            progress(f"kill -9 of {wanted} {len(gaps)}/{runs}: {gaps[-1]:.3f} s")
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


def gaps_of_stops(runs):
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
        progress(f"SIGSTOP of leader {run + 1}/{runs}: {gaps[-1]:.3f} s")
    return gaps


def bench_failover(runs):
    return [
        Row("kill -9 of a leader", gaps_of_kills("leader", runs), "s", {"p50": 0.4, "p99": 1.5}),
        Row("kill -9 of a leader that was the controller",
            gaps_of_kills("leader and controller", runs), "s", {"p50": 0.4, "p99": 1.5}),
        Row("kill -9 of the controller, other partitions", gaps_of_kills("controller", runs), "s",
            {"p99": 0.2}),
        Row("SIGSTOP of a leader, fresh connections", gaps_of_stops(max(3, runs // 4)), "s",
            {"p99": 5.0}),
    ]


def bench_idle(seconds=20):
    cluster = Cluster()
    try:
        cluster.skiff("topic", "create", "idle", "-p", "1")
        time.sleep(3)
        before = {node["node"]: node["cpu_us"] for node in cluster.ps()}
        time.sleep(seconds)
        after = cluster.ps()
        shares = [(node["cpu_us"] - before[node["node"]]) / 1e4 / seconds for node in after]
        resident = [node["resident_bytes"] / 1e6 for node in after]
    finally:
        cluster.close()
    return [Row("idle, resident, a node", resident, "MB", {"max": 10.0}),
            Row("idle, processor, a node", shares, "% of a core", {"max": 0.2})]


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", nargs="*", help="startup, failover, idle; all when none is named")
    parser.add_argument("--runs", type=int, default=20, help="of each fault and each start (20)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    benches = options.benches or ["startup", "failover", "idle"]
    unknown = set(benches) - {"startup", "failover", "idle"}
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    live.need_programs()
    rows = []
    for bench in benches:
        if bench == "startup":
            rows += bench_startup(options.runs)
        elif bench == "failover":
            rows += bench_failover(options.runs)
        else:
            rows += bench_idle()
    if options.json:
        print(json.dumps([{"name": row.name, "n": len(row.values), "unit": row.unit,
                           "targets": row.targets, "met": row.met(), **row.figures(),
                           "values": row.values} for row in rows], indent=2))
    else:
        print_table(rows)
    return 0 if all(row.met() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
