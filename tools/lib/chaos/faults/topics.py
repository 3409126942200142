"""topics.py -- topics that are created and deleted while something else is broken."""
import threading
import time

import view
from faults.fault import Fault
from programs import Failure

AGAIN_S = 0.1
WRITES_S, BACK_LIMIT_S, LOOK_EVERY_S = 1.0, 60, 0.1


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

    def is_met(self):
        return self.fault.is_met()

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


class Recreated(Fault):
    """A topic is deleted and created again under its name, while a node that had the first is down.

    What that node still has of the first is not of the second: nobody may read it, and it holds nothing up."""

    def __init__(self, fault):
        super().__init__(fault.moment)
        self.fault, self.victims, self.wrong, self.detail = fault, fault.victims, fault.wrong, fault.detail
        self.topic = f"{self.moment.topic}-again-{self.moment.number}"
        self.history, self.is_left = None, False

    def prepare(self):
        self.fault.prepare()
        self.moment.workloads.create(self.topic)
        self.is_left = True
        self.moment.workloads.write_for(WRITES_S, self.topic, "first")

    def inject(self):
        workloads = self.moment.workloads
        self.fault.inject()
        if not workloads.delete(self.topic):
            raise Failure(f"the topic {self.topic} could not be deleted while a node was down")
        workloads.create(self.topic)
        self.history = workloads.write_for(WRITES_S, self.topic, "second")

    def is_met(self):
        return self.fault.is_met()

    def heal(self):
        self.fault.heal()

    def confirm(self):
        return self.fault.confirm()

    def confirm_after(self):
        seen, how = self.fault.confirm_after()
        if self.is_back():
            checked = self.moment.workloads.check_alone(self.topic, self.history)
            self.wrong += [f"of the topic made anew: {one['text']}" for one in checked.found.get("violations", ())]
            said = f"{checked.found.get('acked', 0)} acknowledged to the topic made anew"
            seen = seen and checked.found.get("acked", 0) > 0
        else:
            self.wrong.append(f"the topic made anew has not every replica in sync after {BACK_LIMIT_S} s")
            said = "the topic made anew is not whole"
        self.stop()
        return seen, "; ".join(filter(None, (how, said)))

    def is_back(self):
        deadline = time.monotonic() + BACK_LIMIT_S
        while not view.settled(self.cluster, self.topic, self.moment.workloads.setting.client):
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_EVERY_S)
        return True

    def stop(self):
        self.fault.stop()
        if self.is_left:
            self.is_left = False
            self.moment.workloads.delete(self.topic)


def recreated(make):
    return lambda moment: Recreated(make(moment))
