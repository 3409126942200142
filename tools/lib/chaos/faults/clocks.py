"""clocks.py -- one node's wall clock jumps or drifts. It is confirmed when the node has read it so."""
import threading

from faults.fault import Fault
from programs import Failure

STROBE_S = 0.05


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


class Strobe(Clock):
    """The clock jumps to and fro all the time."""

    def __init__(self, moment, node, changes, part):
        super().__init__(moment, node, " and ".join(changes) + " in turn", part)
        self.changes, self.is_over, self.count = changes, threading.Event(), 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def inject(self):
        self.before = self.shifted()
        self.said = self.moment.verbs.call("clock", self.victims[0], self.changes[0])
        self.thread.start()

    def run(self):
        while not self.is_over.wait(STROBE_S):
            self.count += 1
            try:
                self.moment.verbs.call("clock", self.victims[0], self.changes[self.count % len(self.changes)])
            except Failure:  # The last one stands; confirm() counts how many came through.
                self.count -= 1

    def confirm(self):
        seen, how = super().confirm()
        return seen and self.count > 1, f"{how}, {self.count} jumps"

    def heal(self):
        self.stop()
        super().heal()

    def stop(self):
        self.is_over.set()
        if self.thread.is_alive():
            self.thread.join()


def strobe(choose, *changes):
    def make(moment):
        victim = choose(moment)
        return Strobe(moment, victim.node, changes, victim.part)
    return make
