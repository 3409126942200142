#!/usr/bin/env python3
"""kcat.py -- kcat as a client of the matrix: each verb is a run of it, as a person at a terminal would type it.

Its groups commit by themselves and do not say so: groups/silent.py plays them.
"""
import json
import subprocess
import sys

from said import ASK_LIMIT_S, converse, pairs, tell_offset


class Verbs:
    def __init__(self, brokers):
        self.brokers = brokers

    def kcat(self, *words, stdin=None):
        words = ["kcat", "-b", self.brokers, "-X", "reconnect.backoff.max.ms=200", *map(str, words)]
        run = subprocess.run(words, input=stdin, capture_output=True, timeout=ASK_LIMIT_S, check=False)
        if run.returncode != 0:
            raise RuntimeError(run.stderr.decode()[-300:])
        return run

    def partitions(self, topic):
        found, = json.loads(self.kcat("-L", "-J", "-t", topic).stdout)["topics"]
        return found["partitions"]

    def produce(self, topic, codec, first, count):
        """It says of each record that it was delivered, and ends when the last one was."""
        lines = b"".join(key + b":" + value + b"\n" for key, value in pairs(first, count))
        run = self.kcat("-P", "-t", topic, "-K:", "-z", codec, "-X", "enable.idempotence=true", "-X", "linger.ms=20",
                        "-X", "sticky.partitioning.linger.ms=0", "-vvv", "-E", stdin=lines)
        delivered = run.stderr.count(b"Message delivered")
        if delivered != count:
            raise RuntimeError(f"{delivered} of {count} were delivered; {run.stderr.decode()[-300:]}")

    def read(self, topic, count):
        found = self.kcat("-C", "-t", topic, "-o", "beginning", "-c", count, "-q", "-f", "record %p %o %k %s\\n")
        print(found.stdout.decode(), end="", flush=True)

    def times(self, topic, time_ms):
        asked = [word for place in self.partitions(topic) for word in ("-t", f"{topic}:{place['partition']}:{time_ms}")]
        for text in self.kcat("-Q", *asked).stdout.decode().splitlines():  # timed [0] offset 10
            _, place, _, offset = text.split()
            tell_offset(int(place[1:-1]), int(offset))


def main():
    converse(Verbs(sys.argv[1]))


if __name__ == "__main__":
    main()
