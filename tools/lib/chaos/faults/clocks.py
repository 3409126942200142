"""clocks.py -- one node's wall clock jumps or drifts."""
from faults.fault import Fault


class Clock(Fault):
    def __init__(self, moment, node, change, part):
        super().__init__(moment)
        self.victims, self.change, self.part = [node], change, part
        self.detail = f"{change}, node {node}"

    def inject(self):
        self.said = self.moment.verbs.call("clock", self.victims[0], self.change)
        self.pid = self.cluster.pid(self.victims[0])

    def heal(self):
        self.moment.verbs.heal()

    def confirm(self):
        rules = self.moment.verbs.rules()[self.victims[0]]
        is_set = rules["clock_step_ms"] != 0 or rules["clock_drift_ppm"] != 0
        return (is_set and self.pid > 0 and self.said.get("confirmed", True),
                f"{self.part}; its clock was set to {self.change}")


def clock(choose, *changes):
    def make(moment):
        victim = choose(moment)
        return Clock(moment, victim.node, changes[moment.number % len(changes)], victim.part)
    return make
