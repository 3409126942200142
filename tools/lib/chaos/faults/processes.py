"""processes.py -- nodes that are killed, stopped, paused, one or all of them, once or again and again."""
import os
import time

import view
from faults.fault import Fault

SEEN_GONE_S = 30  # A cluster of the user's has noticed a fault within this time, or it is not confirmed.
RETURN_LIMIT_S = 60


def state_of(pid):
    """R, S, T, ... of a process; None: there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def is_gone(pid):
    return state_of(pid) in (None, "Z", "X")


class OnNodes(Fault):
    """A fault of whole processes. Their pids are taken before, so that they can be looked for after."""

    def __init__(self, moment, nodes, part="", is_part_seen=True):
        super().__init__(moment)
        self.victims = list(nodes)
        self.part, self.is_part_seen = part, is_part_seen
        self.detail = f"node {' '.join(map(str, self.victims))}" if len(self.victims) < len(self.cluster.ids) else "all"
        self.pids = {}

    def take_pids(self):
        self.pids = {node: self.cluster.pid(node) for node in self.victims}

    def seen_by_others(self):
        """For a cluster whose processes we do not see: nobody is led by the victims any more."""
        deadline = time.monotonic() + SEEN_GONE_S
        while time.monotonic() < deadline:
            picture = view.look(self.cluster.bootstrap, self.moment.topic, client=self.moment.workloads.setting.client)
            if picture is None and len(self.victims) == len(self.cluster.ids):
                return True, "nobody answers"
            if picture and not any(picture.led_by(node) for node in self.victims):
                return True, "they lead nothing any more"
            time.sleep(0.2)
        return False, f"still leading after {SEEN_GONE_S} s"

    def with_part(self, seen, how):
        """Together with what the victim was when the fault began."""
        return seen and self.is_part_seen, f"{self.part}; {how}" if self.part else how


def of_victim(kind):
    """A fault of one victim, made from whoever chooses it."""
    def of(choose):
        def make(moment):
            victim = choose(moment)
            return kind(moment, [victim.node], victim.part, victim.seen)
        return make
    return of


class Kill(OnNodes):
    """kill -9; healed by a restart."""

    def end(self):
        self.cluster.kill(*self.victims)

    def inject(self):
        self.take_pids()
        self.end()
        self.gone = [node for node in self.victims if self.pids[node] and is_gone(self.pids[node])]

    def heal(self):
        self.cluster.restart(*self.victims)

    def confirm(self):
        if not any(self.pids.values()) and "stop" not in self.cluster.can:
            return self.with_part(*self.seen_by_others())
        pids = " ".join(str(self.pids[node]) for node in self.gone)
        return self.with_part(len(self.gone) == len(self.victims), f"process {pids or 'still there'} gone")


class Pause(OnNodes):
    """SIGSTOP; healed by SIGCONT. The kernel goes on accepting for it."""

    def inject(self):
        self.take_pids()
        for node in self.victims:
            self.cluster.pause(node)
        self.states = [state_of(pid) for pid in self.pids.values() if pid]

    def heal(self):
        for node in self.victims:
            self.cluster.resume(node)

    def confirm(self):
        if not self.states:
            return self.with_part(*self.seen_by_others())
        still = [state_of(pid) for pid in self.pids.values()]
        return self.with_part(all(state in ("T", "t") for state in self.states + still),
                              f"process state {' '.join(map(str, still))}")

    def confirm_after(self):
        return (not any(state_of(pid) in ("T", "t") for pid in self.pids.values() if pid)), "went on"


class Storm(Kill):
    """The same node is killed and restarted, five times, with no time to come up."""

    ROUNDS = 5

    def inject(self):
        dead = 0
        for turn in range(self.ROUNDS):
            super().inject()
            dead += len(self.gone)
            if turn + 1 < self.ROUNDS:
                self.cluster.restart(*self.victims)
                time.sleep(self.moment.chance.uniform(0.05, 0.8))
        self.dead = dead

    def confirm(self):
        return self.with_part(self.dead == self.ROUNDS, f"{self.dead} processes gone")


class Rolling(OnNodes):
    """One node after the other, each back in every ISR before the next; how it ends is for subclasses."""

    def __init__(self, moment):
        super().__init__(moment, moment.cluster.ids)
        self.dead, self.notes = 0, []

    def end(self, node):
        raise NotImplementedError

    def inject(self):
        self.take_pids()
        for node in self.victims:
            self.end(node)
            self.dead += is_gone(self.pids[node])
            self.cluster.restart(node)
            self.wait_back(node)

    def wait_back(self, node):
        deadline = time.monotonic() + RETURN_LIMIT_S
        while time.monotonic() < deadline:
            picture = view.look(self.cluster.bootstrap, self.moment.topic)
            if picture and picture.is_full():
                return
            time.sleep(0.1)
        self.notes.append(f"node {node} was not in sync after {RETURN_LIMIT_S} s")

    def heal(self):
        pass

    def confirm(self):
        how = "; ".join([f"{self.dead} processes gone, each back in sync", *self.notes])
        return self.dead == len(self.victims) and not self.notes, how


class RollingRestart(Rolling):
    def end(self, node):
        self.cluster.shut_down(node)


class RollingKill(Rolling):
    def end(self, node):
        self.cluster.kill(node)


def kill_all(moment):
    return Kill(moment, moment.cluster.ids)


def pause_all(moment):
    return Pause(moment, moment.cluster.ids)


def live_descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
