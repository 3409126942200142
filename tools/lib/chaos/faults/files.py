"""files.py -- files of a node that is down: bits that rot, directories that go. Then the node starts again."""
import glob
import os
import re
import shutil

from faults.processes import Kill
from programs import Failure

# Kind -> patterns below a data directory, Skiff's and Kafka's names; {topic} is the scenario's.
ROTTING = {
    "segment": ["{topic}-[0-9]*/*.log"],
    "index": ["{topic}-[0-9]*/*.index"],
    "checkpoint": ["{topic}-[0-9]*/leader-epoch-checkpoint"],
    "marks": ["marks-*", "recovery-point-offset-checkpoint", "replication-offset-checkpoint"],
    "quorum-state": ["quorum*", "__cluster_metadata-0/quorum-state"],
}


def used_bytes(path):
    """The size of a file without the zeros that were allocated ahead at its end."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        while size > 0:
            start = max(0, size - (1 << 16))
            file.seek(start)
            block = file.read(size - start).rstrip(b"\0")
            if block:
                return start + len(block)
            size = start
    return 0


def flip_bit(path, chance):
    """One bit of the first half of what is used: that was synced long ago. Its place."""
    used = used_bytes(path)
    at = chance.randrange(max(1, used // 2))
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ (1 << chance.randrange(8))]))
        file.flush()
        os.fsync(file.fileno())
    return at


class BitRot(Kill):
    """The victim is killed, one bit of one of its files flips, and it starts again."""

    def __init__(self, moment, nodes, part="", is_part_seen=True, kind="segment"):
        super().__init__(moment, nodes, part, is_part_seen)
        self.kind = kind
        self.detail += f", {kind}"
        self.flipped = ""

    def inject(self):
        super().inject()
        for node in self.victims:
            self.rot(self.cluster.data(node))

    def end(self):
        """An index is written when it is closed: its node ends in order."""
        if self.kind == "index":
            for node in self.victims:
                self.shut_down(node)
        else:
            super().end()

    def rot(self, data):
        for pattern in ROTTING[self.kind]:
            found = [path for path in sorted(glob.glob(os.path.join(data, pattern.format(topic=self.moment.topic))))
                     if os.path.isfile(path) and used_bytes(path) > 1]
            if found:
                path = self.moment.chance.choice(found)
                at = flip_bit(path, self.moment.chance)
                self.flipped = f"byte {at} of {os.path.relpath(path, data)}"
                return
        self.flipped = ""

    def confirm(self):
        gone, how = super().confirm()
        return gone and self.flipped != "", f"{how}; {self.flipped or 'no such file to flip a bit of'}"


class LostDirectory(Kill):
    """The victim is killed and a directory of it goes: one partition's, or all that it had."""

    def __init__(self, moment, nodes, part="", is_part_seen=True, is_whole=False):
        super().__init__(moment, nodes, part, is_part_seen)
        self.is_whole = is_whole
        self.detail += ", the whole data directory" if is_whole else ", one partition's directory"
        self.removed = []

    def inject(self):
        super().inject()
        for node in self.victims:
            data = self.cluster.data(node)
            if not os.path.isdir(data) or os.path.realpath(data) in ("/", os.path.expanduser("~")):
                raise Failure(f"the data directory of node {node} is {data!r}?")
            names = [os.path.join(data, name) for name in sorted(os.listdir(data))]
            if not self.is_whole:
                names = [self.moment.chance.choice(
                    [name for name in names if re.fullmatch(self.moment.topic + "-[0-9]+", os.path.basename(name))])]
            for name in names:
                if os.path.isdir(name):
                    shutil.rmtree(name)
                else:
                    os.remove(name)
                self.removed.append(name)

    def confirm(self):
        gone, how = super().confirm()
        names = ", ".join(os.path.basename(name) for name in self.removed[:2])
        more = f" and {len(self.removed) - 2} more" if len(self.removed) > 2 else ""
        return gone and bool(self.removed), f"{how}; {names}{more} removed"


def bit_rot(*chosen):
    """Kinds of files take turns with victims: (kind, who chooses)."""
    def make(moment):
        kind, choose = chosen[moment.number % len(chosen)]
        victim = choose(moment)
        return BitRot(moment, [victim.node], victim.part, victim.seen, kind)
    return make


def lost_directory(choose):
    def make(moment):
        victim = choose(moment)
        return LostDirectory(moment, [victim.node], victim.part, victim.seen, is_whole=moment.number % 2 == 1)
    return make
