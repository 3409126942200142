"""limits.py -- descriptors that run out, and connections that cost their node and give it nothing."""
import os
import resource
import socket
import threading

from faults.fault import Fault
from faults.processes import live_descriptors

SPARE, PROBES = 4, 40
FLOOD, SLOW, KEPT_FOR_US = 20000, 200, 256
LEAST_FLOOD = 2000  # Fewer are no flood, where no more may be opened (ulimit -Hn).
LEAST_HELD = 0.8  # Of the connections wanted, those that the nodes themselves have taken: more, or it was no flood.
CONNECT_S = 2.0


def client_addresses(folder):
    """{node: (host, port)} of the nodes themselves, behind the proxy: a node's first line is for clients."""
    found = {}
    with open(os.path.join(folder, "chaos", "proxy.conf"), encoding="ascii") as lines:
        for line in lines:
            node, _, target = line.split()[:3]
            host, _, port = target.rpartition(":")
            found.setdefault(int(node), (host, int(port)))
    return found


def dial(address):
    """A connection, or None when it is refused or not taken in time."""
    try:
        return socket.create_connection(address, timeout=CONNECT_S)
    except OSError:
        return None


class Descriptors(Fault):
    """The victim may open only a few files and sockets more; clients dial meanwhile."""

    def __init__(self, moment, node, part):
        super().__init__(moment)
        self.victims, self.part = [node], part
        self.dialled = []

    def inject(self):
        node = self.victims[0]
        self.pid = self.cluster.pid(node)
        self.limit = live_descriptors(self.pid) + SPARE
        self.before = self.refused()
        self.moment.verbs.call("descriptors", node, self.limit)
        self.detail = f"node {node}, {self.limit}"
        address = client_addresses(self.cluster.dir)[node]
        self.dialled = [one for one in (dial(address) for _ in range(PROBES)) if one]

    def heal(self):
        self.stop()
        self.moment.verbs.heal()

    def stop(self):
        for one in self.dialled:
            one.close()

    def refused(self):
        return self.moment.verbs.rules()[self.victims[0]]["refused_descriptors"]

    def confirm(self):
        refused = self.refused() - self.before
        return refused > 0, (f"{self.part}; {refused} descriptors refused at a limit of {self.limit}, "
                             f"{len(self.dialled)} of {PROBES} dials were taken")


class Flood(Fault):
    """Idle connections to every node, as many as this process may open, and some that send a byte now and then."""

    def __init__(self, moment):
        super().__init__(moment)
        self.victims = list(moment.cluster.ids)
        self.idle, self.is_over, self.slow = [], threading.Event(), None

    def inject(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.wanted = FLOOD if hard == resource.RLIM_INFINITY else min(FLOOD, hard - KEPT_FOR_US)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.wanted + KEPT_FOR_US, hard))
        self.pids = [self.cluster.pid(node) for node in self.victims]
        self.before = self.held()
        addresses = list(client_addresses(self.cluster.dir).values())
        for number in range(self.wanted):
            one = dial(addresses[number % len(addresses)])
            if one is None:
                break
            self.idle.append(one)
        self.detail = f"{len(self.idle)} connections, {min(SLOW, len(self.idle))} of them slow"
        self.slow = threading.Thread(target=self.send_slowly, daemon=True)
        self.slow.start()

    def held(self):
        """Descriptors of the nodes: a connection that waits in the kernel's backlog is none yet."""
        return sum(live_descriptors(pid) for pid in self.pids)

    def send_slowly(self):
        """Frames of 1 MiB that come byte by byte."""
        frame, sent = b"\x00\x10\x00\x00" + bytes(64), 0
        while not self.is_over.wait(0.2):
            for one in self.idle[:SLOW]:
                try:
                    one.send(frame[sent % len(frame):][:1])
                except OSError:
                    pass
            sent += 1

    def heal(self):
        self.stop()

    def stop(self):
        self.is_over.set()
        if self.slow:
            self.slow.join()
        for one in self.idle:
            one.close()

    def confirm(self):
        held = self.held() - self.before
        return (held >= max(LEAST_FLOOD, self.wanted) * LEAST_HELD,
                f"{len(self.idle)} of {self.wanted} opened, {held} descriptors more in the nodes")


def descriptors(choose):
    def make(moment):
        victim = choose(moment)
        return Descriptors(moment, victim.node, victim.part)
    return make
