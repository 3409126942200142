#!/usr/bin/env python3
"""chaos_clients.py -- the clients of the chaos bench, as the supervisor has them: rates, profiles, live histories, ends.

No cluster runs here. Clients are shell scripts, histories are written by hand.
"""
import os
import sys
import tempfile
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "lib", "chaos"))
sys.path.insert(1, os.path.join(ROOT, "tools", "lib"))
import arguments  # noqa: E402
import planted  # noqa: E402
import programs  # noqa: E402
import scenarios  # noqa: E402
import workloads as workloads_module  # noqa: E402
from leg import Leg, Setting  # noqa: E402
from live import run_named, tests_of, until  # noqa: E402
from live_history import LiveHistory  # noqa: E402
from programs import Failure, Refused  # noqa: E402
from workloads import Workloads, rates, watch_rates  # noqa: E402


def refuses(action, *words, by=Refused):
    try:
        action(*words)
    except by as refused:
        return str(refused)
    raise AssertionError(f"{words} was not refused")


def test_what_our_own_codec_reaches_is_plaintext():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "client.properties")
        for text, is_plain in (("", True), ("security.protocol=PLAINTEXT\n", True), ("#security.protocol=SSL\n", True),
                               ("a=b\n security.protocol = SASL_SSL\n", False),
                               ("security.protocol=sasl_plaintext\n", False)):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            assert workloads_module.is_plaintext(path) is is_plain, text
    assert workloads_module.is_plaintext("")


def write_lines(path, *lines):
    with open(path, "a", encoding="ascii") as file:
        file.write("".join(line + "\n" for line in lines))


def with_live(play):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.history")
        live = LiveHistory()
        try:
            live.add(path, "tuned")
            play(live, path)
        finally:
            live.close()


def test_a_live_history_knows_what_is_acknowledged():
    def play(live, path):
        write_lines(path, "# skiff-history 1 run=1 topic=t partitions=2", "w 1 1 0 10", "w 1 2 1 11", "a 1 1 5 20")
        until("the line was read", lambda: live.acked == 1)
        assert not live.acked_since(15, 2, "tuned") and live.silent_since(15, 2, "tuned") == [1]
        write_lines(path, "a 1 2 6 21")
        until("the line was read", lambda: live.acked == 2)
        assert live.acked_since(15, 2, "tuned") and not live.acked_since(20, 2, "tuned")
    with_live(play)


def test_half_a_line_is_read_when_it_is_whole():
    def play(live, path):
        with open(path, "a", encoding="ascii") as file:
            file.write("w 1 1 0 10\na 1 1")
        until("the first line was read", lambda: live.files[0].open)
        write_lines(path, " 5 20")
        until("the second line was read", lambda: live.acked == 1)
    with_live(play)


def test_operations_in_flight_are_those_whose_span_meets_the_fault():
    def play(live, path):
        mark = live.mark()
        now = mark.from_ns
        mark.to_ns = now + 100
        write_lines(path, f"w 1 1 0 {now - 50}", f"a 1 1 0 {now - 10}",  # Over before.
                    f"w 1 2 0 {now - 5}", f"e 1 2 X {now + 900}",  # Open when it began.
                    f"w 1 3 0 {now + 50}", f"a 1 3 1 {now + 70}",  # Within.
                    f"w 1 4 0 {now + 200}", f"a 1 4 2 {now + 300}",  # After.
                    f"w 1 5 0 {now + 90}")  # Open still.
        until("the lines were read", lambda: live.acked == 3 and live.failed == 1 and live.files[0].open)
        assert live.in_flight(mark) == 3
        assert mark.first_ack_ns == now + 70
    with_live(play)


def test_a_planted_loss_leaves_out_every_read_of_one_value():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.history")
        write_lines(path, "w 1 7 0 1", "a 1 7 0 2", "w 1 8 0 3", "r 9 0 0 1 7 4", "r 9 0 1 1 8 5",
                    "r 8 0 0 1 7 6", ". 7")
        chosen = planted.an_acknowledged([path])
        assert chosen == (b"1", b"7")
        os.mkdir(os.path.join(folder, "copies"))
        copy, = planted.without_reads_of([path], chosen, os.path.join(folder, "copies"))
        with open(copy, encoding="ascii") as file:
            assert file.read().split("\n") == ["w 1 7 0 1", "a 1 7 0 2", "w 1 8 0 3", "r 9 0 1 1 8 5", ". 7", ""]


def with_workloads(play):
    """Clients that are shell scripts; no cluster is asked for anything."""
    with tempfile.TemporaryDirectory() as folder:
        workloads = Workloads(folder, "x:1", "abcd", "skiff-chaos-t", Setting(engine=None, partitions=2))
        try:
            play(workloads)
        finally:
            workloads.kill()


def started(action, *words):
    """[(verb, {flag: value})] of the clients that this starts."""
    calls = []
    workloads = SimpleNamespace(has_fresh=True, rounds_of_stock=0, topic_1="t1", files_1=[], new_marks=lambda *_: None,
                                setting=SimpleNamespace(size=0))
    workloads.start = lambda _name, verb, *flags, **_: calls.append((verb, dict(zip(flags, flags[1:]))))
    workloads.start_fresh = lambda pause_ms: Workloads.start_fresh(workloads, pause_ms)
    action(workloads, *words)
    return calls


def all_started(total, others, name):
    """[(program or verb, {flag: value})] of all that a leg of this scenario starts on somebody else's cluster."""
    calls = []

    def play(workloads):
        setting = Setting(engine=SimpleNamespace(is_ours=False), rate=total, clients={f"o{n}": ["o"] for n in range(others)})
        leg = Leg(setting, scenarios.find(name), workloads.folder, "abcd", 7)
        workloads.start = lambda _name, verb, *flags, **more: calls.append(
            (verb, dict(zip(flags, flags[1:])), more.get("topic")))
        workloads.start_other = lambda _name, _command, rate: calls.append(("write", {"--rate": rate}, None))
        workloads.create = lambda *_: None
        leg.workloads, leg.wait_steady, leg.wait_others, leg.go_on = workloads, lambda *_: 1, lambda _: None, lambda _: None
        leg.start_clients()
        if leg.scenario.has_topic_alone:
            calls.append(("write", {"--rate": workloads_module.alone_rate(total)}, "alone"))
    with_workloads(play)
    return calls


def a_second(calls):
    """How many records these clients write in a second, offsets that are committed included."""
    together = 0
    for verb, flags, topic in calls:
        if verb == "write":
            together += flags["--rate"]
        elif verb == "commit":
            together += 1000 * flags["--groups"] / flags["--every-ms"]
        elif verb == "probe" and "--metadata" not in flags:
            together += 1000 / flags["--every-ms"]
        elif verb == "churn":  # At most one for each that is read.
            together += sum(more["--rate"] for other, more, of in calls if other == "write" and of == topic)
    return together


def test_the_rate_is_that_of_all_clients_together():
    for total in (*range(arguments.RUN_RATE_LEAST, 400, 23), 600, 2800, arguments.RATE_MAX):
        for name, others in (("kill-leader", 0), ("kill-leader", 1), ("kill-leader", 2), ("topic-recreated", 0)):
            calls = all_started(total, others, name)
            assert {"write", "probe", "read", "commit", "churn"} == {verb for verb, _, _ in calls}, calls
            assert sum("groups" in (topic or "") or "keys" in (topic or "") for _, _, topic in calls) == 3, calls
            together = a_second(calls)
            assert 0.7 * total <= together <= total + 1e-6, (total, name, others, together)
    assert rates(2800, 2)["tuned"] >= 500 and min(rates(arguments.RUN_RATE_LEAST, 2).values()) >= 2
    assert "is not between 50 and 20000" in refuses(arguments.read_run, ["--rate", "49"])


def test_who_watches_writes_no_more_than_was_allowed():
    for total in range(arguments.WATCH_RATE_LEAST, 3000):
        parts = watch_rates(total)
        together = parts["tuned"] + parts["stock"] + 1000 / parts["fresh_every_ms"]
        assert min(parts.values()) >= 1 and 0.6 * total <= together <= total + 1e-6, (total, parts)
    for words in (["-b", "x:1", "--rate", "5"], ["-b", "x:1", "--rate", "20001"]):
        assert "is not between 6 and 20000" in refuses(arguments.read_watch, words)


def test_the_probe_is_there_as_it_comes_and_tuned_and_the_writers_too():
    calls = started(Workloads.renew_stock, rates(2800)) + started(Workloads.start_probes, 600, False)
    calls += started(Workloads.start_writer, "tuned", 100, 2) + started(Workloads.start_acks_1, 300)
    kinds = [(verb, flags.get("--profile"), "--fresh" in flags, flags.get("--acks")) for verb, flags in calls]
    assert sorted(kinds, key=str) == sorted([
        ("write", "stock", False, None), ("probe", "stock", False, None), ("probe", None, False, None),
        ("probe", None, True, None), ("write", "tuned", False, None), ("write", "tuned", False, "1"),
        ("write", "stock", False, "1"), ("read", None, False, None)], key=str), kinds


def a_checker(workloads, code, text):
    """A `skiff` that says this of any history."""
    path = os.path.join(workloads.folder, "skiff")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho '{text}'\necho 'a was cut short' >&2\nexit {code}\n")
    os.chmod(path, 0o755)
    found, programs.path = programs.path, lambda _: path
    try:
        return workloads.check(workloads.files)
    finally:
        programs.path = found


def test_a_history_that_was_cut_short_is_a_doubt_with_all_that_it_shows():
    def play(workloads):
        checked = a_checker(workloads, 1, '{"acked": 7}')
        assert (checked.code, checked.found, checked.text) == (12, {"acked": 7}, "a was cut short")
        assert a_checker(workloads, 11, '{"acked": 7}').code == 11
        assert "a was cut short" in refuses(a_checker, workloads, 1, "no JSON", by=Failure)
    with_workloads(play)


def test_producers_that_were_given_up_are_counted():
    def play(workloads):
        start_client(workloads, "java", "echo 9 written, 9 acknowledged, 4 producers given up")
        assert workloads.stop() == [] and workloads.given_up == 4
    with_workloads(play)


def test_a_client_that_ends_badly_is_told_with_its_last_words_though_no_file_can_be_written():
    def play(workloads):
        start_client(workloads, "java", "echo /full/java.history: no room >&2; exit 1")
        workloads.processes["java"].log = "/nowhere/at/all/java.log"
        assert workloads.stop() == ["the workload 'java' ended with exit code 1:\n    /full/java.history: no room"]
    with_workloads(play)


def start_client(workloads, name, text):
    workloads.start_other(name, ["sh", "-c", text], 1)
    until("it has ended", lambda: workloads.processes[name].poll() is not None)


def test_a_client_that_no_sound_cluster_would_end_is_a_violation():
    def play(workloads):
        start_client(workloads, "java", "echo client 7 ended by OUT_OF_ORDER; exit 11")
        workloads.check_alive()
        assert "client 7 ended by OUT_OF_ORDER" in workloads.broken[0] and workloads.processes == {}
    with_workloads(play)


def test_an_extra_writer_that_cannot_start_is_left_out_and_told():
    def play(workloads):
        start_client(workloads, "franz", "echo no broker told me >&2; exit 1")
        workloads.check_alive()
        assert workloads.doubts == ["the writer 'franz' wrote nothing: no broker told me"] and workloads.others == {}
        assert not any("franz" in path for path in workloads.files)
    with_workloads(play)


def test_a_client_that_is_needed_and_ended_is_told_with_its_last_words():
    def play(workloads):
        start_client(workloads, "stock", "echo no room left; exit 1")
        workloads.others.clear()
        try:
            workloads.check_alive()
        except Failure as failure:
            assert "'stock' ended with exit code 1" in str(failure) and "no room left" in str(failure)
            return
        raise AssertionError("nobody noticed")
    with_workloads(play)


if __name__ == "__main__":
    sys.exit(run_named(tests_of(globals())))
