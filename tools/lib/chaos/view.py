"""view.py -- what the cluster says of itself: nodes, controller, leaders, in-sync replicas."""
import json

import programs
from programs import Failure


class Picture:
    """A moment's view of one topic."""

    def __init__(self, found):
        self.brokers = sorted(broker["id"] for broker in found["brokers"])
        self.controller = found.get("controller")
        self.leaders = {one["partition"]: one["leader"] for one in found["partitions"]}
        self.isr = {one["partition"]: one["isr"] for one in found["partitions"]}
        self.replicas = {one["partition"]: one.get("replicas", []) for one in found["partitions"]}

    def led_by(self, node):
        return sorted(partition for partition, leader in self.leaders.items() if leader == node)

    def leading(self):
        """Nodes that lead something, without repetition."""
        return sorted({leader for leader in self.leaders.values() if leader is not None and leader >= 0})

    def least_isr(self):
        return min((len(isr) for isr in self.isr.values()), default=0)

    def is_full(self):
        return bool(self.isr) and all(self.leaders[p] is not None and self.leaders[p] >= 0
                                      and len(self.isr[p]) >= len(self.replicas[p]) for p in self.isr)

    def text(self):
        """For an error: how far it is from full."""
        if not self.isr:
            return "the topic is not shown"
        short = [p for p in self.isr if len(self.isr[p]) < len(self.replicas[p])]
        headless = [p for p in self.leaders if self.leaders[p] is None or self.leaders[p] < 0]
        return f"{len(headless)} partitions without a leader, {len(short)} with a replica out of sync"


def look(bootstrap, topic=None, limit_s=5, client=None):
    """A Picture, or None when nobody answers in time."""
    words = [programs.path("skiff-workload"), "view", "-b", bootstrap, "--timeout", f"{limit_s}s"]
    words += ["-t", topic] if topic else []
    words += ["-F", client] if client else []
    run = programs.call(words, limit_s + 10)
    if run.returncode != 0:
        return None
    try:
        found = json.loads(run.stdout)
        return Picture({"partitions": [], **found})
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"skiff-workload view: {error!r} in {run.stdout[:200]!r}") from error
