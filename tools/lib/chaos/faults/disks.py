"""disks.py -- disks that are slow, hang, fill up, fail to sync or write short, by the preloaded library.

Each is confirmed by the library's own counters: the node did meet what was set up for it.
"""
import signal

from faults.fault import Fault
from faults.processes import is_gone


class Disk(Fault):
    """One verb for each victim, healed for all at once. `counter` must grow meanwhile.

    One that met a failed sync serves no writes until it was restarted: `restarts` says that an operator would
    restart it. Where `may_end`, a node may give up in order when it meets the fault. None is a reason to crash."""

    def __init__(self, moment, nodes, words, **how):
        super().__init__(moment)
        self.victims = list(nodes)
        self.words, self.part = words, how.get("part", "")
        self.is_part_seen = how.get("seen", True)
        self.counter = how["counter"]
        self.restarts, self.may_end = how.get("restarts", False), how.get("may_end", False)
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

    def is_met(self):
        return all(count > self.before[node] for node, count in self.counters().items()) or bool(self.gone())

    def heal(self):
        self.moment.verbs.heal()
        down = self.gone()
        self.judge_ended(down)
        again = [node for node in self.victims if node not in down] if self.restarts else []
        if again:
            self.cluster.kill(*again)
        if again or down:
            self.cluster.restart(*sorted(again + down))

    def gone(self):
        return [node for node in self.victims if is_gone(self.pids[node])]

    def judge_ended(self, nodes):
        for node in nodes:
            code = self.cluster.exit_code(self.pids[node])
            if code is not None and code < 0:
                self.wrong.append(f"node {node} crashed at a fault of its disk: {signal.Signals(-code).name}"
                                  f"{self.cluster.log_ends()}")
            elif not self.may_end:
                self.wrong.append(f"node {node} ended at a fault of its disk, which is none to end at"
                                  f"{self.cluster.log_ends()}")

    def confirm(self):
        grown = {node: now - self.before[node] for node, now in self.counters().items()}
        how = f"{self.counter} {', '.join(f'+{count} on node {node}' for node, count in grown.items())}"
        ended = self.gone()
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
