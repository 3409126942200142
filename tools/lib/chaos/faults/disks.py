"""disks.py -- disks that are slow, hang, fill up, fail to sync or write short, by the preloaded library.

Each is confirmed by the library's own counters: the node did meet what was set up for it.
"""
from faults.fault import Fault
from faults.processes import is_gone


class Disk(Fault):
    """One verb for each victim, healed for all at once. `counter` must grow meanwhile.

    A node may end at a fault of its disk, and one that met a failed sync serves no writes until it was
    restarted: `restarts` says that an operator would restart it."""

    def __init__(self, moment, nodes, words, **how):
        super().__init__(moment)
        self.victims = list(nodes)
        self.words, self.part = words, how.get("part", "")
        self.is_part_seen = how.get("seen", True)
        self.counter = how["counter"]
        self.restarts = how.get("restarts", False)
        self.detail = f"{' '.join(words)}, node {' '.join(map(str, nodes))}"
        self.pids = {}

    def counters(self):
        rules = self.moment.verbs.rules()
        return {node: rules[node][self.counter] for node in self.victims}

    def inject(self):
        self.pids = {node: self.cluster.pid(node) for node in self.victims}
        self.before = self.counters()
        said = [self.moment.verbs.call(self.words[0], node, *self.words[1:]) for node in self.victims]
        self.is_in_force = all(one.get("confirmed") for one in said)

    def heal(self):
        self.moment.verbs.heal()
        down = [node for node in self.victims if is_gone(self.pids[node])]
        again = [node for node in self.victims if node not in down] if self.restarts else []
        if again:
            self.cluster.kill(*again)
        if again or down:
            self.cluster.restart(*sorted(again + down))

    def confirm(self):
        grown = {node: now - self.before[node] for node, now in self.counters().items()}
        how = f"{self.counter} {', '.join(f'+{count} on node {node}' for node, count in grown.items())}"
        ended = [node for node in self.victims if is_gone(self.pids[node])]
        how += f"; node {' '.join(map(str, ended))} ended" if ended else ""
        seen = self.is_in_force and all(count > 0 for count in grown.values()) and self.is_part_seen
        return seen, f"{self.part}; {how}" if self.part else how


def of_leader(choose, words, **how):
    """A disk fault of one node; several kinds of words take turns from round to round."""
    def of(moment):
        victim = choose(moment)
        kind = words[moment.number % len(words)]
        return Disk(moment, [victim.node], kind, part=victim.part, seen=victim.seen, **how)
    return of


def of_all(words, **how):
    def of(moment):
        return Disk(moment, moment.cluster.ids, words, **how)
    return of
