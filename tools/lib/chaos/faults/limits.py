"""limits.py -- descriptors that run out, and connections that cost their node and give it nothing."""
import os
import resource
import socket
import threading
import time

from faults.fault import Fault
from faults.processes import live_descriptors
from programs import Failure

SPARE, PROBES = 4, 40
FLOOD, SLOW, KEPT_FOR_US = 20000, 200, 256
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
        for one in self.dialled:
            one.close()
        self.moment.verbs.heal()

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
        self.idle, self.is_over = [], threading.Event()

    def inject(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = FLOOD if hard == resource.RLIM_INFINITY else min(FLOOD, hard - KEPT_FOR_US)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + KEPT_FOR_US, hard))
        addresses = list(client_addresses(self.cluster.dir).values())
        for number in range(wanted):
            one = dial(addresses[number % len(addresses)])
            if one is None:
                break
            self.idle.append(one)
        if not self.idle:
            raise Failure("no idle connection could be opened")
        self.detail = f"{len(self.idle)} connections, {min(SLOW, len(self.idle))} of them slow"
        self.slow = threading.Thread(target=self.send_slowly, daemon=True)
        self.slow.start()

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
        self.is_over.set()
        self.slow.join()
        for one in self.idle:
            one.close()

    def confirm(self):
        open_now = sum(1 for one in self.idle if is_open(one))
        return open_now > 0, f"{len(self.idle)} opened, {open_now} still open at the end"


def is_open(one):
    try:
        one.setblocking(False)
        return one.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def descriptors(choose):
    def make(moment):
        victim = choose(moment)
        return Descriptors(moment, victim.node, victim.part)
    return make
