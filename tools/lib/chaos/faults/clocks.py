"""clocks.py -- one node's wall clock jumps or drifts. It is confirmed when the node has read it so."""
from faults.fault import Fault


class Clock(Fault):
    def __init__(self, moment, node, change, part):
        super().__init__(moment)
        self.victims, self.change, self.part = [node], change, part
        self.detail = f"{change}, node {node}"

    def inject(self):
        self.before = self.shifted()
        self.said = self.moment.verbs.call("clock", self.victims[0], self.change)

    def shifted(self):
        """How often the node has read a clock that was off."""
        return self.moment.verbs.rules()[self.victims[0]]["clocks_shifted"]

    def heal(self):
        self.moment.verbs.heal()

    def confirm(self):
        read = self.shifted() - self.before
        return (bool(self.said.get("confirmed")) and read > 0,
                f"{self.part}; its clock was set to {self.change} and read {read} times")


def clock(choose, *changes):
    def make(moment):
        victim = choose(moment)
        return Clock(moment, victim.node, changes[moment.number % len(changes)], victim.part)
    return make
