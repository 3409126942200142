"""view.py -- what the cluster says of itself: nodes, controller, leaders, in-sync replicas."""
import json
import time

import programs
from programs import Failure

ANSWERS_S = 1  # Within this time a node that serves has answered.


class Picture:
    """A moment's view of one topic."""

    def __init__(self, found):
        self.brokers = sorted(broker["id"] for broker in found["brokers"])
        self.addresses = {broker["id"]: f"{broker['host']}:{broker['port']}" for broker in found["brokers"]
                          if "port" in broker}
        self.controller = found.get("controller")
        self.taken_ns = time.monotonic_ns()
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
        """Every partition has a leader, and all its replicas are in sync and on nodes that are registered."""
        return bool(self.isr) and all(self.leaders[p] is not None and self.leaders[p] >= 0
                                      and len(self.isr[p]) >= len(self.replicas[p])
                                      and set(self.replicas[p]) <= set(self.brokers) for p in self.isr)

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


def why_none(bootstrap, client=None):
    """What the client said when nobody answered: a wrong file of settings looks the same from afar."""
    words = [programs.path("skiff-workload"), "view", "-b", bootstrap, "--timeout", f"{ANSWERS_S}s"]
    run = programs.call(words + (["-F", client] if client else []), ANSWERS_S + 10)
    said = run.stderr.strip().split("\n")[-1]
    return f": {said}" if run.returncode != 0 and said else ""


def settled(cluster, topic, client=None):
    """A Picture in which every replica is in sync, and that each node itself agrees with; else None.

    A cluster shows a node as in sync and registered until its session is over, though it has gone: only
    the node's own answer says that it is there."""
    picture = look(cluster.bootstrap, topic, client=client)
    if not picture or not picture.is_full() or not set(cluster.ids) <= set(picture.brokers):
        return None
    for node in cluster.ids:
        own = look(picture.addresses.get(node, cluster.bootstrap), topic, ANSWERS_S, client)
        if not own or not own.is_full():
            return None
    return picture
