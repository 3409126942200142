"""bench_load.py -- produce, consume, fsync and latency: Skiff and Apache Kafka under the same load.

Both systems stand side by side, and skiff-load works on one of them at a time, A B B A, with a new
topic for each run, memory touched before, and others given a moment to be quiet. Kafka's
processes are loaded for half a minute before anything counts.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile

import bench_machine
import live
from bench_rows import Row
from bench_systems import KAFKA, Kafka, Skiff
from live import until

LOAD = os.path.join(live.BUILD, "skiff-load")
BIG = ["-s", "65536", "-r", "1000", "-d", "5"]
FUTEX_SHARE_MAX = 0.01  # No request wakes a thread; strace restarts the waits of idle ones when it attaches.
FETCHED_TOPIC = "bench-fetched"
TOUCH_MIN = 1_000_000_000  # What is touched is not just what the page cache takes next: more, then.


class Setting:
    """How long and how often."""

    def __init__(self, quick, pairs):
        self.pairs = pairs or (2 if quick else 4)
        self.seconds = 2 if quick else 5
        self.latency_s = 5 if quick else 20
        self.bytes = 400_000_000 if quick else 1_500_000_000
        self.warm_s = 30
        self.quiet_s = 3 if quick else 8
        self.tries = 1 if quick else 2


def rate_gb(run):
    return run["bytes_per_s"] / 1e9


def cpu_gb(run):
    return run["cpu_s"] / (run["total_bytes"] / 1e9)


def cpu_million(run):
    return run["cpu_s"] / (run["total_requests"] / 1e6)


def requests(run):
    return run["requests_per_s"]


def latency_ms(name):
    return lambda run: run["latency_us"][name] / 1000


class Case:
    """One load. `figures` are (name, unit, better, of a run, targets); each becomes a row."""

    def __init__(self, bench, name, nodes, load, figures, **more):
        self.bench, self.name, self.nodes, self.load, self.figures = bench, name, nodes, load, figures
        self.partitions = more.get("partitions", 8)
        self.synced = more.get("synced", False)
        self.is_burst = more.get("is_burst", False)
        self.is_latency = more.get("is_latency", False)
        self.congestion = more.get("congestion")
        self.is_fetch = bench == "consume"

    def length(self, setting):
        return setting.latency_s if self.is_latency else 30 if self.is_burst else setting.seconds

    def seconds(self, setting):
        """About what one run takes, and what is around it."""
        return (4 if self.is_burst else self.length(setting)) + 4

    def words(self, setting):
        more = ["-m", str(setting.bytes)] if self.is_burst else []
        warm = ["-w", "1"] if self.is_latency else []
        return ["consume" if self.is_fetch else "produce", *self.load, *more, *warm,
                "-l", str(self.length(setting))]


def bulk(limit):
    return [("throughput", "GB/s", "more", rate_gb, {}),
            ("broker processor time", "s/GB", "less", cpu_gb, {"p50": limit})]


def each_request(least):
    return [("requests", "1/s", "more", requests, {"p50": least} if least else {}),
            ("broker processor time", "s/million", "less", cpu_million, {})]


def waits(limit_ms):
    return [("p50", "ms", "less", latency_ms("p50"), {"p50": limit_ms} if limit_ms else {}),
            ("p99", "ms", "less", latency_ms("p99"), {})]


def cases():
    small = ["-r", "100", "-c", "16"]
    one_k = ["-r", "1024", "-a", "all"]
    fetch = ["-f", "1048576"]
    found = [
        Case("produce", "64 KB batches, acks=1", 1, [*BIG, "-a", "1"], bulk(0.6), is_burst=True),
        Case("produce", "one 100 B record a request, 16 connections, depth 1", 1, [*small, "-d", "1"],
             each_request(120000)),
        Case("produce", "one 100 B record a request, 16 connections, depth 5", 1, [*small, "-d", "5"],
             each_request(400000)),
        Case("consume", "1 MB fetches", 1, fetch, bulk(0.08)),
        Case("fsync", "16 producers of 1 KB, RF 1, one partition", 1, [*one_k, "-c", "16"],
             each_request(15000) + waits(None), synced=True, partitions=1),
        Case("fsync", "16 producers of 1 KB, RF 1, 8 partitions", 1, [*one_k, "-c", "16"],
             each_request(15000) + waits(None), synced=True),
        Case("produce", "64 KB batches, acks=all, RF 3", 3, [*BIG, "-a", "all"], bulk(1.8), is_burst=True),
        Case("fsync", "16 producers of 1 KB, acks=all, RF 3, one partition", 3, [*one_k, "-c", "16"],
             each_request(8000) + waits(None), synced=True, partitions=1),
        Case("fsync", "16 producers of 1 KB, acks=all, RF 3, 8 partitions", 3, [*one_k, "-c", "16"],
             each_request(8000) + waits(None), synced=True),
        Case("latency", "1 KB at 1000/s, acks=all, RF 3, page cache", 3, [*one_k, "-R", "1000", "-d", "1000"],
             waits(0.2), is_latency=True),
        Case("latency", "1 KB at 1000/s, acks=all, RF 3, fsync", 3, [*one_k, "-R", "1000", "-d", "1000"],
             waits(0.6), is_latency=True, synced=True),
    ]
    default = bench_machine.default_congestion()
    if default:
        found.insert(4, Case("consume", f"1 MB fetches, the machine's own congestion control ({default})", 1,
                             fetch, [("throughput", "GB/s", "more", rate_gb, {}),
                                     ("broker processor time", "s/GB", "less", cpu_gb, {})],
                             congestion=default))
    return found


class LoadFailed(RuntimeError):
    """What skiff-load said."""


def run_load(system, topic, words, limit_s):
    process = subprocess.Popen([LOAD, *words, "-b", system.brokers(), "-t", topic], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        out, errors = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as slow:
        raise LoadFailed(f"{system.name}: skiff-load did not end within {limit_s} s") from slow
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise LoadFailed(f"{system.name}: {errors.strip()}")
    return json.loads(out)


class Race:
    """Both systems of one size, and the loads on them."""

    def __init__(self, nodes, setting, progress, with_kafka):
        self.setting, self.progress, self.nodes = setting, progress, nodes
        self.stack = contextlib.ExitStack()
        self.systems = []
        self.number = 0
        self.disturbed = self.runs = 0
        self.notes = []
        try:
            self.enter(Skiff)
            if with_kafka:
                self.progress.step(f"starting Apache Kafka {KAFKA}, {nodes} node(s)", 10)
                self.enter_kafka()
        except BaseException:
            self.stack.close()
            raise

    def enter(self, kind):
        system = kind(self.nodes)
        self.stack.callback(system.close)
        self.systems.append(system)

    def enter_kafka(self):
        try:
            self.enter(Kafka)
        except AssertionError as failure:
            self.notes.append(f"Apache Kafka {KAFKA}, {self.nodes} node(s): skipped: {failure}")
            self.progress.tell(self.notes[-1])

    def close(self):
        self.stack.close()

    def notes_of_all(self):
        notes = list(self.notes)
        if self.disturbed:
            notes.append(f"{self.disturbed} of {self.runs} runs against {self.nodes} node(s) were disturbed: other "
                         f"processes took more than {bench_machine.QUIET_SHARE:.0%} of a core meanwhile.")
        return notes + [f"{system.name}, {self.nodes} node(s): the controller had moved {system.moved} times when a "
                        "topic was made or deleted." for system in self.systems if system.moved]

    def pids(self):
        return [pid for system in self.systems for pid in system.pids()]

    @contextlib.contextmanager
    def topic(self, system, case):
        if case.is_fetch:
            yield FETCHED_TOPIC
            return
        self.number += 1
        name = f"bench-{self.number}"
        system.create(name, case.partitions, min(3, self.nodes), case.synced)
        try:
            yield name
        finally:
            system.delete(name)

    def fill(self, system):
        """What is fetched again and again."""
        system.create(FETCHED_TOPIC, 8, min(3, self.nodes), False)
        run_load(system, FETCHED_TOPIC, ["produce", *BIG, "-m", str(self.setting.bytes // 2), "-l", "60"], 90)

    def warm_up(self, cases_here):
        for system in self.systems:
            seconds = self.setting.warm_s if isinstance(system, Kafka) else 4
            for case in cases_here:
                self.progress.step(f"warming up {system.name}", seconds / len(cases_here))
                words = [*case.words(self.setting), "-l", str(max(1, round(seconds / len(cases_here))))]
                with self.topic(system, case) as topic:
                    run_load(system, topic, words, 120)

    def measure(self, system, case):
        """One run: what skiff-load says, and the brokers' processor time."""
        for attempt in range(self.setting.tries):
            with self.topic(system, case) as topic:
                bench_machine.wait_until_quiet(self.pids(), self.setting.quiet_s)
                bench_machine.touch_memory(TOUCH_MIN + 2 * self.setting.bytes * self.nodes * case.is_burst)
                noise = bench_machine.Noise(self.pids())
                before = system.cpu()
                run = run_load(system, topic, case.words(self.setting), self.setting.latency_s + 60)
                run["cpu_s"] = system.cpu() - before
                run["others"] = noise.share(run["client_cpu_s"])
            if run["others"] < bench_machine.QUIET_SHARE or attempt + 1 == self.setting.tries:
                break
        self.runs += 1
        self.disturbed += run["others"] >= bench_machine.QUIET_SHARE
        return run

    def pairs(self, case):
        """{system's class: its runs}, the order turned round in every other pair."""
        runs = {type(system): [] for system in self.systems}
        old = bench_machine.read(bench_machine.CONGESTION)
        if case.congestion:
            bench_machine.set_congestion(case.congestion)
        try:
            for pair in range(self.setting.pairs):
                for system in self.systems if pair % 2 == 0 else reversed(self.systems):
                    self.progress.step(f"{case.bench}: {case.name}: {system.name}, run {pair + 1} of "
                                       f"{self.setting.pairs}", case.seconds(self.setting))
                    runs[type(system)].append(self.measure(system, case))
        finally:
            if case.congestion:
                bench_machine.set_congestion(old)
        return runs

    def rows(self, case):
        runs = self.pairs(case)
        rows = []
        for name, unit, better, of, targets in case.figures:
            kafka = [of(run) for run in runs[Kafka]] if Kafka in runs else None
            curves = merged_curves(runs) if name == "p50" else None
            rows.append(Row(case.bench, f"{case.name}: {name}", unit, [of(run) for run in runs[Skiff]],
                            kafka=kafka, better=better, targets=targets, race=True, curves=curves))
        return rows

    def memory_row(self):
        peaks = {type(system): [system.peak_memory() / 1e6] for system in self.systems}
        return Row("produce", f"resident at most under these loads, of {self.nodes} node"
                   + ("s the largest" if self.nodes > 1 else ""), "MB", peaks[Skiff], kafka=peaks.get(Kafka),
                   targets={"p50": 64}, race=True)

    def system_call_rows(self, case):
        """Counted in a run of its own, since a traced process is several times slower."""
        if not shutil.which("strace"):
            self.notes.append("System calls: skipped: strace is not installed.")
            return []
        self.progress.step("counting system calls", 12)
        calls = {type(system): count_calls(self, system, case) for system in self.systems}
        kafka = calls.get(Kafka)
        rows = []
        for at, (name, limit) in enumerate((("system calls a request", 3), ("futex calls a request", FUTEX_SHARE_MAX))):
            rows.append(Row("produce", f"{case.name}: {name}", "1", [calls[Skiff][at]],
                            kafka=[kafka[at]] if kafka else None, targets={"p50": limit}, race=True))
        return rows


def merged_curves(runs):
    """{"skiff": [[microseconds, count], ...], ...} over all runs of a side."""
    curves = {}
    for kind, side in runs.items():
        merged = {}
        for run in side:
            for upper, count in run["latency_histogram_us"]:
                merged[upper] = merged.get(upper, 0) + count
        curves["kafka" if kind is Kafka else "skiff"] = sorted(merged.items())
    return curves


def parse_strace(text):
    """{call: count} from `strace -c`: the count stands fourth, the name last."""
    calls = {}
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = calls.get(words[-1], 0) + int(words[3])
    return calls


def count_calls(race, system, case):
    """(system calls, futex calls) a request."""
    with tempfile.TemporaryDirectory(prefix="skiff-bench-") as folder:
        report = os.path.join(folder, "calls")
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", report,
                                   *[word for pid in system.pids() for word in ("-p", str(pid))]],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  start_new_session=True)
        try:
            with race.topic(system, case) as topic:
                until("strace attached", lambda: tracer.poll() is not None or all(
                    "TracerPid:\t0\n" not in bench_machine.read(f"/proc/{pid}/status") for pid in system.pids()), 20)
                if tracer.poll() is not None:
                    raise LoadFailed("strace could not attach")
                run = run_load(system, topic, [*case.words(race.setting), "-l", "3", "-o", "20"], 60)
                tracer.send_signal(signal.SIGINT)
                tracer.wait(timeout=30)
        finally:
            if tracer.poll() is None:
                tracer.kill()
                tracer.wait()
        calls = parse_strace(bench_machine.read(report))
    return sum(calls.values()) / run["total_requests"], calls.get("futex", 0) / run["total_requests"]


def plan(chosen, setting, progress, with_kafka):
    sides = 2 if with_kafka else 1
    for nodes in (1, 3):
        here = [case for case in chosen if case.nodes == nodes]
        progress.plan(sum(case.seconds(setting) for case in here) * setting.pairs * sides)
        if here:
            progress.plan((setting.warm_s + 10) * (sides - 1) + 4)
    if any(case.name.endswith("depth 1") for case in chosen):
        progress.plan(12)


def bench(benches, setting, progress, with_kafka, found):
    """The benches that are named; what comes of them goes to `found`, case by case."""
    chosen = [case for case in cases() if case.bench in benches]
    for nodes in (1, 3):
        here = [case for case in chosen if case.nodes == nodes]
        if not here:
            continue
        race = Race(nodes, setting, progress, with_kafka)
        try:
            run_cases(race, here, found)
        finally:
            found.notes += race.notes_of_all()
            race.close()


def run_cases(race, cases_here, found):
    if any(case.is_fetch for case in cases_here):
        for system in race.systems:
            race.fill(system)
    race.warm_up(cases_here)
    for case in cases_here:
        try:
            found.rows += race.rows(case)
            if case.name.endswith("depth 1"):
                found.rows += race.system_call_rows(case)
        except (LoadFailed, AssertionError) as failure:
            found.failures.append(f"{case.bench}: {case.name}: {failure}")
            race.progress.tell(found.failures[-1])
    if any(case.bench == "produce" for case in cases_here):
        found.rows.append(race.memory_row())
