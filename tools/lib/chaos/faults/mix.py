"""mix.py -- a seeded mix: one fault, or two at the same time, drawn from those that go together."""
from faults.fault import Fault


class Both(Fault):
    """Several faults as one; they heal in the other order."""

    def __init__(self, moment, faults):
        super().__init__(moment)
        self.faults = faults
        self.victims = sorted({node for fault in faults for node in fault.victims})
        self.begun = []
        for fault in faults:
            fault.wrong = self.wrong

    def prepare(self):
        for fault in self.faults:
            fault.prepare()

    def inject(self):
        for fault in self.faults:
            self.begun.append(fault)
            fault.inject()
        self.detail = " + ".join(f"{type(fault).__name__} {fault.detail}" for fault in self.faults)

    def is_met(self):
        return all(fault.is_met() for fault in self.faults)

    def heal(self):
        for fault in reversed(self.begun):
            fault.heal()

    def stop(self):
        for fault in self.faults:
            fault.stop()

    def together(self, answers):
        return all(seen for seen, _ in answers), "; ".join(how for _, how in answers if how)

    def confirm(self):
        return self.together([fault.confirm() for fault in self.faults])

    def confirm_after(self):
        return self.together([fault.confirm_after() for fault in self.faults])


def mix(groups):
    """Each group holds faults of one family; at most one of a family is drawn, each with victims of its own:
    nothing can be seen of the clock or the disk of a process that was killed."""
    def make(moment):
        families = moment.chance.sample(groups, moment.chance.choice((1, 1, 2)))
        faults = [moment.chance.choice(family)(moment) for family in families]
        if len(faults) == 2 and set(faults[0].victims) & set(faults[1].victims):
            faults.pop()
        return Both(moment, faults)
    return make
