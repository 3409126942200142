"""topics.py -- topics that are created and deleted while something else is broken."""
import threading
import time

from faults.fault import Fault
from programs import Failure


class Churn:
    """Topics that are created and deleted by a thread while something else is broken."""

    def __init__(self, workloads):
        self.workloads, self.is_over = workloads, threading.Event()
        self.created = self.deleted = self.failed = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.is_over.is_set():
            name = f"{self.workloads.topic}-churn-{number}"
            number += 1
            try:
                self.workloads.create(name)
                self.created += 1
                self.deleted += self.workloads.delete(name)
            except Failure:
                self.failed += 1
                time.sleep(0.1)

    def stop(self):
        self.is_over.set()
        self.thread.join()


class WithChurn(Fault):
    """Another fault, while topics come and go."""

    def __init__(self, fault):
        super().__init__(fault.moment)
        self.fault, self.victims = fault, fault.victims

    def inject(self):
        self.churn = Churn(self.moment.workloads)
        self.fault.inject()
        self.detail = self.fault.detail

    def heal(self):
        self.fault.heal()

    def confirm(self):
        return self.fault.confirm()

    def confirm_after(self):
        self.churn.stop()
        return (self.churn.created > 0 and self.churn.deleted > 0,
                f"{self.churn.created} topics created, {self.churn.deleted} deleted, {self.churn.failed} tries failed")


def with_churn(make):
    return lambda moment: WithChurn(make(moment))
