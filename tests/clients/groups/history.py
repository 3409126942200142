"""history.py -- what the members of one group said, held against what a group promises.

A line is `T word PARTITION ...`; groups/member.c tells them all. Standard library only.
"""
import collections
import subprocess
import threading
import time

LIMIT_S = 180.0  # For what takes a second or two: a busy machine may need a minute to start a program.


class Member:
    """One process; its lines are read by a thread of its own."""

    def __init__(self, command, lines):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.owned = set()
        self.was_ended = False
        self.lines = lines
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            words = line.split()
            self.lines.append((self, line.rstrip()))
            if len(words) > 2 and words[1] == "start":
                self.owned.add(int(words[2]))
            elif len(words) > 2 and words[1] == "lost":
                self.owned.discard(int(words[2]))

    def kill(self):
        self.was_ended = True
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.owned.clear()

    def leave(self, limit_s=LIMIT_S):
        self.was_ended = True
        self.process.stdin.close()
        code = self.process.wait(timeout=limit_s)
        self.reader.join()
        self.owned.clear()
        return code


class History:
    def __init__(self):
        self.lines = []  # (member, text), as they came.
        self.members = []

    def add(self, command):
        self.members.append(Member(command, self.lines))
        return self.members[-1]

    def events(self, word):
        """(time, partition, numbers...) of every such line so far."""
        found = []
        for _, line in list(self.lines):
            words = line.split()
            if len(words) > 2 and words[1] == word:
                found.append(tuple(int(number) for number in (words[0], *words[2:])))
        return found

    def told(self, kinds):
        """(which member, line) of these words, for whoever looks into a failure."""
        return [(self.members.index(member), line) for member, line in list(self.lines)
                if line.split()[1:2] and line.split()[1] in kinds]

    def notes(self):
        return [line for _, line in list(self.lines) if " note " in line or not line[:1].isdigit()]

    def commits(self):
        """The highest offset confirmed for each partition."""
        highest = collections.defaultdict(lambda: -1)
        for _, partition, offset in self.events("committed"):
            highest[partition] = max(highest[partition], offset)
        return highest

    def ended(self):
        """Members that nobody ended."""
        return [member for member in self.members if not member.was_ended and member.process.poll() is not None]

    def owners(self, partitions):
        """Whether each partition has exactly one owner, as members say."""
        owned = [place for member in self.members for place in member.owned]
        return sorted(owned) == list(range(partitions))

    def wait_for_commits(self, partitions, limit_s=LIMIT_S):
        """Seconds until each partition is committed anew, beyond what is confirmed now."""
        before, began = self.commits(), time.monotonic()
        while True:
            now = self.commits()
            if all(now[place] > before[place] for place in range(partitions)):
                return time.monotonic() - began
            assert time.monotonic() - began < limit_s, \
                f"not within {limit_s} s: commits of all partitions; {self.notes()[-5:]}"
            time.sleep(0.02)

    def first_commit_after(self, limit_s=LIMIT_S):
        """Seconds until anything is committed."""
        before, began = len(self.events("committed")), time.monotonic()
        while len(self.events("committed")) == before:
            assert time.monotonic() - began < limit_s, f"nothing is committed any more; {self.notes()[-5:]}"
            time.sleep(0.01)
        return time.monotonic() - began

    def check(self, ends):
        """No confirmed offset was lost or went back, and everything was read."""
        confirmed = sorted(self.events("committed"))
        starts = sorted(self.events("start"))
        highest, at = collections.defaultdict(lambda: -1), 0
        for asked, partition, offset in starts:
            while at < len(confirmed) and confirmed[at][0] < asked:
                highest[confirmed[at][1]] = max(highest[confirmed[at][1]], confirmed[at][2])
                at += 1
            assert offset >= highest[partition], \
                f"partition {partition}: {highest[partition]} was confirmed, {offset} is committed"
        read = collections.defaultdict(list)
        for _, partition, first, last in self.events("read"):
            read[partition].append((first, last))
        for partition, end in ends.items():
            reached = 0
            for first, last in sorted(read[partition]):
                assert first <= reached, f"partition {partition}: {reached} to {first - 1} was never read"
                reached = max(reached, last + 1)
            assert reached == end, f"partition {partition}: read up to {reached} of {end}"
        return len(confirmed), len(starts)
