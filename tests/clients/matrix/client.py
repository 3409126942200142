"""client.py -- a stock client of the matrix, and the conversation with its program.

    PROGRAM BROKERS     reads verbs, a line each, until standard input ends; what a verb answers comes in lines on standard
                        output, the last of which is `ok`, `error WHY` or `lacks WHY` (the client has no such thing)

    create TOPIC PARTITIONS REPLICAS
    describe TOPIC                      partition INDEX LEADER REPLICAS; who lacks it may still create and delete
    delete TOPIC
    produce TOPIC CODEC FIRST COUNT     key kN and value vN for COUNT numbers from FIRST, acks=all; ok: all are acknowledged
    read TOPIC COUNT                    as many from the beginning of all partitions, in no group: record PARTITION OFFSET KEY VALUE
    times TOPIC MS                      offset PARTITION OFFSET, of the first record at that time or later; -1: none
    commit TOPIC GROUP PARTITION OFFSET
    committed TOPIC GROUP               offset PARTITION OFFSET; -1: none
    reset TOPIC GROUP                   a group without members goes back to the earliest offsets

Producers live as long as the program does, so they meet what happens to the cluster.

    PROGRAM member BROKERS TOPIC GROUP [consumer]     is a member of a group as groups/member.c is one
"""
import collections
import dataclasses
import queue
import subprocess
import tempfile
import threading
import time
import typing

ANSWER_LIMIT_S = 120.0  # A busy machine may need a minute to start a program.


class Lacks(Exception):
    """The client has no such thing."""


class Refused(Exception):
    """The broker has no more what the client asks for."""


# What clients that know no version of Kafka after 0.10 send in each row, and what Kafka 4 has no more (KIP-896).
AS_OF_0_10 = {**dict.fromkeys(("codecs", "commit", "seek", "reset", "survive"), ("Produce", 2)), "group": ("Fetch", 3)}


@dataclasses.dataclass
class Client:
    """What the table says of one, and how it is run. `command` makes it ready, so it may raise Skip."""
    name: str
    version: str
    language: str
    command: typing.Callable = None
    member: typing.Callable = None  # A program that is a member and nothing else; else `command` with the word "member".
    silent_member: typing.Callable = None  # (brokers, topic, group) -> a member as in groups/silent.py, in its place.
    codecs: tuple = ("none", "gzip", "snappy", "lz4", "zstd")
    groups: tuple = ("classic",)
    is_idempotent: bool = True
    is_nightly: bool = False
    lacks: dict = dataclasses.field(default_factory=dict)  # Row -> why.
    not_on_kafka: dict = dataclasses.field(default_factory=dict)  # Row -> (API, version) that it sends and Kafka's newest has no more.

    @property
    def key(self):
        return "".join(letter if letter.isalnum() else "_" for letter in f"{self.name} {self.version}").lower()

    def member_words(self):
        """A command that BROKERS TOPIC GROUP and the protocol are to follow."""
        return self.member() if self.member else [*self.command(), "member"]


class Talk:
    """One process of a client's program, which is asked and answers."""

    def __init__(self, client, brokers):
        self.errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([*client.command(), brokers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True, bufsize=1)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.hear, daemon=True)
        self.reader.start()

    def hear(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def said_beside(self):
        self.errors.seek(0)
        return self.errors.read()[-1500:]

    def tell(self, *words):
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The answer says so.

    def answer(self, what, limit_s=ANSWER_LIMIT_S):
        """The lines of an answer, in words. Raises Lacks."""
        found, deadline = [], time.monotonic() + limit_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{what}: no answer within {limit_s} s; {self.said_beside()}") from None
            assert line is not None, f"{what}: the program has ended; {self.said_beside()}"
            word, _, why = line.partition(" ")
            if word == "ok":
                return found
            if word == "lacks":
                raise Lacks(why)
            assert word != "error", f"{what}: {why}; {self.said_beside()}"
            found.append(line.split())

    def ask(self, *words, limit_s=ANSWER_LIMIT_S):
        self.tell(*words)
        return self.answer(" ".join(map(str, words)), limit_s)

    def offsets(self, *words):
        """{partition: offset} of a verb that answers so."""
        return {int(place): int(offset) for _, place, offset in self.ask(*words)}

    def records(self, topic, count):
        """{partition: [(offset, key, value)]}, in order."""
        found = collections.defaultdict(list)
        for _, place, offset, key, value in self.ask("read", topic, count):
            found[int(place)].append((int(offset), key, value))
        return found

    def leave(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        assert code == 0, f"exit {code}; {self.said_beside()}"

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.errors.close()
