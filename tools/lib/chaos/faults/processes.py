"""processes.py -- nodes that are killed, stopped, paused, one or all of them, once or again and again."""
import os
import time

import programs
import view
from faults.fault import Fault
from programs import Failure

SEEN_GONE_S = 30  # A cluster of the user's has noticed a fault within this time, or it is not confirmed.
RETURN_LIMIT_S = 60
LOOK_EVERY_S = 0.2
SILENT_LOOKS = 2  # So many looks in a row that nobody answers: one may be lost on a busy host.
IN_ORDER = (0, 128 + 15)  # Exit codes of a node that was asked to stop; the second is a JVM's.


def state_of(pid):
    """R, S, T, ... of a process; None: there is none."""
    state = programs.process_state(pid)
    return state and state[0]


def is_gone(pid):
    """Whether that process was there and has ended. 0 is none: nobody saw it go."""
    return pid > 0 and state_of(pid) in (None, "Z", "X")


def is_missed(before, now, node):
    """Whether a cluster misses a node that it had: it is registered no more, or it leads nothing and is in no
    in-sync set with others. A node that was in none before cannot be missed."""
    if node not in before.brokers:
        return False
    if node not in now.brokers:
        return True
    had = [partition for partition, isr in before.isr.items() if node in isr and len(isr) > 1]
    return bool(had) and all(partition in now.isr for partition in had) and not now.led_by(node) and not any(
        node in isr and len(isr) > 1 for isr in now.isr.values())


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

    def look(self):
        return view.look(self.cluster.bootstrap, self.moment.topic, client=self.moment.workloads.setting.client)

    def seen_by_others(self, nodes, before):
        """For a cluster whose processes we do not see: what changed, against the picture from before."""
        deadline, silent = time.monotonic() + SEEN_GONE_S, 0
        while time.monotonic() < deadline:
            picture = self.look()
            silent = silent + 1 if picture is None else 0
            if silent == SILENT_LOOKS and len(nodes) == len(self.cluster.ids):
                return True, "nobody answers"
            if picture and all(is_missed(before, picture, node) for node in nodes):
                return True, f"the others miss node {' '.join(map(str, nodes))}"
            time.sleep(LOOK_EVERY_S)
        return False, f"after {SEEN_GONE_S} s nobody misses node {' '.join(map(str, nodes))}"

    def went(self, nodes, before):
        """(whether these processes have ended, how that was seen)"""
        if not self.cluster.has_pids:
            return self.seen_by_others(nodes, before)
        gone = [self.pids[node] for node in nodes if is_gone(self.pids[node])]
        return len(gone) == len(nodes), f"process {' '.join(map(str, gone)) or 'still there'} gone"

    def shut_down(self, node):
        """As an operator does it: how it ended. One that does not end in order has done wrong, whatever else is seen."""
        pid = self.cluster.pid(node)
        try:
            self.cluster.shut_down(node)
        except Failure as failure:
            if not is_gone(pid):
                raise
            self.wrong.append(str(failure))
            return "killed"
        code = self.cluster.exit_code(pid)
        if code is None:
            return "nobody told how it ended"
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        if code not in IN_ORDER:
            self.wrong.append(f"node {node} was asked to stop and ended with {how}{self.cluster.log_ends()}")
        return how

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
        self.seen = self.went(self.victims, self.moment.picture)

    def heal(self):
        self.cluster.restart(*self.victims)

    def confirm(self):
        return self.with_part(*self.seen)


class Pause(OnNodes):
    """SIGSTOP; healed by SIGCONT. The kernel goes on accepting for it."""

    def inject(self):
        self.take_pids()
        for node in self.victims:
            self.cluster.pause(node)
        if self.cluster.has_pids:
            self.states = self.states_now()
        else:
            self.seen = self.seen_by_others(self.victims, self.moment.picture)

    def states_now(self):
        return [state_of(pid) if pid else None for pid in self.pids.values()]

    def heal(self):
        for node in self.victims:
            self.cluster.resume(node)

    def confirm(self):
        if not self.cluster.has_pids:
            return self.with_part(*self.seen)
        still = self.states_now()
        return self.with_part(all(state in ("T", "t") for state in self.states + still),
                              f"process state {' '.join(map(str, still))}")

    def confirm_after(self):
        if not self.cluster.has_pids:
            return True, ""
        return not any(state in ("T", "t") for state in self.states_now()), "went on"


class Storm(Kill):
    """The same node is killed and restarted, five times, with no time to come up.

    Of a cluster whose processes we do not see only the last kill can be seen: the others are too short."""

    ROUNDS = 5

    def inject(self):
        seen = []
        for turn in range(self.ROUNDS):
            is_last = turn + 1 == self.ROUNDS
            self.take_pids()
            self.end()
            if is_last or self.cluster.has_pids:
                seen.append(self.went(self.victims, self.moment.picture))
            if not is_last:
                self.cluster.restart(*self.victims)
                time.sleep(self.moment.chance.uniform(0.05, 0.8))
        self.seen = all(one for one, _ in seen), f"killed {self.ROUNDS} times: {'; '.join(how for _, how in seen)}"


class Rolling(OnNodes):
    """One node after the other, each back in every ISR before the next; how it ends is for subclasses."""

    def __init__(self, moment):
        super().__init__(moment, moment.cluster.ids)
        self.is_seen, self.notes = True, []

    def end(self, node):
        """How it ended, where there is more to tell than that it did."""
        raise NotImplementedError

    def inject(self):
        picture = self.moment.picture
        for node in self.victims:
            self.take_pids()
            said = self.end(node)
            seen, how = self.went([node], picture)
            self.is_seen = self.is_seen and seen
            self.notes.append(", ".join(filter(None, (how, said))))
            self.cluster.restart(node)
            picture = self.wait_back(node) or picture

    def wait_back(self, node):
        """What is seen when every replica is in sync again, by each node's own word; None: not in time."""
        deadline = time.monotonic() + RETURN_LIMIT_S
        while time.monotonic() < deadline:
            picture = view.settled(self.cluster, self.moment.topic, self.moment.workloads.setting.client)
            if picture:
                return picture
            time.sleep(LOOK_EVERY_S)
        self.is_seen = False
        self.notes.append(f"node {node} was not in sync after {RETURN_LIMIT_S} s")
        return None

    def heal(self):
        pass

    def confirm(self):
        how = "; ".join(self.notes + self.wrong)
        return self.is_seen and not self.wrong, how


class RollingRestart(Rolling):
    def end(self, node):
        return self.shut_down(node)


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
