#!/usr/bin/env python3
"""left_running.py -- tests that end with processes of theirs still running, in sessions of their own: none is left.

The tests are shell scripts that print a pid a line.
"""
import os
import re
import sys
import time

from apart import run_apart
from live import ROOT, SKIFF, SKIFFD, run_named, tests_of

sys.path.insert(0, os.path.join(ROOT, "tools", "lib", "chaos"))
from programs import process_state  # noqa: E402

LIMITS_S = (2, 8, 32, 128)  # A busy machine may not have begun before the first.
# The second keeps what the test writes to open, so its end is never read while that runs.
BESIDE = "setsid sleep 600 >/dev/null 2>&1 & echo $!; mkdir $TMPDIR/deep; TMPDIR=$TMPDIR/deep setsid sleep 600 & echo $!\n"
BROKERS = f"""SKIFFD={SKIFFD} XDG_STATE_HOME=$TMPDIR/state {SKIFF} up -p 0 --dir $TMPDIR/cluster >/dev/null
cut -d ' ' -f 1 $TMPDIR/cluster/node-*/pid
"""


def is_there(pid):
    state = process_state(pid)
    return state is not None and state[0] not in "ZX"


def outcome(script, limit_s):
    (_, output, code, seconds), = run_apart([("test", ["sh", "-c", script], limit_s)])
    return [int(line) for line in re.findall(r"^\d+$", output, re.M)], output, code, seconds


def test_what_a_test_started_ends_with_its_limit():
    for limit_s in LIMITS_S:
        pids, output, code, _ = outcome(BESIDE + BROKERS + "sleep 600", limit_s)
        if len(pids) == 5:
            break
    assert len(pids) == 5, output
    assert code != 0 and f"ended after {limit_s} s" in output, (code, output)
    assert [pid for pid in pids if is_there(pid)] == []


def test_what_a_test_left_ends_when_it_fails():
    begun = "until grep -q sleep /proc/$!/comm; do :; done; "  # Amid an exec nobody can tell whose a process is.
    pids, output, code, _ = outcome(f"setsid sleep 600 >/dev/null 2>&1 & echo $!; {begun}exit 3", LIMITS_S[-1])
    assert len(pids) == 1 and code == 3, (code, output)
    assert not is_there(pids[0])


def test_what_belongs_to_nobody_stays():
    pid = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "600")
    try:
        outcome("exit 3", LIMITS_S[-1])
        assert is_there(pid)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_a_test_that_ends_does_not_wait_for_its_limit():
    began = time.monotonic()
    _, _, code, seconds = outcome("exit 0", LIMITS_S[-1])
    assert code == 0 and seconds <= time.monotonic() - began < LIMITS_S[-1]


if __name__ == "__main__":
    sys.exit(run_named(tests_of(globals())))
