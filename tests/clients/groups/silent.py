"""silent.py -- a group of members that commit by themselves and do not say what, such as a console consumer or kcat.

So the group is asked all the time where it stands: what one answer says, no later one may be behind. And whoever
takes a partition over reads on from there, not from before it. A member prints `Partition:P` and `Offset:O` of each
record, and ends by SIGTERM.
"""
import collections
import json
import threading
import time

from groups.history import LIMIT_S, History, Member
from groups.test_groups import PARTITIONS, Writer, kill_coordinator, topic_ends
from live import until


class SilentMember(Member):
    """What it printed, in the lines that others say themselves; a start is a record that does not follow the last one."""

    def __init__(self, command, lines, history):
        self.history = history
        self.next = collections.defaultdict(lambda: -1)
        super().__init__(command, lines)

    def read(self):
        for line in self.process.stdout:
            words = dict(word.split(":", 1) for word in line.split() if ":" in word)
            if "Partition" not in words or "Offset" not in words:
                self.lines.append((self, line.rstrip()))
                continue
            place, offset = int(words["Partition"]), int(words["Offset"])
            if offset != self.next[place]:
                self.lines.append((self, f"{self.history.changed_at} start {place} {offset}"))
            self.lines.append((self, f"{time.monotonic_ns()} read {place} {offset} {offset}"))
            self.next[place] = offset + 1

    def leave(self, limit_s=LIMIT_S):
        self.was_ended = True
        self.process.terminate()
        self.process.wait(timeout=limit_s)
        self.reader.join()


class Standing(threading.Thread):
    """Asks where the group stands until it is told to stop: an answer is a start for the next ones, and a commit."""

    def __init__(self, cluster, group, history):
        super().__init__(daemon=True)
        self.cluster, self.group, self.history = cluster, group, history
        self.stopping = threading.Event()
        self.answers = 0
        self.highest = collections.defaultdict(lambda: -1)

    def run(self):
        while not self.stopping.wait(0.02):
            began = time.monotonic_ns()
            run = self.cluster.call("group", "describe", self.group, "--json", "--timeout", "2s")
            if run.returncode != 0:
                continue  # Not there yet, or no coordinator for a moment.
            ended = time.monotonic_ns()
            self.answers += 1
            for place in json.loads(run.stdout)[0]["partitions"]:
                offset = -1 if place["committed"] is None else place["committed"]
                self.history.lines.append((None, f"{began} start {place['partition']} {offset}"))
                if offset > self.highest[place["partition"]]:
                    self.highest[place["partition"]] = offset
                    self.history.lines.append((None, f"{ended} committed {place['partition']} {offset}"))


class SilentHistory(History):
    def __init__(self, command):
        super().__init__()
        self.command = command
        self.changed_at = time.monotonic_ns()  # Since then no member took anything over but through the last change.

    def add_silent(self):
        self.members.append(SilentMember(self.command, self.lines, self))

    def change(self):
        """All that is committed has been heard from whoever read it; what starts from here on does so for what comes now."""
        def is_heard():
            read = collections.defaultdict(lambda: -1)
            for member in self.members:
                for place, end in list(member.next.items()):
                    read[place] = max(read[place], end)
            return all(read[place] >= end for place, end in self.commits().items())
        until("what was committed was printed", is_heard, LIMIT_S)
        self.changed_at = time.monotonic_ns()


def settled(cluster, history, group, count):
    """So many members own all partitions between them, and commit."""
    def shares():
        assert not history.ended(), f"members ended by themselves: {history.notes()[-5:]}"
        run = cluster.call("group", "describe", group, "--json")
        found = json.loads(run.stdout)[0]["members"] if run.returncode == 0 else []
        return len(found) == count and sum(member["partitions"] for member in found) == PARTITIONS
    until(f"{count} members share all", shares, LIMIT_S)
    history.wait_for_commits(PARTITIONS)
    history.change()


def play(cluster, history, topic, group):
    """Seconds until anything was committed after the coordinator's death, and how many records were written."""
    writer = Writer(cluster, topic)
    writer.start()
    try:
        for _ in range(3):
            history.add_silent()
        settled(cluster, history, group, 3)
        history.members[0].kill()
        settled(cluster, history, group, 2)
        history.add_silent()
        settled(cluster, history, group, 3)
        gap_s = kill_coordinator(cluster, history, group)
        settled(cluster, history, group, 3)
        return gap_s, writer.stop()
    finally:
        writer.stopping.set()
        writer.process.kill()


def silent_group_on(cluster, command, topic, group):
    """The whole story with members that `command` starts; where each partition ended."""
    history = SilentHistory(command)
    standing = Standing(cluster, group, history)
    try:
        cluster.skiff("topic", "create", topic, "-p", str(PARTITIONS), "-r", "3")
        standing.start()
        gap_s, written = play(cluster, history, topic, group)
        ends = topic_ends(cluster, topic)
        assert sum(ends.values()) >= written
        until("all is committed", lambda: all(history.commits()[place] == end for place, end in ends.items()), LIMIT_S)
        for member in history.members[1:]:
            member.leave()
        standing.stopping.set()
        standing.join()
        commits, starts = history.check(ends)
        print(f"  {written} records; asked {standing.answers} times where the group stands: {commits} offsets, {starts} "
              f"starts; first commit seen {gap_s:.2f} s after the kill")
        return ends
    finally:
        standing.stopping.set()
        for member in history.members:
            member.process.kill()
        if standing.ident is not None:
            standing.join()
