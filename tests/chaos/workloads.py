#!/usr/bin/env python3
"""workloads.py -- skiff-workload against live nodes: what it says in its histories is what happened.

    tests/chaos/workloads.py [NAME...]      only the tests whose names contain one of these words
"""
import collections
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from live import (API_VERSIONS, BUILD, FETCH, LIST_OFFSETS, METADATA, PRODUCE, ROOT, SKIFF, Cluster, Reader, Skip,
                  asked_for, batch, crc32c, need_programs, run_named, text, until)

WORKLOAD = os.path.join(BUILD, "skiff-workload")
RUN = "c0ffee"
TOPIC = "skiff-chaos-test"
INIT_PRODUCER_ID = 22
FAILED, USAGE, NOT_FOUND, VIOLATION, INCONCLUSIVE = 1, 2, 3, 11, 12


class History:
    """One file, read line by line without the library that wrote it."""

    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            text = file.read()
        self.path, self.is_whole = path, text.endswith("\n") and text.splitlines()[-1].startswith(". ")
        self.head, *lines = text[:text.rfind("\n")].split("\n")
        self.of = collections.defaultdict(list)
        for line in lines:
            self.of[line[0]].append(line.split(" "))

    def begun(self):
        return {(c, v): (int(p), int(t)) for _, c, v, p, t in self.of["w"]}

    def acked(self):
        return {(c, v): (int(o), int(t)) for _, c, v, o, t in self.of["a"]}

    def failed(self):
        return {(c, v): code for _, c, v, code, _ in self.of["e"]}

    def places(self):
        """{(writer, value): [(partition, offset)]} of what was read."""
        places = collections.defaultdict(list)
        for _, _, p, o, w, v, _ in self.of["r"]:
            places[w, v].append((int(p), int(o)))
        return places


class Workload:
    """One skiff-workload that runs beside the test."""
    next_client = 0
    started = []

    def __init__(self, cluster, verb, *words, topic=TOPIC, program=(WORKLOAD,), **more):
        self.path = os.path.join(cluster.home, f"{verb}-{Workload.next_client}.history")
        self.process = subprocess.Popen(
            [*program, verb, "-b", cluster.brokers(), "-t", topic, "--run", RUN, "--history", self.path,
             "--first-client", str(Workload.next_client), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
        Workload.next_client += 1000
        Workload.started.append(self.process)

    @classmethod
    def end_all(cls):
        """Those that a failed test left."""
        for process in cls.started:
            process.kill()
        cls.started.clear()

    def lines(self, kind):
        if not os.path.exists(self.path):
            return 0
        with open(self.path, encoding="ascii") as file:
            return sum(line.startswith(kind + " ") for line in file)

    def until(self, kind, count, limit_s=30):
        until(f"{count} lines {kind} in {self.path}", lambda: self.lines(kind) >= count, limit_s)

    def end(self, limit_s=30):
        """(exit code, what it said), after SIGTERM."""
        self.process.terminate()
        return self.wait(limit_s)

    def wait(self, limit_s=30):
        try:
            said, _ = self.process.communicate(timeout=limit_s)
        finally:
            self.process.kill()
        return self.process.returncode, said

    def history(self):
        return History(self.path)


def run(cluster, *words, timeout=30):
    return subprocess.run([WORKLOAD, *words, "-b", cluster.brokers()], capture_output=True, text=True,
                          timeout=timeout, check=False)


def with_topic(test, partitions=6, copies=3, **more):
    """A cluster, and the topic on it."""
    cluster = Cluster(**more)
    try:
        made = run(cluster, "topic", "create", TOPIC, "-p", str(partitions), "-r", str(copies))
        assert made.returncode == 0, made.stderr
        test(cluster)
    finally:
        Workload.end_all()
        cluster.close()


def read_all(cluster):
    final = Workload(cluster, "final")
    code, said = final.wait(90)
    assert code == 0, f"final: exit {code}: {said}"
    return final.history()


def view(cluster):
    shown = run(cluster, "view", "-t", TOPIC)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def check(final, *others):
    """Every acknowledged value at its offset and once, in order; none that nobody wrote; then the checker itself."""
    places, newest = final.places(), {}
    assert final.is_whole and not final.of["x"], final.of["x"][:3]
    for history in others:
        begun, acked, failed = history.begun(), history.acked(), history.failed()
        assert history.is_whole, history.path
        assert not acked.keys() & failed.keys() and (acked.keys() | failed.keys()) <= begun.keys()
        for value, (offset, time_ns) in acked.items():
            expected = (begun[value][0], offset)
            assert places[value] in ([expected], [(expected[0], places[value][0][1])] if offset < 0 else []), \
                f"{value} was acknowledged at {expected} and stands at {places[value]}"
            assert time_ns >= begun[value][1]
    known = set().union(*(history.begun() for history in others))
    assert all(value in known and len(found) == 1 for value, found in places.items() if found)
    for _, _, p, o, w, v, _ in final.of["r"]:
        assert newest.get((w, p), -1) < int(v), f"writer {w}, partition {p}: {v} at {o} after {newest[w, p]}"
        newest[w, p] = int(v)


def verdict(*histories):
    """What `skiff chaos check` says of the files."""
    said = subprocess.run([SKIFF, "chaos", "check", "--json", *(history.path for history in histories)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, f"exit {said.returncode}: {said.stdout[-1500:]} {said.stderr[-500:]}"
    return json.loads(said.stdout)


def test_a_clean_run_is_whole_and_valid_and_its_counts_agree():
    def look(cluster):
        reader = Workload(cluster, "read")
        tuned = Workload(cluster, "write", "--writers", "2", "--rate", "600", "--size", "100", "--json")
        stock = Workload(cluster, "write", "--profile", "stock", "--rate", "200")
        tuned.until("a", 1200)
        stock.until("a", 300)
        (code, said), (stock_code, _) = tuned.end(), stock.end()
        assert (code, stock_code) == (0, 0), said
        totals = json.loads(said)
        written = tuned.history()
        assert totals["written"] == len(written.of["w"]) and totals["acked"] == len(written.of["a"])
        assert totals["acked"] == totals["written"] and totals["open"] == totals["failed"] == 0, totals
        assert [client[2:4] for client in written.of["c"]] == [["writer", "tuned"]] * 2
        by_partition = collections.Counter(p for p, _ in written.begun().values())
        assert len(by_partition) == 6 and max(by_partition.values()) - min(by_partition.values()) <= 2, by_partition
        final = read_all(cluster)
        reader.until("r", len(final.of["r"]))
        assert reader.end()[0] == 0
        live = reader.history()
        check(final, written, stock.history())
        assert live.places() == final.places() and live.is_whole and len(live.of["s"]) == 6 and live.of["h"]
        ends = {int(p): int(end) for _, _, p, end, _ in final.of["z"]}
        assert sum(ends.values()) == len(written.of["a"]) + len(stock.history().of["a"]) and len(ends) == 6
        said = verdict(final, written, stock.history(), live)
        assert said["acked"] == len(written.of["a"]) + len(stock.history().of["a"]), said
    with_topic(look)


def test_committed_offsets_stay_while_coordinators_are_killed():
    def look(cluster):
        commit = Workload(cluster, "commit", "--groups", "6", "--every-ms", "20")
        commit.until("q", 100)
        for node in ("1", "2", "3"):
            cluster.skiff("kill", node)
            commit.until("a", commit.lines("a") + 100)
            cluster.skiff("restart", node)
        code, said = commit.end()
        assert code == 0, said
        found = verdict(commit)
        assert found["commits"] == commit.lines("a") > 300 and found["commits_asked"] == commit.lines("q"), found
        assert json.loads(cluster.skiff("group", "ls", "--json")) == []
    with_topic(look)


def test_committed_offsets_that_somebody_deletes_are_a_violation():
    def look(cluster):
        commit = Workload(cluster, "commit", "--groups", "1", "--every-ms", "20")
        commit.until("q", 20)

        def judge():
            return subprocess.run([SKIFF, "chaos", "check", commit.path], capture_output=True, text=True, timeout=60,
                                  check=False)

        def is_seen():
            for _ in range(10):
                cluster.call("group", "delete", f"skiff-chaos-{RUN}-0")
            return judge().returncode == VIOLATION
        until("a deletion falls between a commit and the next question", is_seen, 30)
        assert commit.end()[0] == 0
        said = judge()
        assert said.returncode == VIOLATION and "lost-commit: partition 0" in said.stdout, said
    with_topic(look)


def test_values_carry_run_writer_number_and_checksum():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "100", "--size", "64")
        writer.until("a", 20)
        writer.end()
        values = cluster.skiff("consume", TOPIC, "-e", "-f", "%v\\n").splitlines()
        assert len(values) >= 20
        for value in values:
            found = re.fullmatch(rf"({RUN}:\d+:\d+):([0-9a-f]{{8}}):\.+", value)
            assert found and len(value) == 64 and int(found[2], 16) == crc32c(found[1].encode()), value
    with_topic(look)


def test_nothing_is_lost_in_the_history_when_a_leader_is_killed():
    def look(cluster):
        writer = Workload(cluster, "write", "--writers", "2", "--rate", "1000")
        acks_one = Workload(cluster, "write", "--acks", "1", "--rate", "100", topic=TOPIC + "-1")
        reader = Workload(cluster, "read")
        writer.until("a", 500)
        acks_one.until("a", 50)
        cluster.skiff("kill", f"leader:{TOPIC}/0")
        before = writer.lines("a")
        writer.until("a", before + 1000)
        dead = next(node["node"] for node in cluster.ps() if node["state"] != "running")
        cluster.skiff("restart", str(dead))
        until("full in-sync sets", lambda: all(len(p["isr"]) == 3 for p in view(cluster)["partitions"]))
        (code, said), (one_code, _) = writer.end(), acks_one.end()
        assert (code, one_code, reader.end()[0]) == (0, 0, 0), said
        written = writer.history()
        assert not written.failed(), set(written.failed().values())
        check(read_all(cluster), written)
        assert [client[2] for client in acks_one.history().of["c"]] == ["writer/1"]

    def with_second_topic(cluster):
        assert run(cluster, "topic", "create", TOPIC + "-1", "-p", "2").returncode == 0
        look(cluster)
    with_topic(with_second_topic)


def test_a_writer_that_is_told_to_end_while_all_nodes_hang_leaves_outcomes_open():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "300", "--flush", "1s")
        writer.until("a", 100)
        for node in (1, 2, 3):
            cluster.skiff("pause", str(node))
        before = writer.lines("w")
        writer.until("w", before + 200)
        start = time.monotonic()
        code, said = writer.end()
        assert code == 0 and time.monotonic() - start < 8, f"exit {code}: {said}"
        for node in (1, 2, 3):
            cluster.skiff("resume", str(node))
        written = writer.history()
        assert written.is_whole
        assert len(written.begun()) > len(written.acked()) + len(written.failed()), said
        check(read_all(cluster), written)
    with_topic(look)


def test_a_reader_whose_offsets_are_gone_begins_anew_at_what_is_there():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "600")
        reader = Workload(cluster, "read")
        reader.until("r", 1500)
        cluster.skiff("chaos", "power-off", "all", "--keep", "0")
        cluster.skiff("chaos", "power-on", "all")
        until("in-sync sets", lambda: all(len(p["isr"]) == 3 for p in view(cluster)["partitions"]), 30)
        reader.until("s", 6 + 1)
        writer.end()
        final = read_all(cluster)
        ends = {(p, str(int(end) - 1)) for _, _, p, end, _ in final.of["z"] if int(end) > 0}
        until("the last records", lambda: ends <= {(line[2], line[3]) for line in reader.history().of["r"][1500:]})
        assert reader.end()[0] == 0
        notes = [" ".join(line) for line in reader.history().of["n"]]
        assert any("OFFSET_OUT_OF_RANGE" in note or "_AUTO_OFFSET_RESET" in note for note in notes), notes
        said = subprocess.run([SKIFF, "chaos", "check", final.path, writer.path, reader.path], capture_output=True,
                              text=True, timeout=60, check=False)
        assert said.returncode == VIOLATION, said  # An acknowledgement meant the page cache here.
    with_topic(look, chaos=True, sets=("flush.messages=1000000",))


def test_a_log_without_its_head_has_lost_what_was_acknowledged_there():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "200")
        writer.until("a", 20)
        assert writer.end()[0] == 0
        cluster.skiff("topic", "trim", f"{TOPIC}/0", "3")
        final = read_all(cluster)
        assert [line[3] for line in final.of["s"] if line[2] == "0"] == ["0", "-1"], final.of["s"]
        said = subprocess.run([SKIFF, "chaos", "check", "--json", final.path, writer.path], capture_output=True,
                              text=True, timeout=60, check=False)
        assert said.returncode == VIOLATION and json.loads(said.stdout)["lost"] == 3, said
    with_topic(look, partitions=2)


def test_a_host_that_stood_still_is_told():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "100")
        writer.until("a", 20)
        stood = time.monotonic_ns()
        writer.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)  # How long it stands.
        writer.process.send_signal(signal.SIGCONT)
        went_on = time.monotonic_ns()
        writer.until("g", 1)
        assert writer.end()[0] == 0
        assert any(int(start) < went_on and int(end) > stood and int(end) - int(start) > 250e6
                   for _, start, end in writer.history().of["g"]), writer.history().of["g"]
    with_topic(look)


def test_every_verb_ends_on_sigterm_with_a_whole_history():
    def look(cluster):
        started = [Workload(cluster, *words) for words in (("write",), ("read",), ("probe",), ("probe", "--fresh"),
                                                           ("probe", "--metadata"), ("commit",),
                                                           ("write", "--keys", "3"), ("churn",))]
        for workload in started:
            workload.until("c", 1)
        for sign, workload in zip(4 * (signal.SIGTERM, signal.SIGINT), started):
            workload.process.send_signal(sign)
            code, said = workload.wait()
            assert code == 0 and workload.history().is_whole, f"exit {code}: {said}"
            assert workload.history().head == f"# skiff-history 1 run={RUN} topic={TOPIC} partitions=6"
    with_topic(look)


def test_a_probe_is_as_rare_as_it_is_asked_to_be():
    def look(cluster):
        for words in (("--every-ms", "1500"), ("--every-ms", "1500", "--fresh")):
            probe = Workload(cluster, "probe", *words)
            probe.until("w", 2)
            assert probe.end()[0] == 0
            first, second = (int(line[-1]) for line in probe.history().of["w"][:2])
            assert second - first >= 1.4e9, f"{words}: {(second - first) / 1e9:.1f} s"
    with_topic(look, partitions=1, copies=1)


def test_a_probe_says_whether_it_is_tuned_or_as_it_comes():
    def look(cluster):
        for words, profile in (((), "probe"), (("--profile", "stock"), "probe-stock")):
            probe = Workload(cluster, "probe", *words)
            probe.until("a", 20)
            assert probe.end()[0] == 0
            assert [client[2:4] for client in probe.history().of["c"]] == [["writer", profile]]
        refused = run(cluster, "probe", "-t", TOPIC, "--run", RUN, "--history", "/dev/null", "--fresh", "--profile", "stock")
        assert refused.returncode == USAGE and "--profile is librdkafka's" in refused.stderr, refused
    with_topic(look)


def test_fresh_probes_show_how_long_a_hung_leader_was_away():
    def look(cluster):
        probe = Workload(cluster, "probe", "--fresh", "--every-ms", "20")
        probe.until("a", 60)
        hung = view(cluster)["partitions"][0]["leader"]
        cluster.skiff("pause", str(hung))
        paused = time.monotonic_ns()
        until("another leader", lambda: all(p["leader"] not in (hung, -1) for p in view(cluster)["partitions"]), 20)
        before = probe.lines("a")
        probe.until("a", before + 60)
        again = time.monotonic_ns()
        cluster.skiff("resume", str(hung))
        code, said = probe.end()
        assert code == 0, said
        history = probe.history()
        begun, by_partition = history.begun(), collections.defaultdict(list)
        for value, (_, time_ns) in history.acked().items():
            by_partition[begun[value][0]].append(time_ns)
        longest = max(after - max(at, paused) for times in by_partition.values()
                      for at, after in zip(sorted(times), sorted(times)[1:]) if after > paused) / 1e9
        print(f"      longest gap {longest:.2f} s")
        assert 1.0 < longest < (again - paused) / 1e9, longest
        found = set(history.failed().values())  # Who stood still knows of no leader when it goes on.
        assert found <= {"REQUEST_TIMED_OUT", "_NOT_SENT", "CLOSED", "NOT_LEADER_OR_FOLLOWER"}, found
        assert [client[2:4] for client in history.of["c"]] == [["probe", "fresh"]]
        final = read_all(cluster)
        places = final.places()
        assert all(places[value] == [(begun[value][0], offset)] for value, (offset, _) in history.acked().items())
        assert all(len(found) <= 1 for found in places.values())
    with_topic(look)


def test_probes_of_metadata_leave_no_topic_behind():
    def look(cluster):
        probe = Workload(cluster, "probe", "--metadata", "--every-ms", "30")
        probe.until("a", 20)
        cluster.skiff("kill", "controller")
        before = probe.lines("a")
        probe.until("a", before + 20)
        code, said = probe.end(40)
        assert code == 0, said
        history = probe.history()
        assert {p for p, _ in history.begun().values()} == {6} and {o for o, _ in history.acked().values()} == {-1}
        topics = [topic["topic"] for topic in json.loads(cluster.skiff("topic", "ls", "--json"))]
        assert topics == [TOPIC], topics
    with_topic(look)


def writer_of(language):
    """The command of a writer in another language, built where it is missing."""
    built = subprocess.run([os.path.join(ROOT, "tools", "workload", f"build-{language}")], capture_output=True,
                           text=True, timeout=600, check=False)
    if built.returncode != 0:
        raise Skip(built.stderr.strip())
    return built.stdout.splitlines()


def same_history(language, profile):
    """A leader is killed under it, the history is whole and valid, and its errors are told as those of ours."""
    program = writer_of(language)

    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "500", "--size", "60", program=program)
        writer.until("a", 500)
        before = writer.lines("a")
        cluster.skiff("kill", f"leader:{TOPIC}/0")
        writer.until("a", before + 1500, 60)
        dead = next(node["node"] for node in cluster.ps() if node["state"] != "running")
        cluster.skiff("restart", str(dead))
        code, said = writer.end()
        assert code == 0, f"exit {code}: {said}"
        written = writer.history()
        assert [client[2:4] for client in written.of["c"]] == [["writer", profile]]
        assert len(written.acked()) >= 2000 and not written.failed(), set(written.failed().values())
        final = read_all(cluster)
        check(final, written)
        assert verdict(final, written)["acked"] == len(written.acked())
        short = Workload(cluster, "write", program=program,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)))
        code, said = short.wait()
        assert code == FAILED and "large" in said and not short.history().is_whole, f"exit {code}: {said}"
    with_topic(look)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        words = ["-b", f"127.0.0.1:{closed.getsockname()[1]}", "-t", TOPIC, "--run", RUN, "--history", "/nonexistent/h",
                 "--timeout", "1s"]
        ended = subprocess.run([*program, "write", *words], capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == FAILED and "chaos-writer: " in ended.stderr, ended


def test_the_java_writer_keeps_the_same_history():
    same_history("java", "java")


def test_the_go_writer_keeps_the_same_history():
    same_history("go", "franz")


def test_a_value_that_nobody_of_the_run_wrote_is_told_by_its_bytes():
    def look(cluster):
        cluster.skiff("produce", TOPIC, "-p", "2", stdin="stranger\n")
        _, client, partition, offset, _, digits = read_all(cluster).of["x"][0]
        assert (partition, offset, bytes.fromhex(digits)) == ("2", "0", b"stranger"), (client, digits)
    with_topic(look)


class Liar(threading.Thread):
    """A broker that knows one topic, acknowledges the first batch, and has one wrong answer for each one after it.
    What it serves does not have its checksum."""

    def __init__(self, wrong, refused=0, drops=False):
        super().__init__(daemon=True)
        self.wrong, self.refused, self.drops, self.batches, self.producers = wrong, refused, drops, 0, 0
        self.stored = batch([b"a value"], crc=0)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return  # Closed: the test is over.
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while True:
            size = stream.read(4)
            if len(size) < 4:
                return
            request = Reader(stream.read(struct.unpack(">i", size)[0]))
            key, version, correlation = request.take("hhi")
            request.text()
            if key == PRODUCE and self.batches == 1 and self.drops:
                self.drops = False  # The second batch is in doubt, so its repetition is.
                connection.shutdown(socket.SHUT_RDWR)
                return
            reply = struct.pack(">i", correlation) + self.answer(key, version, request)
            connection.sendall(struct.pack(">i", len(reply)) + reply)

    def answer(self, key, version, request):
        if key == API_VERSIONS:  # Version 0, which a client asks for when its own is unsupported (35).
            served = ((PRODUCE, 3, 7), (FETCH, 4, 4), (LIST_OFFSETS, 1, 1), (METADATA, 4, 4), (API_VERSIONS, 0, 0),
                      (INIT_PRODUCER_ID, 0, 0))
            return struct.pack(">hi", 35 if version else 0, len(served)) + b"".join(struct.pack(">hhh", *api)
                                                                                    for api in served)
        if key == INIT_PRODUCER_ID:
            self.producers += 1
            return struct.pack(">ihqh", 0, self.refused, self.producers, 0)
        if key == METADATA:
            return (struct.pack(">iii", 0, 1, 1) + text("127.0.0.1") + struct.pack(">i", self.port) + text(None)
                    + text("liars") + struct.pack(">iih", 1, 1, 0) + text(TOPIC)
                    + struct.pack(">bihiiiiii", 0, 1, 0, 0, 1, 1, 1, 1, 1))
        if key == FETCH:
            time.sleep(0.02)  # It has nothing else, and would be asked without end.
            return (struct.pack(">ii", 0, 1) + text(TOPIC) + struct.pack(">iihqqii", 1, 0, 0, 1, 1, -1, len(self.stored))
                    + self.stored)
        assert key == PRODUCE, key
        error, self.batches = self.wrong if self.batches else 0, self.batches + 1
        return (struct.pack(">i", 1) + text(TOPIC) + struct.pack(">iihqqq", 1, 0, error, self.batches * 100, -1, 0)
                + struct.pack(">i", 0))

    def brokers(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self.server.close()


def write_to_a_liar(wrong, **more):
    """(exit code, what was said, history) of a writer that ends by itself, or else after two producers."""
    with tempfile.TemporaryDirectory(prefix="skiff-test-") as home:
        liar = Liar(wrong, **more)
        liar.home = home
        try:
            writer = Workload(liar, "write", "--rate", "50", "--flush", "0s")
            until("an end, or two more producers",
                  lambda: writer.process.poll() is not None or writer.lines("c") >= 3)
            return (*writer.end(), writer.history())
        finally:
            Workload.end_all()
            liar.close()


def test_an_idempotent_producer_that_ends_for_good_is_a_violation():
    code, said, history = write_to_a_liar(59, drops=True)  # UNKNOWN_PRODUCER_ID: a retry may write twice.
    assert code == VIOLATION and "fatal" in said and history.is_whole, f"exit {code}: {said}"
    assert any("UNKNOWN_PRODUCER_ID" in " ".join(note) for note in history.of["n"]), history.of["n"]


def test_one_that_may_not_write_is_no_violation():
    code, said, history = write_to_a_liar(0, refused=31)  # CLUSTER_AUTHORIZATION_FAILED
    assert code == FAILED and "CLUSTER_AUTHORIZATION_FAILED" in said and history.is_whole, f"exit {code}: {said}"


def test_one_that_ends_by_librdkafkas_own_defect_is_replaced():
    code, said, history = write_to_a_liar(45)  # OUT_OF_ORDER_SEQUENCE_NUMBER
    assert code == 0 and history.is_whole, f"exit {code}: {said}"
    numbers = [client[1] for client in history.of["c"]]
    assert len(numbers) >= 3 and len(set(numbers)) == len(numbers), numbers
    assert any("defect of librdkafka" in " ".join(note) for note in history.of["n"]), history.of["n"]
    given_up = len(numbers) - 1
    assert said.splitlines()[-1].endswith(f", {given_up} producers given up"), said
    assert " ".join(history.of["n"][-1]).endswith(f", {given_up} producers given up"), history.of["n"]


def test_bytes_that_do_not_verify_are_a_violation():
    with tempfile.TemporaryDirectory(prefix="skiff-test-") as home:
        liar = Liar(0)
        liar.home = home
        try:
            reader = Workload(liar, "read")
            reader.until("b", 2)
            code, said = reader.end()
            history = reader.history()
        finally:
            Workload.end_all()
            liar.close()
        assert code == 0 and history.is_whole and not history.of["r"] + history.of["x"], f"exit {code}: {said}"
        assert {(partition, offset) for _, _, partition, offset, _ in history.of["b"]} == {("0", "0")}, history.of["b"]
        assert len(history.of["b"]) <= len(history.of["s"]), "it goes on after each, by an s line"
        checked = subprocess.run([SKIFF, "chaos", "check", "--json", history.path], capture_output=True, text=True,
                                 check=False)
        assert checked.returncode == VIOLATION and json.loads(checked.stdout)["corrupt"] == len(history.of["b"]), checked


def test_a_final_read_that_does_not_reach_an_end_says_so():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "100")
        writer.until("a", 50)
        writer.end()
        cluster.skiff("pause", str(view(cluster)["partitions"][0]["leader"]))
        final = Workload(cluster, "final", "--within", "2s")
        code, said = final.wait()
        assert code == INCONCLUSIVE and "partition" in said, f"exit {code}: {said}"
        assert final.history().is_whole and len(final.history().of["z"]) < 6
    with_topic(look, copies=1)


def test_of_a_topic_that_is_gone_all_is_lost():
    def look(cluster):
        writer = Workload(cluster, "write", "--rate", "100")
        writer.until("a", 50)
        writer.end()
        cluster.skiff("topic", "delete", TOPIC)
        final = Workload(cluster, "final", "--timeout", "1s", "-p", "6")
        code, said = final.wait()
        assert code == 0 and final.history().is_whole, f"exit {code}: {said}"
        checked = subprocess.run([SKIFF, "chaos", "check", "--json", writer.path, final.path], capture_output=True,
                                 text=True, check=False)
        acked = len(writer.history().of["a"])
        assert checked.returncode == VIOLATION and json.loads(checked.stdout)["lost"] == acked >= 50, checked
    with_topic(look)


def test_a_view_shows_brokers_controller_leaders_and_in_sync_replicas():
    def look(cluster):
        shown = view(cluster)
        assert [broker["id"] for broker in shown["brokers"]] == [1, 2, 3]
        assert shown["topic"] == TOPIC and [p["partition"] for p in shown["partitions"]] == list(range(6))
        for partition in shown["partitions"]:
            assert sorted(partition["isr"]) == sorted(partition["replicas"]) == [1, 2, 3], partition
            assert partition["leader"] == partition["replicas"][0] and partition["error"] is None, partition
        quorum = json.loads(cluster.skiff("cluster", "quorum", "--json"))
        assert shown["controller"] == quorum["leader"], (shown["controller"], quorum)
        dead = shown["controller"]
        cluster.skiff("kill", "controller")
        until("another controller", lambda: view(cluster)["controller"] not in (dead, None))
        until("in-sync sets without the dead node",
              lambda: all(dead not in p["isr"] and p["leader"] != dead for p in view(cluster)["partitions"]))
    with_topic(look)


def test_topics_of_others_are_neither_made_nor_written_nor_deleted():
    def look(cluster):
        cluster.skiff("topic", "create", "orders", "-p", "1")
        for words in (("topic", "create", "mine"), ("topic", "delete", "orders"),
                      ("topic", "delete", "skiff-chaos-test", "ord*"),
                      ("write", "-t", "orders", "--run", "1", "--history", "/dev/null"),
                      ("probe", "-t", "orders", "--run", "1", "--history", "/dev/null")):
            refused = run(cluster, *words)
            assert refused.returncode == USAGE and "skiff-chaos-" in refused.stderr, refused
        assert run(cluster, "topic", "create", TOPIC + "-b", "-p", "2", "-c", "min.insync.replicas=1").returncode == 0
        gone = run(cluster, "topic", "delete", "skiff-chaos-t*")
        assert gone.returncode == 0 and sorted(gone.stdout.split()) == ["deleted"] * 2 + [TOPIC, TOPIC + "-b"], gone
        left = [topic["topic"] for topic in json.loads(cluster.skiff("topic", "ls", "--json"))]
        assert left == ["orders"], left
        again = run(cluster, "topic", "delete", TOPIC)
        assert again.returncode == NOT_FOUND and "UNKNOWN_TOPIC" in again.stderr, again
    with_topic(look)


def test_a_history_without_room_ends_the_run_and_keeps_what_it_has():
    def look(cluster):
        limit = 20000
        for words in (("write", "--rate", "2000"), ("probe", "--fresh", "--every-ms", "2")):
            workload = Workload(cluster, *words,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            code, said = workload.wait()
            assert code == FAILED and "File too large" in said and workload.path in said, f"exit {code}: {said}"
            history = workload.history()
            assert os.path.getsize(workload.path) == limit and not history.is_whole
            assert len(history.of["w"]) > 100
        there = subprocess.run([WORKLOAD, "write", "-b", cluster.brokers(), "-t", TOPIC, "--run", RUN, "--history",
                                os.path.join(cluster.home, "no", "such", "folder")], capture_output=True, text=True,
                               timeout=30, check=False)
        assert there.returncode == FAILED and "No such file" in there.stderr, there
    with_topic(look)


def test_brokers_that_do_not_answer_end_it_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for port in (silent.getsockname()[1], closed.getsockname()[1]):
            for verb in (("write",), ("read",), ("final",), ("probe", "--fresh"), ("view",),
                         ("topic", "create", TOPIC)):
                words = [] if verb[0] in ("view", "topic") else ["--run", RUN, "--history", "/nonexistent/h"]
                words += [] if verb[0] == "topic" else ["-t", TOPIC]
                start = time.monotonic()
                ended = subprocess.run([WORKLOAD, *verb, "-b", f"127.0.0.1:{port}", "--timeout", "1s", *words],
                                       capture_output=True, text=True, timeout=20, check=False)
                took = time.monotonic() - start
                assert ended.returncode == FAILED and "skiff: " in ended.stderr, (verb, ended)
                assert took < 5, (verb, took)


def test_wrong_words_and_missing_topics_are_told():
    def look(cluster):
        missing = run(cluster, "write", "-t", "skiff-chaos-none", "--run", "1", "--history", "/dev/null",
                      "--timeout", "1s")
        assert missing.returncode == NOT_FOUND and "no topic" in missing.stderr, missing
        for words in (("write",), ("write", "-t", TOPIC, "--run", "XY", "--history", "/dev/null"),
                      ("write", "-t", TOPIC, "--run", "1", "--history", "/dev/null", "--profile", "fast"),
                      ("write", "-t", TOPIC, "--run", "1", "--history", "/dev/null", "--acks", "0"),
                      ("write", "--rate", "0"), ("dance",), ("read", "--writers", "2")):
            refused = run(cluster, *words)
            assert refused.returncode == USAGE and refused.stderr, refused
    with_topic(look)


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
