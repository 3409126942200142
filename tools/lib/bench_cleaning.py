"""bench_cleaning.py -- compaction: how fast, in how much memory, and what it costs who writes meanwhile.

    cleaning  bytes of log that a CPU second compacts, and the memory that this takes, in one process
              without a node; p99 of 1000 produces a second, with and without a compaction on the node

For the last one a topic is filled to just below the size of its segment, which nobody compacts. The
load runs; a few megabytes more roll the segment, and the same load runs beside the compactions that
this begins: the map has room for a twelfth of the keys, so that one follows the other. A run counts
only if the cleaner was at work from its beginning to its end.
"""
import json
import os
import random
import statistics
import subprocess
import threading
import time
import urllib.request

import bench_load
import bench_machine
import live
from bench_rows import Row
from bench_systems import Skiff
from live import until

SPEED = os.path.join(live.BUILD, "log_compact_speed")
SPEED_LEAST = 100.0
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SMALL_MAP = 4 << 20  # Of log.cleaner.dedupe.buffer.size: room for 157,286 keys.

RATE, LOAD_S, WARM_S = 1000, 3, 1
LOADS = 2  # Of each kind, in a pair.
RECORDS, KEYS, VALUE_SIZE = 500000, 250000, 1000
SEGMENT = {None: 536870912, "zstd": 268435456}  # A little more than the records take; a fifteenth more is too much.
RATIO_MOST = 2.0
PAIR_S = 25
READ, ENDED = "skiff_compaction_read_bytes_total", "skiff_compactions_total"


# ---- In one process.

def compact(*words):
    run = subprocess.run([SPEED, *words], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, f"log_compact_speed {' '.join(words)}: exit {run.returncode}: {run.stderr.strip()}"
    return json.loads(run.stdout)


def speed_rows(runs, progress):
    rows = []
    for codec in CODECS:
        size = "256" if codec == "none" else "48"
        found = []
        for run in range(runs if codec == "none" else 2):
            progress.step(f"compaction, {codec}, run {run + 1}", 1.5)
            found.append(compact("-s", size, "-c", codec))
        rows.append(Row("cleaning", f"compaction, 1 KB records, {codec}", "MB of log a CPU s",
                        [run["mb_per_cpu_s"] for run in found], better="more",
                        targets={"p50": SPEED_LEAST} if codec == "none" else {}))
        rows.append(Row("cleaning", f"compaction, 1 KB records, {codec}: longest tick", "ms of CPU",
                        [run["longest_tick_ms"] for run in found]))
    return rows


def memory_rows(progress):
    rows = []
    for name, keys in (("1,000 keys", "1000"), ("more keys than the buffer has room for", "2000000000")):
        found = []
        for run in range(3):
            progress.step(f"memory of a compaction, {name}, run {run + 1}", 2)
            found.append(compact("-s", "256", "-c", "none", "-k", keys, "-m", str(SMALL_MAP)))
        assert keys == "1000" or all(run["compactions"] > 1 for run in found), "all keys had room"
        rows.append(Row("cleaning", f"resident memory that a compaction adds, {name}, of its configured buffers", "%",
                        [100 * run["resident_growth_bytes"] / run["buffer_bytes"] for run in found],
                        targets={"max": 100.0}))
    return rows


# ---- Beside a producer.

class Watch:
    """Looks at the cleaner's counters while a load runs."""

    def __init__(self, port):
        self.port = port
        self.looks = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def look(self):
        """(bytes that compactions have read, how many have ended)"""
        found = {}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            for line in page.read().decode().splitlines():
                name, _, value = line.partition(" ")
                if name in (READ, ENDED):
                    found[name] = int(value)
        return found[READ], found[ENDED]

    def watch(self):
        while not self.done.wait(0.5):
            self.looks.append(self.look())

    def __enter__(self):
        self.looks = [self.look()]
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.looks.append(self.look())

    def was_busy(self):
        """Compactions got on between any two looks."""
        return all(a[0] < b[0] for a, b in zip(self.looks, self.looks[1:]))

    def was_idle(self):
        return self.looks[0] == self.looks[-1]


def write_records(path, seed, count):
    """Lines KEY:VALUE; each key comes twice on average."""
    chance = random.Random(seed)
    text = chance.randbytes(1 << 20).hex()
    with open(path, "w", encoding="ascii") as file:
        for _ in range(count):
            at = chance.randrange(len(text) - VALUE_SIZE)
            file.write(f"{chance.randrange(KEYS):08d}:{text[at:at + VALUE_SIZE]}\n")


class Beside:
    """One node, a topic to compact, and topics to write to."""

    def __init__(self, progress):
        self.progress = progress
        self.system = Skiff(1, sets=("log.cleaner.backoff.ms=100", "log.cleaner.dedupe.buffer.size=1048576"))
        self.port = self.system.cluster.nodes[1]["http_port"]
        self.filling = os.path.join(self.system.home, "filling")
        self.rolling = os.path.join(self.system.home, "rolling")
        write_records(self.filling, 1, RECORDS)
        write_records(self.rolling, 2, RECORDS // 15)
        self.number = 0

    def close(self):
        self.system.close()

    def write(self, topic, path, codec):
        words = ["-X", "batch.size=65536", "-X", "linger.ms=5", *(["-z", codec] if codec else [])]
        with open(path, "rb") as lines:
            run = subprocess.run([live.SKIFF, "produce", topic, "-K", ":", "-q", "--timeout", "300s", *words, "-b",
                                  self.system.brokers()],
                                 stdin=lines, env=self.system.cluster.env, capture_output=True, text=True, timeout=400,
                                 check=False)
        assert run.returncode == 0, f"skiff produce: {run.stderr.strip()}"

    def load(self, topic):
        """(what skiff-load says, what the cleaner did meanwhile)"""
        words = ["produce", "-r", "1024", "-a", "all", "-R", str(RATE), "-d", "1000", "-w", str(WARM_S),
                 "-l", str(LOAD_S)]
        noise = bench_machine.Noise(self.system.pids())
        with Watch(self.port) as watch:
            run = bench_load.run_load(self.system, topic, words, 60)
        run["others"] = noise.share(run["client_cpu_s"])
        return run, watch

    def roll(self, topic, codec):
        """From here on the first segment may be compacted; returns when that has begun."""
        watch = Watch(self.port)
        before, _ = watch.look()
        self.write(topic, self.rolling, codec)
        until("a compaction begins", lambda: watch.look()[0] > before, 20)

    def loads(self, topic, is_right):
        """Runs, up to one during which the cleaner did not do what it should."""
        runs = []
        for _ in range(LOADS):
            run, watch = self.load(topic)
            if not is_right(watch):
                assert runs, f"the cleaner was at work too early, or not all the time: {watch.looks}"
                break
            runs.append(run)
        return runs

    def pair(self, synced, codec):
        """Runs without and with a compaction on the node."""
        self.number += 1
        dirty, topic = f"dirty-{self.number}", f"written-{self.number}"
        self.system.skiff("topic", "create", dirty, "-p", "1", "-r", "1", "-c", "cleanup.policy=compact",
                          "-c", f"segment.bytes={SEGMENT[codec]}", "-c", "min.cleanable.dirty.ratio=0.01")
        self.write(dirty, self.filling, codec)
        self.system.create(topic, 1, 1, synced)
        try:
            without = self.loads(topic, Watch.was_idle)
            self.roll(dirty, codec)
            return without, self.loads(topic, Watch.was_busy)
        finally:
            self.system.delete(topic)
            self.system.delete(dirty)


def p99(run):
    return run["latency_us"]["p99"] / 1000


def beside_rows(pairs, progress, found):
    rows = []
    beside = Beside(progress)
    try:
        for name, synced, codec in (("page cache", False, None), ("fsync", True, None), ("page cache", False, "zstd")):
            title = f"1 KB at {RATE}/s, one node, {name}: p99"
            kind = f"a compaction of {codec}" if codec else "a compaction"
            pairs_of_runs = []
            for pair in range(pairs):
                progress.step(f"produce beside {kind}, {name}, pair {pair + 1} of {pairs}", PAIR_S)
                pairs_of_runs.append(beside.pair(synced, codec))
            without, busy = ([run for pair in pairs_of_runs for run in pair[side]] for side in (0, 1))
            disturbed = sum(run["others"] >= bench_machine.QUIET_SHARE for run in without + busy)
            if disturbed:
                found.notes.append(f"{disturbed} of {len(without + busy)} runs beside {kind} ({name}) were disturbed.")
            ratios = [statistics.median(map(p99, b)) / statistics.median(map(p99, a)) for a, b in pairs_of_runs]
            rows.append(Row("cleaning", f"{title} without {kind}", "ms", [p99(run) for run in without]))
            rows.append(Row("cleaning", f"{title} beside {kind}", "ms", [p99(run) for run in busy]))
            rows.append(Row("cleaning", f"{title} beside {kind}, of that without", "x", ratios,
                            targets={"p50": RATIO_MOST}))
        return rows
    finally:
        beside.close()


# ---- The bench.

def pairs_of(runs):
    return max(2, runs // 10)


def speeds_of(runs):
    return max(3, runs // 4)


def bench_cleaning(runs, progress, found):
    return (speed_rows(speeds_of(runs), progress) + memory_rows(progress)
            + beside_rows(pairs_of(runs), progress, found))


def seconds(runs):
    return 1.5 * (speeds_of(runs) + 8) + 12 + 3 * PAIR_S * pairs_of(runs)


BENCHES = {"cleaning": (bench_cleaning, seconds)}
