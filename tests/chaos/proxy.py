#!/usr/bin/env python3
"""proxy.py -- the network of a chaos cluster on real sockets: what passes, waits, is reset or refused.

Nodes are plain sockets here, or a small process where one has to die. Node N listens on 127.0.1.N, the
proxy in its place on 127.0.2.N, and node N dials from 127.0.3.N.
"""
import hashlib
import json
import os
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from live import BUILD, asked_for, quickest, run_named, until

PROXY = os.path.join(BUILD, "skiff-proxy")
LIMIT_S = 10.0
QUIET_S = 0.15  # Long enough that a byte which flows would have been seen.
NODE = """
import socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
held = []
while True:
    held.append(server.accept()[0])
    held[-1].sendall(b"!")
"""


def bound_ports(address):
    """A server socket on a port that the proxy's address has free, too."""
    for _ in range(50):
        server = socket.create_server((f"127.0.1.{address}", 0), backlog=4096)
        port = server.getsockname()[1]
        try:
            socket.create_server((f"127.0.2.{address}", port)).close()
            return server, port
        except OSError:
            server.close()
    raise AssertionError("no port is free on both addresses")


class Net:
    """A proxy before some nodes, in a folder of its own."""

    def __init__(self, nodes=2, descriptors=None):
        self.home = tempfile.mkdtemp(prefix="skiff-proxy-")
        self.servers, self.ports, self.process = {}, {}, None
        self.open = []
        try:
            for node in range(1, nodes + 1):
                self.servers[node], self.ports[node] = bound_ports(node)
            with open(os.path.join(self.home, "proxy.conf"), "w", encoding="ascii") as file:
                for node, port in self.ports.items():
                    file.write(f"{node} 127.0.2.{node}:{port} 127.0.1.{node}:{port}\n")
            limit = None if descriptors is None else (
                lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)))
            with open(os.path.join(self.home, "log"), "ab") as log:
                self.process = subprocess.Popen([PROXY, self.home], stdout=log, stderr=log, preexec_fn=limit)
            until("the proxy's pid file", lambda: self.read("proxy.pid"))
            self.control = socket.socket(socket.AF_UNIX)
            self.control.settimeout(LIMIT_S)
            self.control.connect(os.path.join(self.home, "proxy.sock"))
            self.answers = self.control.makefile("r", encoding="ascii")
            until("ports", lambda: self.stats()["listening"] == sorted(self.ports))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def read(self, name):
        try:
            with open(os.path.join(self.home, name), encoding="ascii") as file:
                return file.read()
        except OSError:
            return ""

    def ask(self, line):
        self.control.sendall(line.encode() + b"\n")
        return self.answers.readline().rstrip("\n")

    def rule(self, *words):
        answer = self.ask("rule " + " ".join(map(str, words)))
        assert answer == "ok", answer

    def stats(self):
        answer = self.ask("stats")
        assert answer.startswith("ok "), answer
        return json.loads(answer[3:])

    def link(self, source, target):
        return next(link for link in self.stats()["links"] if (link["from"], link["to"]) == (source, target))

    def dial(self, to=1, node=None, limit_s=LIMIT_S):
        source = (f"127.0.3.{node}", 0) if node else None
        connection = socket.create_connection((f"127.0.2.{to}", self.ports[to]), limit_s, source)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.append(connection)
        return connection

    def accept(self, node=1, limit_s=LIMIT_S):
        self.servers[node].settimeout(limit_s)
        connection, _ = self.servers[node].accept()
        connection.settimeout(LIMIT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.append(connection)
        return connection

    def pair(self, to=1, node=None):
        """The dialer's end and the node's."""
        dialer = self.dial(to, node)
        return dialer, self.accept(to)

    def close(self):
        for one in self.open:
            one.close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for server in self.servers.values():
            server.close()
        shutil.rmtree(self.home, ignore_errors=True)


def receive(connection, size):
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(1 << 20, size - len(data)))
        assert part, f"closed after {len(data)} of {size} bytes"
        data += part
    return bytes(data)


def is_quiet(*connections, for_s=QUIET_S):
    """Nothing comes, neither bytes nor an end."""
    return not select.select(connections, [], [], for_s)[0]


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_reset(connection):
    try:
        connection.recv(1)
    except ConnectionResetError:
        return True
    return False


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def is_reset_when_dialled(net, node):
    """While it is dialled, or right after."""
    try:
        return is_reset(net.dial(node=node))
    except ConnectionResetError:
        return True


def refuses(net, node=1):
    try:
        net.dial(node).close()
    except ConnectionRefusedError:
        return True
    return False


def test_bytes_pass_both_ways_and_a_half_close_is_passed_on():
    with Net() as net:
        dialer, node = net.pair()
        dialer.sendall(b"question")
        dialer.shutdown(socket.SHUT_WR)
        assert receive(node, 8) == b"question" and node.recv(1) == b""
        node.sendall(b"answer")
        assert receive(dialer, 6) == b"answer" and is_quiet(dialer)
        node.close()
        assert dialer.recv(1) == b""
        until("the connection is forgotten", lambda: net.stats()["connections"] == 0)


def test_a_reset_is_passed_on_as_a_reset():
    with Net() as net:
        dialer, node = net.pair()
        reset(node)
        assert is_reset(dialer)
        dialer, node = net.pair()
        reset(dialer)
        assert is_reset(node)


def test_what_was_sent_before_a_reset_arrives():
    with Net() as net:
        dialer, node = net.pair()
        net.rule("client", 1, "delay", 50)
        dialer.sendall(b"last words")
        reset(dialer)
        assert receive(node, 10) == b"last words" and is_reset(node)


def test_a_writer_learns_that_the_other_end_is_gone():
    with Net() as net:
        dialer, node = net.pair()
        node.close()
        assert dialer.recv(1) == b""

        def is_broken():
            try:
                dialer.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False
        until("a broken pipe", is_broken)


def test_a_one_way_cut_holds_what_goes_that_way_alone():
    with Net() as net:
        dialer, node = net.pair(to=1, node=2)
        net.rule(2, 1, "cut")
        dialer.sendall(b"held")
        node.sendall(b"through")
        assert receive(dialer, 7) == b"through" and is_quiet(node)
        assert net.link(2, 1)["held"] == 4 and net.link(2, 1)["bytes"] == 0 and net.link(2, 1)["rule"] == "cut"
        assert net.link(2, 1)["delayed"] == 4 and net.link(1, 2)["delayed"] == 0
        assert net.link(1, 2)["bytes"] == 7 and net.link(1, 2)["rule"] == "pass"


def test_a_cut_holds_whoever_dialled_and_the_bytes_arrive_in_order_after_the_heal():
    with Net() as net:
        first, first_node = net.pair(to=1, node=2)   # 2 dialled 1,
        second, second_node = net.pair(to=2, node=1)  # and 1 dialled 2.
        net.rule(1, 2, "cut")
        net.rule(2, 1, "cut")
        text = b"".join(b"%07d," % number for number in range(20000))
        for connection in (first, first_node, second, second_node):
            connection.sendall(text)
        assert is_quiet(first, first_node, second, second_node)
        assert net.ask("heal") == "ok"
        for connection in (first, first_node, second, second_node):
            assert receive(connection, len(text)) == text


def test_no_byte_flows_after_the_answer_to_a_cut():
    with Net() as net:
        dialer, node = net.pair(node=2)
        stop = threading.Event()

        def write():
            while not stop.is_set():
                dialer.send(b"x" * 1000)
        dialer.settimeout(0.5)
        writer = threading.Thread(target=lambda: ignore(write))
        writer.start()
        until("bytes", lambda: net.link(2, 1)["bytes"] > 100000 and node.recv(1 << 20))
        net.rule(2, 1, "cut")
        before = net.link(2, 1)["bytes"]
        until("held bytes", lambda: net.link(2, 1)["held"] > 0)
        stop.set()
        writer.join()
        assert net.link(2, 1)["bytes"] == before


def ignore(function):
    try:
        function()
    except OSError:
        pass


def test_others_pass_while_two_nodes_are_cut():
    with Net(3) as net:
        net.rule(1, 2, "cut")
        net.rule(2, 1, "cut")
        for to, node in ((1, 3), (3, 1), (2, 3), (1, None)):
            dialer, end = net.pair(to, node)
            dialer.sendall(b"x")
            assert receive(end, 1) == b"x"


def test_a_dial_across_a_cut_is_accepted_and_stays_silent_until_the_heal():
    for way in ((2, 1), (1, 2)):
        with Net() as net:
            net.rule(*way, "cut")
            dialer = net.dial(to=1, node=2)
            dialer.sendall(b"hello")
            assert is_quiet(dialer, net.servers[1])
            assert net.ask("heal") == "ok"
            assert receive(net.accept(1), 5) == b"hello"


def test_a_dial_that_was_given_up_across_a_cut_never_arrives():
    with Net() as net:
        net.rule(2, 1, "cut")
        dialer = net.dial(to=1, node=2)
        until("it is accepted", lambda: net.stats()["connections"] == 1)
        dialer.close()
        until("it is forgotten", lambda: net.stats()["connections"] == 0)
        assert net.ask("heal") == "ok"
        assert is_quiet(net.servers[1])


def test_a_close_does_not_cross_a_cut_either():
    with Net() as net:
        dialer, node = net.pair(node=2)
        net.rule(1, 2, "cut")
        reset(node)
        assert is_quiet(dialer)
        assert net.ask("heal") == "ok"
        assert is_reset(dialer)


def test_a_reset_behind_a_half_close_does_not_cross_a_cut():
    with Net() as net:
        dialer, node = net.pair(node=2)
        dialer.shutdown(socket.SHUT_WR)
        assert node.recv(1) == b""
        net.rule(1, 2, "cut")
        reset(node)
        assert is_quiet(dialer)
        assert net.ask("heal") == "ok"
        assert is_reset(dialer)


def test_a_reset_behind_a_half_close_is_told_after_its_delay():
    with Net() as net:
        dialer, node = net.pair(node=2)
        net.rule(2, 1, "delay", 50)
        dialer.shutdown(socket.SHUT_WR)
        assert node.recv(1) == b""
        reset(dialer)
        until("it is forgotten", lambda: net.stats()["connections"] == 0, 3)


def test_a_star_is_everybody():
    with Net(3) as net:
        net.rule(2, "*", "cut")
        cut = {(link["from"], link["to"]) for link in net.stats()["links"] if link["rule"] == "cut"}
        assert cut == {(2, 1), (2, 3), (2, "client")}, cut


def test_a_delay_is_added_to_each_way_and_keeps_the_order():
    with Net() as net:
        dialer, node = net.pair(node=2)
        net.rule(2, 1, "delay", 60)
        net.rule(1, 2, "delay", 40, 30)
        for _ in range(3):
            start = time.monotonic()
            dialer.sendall(b"ping")
            receive(node, 4)
            there = time.monotonic() - start
            node.sendall(b"pong")
            receive(dialer, 4)
            back = time.monotonic() - start - there
            assert 0.058 <= there < 0.2 and 0.008 <= back < 0.2, (there, back)
        for number in range(200):
            node.sendall(b"%04d" % number)
            if number % 10 == 0:
                time.sleep(0.001)  # So that they are pieces of their own.
        assert receive(dialer, 800) == b"".join(b"%04d" % number for number in range(200))


def test_a_throttle_keeps_its_rate_over_all_connections():
    with Net() as net:
        pairs = [net.pair(node=2) for _ in range(3)]
        rate = 400000
        net.rule(2, 1, "throttle", rate)
        data = bytes(rate // 2)
        start = time.monotonic()
        writers = [threading.Thread(target=dialer.sendall, args=(data,)) for dialer, _ in pairs]
        for writer in writers:
            writer.start()
        shares = [0, 0, 0]
        while sum(shares) < len(data) * 3:
            ready, _, _ = select.select([node for _, node in pairs], [], [], LIMIT_S)
            assert ready, "nothing comes"
            for index, (_, node) in enumerate(pairs):
                if node in ready:
                    shares[index] += len(node.recv(1 << 20))
            if 0.9 < time.monotonic() - start < 1.0:
                assert min(shares) > rate / 3 / 4, f"one of {shares} starves"
        for writer in writers:
            writer.join()
        got = len(data) * 3 / (time.monotonic() - start)
        assert 0.8 * rate < got < 1.2 * rate, got


def test_a_stall_holds_what_is_behind_it():
    with Net() as net:
        dialer, node = net.pair(node=2)
        net.rule(2, 1, "stall", 100, 150)

        def carry():
            dialer.sendall(b"x")
            receive(node, 1)
        assert 0.145 <= quickest(carry, 3)
        net.rule(2, 1, "stall", 0, 150)
        assert quickest(carry) < 0.1


def test_a_reset_rule_ends_what_is_there_and_what_comes():
    with Net() as net:
        dialer, node = net.pair(node=2)
        other, other_node = net.pair()
        net.rule(1, 2, "reset")
        assert is_reset(dialer) and is_reset(node)
        assert is_reset_when_dialled(net, 2)
        other.sendall(b"x")
        assert receive(other_node, 1) == b"x"
        net.rule(1, 2, "pass")
        net.pair(node=2)


def test_a_flapping_link_carries_bytes_in_half_of_the_time():
    with Net() as net:
        dialer, node = net.pair(node=2)
        net.rule(2, 1, "flap", 600)
        last = time.monotonic()
        gaps, arrivals = [], 0
        end = last + 2.1
        while time.monotonic() < end:
            dialer.sendall(b"x")
            if select.select([node], [], [], 0.005)[0]:
                node.recv(1000)
                gaps.append(time.monotonic() - last)
                last = time.monotonic()
                arrivals += 1
            time.sleep(0.005)
        long = [gap for gap in gaps if gap > 0.2]
        assert len(long) in (3, 4) and max(long) < 0.6 and arrivals > 30, (long, arrivals)


def test_rules_that_change_under_load_lose_no_byte_and_no_order():
    rand = random.Random(7)
    data = rand.randbytes(12 << 20)
    want = hashlib.sha256(data).digest()
    rules = ["pass", "cut", "delay 5 5", "throttle 3000000", "stall 30 20", "flap 20", "pass", "pass"]
    with Net() as net:
        dialer, node = net.pair(node=2)
        got = [hashlib.sha256(), hashlib.sha256()]

        def read(connection, digest):
            left = len(data)
            while left:
                part = connection.recv(1 << 16)
                digest.update(part)
                left -= len(part)
        threads = [threading.Thread(target=dialer.sendall, args=(data,)),
                   threading.Thread(target=node.sendall, args=(data,)),
                   threading.Thread(target=read, args=(dialer, got[0])),
                   threading.Thread(target=read, args=(node, got[1]))]
        for thread in threads:
            thread.daemon = True
            thread.start()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            net.rule(*rand.choice([(1, 2), (2, 1)]), rand.choice(rules))
            time.sleep(0.02)
        assert net.ask("heal") == "ok"
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        assert got[0].digest() == want and got[1].digest() == want
        assert net.link(1, 2)["bytes"] == len(data) == net.link(2, 1)["bytes"]


def start_node(net, node):
    """The node's socket goes to a process that can be killed."""
    server = net.servers.pop(node)
    process = subprocess.Popen([sys.executable, "-c", NODE, str(server.fileno())], pass_fds=[server.fileno()])
    server.close()
    return process


def test_a_dead_node_refuses_at_once_and_accepts_when_it_is_back():
    took_ms = []
    for _ in range(5):
        with Net() as net:
            process = start_node(net, 1)
            peers = [net.dial() for _ in range(40)]
            for peer in peers:
                assert receive(peer, 1) == b"!"
            process.kill()
            start = time.monotonic()
            ready, _, _ = select.select(peers, [], [], LIMIT_S)
            took_ms.append((time.monotonic() - start) * 1000)
            assert refuses(net), "a dial was accepted after the close of a connection"
            for peer in peers:
                assert peer in ready or peer.recv(1) == b""
            process.wait()
            assert net.stats()["listening"] == [2]
            net.servers[1] = socket.create_server(("127.0.1.1", net.ports[1]))
            until("the port of a node that is back", lambda: net.stats()["listening"] == [1, 2])
            net.pair()
    print(f"      the close was seen {max(took_ms):.1f} ms after the kill at the latest", flush=True)


def test_a_node_that_closes_all_the_time_is_still_looked_after():
    with Net() as net:
        stop = threading.Event()

        def churn():
            while not stop.is_set():
                dialer, node = socket.create_connection(("127.0.2.1", net.ports[1]), LIMIT_S), net.servers[1].accept()[0]
                node.close()
                dialer.close()
        threads = [threading.Thread(target=lambda: ignore(churn)) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                net.servers[2].close()
                until("the port goes", lambda: net.stats()["listening"] == [1])
                net.servers[2] = socket.create_server(("127.0.1.2", net.ports[2]))
                until("the port comes", lambda: net.stats()["listening"] == [1, 2])
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_connection_that_a_dead_node_dialled_ends_after_its_port():
    with Net() as net:
        process = start_node(net, 1)
        dialer, node = net.pair(to=2, node=1)
        until("its port", lambda: net.stats()["listening"] == [1, 2])
        process.kill()
        process.wait()
        dialer.close()  # As its kernel does after the process.
        assert node.recv(1) == b"" and refuses(net)


def test_a_stopped_node_accepts_and_is_silent():
    with Net() as net:
        process = start_node(net, 1)
        assert receive(net.dial(), 1) == b"!"
        process.send_signal(signal.SIGSTOP)
        try:
            peer = net.dial()
            assert is_quiet(peer) and net.stats()["listening"] == [1, 2]
            process.send_signal(signal.SIGCONT)
            assert receive(peer, 1) == b"!"
        finally:
            process.kill()
            process.wait()


def test_a_dual_stack_socket_is_known_as_the_node_that_it_is():
    with Net() as net:
        dialer = socket.socket(socket.AF_INET6)
        dialer.settimeout(LIMIT_S)
        dialer.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        dialer.bind(("::ffff:127.0.3.2", 0))
        dialer.connect(("::ffff:127.0.2.1", net.ports[1]))
        net.open.append(dialer)
        dialer.sendall(b"x")
        assert receive(net.accept(1), 1) == b"x" and net.link(2, 1)["bytes"] == 1


def test_a_node_that_listens_on_a_dual_stack_socket_is_found():
    with Net(1) as net:
        net.servers.pop(1).close()
        until("the port goes", lambda: net.stats()["listening"] == [])
        server = socket.socket(socket.AF_INET6)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("::ffff:127.0.1.1", net.ports[1]))
        server.listen()
        net.servers[1] = server
        until("the port comes", lambda: net.stats()["listening"] == [1])
        net.pair()


def test_two_thousand_idle_connections_leave_the_rest_as_it_was():
    with Net() as net:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        flood = []
        for _ in range(2000):
            flood.append(net.pair())
        assert net.stats()["connections"] == 2000
        dialer, node = net.pair(node=2)
        slowest = 0
        for _ in range(200):
            start = time.monotonic()
            dialer.sendall(b"x")
            receive(node, 1)
            slowest = max(slowest, time.monotonic() - start)
        assert slowest < 0.2, slowest
        for number, (one, other) in enumerate(flood):
            one.sendall(b"%d" % number)
            assert other.recv(10) == b"%d" % number
        net.rule("*", "*", "cut")
        assert net.ask("heal") == "ok"
        for one, other in flood:
            one.close()
            other.close()
        until("they are forgotten", lambda: net.stats()["connections"] == 1)
        assert len(os.listdir(f"/proc/{net.process.pid}/fd")) < 40


def test_connections_beyond_the_limit_wait_for_their_turn():
    with Net(descriptors=256) as net:
        pairs = [net.pair() for _ in range(64)]
        waiting = net.dial()
        assert is_quiet(net.servers[1]) and net.stats()["connections"] == 64
        for one in pairs[0]:
            one.close()
        waiting.sendall(b"x")
        assert receive(net.accept(), 1) == b"x"
        assert "64 connections are open" in net.read("log")


def test_a_receiver_that_does_not_read_costs_bounded_memory():
    with Net() as net:
        pairs = [net.pair() for _ in range(8)]
        sizes = []
        for dialer, _ in pairs:
            dialer.settimeout(0.2)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += dialer.send(bytes(1 << 16))
            except socket.timeout:
                pass
            assert sent < 64 << 20
            sizes.append(sent)
        with open(f"/proc/{net.process.pid}/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * 4096
        assert resident < 24 << 20, resident
        assert net.link("client", 1)["held"] <= 8 * (256 << 10)
        for (_, node), size in zip(pairs, sizes):
            receive(node, size)


def test_what_is_no_command_is_told():
    with Net() as net:
        for line, words in (("", "rule, heal"), ("sing", "no `sing`"), ("rule 1 2", "SRC DST WHAT"),
                            ("rule 1 7 cut", "no `7`"), ("rule x 1 cut", "no `x`"), ("rule 1 1 cut", "itself"),
                            ("rule 1 2 burn", "a rule is"), ("rule 1 2 delay", "delay MS"),
                            ("rule 1 2 delay -5", "delay MS"), ("rule 1 2 delay 5ms", "delay MS"),
                            ("rule 1 2 throttle 0", "BYTES"), ("rule 1 2 stall 101 5", "PERCENT"),
                            ("rule 1 2 flap 1", "PERIOD"), ("rule 1 2 cut now", "write `cut`"),
                            ("stats 1", "no `stats`"), ("rule 1 2 delay 1 2 3 4 5 6", "8 words")):
            answer = net.ask(line)
            assert answer.startswith("error ") and words in answer, (line, answer)
        assert {link["rule"] for link in net.stats()["links"]} == {"pass"}
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(os.path.join(net.home, "proxy.sock"))
            other.sendall(b"x" * 10000)
            other.settimeout(LIMIT_S)
            assert is_closed(other)
        net.pair()


def test_a_second_proxy_in_a_directory_is_refused_and_the_first_goes_on():
    with Net() as net:
        run = subprocess.run([PROXY, net.home], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert run.returncode == 1 and "already" in run.stderr, run
        assert net.read("proxy.pid").split()[0] == str(net.process.pid)
        net.pair()


def test_it_ends_when_it_is_told_and_clears_up():
    with Net() as net:
        dialer, _ = net.pair()
        assert net.ask("stop") == "ok"
        assert net.process.wait(timeout=LIMIT_S) == 0
        assert dialer.recv(1) == b"" and refuses(net)
        assert sorted(os.listdir(net.home)) == ["log", "proxy.conf"]
    with Net() as net:
        net.process.terminate()
        assert net.process.wait(timeout=LIMIT_S) == 0


def test_a_broken_configuration_is_told_with_its_line():
    for text, words in (("1 127.0.2.1:1 127.0.1.1:1\nx\n", "proxy.conf:2"), ("", "no node"),
                        ("1 127.0.2.1:0 127.0.1.1:1\n", "proxy.conf:1"), ("0 127.0.2.1:1 127.0.1.1:1\n", "conf:1"),
                        ("1 localhost:1 127.0.1.1:1\n", "conf:1"), ("1 127.0.2.1:70000 127.0.1.1:1\n", "conf:1")):
        with tempfile.TemporaryDirectory() as home:
            with open(os.path.join(home, "proxy.conf"), "w", encoding="ascii") as file:
                file.write(text)
            run = subprocess.run([PROXY, home], capture_output=True, text=True, timeout=LIMIT_S, check=False)
            assert run.returncode == 1 and words in run.stderr, (text, run)
    run = subprocess.run([PROXY, "/nowhere"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert run.returncode == 1 and "/nowhere" in run.stderr


if __name__ == "__main__":
    if not os.access(PROXY, os.X_OK):
        print(f"{PROXY} does not exist", file=sys.stderr)
        sys.exit(1)
    sys.exit(run_named(asked_for(globals())))
