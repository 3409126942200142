"""run_bench.py -- the figures of tools/bench, on clusters of their own.

    tools/bench [BENCH...] [--quick] [--runs N] [--pairs N] [--without-kafka] [--json FILE] [--html FILE]

    produce   what acks=1 and acks=all cost, in bulk and one record a request; memory, system calls
    consume   fetches of 1 MB from the page cache
    fsync     16 producers whose every record is on the disk before it is acknowledged
    latency   1000 records a second, from when each should have been sent
    startup   `skiff up -n 3` to the first record acknowledged; the same after kill -9 of all
    failover  the longest gap between acknowledgements when nodes are killed or stopped
    idle      memory and processor time of nodes with one topic and no clients
    groups    100 members until all have their partitions; 100,000 offsets and the commits of a group
              when its coordinator is killed
    cleaning  compaction: its speed, its memory, and what it costs who writes meanwhile
    codecs    checking and recompressing batches, beside the codecs' own libraries
    admin     a thousand topics made at once; ten thousand topics told, and the configs of a thousand

The first four run against Apache Kafka too, in turn (A B B A), where Java and maven are there. A figure
is a median with the least and the greatest run; "times better" is of the runs of a pair. Exit code 1
says that a target was missed or a run failed; 130 that Ctrl-C ended it.
"""
import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "chaos"))
import live  # noqa: E402  (the folder of clusters and raw frames)
import bench_admin  # noqa: E402
import bench_cleaning  # noqa: E402
import bench_codecs  # noqa: E402
import bench_faults  # noqa: E402
import bench_groups  # noqa: E402
import bench_load  # noqa: E402
import bench_machine  # noqa: E402
import bench_page  # noqa: E402
from bench_progress import Progress  # noqa: E402
from bench_rows import markdown, number, table  # noqa: E402
from bench_systems import KAFKA, Missing, fetch_kafka  # noqa: E402

LOADS = ["produce", "consume", "fsync", "latency"]
ALONE = {**bench_faults.BENCHES, **bench_groups.BENCHES, **bench_cleaning.BENCHES, **bench_codecs.BENCHES,
         **bench_admin.BENCHES}


def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help="all when none is named")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer, for a machine with other work")
    parser.add_argument("--runs", type=int, help="of each fault and each start (20; quick: 5); others take parts of it")
    parser.add_argument("--pairs", type=int, help="of runs of Skiff and Kafka (4; quick: 2)")
    parser.add_argument("--without-kafka", action="store_true", help="measure Skiff alone")
    parser.add_argument("--json", metavar="FILE", help="all samples and histograms; - is standard output")
    parser.add_argument("--html", metavar="FILE", help="a page with plots")
    parser.add_argument("--markdown", metavar="FILE", help="the table as docs/bench.md has it")
    options = parser.parse_args()
    unknown = set(options.benches) - set(LOADS) - set(ALONE)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    if (options.runs or 1) < 1 or (options.pairs or 1) < 1:
        parser.error("--runs and --pairs are 1 or more")
    options.benches = options.benches or [*LOADS, *ALONE]
    options.runs = options.runs or (5 if options.quick else 20)
    return options


def kafka_or_why(options):
    """"" when Apache Kafka can be measured, else why not. Needs the network of the machine."""
    if not set(options.benches) & set(LOADS):
        return "no bench that compares"
    if options.without_kafka:
        return "--without-kafka"
    if os.environ.get("SKIFF_BENCH_KAFKA"):  # Found out before the namespace was entered.
        return "" if os.environ["SKIFF_BENCH_KAFKA"] == "there" else os.environ["SKIFF_BENCH_KAFKA"]
    try:
        fetch_kafka()
        os.environ["SKIFF_BENCH_KAFKA"] = "there"
        return ""
    except Missing as why:
        os.environ["SKIFF_BENCH_KAFKA"] = str(why)
        return str(why)


class Found:
    """What a run has come to so far; it is shown even when the run ends early."""

    def __init__(self):
        self.rows, self.failures, self.notes, self.limits = [], [], [], {}


def measure(options, why_not, progress, found):
    setting = bench_load.Setting(options.quick, options.pairs)
    loads = [name for name in options.benches if name in LOADS]
    alone = [name for name in ALONE if name in options.benches]
    progress.plan(sum(ALONE[name][1](options.runs) for name in alone))
    if loads:
        progress.plan(8)
        bench_load.plan([case for case in bench_load.cases() if case.bench in loads], setting, progress, not why_not)
        progress.step("the machine's own limits", 8)
        found.limits = bench_machine.limits(bench_load.LOAD, tempfile.gettempdir())
        found.notes.append(f"Apache Kafka {KAFKA}: skipped: {why_not}." if why_not else
                           f"Apache Kafka {KAFKA} was loaded for {setting.warm_s} s before anything counted.")
        bench_load.bench(loads, setting, progress, not why_not, found)
    for name in alone:
        bench_alone(name, options.runs, progress, found)


def bench_alone(name, runs, progress, found):
    """One that fails is told, and the next follows."""
    try:
        found.rows += ALONE[name][0](runs, progress, found)
    except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as failure:
        found.failures.append(f"{name}: {failure}")
        progress.tell(found.failures[-1])


def summary(rows, run):
    """Lines of text: the table, the machine, what is to be known beside them."""
    machine = run["machine"]
    lines = table(rows)
    if run["limits"]:
        lines += ["", "This machine by itself, in the same run: " + ", ".join(
            f"{name} {number(value)}" for name, value in run["limits"].items())]
    lines += ["", f"{machine['processors']} x {machine['model']}, {machine['memory_mb']} MB, {machine['system']}, "
              f"Linux {machine['kernel']}, {machine['filesystem']}, {machine['congestion']}, "
              f"revision {machine['revision']}, {machine['date']}"]
    lines += [f"Note: {note}" for note in run["notes"]]
    lines += [f"MISSED: {row.bench}: {row.name}: {miss}" for row in rows for miss in row.misses()]
    return lines + [f"FAILED: {failure}" for failure in run["failures"]]


def write(path, text):
    if path == "-":
        print(text)
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def publish(options, rows, run):
    if options.json:
        write(options.json, json.dumps({**run, "rows": [row.json() for row in rows]}, indent=1))
    if options.html:
        write(options.html, bench_page.page(rows, run))
    if options.markdown:
        write(options.markdown, "\n".join(markdown(rows)))
    if options.json != "-":
        print("\n".join(summary(rows, run)))


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = arguments()
    live.need_programs()
    why_not = kafka_or_why(options)
    bench_machine.enter_network_namespace()
    bench_machine.bring_loopback_up()
    progress = Progress()
    found = Found()
    code = 0
    try:
        measure(options, why_not, progress, found)
    except KeyboardInterrupt:
        code = 130
    except (AssertionError, RuntimeError, OSError, subprocess.SubprocessError) as failure:
        found.failures.append(str(failure))
    progress.close()
    run = {"command": "tools/bench " + shlex.join(sys.argv[1:]), "machine": bench_machine.fingerprint(
        ROOT, tempfile.gettempdir()), "limits": found.limits, "notes": found.notes, "failures": found.failures}
    publish(options, found.rows, run)
    if code:
        print("tools/bench: stopped; all that it started has ended", file=sys.stderr)
        return code
    return 1 if found.failures or any(row.misses() for row in found.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
