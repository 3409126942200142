"""live_history.py -- reads histories while they are written: what is acknowledged now, what is in flight.

The verdict is the checker's, over the whole files. This is what the timeline needs meanwhile: whether
each partition is acknowledged again, and which operations a fault met. A thread follows the files.
"""
import threading
import time

POLL_S = 0.02
CHUNK = 1 << 20
ACKS_1 = "acks1"  # The profile whose acknowledgement promises one disk only.


class Mark:
    """A span of time; operations that were open in it are counted as they end."""

    def __init__(self, from_ns, partitions):
        self.from_ns, self.to_ns, self.partitions = from_ns, None, partitions
        self.in_flight = 0
        self.first_ack_ns = None  # After from_ns, by whatever client acknowledges synced records.

    def meets(self, begun_ns, ended_ns, partition):
        """Whether an operation was open in the span, on a partition that it is about."""
        return (ended_ns >= self.from_ns and (self.to_ns is None or begun_ns <= self.to_ns)
                and (self.partitions is None or partition in self.partitions))


class File:
    def __init__(self, path, profile):
        self.path, self.profile = path, profile
        self.input, self.rest = None, b""
        self.open = {}  # (client, value) -> (partition, when it began)
        self.stalled_ns = 0  # How long the host stood still, by this writer's own watch of it.

    def lines(self):
        """Whole lines that have come since the last call."""
        if self.input is None:
            try:
                self.input = open(self.path, "rb")  # pylint: disable=consider-using-with
            except FileNotFoundError:
                return []
        data = self.input.read(CHUNK)
        if not data:
            return []
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        return lines


class LiveHistory:
    def __init__(self):
        self.files, self.marks = [], []
        self.lock = threading.Lock()
        self.last = {}  # profile -> {partition: when it was last acknowledged}
        self.acked = self.failed = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def add(self, path, profile):
        with self.lock:
            self.last.setdefault(profile, {})
            self.files.append(File(path, profile))

    def mark(self, partitions=None):
        """A span that begins now; operations count in it that are on these partitions (None: on any)."""
        with self.lock:
            mark = Mark(time.monotonic_ns(), partitions and frozenset(partitions))
            self.marks.append(mark)
            return mark

    def in_flight(self, mark):
        """Operations that the mark's span met, those included that have not ended yet."""
        with self.lock:
            still = sum(mark.meets(begun, time.monotonic_ns(), partition) for file in self.files
                        for partition, begun in file.open.values() if file.profile != ACKS_1)
            return mark.in_flight + still

    def forget(self, *marks):
        with self.lock:
            self.marks = [one for one in self.marks if one not in marks]

    def acked_since(self, moment_ns, partitions, profile):
        """Whether clients of that profile got every partition acknowledged after that moment."""
        with self.lock:
            last = self.last.get(profile, {})
            return len(last) >= partitions and all(when > moment_ns for when in last.values())

    def silent_since(self, moment_ns, partitions, profile):
        """Partitions of which nothing was acknowledged after that moment."""
        with self.lock:
            last = self.last.get(profile, {})
            return [p for p in range(partitions) if last.get(p, 0) <= moment_ns]

    def longest_silence_ns(self):
        """How long the partition that waits longest now has waited."""
        with self.lock:
            return time.monotonic_ns() - min((when for last in self.last.values() for when in last.values()),
                                             default=time.monotonic_ns())

    def stalled_ns(self):
        """How long the host stood still so far, by the second of the writers: one may have been stopped alone."""
        with self.lock:
            return sorted([0, 0] + [file.stalled_ns for file in self.files])[-2]

    def follow(self):
        while not self.is_over:
            with self.lock:
                more = False
                for file in self.files:
                    for line in file.lines():
                        self.take(file, line)
                        more = True
            if not more:
                time.sleep(POLL_S)

    def take(self, file, line):
        kind = line[:2]
        if kind == b"w ":
            _, client, value, partition, begun = line.split(b" ")[:5]
            file.open[client, value] = int(partition), int(begun)
        elif kind in (b"a ", b"e "):
            _, client, value, _, ended = line.split(b" ")[:5]
            known = file.open.pop((client, value), None)
            if known:
                self.end(file, *known, int(ended), kind == b"a ")
        elif kind == b"g ":
            _, begun, ended = line.split(b" ")[:3]
            file.stalled_ns += int(ended) - int(begun)

    def end(self, file, partition, begun, ended, is_acked):
        if is_acked:
            self.acked += 1
            last = self.last[file.profile]
            last[partition] = max(ended, last.get(partition, 0))
        else:
            self.failed += 1
        for mark in self.marks:
            if file.profile != ACKS_1 and mark.meets(begun, ended, partition):
                mark.in_flight += 1
            if is_acked and file.profile != ACKS_1 and ended > mark.from_ns and (
                    mark.first_ack_ns is None or ended < mark.first_ack_ns):
                mark.first_ack_ns = ended

    def close(self):
        self.is_over = True
        self.thread.join()
        for file in self.files:
            if file.input:
                file.input.close()
