"""apart.py -- tests as processes, each in a session and folder of its own, some of them side by side.

Nodes have sessions of their own too, of whatever broker they are, so a test that was ended would leave them running.
But its folder is the TMPDIR of all that it started, which is how they are found.
"""
import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from live import until

COUNTS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$")


def counts(output, code):
    """(passed, failed, skipped) by the closing line, held against the exit code."""
    match = COUNTS.search(output.rstrip().split("\n")[-1])
    if not match:
        return 0, 1, 0
    return int(match[1]), max(int(match[2]), int(code != 0)), int(match[3] or 0)


def started_in(folder):
    """Processes whose TMPDIR is this folder or one beneath it, zombies left out: those have no environment."""
    found, begins = [], f"TMPDIR={folder}".encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:  # It has ended, or belongs to somebody else.
            continue
        if any(word == begins or word.startswith(begins + b"/") for word in words):
            found.append(int(name))
    return found


def end_all(folder):
    """kill -9 of what a test left running; when this returns, it has gone."""
    def look():
        left = started_in(folder)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left
    until(f"all processes of {folder} have ended", look)


def kill_group(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


class Running:
    """The processes under way, so that an interrupt can end them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.processes = set()
        self.is_over = False

    def start(self, command, folder):
        with self.lock:
            if self.is_over:
                return None
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       env=dict(os.environ, TMPDIR=folder), start_new_session=True)
            self.processes.add(process)
            return process

    def run(self, command, limit_s):
        """(output, exit code, seconds) of one test; its folder stays when it fails."""
        folder, began = tempfile.mkdtemp(prefix="skiff-test-"), time.monotonic()
        try:
            process = self.start(command, folder)
        except OSError as error:
            return f"{error}\n", 1, 0.0
        if process is None:
            return "not begun\n", 1, 0.0
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            end_all(folder)
            output, _ = process.communicate()
            output += f"\nended after {limit_s} s; what is left: {folder}\n"
        finally:
            self.processes.discard(process)
            end_all(folder)
        if process.returncode == 0:
            shutil.rmtree(folder, ignore_errors=True)
        return output, process.returncode, time.monotonic() - began

    def end(self):
        with self.lock:
            self.is_over = True
            for process in list(self.processes):
                kill_group(process)


def run_apart(plan, jobs=1):
    """Yield (name, output, exit code, seconds) of each (name, command, limit), in that order; `jobs` at a time."""
    running = Running()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            tests = [(name, pool.submit(running.run, command, limit_s)) for name, command, limit_s in plan]
            for name, test in tests:
                yield (name, *test.result())
        finally:
            running.end()
