"""chaos_dir.py -- DIR/chaos of a cluster that may be broken: its addresses, its proxy, its rules.

`skiff up --chaos` makes the same for Skiff; this is for every other engine. Nodes listen on 127.0.1.N,
where only the proxy dials; the proxy listens on 127.0.2.N, which is what is advertised; and the faults
library, preloaded into a node, dials from 127.0.3.N, so that the proxy knows who it is.

    proxy.conf        a line for each listener of each node, a node's clients first: "N listen target"
    proxy.sock        where the proxy takes its orders; proxy.pid, proxy.log
    node-N/rules      which faults the library of node N is to make; node-N/journal/ what power loss undoes
"""
import os
import random
import socket
import struct
import subprocess
import time

import programs
from programs import Failure
from proxy import Proxy

RULES_SIZE, RULES_VERSION = 4096, 1
START_LIMIT_S = 10
# As `skiff up -p 0` takes them: below the ports that the kernel gives to outgoing connections.
PORTS_FIRST, PORT_GROUPS, GROUP_SPAN, BLOCKS, BLOCK_SPAN, KIND_SPAN = 12000, 6, 3000, 62, 16, 1000


def listens_at(node):
    return f"127.0.1.{node}"


def is_found_at(node):
    return f"127.0.2.{node}"


def dials_from(node):
    return f"127.0.3.{node}"


def is_free(address, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            return True
        except OSError:
            return False


def claim_ports(nodes):
    """({node: [port of clients, port of nodes]}, a socket that holds them while it is open)."""
    for _ in range(400):
        group, block = random.randrange(PORT_GROUPS), random.randrange(BLOCKS)
        first = PORTS_FIRST + group * GROUP_SPAN + block * BLOCK_SPAN
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0skiff-ports-{first}")
        except OSError:
            claim.close()
            continue
        ports = {node: [first + node - 1, first + KIND_SPAN + node - 1] for node in nodes}
        if all(is_free(at(node), port) for node in nodes for port in ports[node] for at in (listens_at, is_found_at)):
            return ports, claim
        claim.close()
    raise Failure("found no free ports")


class ChaosDir:
    def __init__(self, folder):
        self.cluster = os.path.abspath(folder)
        self.path = os.path.join(self.cluster, "chaos")

    def file(self, *names):
        return os.path.join(self.path, *map(str, names))

    def create(self, ports):
        """Ports: {node: [port of clients, port of nodes]}. What is there already stays."""
        for node in ports:
            os.makedirs(self.file(f"node-{node}", "journal"), exist_ok=True)
            rules = self.file(f"node-{node}", "rules")
            if not os.path.exists(rules):
                with open(rules, "wb") as file:
                    file.write(struct.pack("=I", RULES_VERSION).ljust(RULES_SIZE, b"\0"))
        with open(self.file("proxy.conf.new"), "w", encoding="ascii") as file:
            for node, kinds in ports.items():
                for port in kinds:
                    file.write(f"{node} {is_found_at(node)}:{port} {listens_at(node)}:{port}\n")
        os.rename(self.file("proxy.conf.new"), self.file("proxy.conf"))

    def ports(self):
        """{node: [port of clients, port of nodes]}, empty where nothing has been made."""
        found = {}
        try:
            with open(self.file("proxy.conf"), encoding="ascii") as file:
                for line in file:
                    node, listen, _ = line.split()
                    found.setdefault(int(node), []).append(int(listen.rpartition(":")[2]))
        except FileNotFoundError:
            pass
        return found

    def environment(self, node, data):
        """What a node's process is started with beside its own environment."""
        return {"LD_PRELOAD": programs.path("libskiff-faults.so"),
                "SKIFF_FAULTS_DIR": self.file(f"node-{node}"), "SKIFF_FAULTS_DATA": os.path.abspath(data),
                "SKIFF_FAULTS_SOURCE": dials_from(node)}

    def proxy_pid(self):
        """None when it does not run."""
        try:
            with open(self.file("proxy.pid"), encoding="ascii") as file:
                pid, started = file.read().split()
        except (OSError, ValueError):
            return None
        state = programs.process_state(pid)
        return int(pid) if state and state[0] not in "ZX" and state[1] == int(started) else None

    def start_proxy(self, claim=None):
        """Returns once it answers, at once when it runs. It takes the claim of the ports along."""
        if self.proxy_pid():
            return
        with open(self.file("proxy.log"), "ab") as log:
            process = subprocess.Popen([programs.path("skiff-proxy"), self.path], stdout=log,
                                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                                       pass_fds=[claim.fileno()] if claim else [])
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                Proxy(self.cluster).ask("stats")
                return
            except Failure as why:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    raise Failure(f"skiff-proxy did not start ({why}); see {self.file('proxy.log')}") from why
            time.sleep(0.01)
