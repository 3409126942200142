"""bad_servers.py -- skiff-load against servers that close, stall, refuse or talk nonsense.

A server of a few lines plays one broker with one partition. It answers ApiVersions and Metadata
properly, and then does to Produce and Fetch what the test says. In each case skiff-load must say
what happened and where, must end with the exit code for it, and must do so in bounded time.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos"))
from live import API_VERSIONS, BUILD, FETCH, METADATA, PRODUCE, run_named, tests_of, text  # noqa: E402

LOAD = os.path.join(BUILD, "skiff-load")
STALL_S = 1
LIMIT_S = 15
NOT_LEADER = 6


def compact(value):
    return bytes([len(value) + 1]) + value.encode()


class Server:
    """One broker on a free port; `answer(key, correlation, number)` is a reply, None for none, or "close"."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.links = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        number = 0
        stream = link.makefile("rb")
        try:
            while True:
                head = stream.read(4)
                if len(head) < 4:
                    return
                frame = stream.read(struct.unpack(">i", head)[0])
                key, _, correlation = struct.unpack_from(">hhi", frame)
                reply = self.known(key, correlation)
                if reply is None:
                    reply = self.answer(key, correlation, number)
                    number += 1
                if reply == "close":
                    link.shutdown(socket.SHUT_RDWR)
                    return
                if reply is not None:
                    link.sendall(struct.pack(">i", len(reply)) + reply)
        except OSError:
            pass

    def known(self, key, correlation):
        if key == API_VERSIONS:
            apis = ((PRODUCE, 12), (FETCH, 12), (METADATA, 7), (API_VERSIONS, 3))
            rows = b"".join(struct.pack(">hhhb", api, 0, last, 0) for api, last in apis)
            return struct.pack(">ihb", correlation, 0, len(apis) + 1) + rows + struct.pack(">ib", 0, 0)
        if key == METADATA:
            broker = struct.pack(">i", 1) + text("127.0.0.1") + struct.pack(">i", self.port) + text(None)
            partition = struct.pack(">hiii", 0, 0, 1, 0) + struct.pack(">iiiii", 1, 1, 1, 1, 0)
            topic = struct.pack(">h", 0) + text("t") + struct.pack(">b", 0) + struct.pack(">i", 1) + partition
            return (struct.pack(">iii", correlation, 0, 1) + broker + text(None) + struct.pack(">i", 1)
                    + struct.pack(">i", 1) + topic)
        return None

    def close(self):
        self.listener.close()
        for link in self.links:
            link.close()


def produced(correlation, error=0):
    partition = struct.pack(">ihqqq", 0, error, 0, -1, 0) + b"\x01\x00\x00"
    return struct.pack(">ib", correlation, 0) + b"\x02" + compact("t") + b"\x02" + partition + b"\0" + bytes(5)


def fetched(correlation, error=0, high=0):
    partition = struct.pack(">ihqqq", 0, error, high, high, 0) + b"\x00" + struct.pack(">i", -1) + b"\x01\x00"
    return (struct.pack(">ib", correlation, 0) + struct.pack(">ihi", 0, 0, 0) + b"\x02" + compact("t") + b"\x02"
            + partition + b"\0\0")


def load(server, mode, *more):
    start = time.monotonic()
    run = subprocess.run([LOAD, mode, "-b", f"127.0.0.1:{server.port}", "-t", "t", "-o", str(STALL_S), "-l", "1",
                          *more], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return run, time.monotonic() - start


def expect(answer, mode, code, words, *more):
    server = Server(answer)
    try:
        run, seconds = load(server, mode, *more)
    finally:
        server.close()
    assert run.returncode == code, f"exit {run.returncode}: {run.stderr}"
    for word in (*words, f"127.0.0.1:{server.port}"):
        assert word in run.stderr, f"no {word!r} in: {run.stderr}"
    assert run.stdout == "", "a figure from a run that failed"
    assert seconds < 4 * STALL_S, f"it took {seconds:.1f} s"


def test_a_stall_at_the_end_is_in_the_figures():
    """An open loop of 100 a second for one second; the server is silent from its middle on, for 0.8 s."""
    def answer(_, correlation, number):
        if number == 50:
            time.sleep(0.8)  # The stall itself.
        return produced(correlation)
    server = Server(answer)
    try:
        run, _ = load(server, "produce", "-R", "100", "-c", "1", "-d", "4", "-o", "10")  # No stall to give up at.
    finally:
        server.close()
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout)
    assert figures["latency_us"]["count"] >= 95, figures["latency_us"]
    assert figures["latency_us"]["max"] >= 700_000, figures["latency_us"]
    assert figures["latency_us"]["p90"] >= 300_000, figures["latency_us"]


def test_a_good_server_is_measured():
    server = Server(lambda key, correlation, number: produced(correlation))
    try:
        run, _ = load(server, "produce", "-d", "3", "-c", "2")
    finally:
        server.close()
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["requests"] > 100 and result["latency_us"]["count"] == result["requests"], result
    assert sum(count for _, count in result["latency_histogram_us"]) == result["requests"]


def test_latency_of_a_rate_counts_from_the_intended_send():
    """A server that holds its first answer for 400 ms delays all that was due meanwhile."""
    def hold(key, correlation, number):
        if number == 0:
            time.sleep(0.4)
        return produced(correlation)
    server = Server(hold)
    try:
        run, _ = load(server, "produce", "-d", "1", "-R", "100")
    finally:
        server.close()
    assert run.returncode == 0, run.stderr
    late = [upper for upper, _ in json.loads(run.stdout)["latency_histogram_us"] if upper > 50000]
    assert len(late) > 20, f"only {len(late)} requests were late: a queue was left out"


def test_a_server_that_closes_is_reported():
    expect(lambda key, correlation, number: produced(correlation) if number < 5 else "close", "produce", 1,
           ("partition 0", "closed the connection", "5 answered"))


def test_a_server_that_closes_on_a_consumer_is_reported():
    expect(lambda *_: "close", "consume", 1, ("partition 0", "closed the connection"))


def test_a_server_that_stalls_is_reported():
    expect(lambda key, correlation, number: produced(correlation) if number < 7 else None, "produce", 5,
           ("partition 0", "stalled", "3 requests open, 7 answered"), "-d", "3")


def test_a_server_that_stalls_on_a_rate_is_reported():
    expect(lambda *_: None, "produce", 5, ("stalled", "0 answered"), "-d", "1000", "-R", "500")


def test_a_server_that_answers_an_error_is_reported():
    expect(lambda key, correlation, number: produced(correlation, NOT_LEADER), "produce", 1,
           ("partition 0", "Produce: NOT_LEADER_OR_FOLLOWER"))


def test_an_error_of_a_fetch_is_reported():
    expect(lambda key, correlation, number: fetched(correlation, NOT_LEADER), "consume", 1,
           ("partition 0", "Fetch: NOT_LEADER_OR_FOLLOWER"))


def test_an_empty_partition_gives_no_figure():
    expect(lambda key, correlation, number: fetched(correlation), "consume", 1, ("holds no records",))


def test_a_reply_to_another_request_is_reported():
    expect(lambda key, correlation, number: produced(correlation + 1), "produce", 1, ("nobody asked for",))


def test_a_reply_that_is_cut_short_is_reported():
    expect(lambda key, correlation, number: produced(correlation)[:9], "produce", 1, ("makes no sense",))


def test_a_reply_of_two_gigabytes_is_reported():
    def huge(key, correlation, number):
        raise OSError
    server = Server(huge)
    server.answer = lambda key, correlation, number: server.links[-1].sendall(b"\x7f\xff\xff\xff")
    try:
        run, _ = load(server, "produce")
    finally:
        server.close()
    assert run.returncode == 1 and "larger than was asked for" in run.stderr, run.stderr


def test_nobody_at_the_port_is_reported():
    server = Server(lambda *_: None)
    server.close()
    run, seconds = load(server, "produce")
    assert run.returncode == 1 and "refused" in run.stderr, run.stderr
    assert seconds < 4 * STALL_S


if __name__ == "__main__":
    if not os.access(LOAD, os.X_OK):
        sys.exit(f"{LOAD} does not exist")
    sys.exit(run_named(tests_of(globals())))
