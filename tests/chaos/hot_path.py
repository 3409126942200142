#!/usr/bin/env python3
"""hot_path.py -- what a produce costs in system calls: counted, by strace, on a real node.

Records are acknowledged from the page cache, so that what is counted is the path itself: a read, a write
of the log, a send, and a share of the poll.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import live
from live import Cluster, Skip, need_programs, run_named

sys.path.insert(0, os.path.join(live.ROOT, "tools", "lib"))
from bench_load import parse_strace  # noqa: E402

LOAD = os.path.join(live.BUILD, "skiff-load")
CALLS_MAX = 3
FUTEXES_MAX = 64  # Waits of idle threads that strace restarts when it comes and when it goes.


def traced(pid, work):
    """{call: count} of process `pid` and its threads while `work` ran."""
    with tempfile.TemporaryDirectory(prefix="skiff-test-") as folder:
        report = os.path.join(folder, "calls")
        tracer = subprocess.Popen(["strace", "-c", "-f", "-o", report, "-p", str(pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            line = tracer.stderr.readline()
            if "attached" not in line:
                raise Skip(f"strace cannot attach: {line.strip()}")
            work()
            tracer.send_signal(signal.SIGINT)
            tracer.wait(timeout=30)
        finally:
            if tracer.poll() is None:
                tracer.kill()
                tracer.wait()
            tracer.stderr.close()
        with open(report, encoding="ascii", errors="replace") as file:
            return parse_strace(file.read())


def test_a_produce_takes_three_system_calls_and_no_futex():
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    cluster = Cluster(1, ["flush.messages=10000"])
    try:
        cluster.skiff("topic", "create", "hot", "-p", "4", "-r", "1")
        ran = {}

        def load():
            words = [LOAD, "produce", "-b", cluster.brokers(), "-t", "hot", "-c", "16", "-d", "1", "-l", "2"]
            ran.update(json.loads(subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout))
        calls = traced(cluster.nodes[1]["pid"], load)
        requests = ran["total_requests"]
        assert requests > 1000, ran["total_requests"]
        assert sum(calls.values()) <= CALLS_MAX * requests, f"{calls} for {requests} requests"
        assert calls.get("futex", 0) <= FUTEXES_MAX, f"{calls} for {requests} requests"
    finally:
        cluster.close()


if __name__ == "__main__":
    need_programs()
    sys.exit(run_named([test_a_produce_takes_three_system_calls_and_no_futex]))
