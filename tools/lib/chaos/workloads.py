"""workloads.py -- the clients of a run: processes of skiff-workload, and the histories that they write.

    stock    idempotent writer, acks=all, nothing set that need not be
    tuned    the same with timeouts that let a client follow a fast cluster
    acks1    acks=1, to a topic and a history of its own: its losses are counted
    probe    one tiny record after the other round the partitions, tuned
    probe-stock  the same with nothing set
    fresh    the same, each over connections of its own
    metadata creates and deletes a topic, again and again
    commit   groups that commit offsets, and somebody who asks for them
    groups, keys  members that come and go, and a compacted topic (side_topics.py)
    reader   reads along; after the run another one reads everything
"""
import json
import os
import re
import signal
import time

import programs
from live_history import ACKS_1, LiveHistory
from programs import Failure
from side_topics import GROUPS, KEYS, SideTopics, read_to_the_end

VIOLATION, INCONCLUSIVE = 11, 12
JVM_TERMINATED = 128 + signal.SIGTERM  # What a JVM may say that ended in order; its history tells whether it did.
FINAL_LIMIT_S, FLUSH_LIMIT_S = 120, 30
READER_LIMIT_S = 120  # Members of a group read and commit all that is left, and are asked: churn.c has the limits.
ANSWERS_WITHIN = "30s"  # Metadata, to begin with: a JVM that has just started takes its time.
COMMITTERS = 8  # Groups that commit, each by itself.
CLIENTS_EACH = 1000  # Numbers that one process may give to its clients.
GIVEN_UP = re.compile(r"(\d+) producers given up")  # In the last line of a writer.
# Of all records a second, and so many at most: to topics beside the main one, and commits.
SIDE_PARTS = {GROUPS: (0.04, 60), KEYS: (0.04, 60), "commits": (0.04, 80)}
ALONE_PART = 0.1, 300  # To a topic that is made for one round.
RATE_PARTS = {"stock": 0.2, "acks1": 0.12, "probes": 0.24}  # Of what is left; the tuned writer has the rest.
PROBE_KINDS = 3  # That share the rate of probes.
STOCK_KINDS = ("stock", "probe-stock")  # Clients whose library remembers for long how a node has failed it.
OTHER_PART = 0.12  # Of each writer in another language.


def is_plaintext(path):
    """Whether our own codec, which knows no TLS and no SASL, reaches what this client.properties is for."""
    if not path:
        return True
    with open(path, encoding="utf-8", errors="replace") as file:
        pairs = (line.partition("=") for line in file if not line.lstrip().startswith("#"))
        said = [value.strip().lower() for key, _, value in pairs if key.strip() == "security.protocol"]
    return said[-1:] in ([], ["plaintext"])


def share(total, part, most):
    return max(1, min(most, round(total * part)))


def alone_rate(total):
    """Records a second to a topic that is made for one round."""
    return share(total, *ALONE_PART)


def rates(total, others=0, is_alone=False):
    """How many records a second each kind of client writes, so that all together write `total`.

    An offset that is committed is a record, too: a member commits at most one for each that it reads."""
    side = {name: share(total, *part) for name, part in SIDE_PARTS.items()}
    left = total - sum(side.values()) - side[GROUPS] - (alone_rate(total) if is_alone else 0)
    parts = {name: max(1, round(left * part)) for name, part in RATE_PARTS.items()}
    parts["other"] = max(1, round(left * OTHER_PART))
    parts["tuned"] = max(1, left - sum(parts[name] for name in RATE_PARTS) - others * parts["other"])
    return {**parts, **side}


def every_ms(rate):
    """From one probe of a kind to the next, when all kinds together write `rate` a second."""
    return -(-1000 * PROBE_KINDS // rate)


def watch_rates(total):
    """The same for `watch`, whose few clients must not write more than `total` a second either."""
    return {"tuned": total * 2 // 3, "stock": total // 6, "fresh_every_ms": max(20, -(-6000 // total))}


class Marks:
    """The supervisor's own history: when which fault began and ended."""

    def __init__(self, path, run, topic, partitions):
        self.file = open(path, "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.line(f"# skiff-history 1 run={run} topic={topic} partitions={partitions}")

    def line(self, text):
        self.file.write(text + "\n")
        self.file.flush()

    def begin(self, number, name, detail):
        self.line(f"! {time.monotonic_ns()} begin {number} {name} {detail}")

    def end(self, number, name):
        self.line(f"! {time.monotonic_ns()} end {number} {name} healed")

    def close(self):
        if not self.file.closed:
            self.line(f". {time.monotonic_ns()}")
            self.file.close()


class Checked:
    """What `skiff chaos check` said of some histories."""

    def __init__(self, code, found, text):
        self.code, self.found, self.text = code, found, text


class Workloads:
    """All clients of one topic pair on one cluster."""

    ANSWERS_WITHIN, FINAL_LIMIT_S = ANSWERS_WITHIN, FINAL_LIMIT_S

    def __init__(self, folder, bootstrap, run, topic, setting):
        self.folder, self.bootstrap, self.run, self.topic = folder, bootstrap, run, topic
        self.setting = setting  # partitions, replication, rate, client (-F), topic settings
        self.topic_1 = topic + "-acks1"
        self.processes = {}
        self.files, self.files_1 = [], []
        self.files_of = {self.topic: self.files, self.topic_1: self.files_1}
        self.side = SideTopics(self)
        self.next_client = 0
        self.rounds_of_stock, self.retired = 0, {}
        self.broken = []  # What a client saw that no cluster may do, and that ended it.
        self.given_up = 0  # Producers that their library ended by a defect of its own, and that were replaced.
        self.others = {}  # Writers in other languages: name -> history.
        self.notes, self.doubts = [], []  # What there is to say of the clients; who of them wrote nothing, and why.
        self.has_fresh = is_plaintext(setting.client)
        if not self.has_fresh:
            self.notes.append("no fresh connections were probed: the probe speaks plaintext only")
        self.live = LiveHistory()
        self.marks = self.new_marks("marks", topic, self.files)
        self.marks_1 = None

    def new_marks(self, name, topic, files):
        path = os.path.join(self.folder, f"{name}.history")
        files.append(path)
        return Marks(path, self.run, topic, self.setting.partitions)

    def program(self, verb, *words):
        more = ["-F", self.setting.client] if self.setting.client else []
        return [programs.path("skiff-workload"), *verb.split(), "-b", self.bootstrap, *more, *map(str, words)]

    def create(self, topic, settings=(), partitions=0):
        words = [topic, "--timeout", ANSWERS_WITHIN, "-p", partitions or self.setting.partitions,
                 "-r", self.setting.replication]
        for line in settings:
            words += ["-c", line]
        self.must(self.program("topic create", *words))

    def delete(self, topic):
        return programs.call(self.program("topic delete", topic, "--timeout", ANSWERS_WITHIN), 60).returncode == 0

    def must(self, words):
        run = programs.call(words, 60)
        if run.returncode != 0:
            raise Failure(f"{programs.shown(words)}: {run.stderr.strip() or run.stdout.strip()}")
        return run.stdout

    def start(self, name, verb, *words, topic=None, profile=None, command=None):
        """Start one process beside us, with a history of its own; `command` is another program than skiff-workload."""
        history = os.path.join(self.folder, f"{name}.history")
        self.files_of[topic or self.topic].append(history)
        if profile:
            self.live.add(history, profile)
        program = [*command, verb, "-b", self.bootstrap] if command else self.program(verb)
        more = ["-t", topic or self.topic, "--run", self.run, "--history", history, "--timeout", ANSWERS_WITHIN,
                "--first-client", self.take_clients()]
        self.processes[name] = programs.Spawned([*program, *map(str, [*more, *words])],
                                                os.path.join(self.folder, f"{name}.log"))

    def take_clients(self):
        self.next_client += CLIENTS_EACH
        return self.next_client - CLIENTS_EACH

    def start_writer(self, profile, rate, writers=1):
        size = ["--size", self.setting.size] if self.setting.size and profile == "tuned" else []
        self.start(profile, "write", "--profile", profile, "--rate", rate, "--writers", writers, *size, profile=profile)

    def renew_stock(self, rates_of):
        """Other stock clients, by names that live histories know them by; retire() ends those before.

        librdkafka doubles its pause before it dials a node again, up to 10 s, and forgets that only when it has not had
        to for as long. Rounds follow each other faster than that, failures of real nodes do not."""
        names = {kind: f"{kind}-{self.rounds_of_stock}" if self.rounds_of_stock else kind for kind in STOCK_KINDS}
        self.rounds_of_stock += 1
        writer, probe = names.values()
        self.start(writer, "write", "--profile", "stock", "--rate", rates_of["stock"], profile=writer)
        self.start(probe, "probe", "--profile", "stock", "--every-ms", every_ms(rates_of["probes"]), profile=probe)
        return names

    def retire(self, name):
        """A client ends when its last records are answered; nobody waits for it until stop()."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        self.retired[name] = process

    def write_for(self, seconds, topic, name):
        """Records to a topic of its own, for a while. Their history, which is not one of the run's."""
        history = os.path.join(self.folder, f"{topic}-{name}.alone")
        process = programs.Spawned(self.program("write", "-t", topic, "--run", self.run, "--history", history, "--rate",
                                                alone_rate(self.setting.rate), "--timeout", ANSWERS_WITHIN,
                                                "--first-client", self.take_clients()), history + ".log")
        time.sleep(seconds)
        if programs.end(process, signal.SIGTERM, FLUSH_LIMIT_S) != 0:
            raise Failure(f"writing to {topic}: {process.said()}")
        return history

    def check_alone(self, topic, history):
        """What the checker says of that history, with a read of all that the topic holds."""
        final = history + ".final"
        run = programs.call(self.program("final", "-t", topic, "--timeout", ANSWERS_WITHIN, "--run", self.run,
                                         "--history", final, "--first-client", self.take_clients()), FINAL_LIMIT_S)
        if run.returncode != 0:
            raise Failure(f"final read of {topic}: {run.stderr.strip()}")
        return self.check([history, final])

    def start_other(self, name, command, rate):
        self.start(name, "write", "--rate", rate, profile=name, command=command)
        self.others[name] = self.files[-1]

    def start_acks_1(self, rate):
        self.marks_1 = self.new_marks("marks-acks1", self.topic_1, self.files_1)
        for name, profile in ((ACKS_1, "tuned"), (ACKS_1 + "-stock", "stock")):
            self.start(name, "write", "--acks", "1", "--profile", profile, "--rate", max(1, rate // 2),
                       topic=self.topic_1, profile=ACKS_1)
        self.start("reader-acks1", "read", topic=self.topic_1)

    def start_probes(self, rate, is_with_metadata):
        self.start("probe", "probe", "--every-ms", every_ms(rate), profile="probe")
        self.start_fresh(every_ms(rate))
        if is_with_metadata:
            self.start("metadata", "probe", "--metadata", profile="metadata")

    def start_fresh(self, pause_ms):
        if self.has_fresh:
            self.start("fresh", "probe", "--fresh", "--every-ms", pause_ms, profile="fresh")

    def profiles(self, *names):
        """Those of these clients that there are."""
        return [name for name in names if name != "fresh" or self.has_fresh]

    def start_commits(self, rate):
        self.start("commit", "commit", "--groups", COMMITTERS, "--every-ms", -(-1000 * COMMITTERS // rate))

    def start_reader(self):
        self.start("reader", "read")

    def begin(self, number, name, detail):
        for marks in filter(None, (self.marks, self.marks_1)):
            marks.begin(number, name, detail)

    def end(self, number, name):
        for marks in filter(None, (self.marks, self.marks_1)):
            marks.end(number, name)

    def check_alive(self):
        """A workload that ended by itself ends the run: what it would have seen is missing."""
        for name, process in list(self.processes.items()):
            if process.poll() is None:
                continue
            if process.returncode == VIOLATION:
                self.note_broken(name)
            elif name in self.others and not self.live.last[name]:
                self.leave_out(name)
            else:
                raise Failure(f"the workload {name!r} ended with exit code {process.returncode}:\n{process.said()}")

    def note_broken(self, name):
        """A client ended by an error that no sound cluster gives: its history is whole, the others go on."""
        process = self.processes.pop(name)
        self.broken.append(f"the client {name!r} was ended by an error that no sound cluster gives:\n{process.said(3)}")
        process.keep_log()

    def leave_out(self, name):
        """A writer that has got nothing acknowledged, and will not: the others go on without it."""
        process = self.processes.pop(name)
        programs.end(process, signal.SIGTERM, FLUSH_LIMIT_S)
        self.files.remove(self.others.pop(name))
        self.doubts.append(f"the writer {name!r} wrote nothing: {process.said(1).strip() or 'it did not get that far'}")
        process.keep_log()

    def stop(self):
        """Writers finish what is open, then readers end. Of those that did not end well, a text each."""
        readers = [name for name in self.processes if name.startswith("reader")]
        writers = [name for name in self.processes if name not in readers]
        bad = []
        self.processes.update(self.retired)
        for group, limit_s in (([*writers, *self.retired], FLUSH_LIMIT_S), (readers, READER_LIMIT_S)):
            for name in group:
                if self.processes[name].poll() is None:
                    self.processes[name].send_signal(signal.SIGTERM)
            for name in group:
                process = self.processes[name]
                code = programs.end(process, 0, limit_s)
                self.given_up += sum(map(int, GIVEN_UP.findall(process.said(1))))
                self.side.hear(name, process.said(1))
                if code == VIOLATION:
                    self.note_broken(name)
                    continue
                if code not in (0, JVM_TERMINATED):
                    bad.append(f"the workload {name!r} ended with exit code {code}:\n{process.said()}")
                process.keep_log()
        self.processes, self.retired = {}, {}
        for marks in filter(None, (self.marks, self.marks_1)):
            marks.close()
        return bad

    def read_to_the_end(self):
        """The final reads of all topics, at the same time. What was wrong with them, or ""."""
        waits = [read_to_the_end(self, topic, files) for topic, files in self.files_of.items() if files]
        return "".join([wait() for wait in waits]).rstrip("; ")

    def check(self, files, ends=None, window=None):
        """The checker's word on files. `ends`: a file that it writes; `window`: limits of the timeline, in ns."""
        words = [programs.path("skiff"), "chaos", "check", *files, "--json"]
        words += ["--replica-ends", ends] if ends else []
        words += ["--timeline", f"{window[0]}:{window[1]}"] if window else []
        run = programs.call(words, 600)
        try:
            found = json.loads(run.stdout)
        except ValueError as error:
            raise Failure(f"skiff chaos check: {run.stderr.strip() or run.stdout[:200]}") from error
        if run.returncode not in (0, VIOLATION):  # Also 1 with all that it found: a history was cut short.
            return Checked(INCONCLUSIVE, found, run.stderr.strip() or "the history says too little")
        return Checked(run.returncode, found, run.stderr.strip())

    def kill(self):
        """End everything at once; histories stay as they are."""
        self.processes.update(self.retired)
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            programs.end(process, signal.SIGTERM, 2)
            process.keep_log()
        self.processes, self.retired = {}, {}
        for marks in filter(None, (self.marks, self.marks_1)):
            marks.close()
        self.live.close()
