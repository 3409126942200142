"""programs.py -- the programs that a run uses, and how they are called.

Whatever runs beside the supervisor is told to end with it (`setpriv --pdeathsig`), so that not even a
kill -9 of the supervisor leaves a writer behind. Nodes are sessions of their own: `skiff chaos clean`
finds those that outlived theirs.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.path.abspath(os.environ.get("SKIFF_BUILD") or os.path.join(ROOT, "build"))
ENVIRONMENT = dict(os.environ, SKIFF_BUILD=BUILD, SKIFF_CHAOS_DIR=HERE)
ENVIRONMENT.pop("SKIFF_BROKERS", None)
TAIL_BYTES = 8192


class Failure(Exception):
    """Why a run cannot go on: one line for the user, exit code 1."""


class Fatal(Failure):
    """A Failure that the next scenario would meet again."""


class Refused(Exception):
    """What the user asked for makes no sense: one line, exit code 2."""


def process_state(pid):
    """(state letter, start in ticks since boot) of a process; None: there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            words = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return words[0], int(words[19])


def path(name):
    found = os.path.join(BUILD, name)
    if not os.access(found, os.X_OK):
        raise Failure(f"{found} does not exist (tools/chaos builds it)")
    return found


def call(words, limit_s, env=None):
    """Run one command to its end; its output as text. Raises Failure when it takes too long.

    It ends, with what it started in its own session, when we are stopped meanwhile."""
    try:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, errors="replace", env=env or ENVIRONMENT, start_new_session=True)
    except OSError as error:
        raise Failure(f"{words[0]}: {error.strerror}") from error
    with process:
        try:
            output, errors = process.communicate(timeout=limit_s)
        except BaseException as ended:
            with contextlib.suppress(ProcessLookupError):  # It ended in the same moment.
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(ended, subprocess.TimeoutExpired):
                raise Failure(f"{shown(words)}: no end after {limit_s:.0f} s") from ended
            raise
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


class Spawned(subprocess.Popen):
    """A command that runs beside us. What it prints is held in memory: it may be that the disk is full."""

    def __init__(self, words, log):
        self.log, self.output = log, os.memfd_create("output", os.MFD_CLOEXEC)
        guard = shutil.which("setpriv")
        words = [guard, "--pdeathsig", "TERM", *words] if guard else words
        super().__init__(words, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
                         env=ENVIRONMENT, start_new_session=True)

    def said(self, count=4):
        """The last lines that it printed, for an error."""
        size = os.fstat(self.output).st_size
        return last_of(os.pread(self.output, TAIL_BYTES, max(0, size - TAIL_BYTES)), count)

    def keep_log(self):
        """It has ended and nobody asks it any more: what it printed becomes a file, where there is room."""
        if self.output is None:
            return
        data = os.pread(self.output, os.fstat(self.output).st_size, 0)
        os.close(self.output)
        self.output = None
        try:
            if data:
                with open(self.log, "wb") as file:
                    file.write(data)
        except OSError as error:
            say(f"{self.log}: {error.strerror}")


def end(process, number, limit_s):
    """Signal a process that we spawned and wait for it; killed when it does not end. Its exit code."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def shown(words):
    return " ".join([os.path.basename(words[0]), *words[1:3]])


def last_lines(file, count=4):
    """The end of a text file, for an error; empty when it is not there."""
    try:
        with open(file, "rb") as log:
            log.seek(max(0, os.path.getsize(file) - TAIL_BYTES))
            return last_of(log.read(), count)
    except OSError:
        return ""


def last_of(data, count):
    lines = [line for line in data.decode(errors="replace").split("\n") if line.strip()]
    return "\n".join("    " + line[:200] for line in lines[-count:])


def error_json(errors, code):
    """In the place of a report, where there is none: one line of JSON."""
    return json.dumps({"verdict": None, "exit_code": code, "errors": [str(error) for error in errors]})


def say(text):
    print(text, file=sys.stderr, flush=True)
