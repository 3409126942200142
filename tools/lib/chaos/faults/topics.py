"""topics.py -- topics that are created and deleted while something else is broken."""
import threading

from faults.fault import Fault
from programs import Failure

AGAIN_S = 0.1


class Churn:
    """A thread that creates topics and deletes them."""

    def __init__(self, workloads):
        self.workloads, self.is_over = workloads, threading.Event()
        self.created = self.deleted = self.failed = 0
        self.left = []  # Topics that may be there still.
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.is_over.is_set():
            name = f"{self.workloads.topic}-churn-{number}"
            number += 1
            self.left.append(name)
            try:
                self.workloads.create(name)
                self.created += 1
                self.delete(name)
            except Failure:
                self.failed += 1
                self.is_over.wait(AGAIN_S)

    def delete(self, name):
        if self.workloads.delete(name):
            self.deleted += 1
            self.left.remove(name)

    def stop(self):
        """The thread ends, and what it could not delete is tried once more."""
        self.is_over.set()
        self.thread.join()
        for name in list(self.left):
            try:
                self.delete(name)
            except Failure:
                self.failed += 1


class WithChurn(Fault):
    """Another fault, while topics come and go."""

    def __init__(self, fault):
        super().__init__(fault.moment)
        self.fault, self.victims, self.wrong = fault, fault.victims, fault.wrong
        self.churn = None

    def prepare(self):
        self.fault.prepare()

    def inject(self):
        self.churn = Churn(self.moment.workloads)
        try:
            self.fault.inject()
        except BaseException:
            self.stop()
            raise
        self.detail = self.fault.detail

    def heal(self):
        self.fault.heal()

    def confirm(self):
        return self.fault.confirm()

    def confirm_after(self):
        self.churn.stop()
        seen, how = self.fault.confirm_after()
        said = f"{self.churn.created} topics created, {self.churn.deleted} deleted, {self.churn.failed} tries failed"
        return seen and self.churn.created > 0 and self.churn.deleted > 0, "; ".join(filter(None, (how, said)))

    def stop(self):
        self.fault.stop()
        if self.churn:
            self.churn.stop()


def with_churn(make):
    return lambda moment: WithChurn(make(moment))
