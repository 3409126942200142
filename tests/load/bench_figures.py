"""bench_figures.py -- what tools/bench makes of samples, and that it leaves nothing behind when it is stopped."""
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tools", "lib"), os.path.join(ROOT, "tests", "chaos")]
import bench_cleaning  # noqa: E402
import bench_codecs  # noqa: E402
import bench_groups  # noqa: E402
import bench_load  # noqa: E402
import bench_page  # noqa: E402
import bench_systems  # noqa: E402
import live  # noqa: E402
from bench_rows import Row, number, table  # noqa: E402
from live import run_named, tests_of, until  # noqa: E402

STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 58.00    0.000058           0    200100           sendto
 42.00    0.000042           0    200200        12 recvfrom
  0.00    0.000000           0         7         3 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.000100           0    400307        15 total
"""


def test_a_ratio_is_of_the_runs_of_a_pair():
    faster = Row("b", "n", "1/s", [20, 40], kafka=[10, 10], better="more")
    cheaper = Row("b", "n", "s/GB", [1, 2], kafka=[4, 4])
    assert faster.ratios() == [2, 4] and cheaper.ratios() == [4, 2]


def test_a_target_is_missed_by_the_median_and_by_being_behind_kafka():
    slow = Row("b", "n", "1/s", [90, 100, 95], better="more", targets={"p50": 96})
    behind = Row("b", "n", "1/s", [100], kafka=[110], better="more", targets={"p50": 90}, race=True)
    fine = Row("b", "n", "1/s", [100], kafka=[90], better="more", targets={"p50": 100}, race=True)
    assert slow.verdict() == "MISSED" and "95.0, at least 96.0" in slow.misses()[0]
    assert behind.misses() == ["behind Kafka"]
    assert fine.verdict() == "met" and fine.misses() == []


def test_the_maximum_stands_in_for_a_p99_of_few_runs():
    few = Row("b", "n", "s", [0.1] * 19 + [2.0], targets={"p99": 1.5})
    many = Row("b", "n", "s", [0.1] * 199 + [2.0], targets={"p99": 1.5})
    assert few.verdict() == "MISSED" and many.verdict() == "met"


def test_a_side_that_was_skipped_says_so():
    lines = table([Row("produce", "n", "GB/s", [1.0, 1.5], better="more", race=True), Row("idle", "n", "MB", [3.0])])
    assert "1.25 (1.00 to 1.50)" in lines[1] and "skipped" in lines[1], lines[1]
    assert "skipped" not in lines[2]


def test_numbers_have_three_digits_that_count():
    assert [number(value) for value in (0, 0.00123, 0.5, 12.34, 123.4, 123456)] == \
        ["0", "0.00123", "0.500", "12.3", "123", "123,456"]


def test_calls_are_read_from_what_strace_counts():
    assert bench_load.parse_strace(STRACE) == {"sendto": 200100, "recvfrom": 200200, "futex": 7}


def test_a_curve_shows_the_slowest_requests():
    points = bench_page.tail_points([(100.0, 900), (200.0, 90), (5000.0, 10)])
    assert points == [(0.1, 100.0), (0.01, 200.0), (0.0005, 5000.0)]


def test_a_group_has_the_place_that_java_gives_its_name():
    # "hello".hashCode() is 99162322, "polygenelubricants".hashCode() the least integer, whose hash counts as 0.
    assert bench_groups.place_of("hello") == 22 and bench_groups.place_of("polygenelubricants") == 0
    names = bench_groups.names_in(7, 3)
    assert len(set(names)) == 3 and {bench_groups.place_of(name) for name in names} == {7}


def test_a_cleaner_that_rested_was_not_busy():
    watch = bench_cleaning.Watch(0)
    for looks, is_busy in (([(10, 1), (20, 1), (30, 1)], True), ([(10, 1), (20, 1), (20, 1)], False),
                           ([(10, 1), (20, 1), (30, 2)], True)):
        watch.looks = looks
        assert watch.was_busy() == is_busy, looks
        assert not watch.was_idle()
    watch.looks = [(10, 1), (10, 1)]
    assert watch.was_idle() and not watch.was_busy()


def test_a_codec_is_judged_by_its_share_of_the_library_round_by_round():
    line = json.dumps({"codec": "gzip", "work": "recompress", "source": "lz4", "size": 16384,
                       "ours_mb_per_cpu_s": [90, 80, 84], "library_mb_per_cpu_s": [100, 100, 100]})
    row, = bench_codecs.rows_of([line])
    assert row.skiff == [90, 80, 84] and row.verdict() == "MISSED"
    assert row.name == "gzip, 16 KB batches recompressed from lz4"


def test_the_page_needs_nothing_beside_itself():
    row = Row("latency", "n <p50>", "ms", [0.1], kafka=[0.5], curves={"skiff": [(90.0, 99), (400.0, 1)]})
    text = bench_page.page([row], {"machine": {"date": "d", "revision": "r"}, "command": "c", "notes": ["a < b"],
                                   "limits": {"loopback": 7.0}})
    assert "<polyline" in text and "<rect" in text and "n &lt;p50&gt;" in text and "a &lt; b" in text
    assert not any(word in text for word in ("http:", "https:", "src=", "href=", "@import", "url("))


def test_a_machine_without_java_says_so():
    path, os.environ["PATH"] = os.environ["PATH"], "/nonexistent"
    try:
        bench_systems.fetch_kafka()
        said = ""
    except bench_systems.Missing as why:
        said = str(why)
    finally:
        os.environ["PATH"] = path
    assert said == "java is not installed", said


def processes_under(folder):
    """Pids of programs whose command line names the folder."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if folder.encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def bench(folder, *words):
    return subprocess.Popen([sys.executable, os.path.join(ROOT, "tools", "lib", "run_bench.py"), *words],
                            env=dict(os.environ, TMPDIR=folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, start_new_session=True)


def expect_clean_stop(number_of_signal, sign, *words):
    """Stop it once a line with `sign` has come, in a folder that all it starts has in its command line."""
    with tempfile.TemporaryDirectory(prefix="skiff-bench-test-") as folder:
        process = bench(folder, *words)
        try:
            for line in process.stderr:
                if sign in line:
                    break
            until("nodes at work", lambda: processes_under(folder))
            process.send_signal(number_of_signal)
            start = time.monotonic()
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 130, f"exit {process.returncode}: {errors}"
        assert "stopped" in errors and "Traceback" not in errors, errors
        assert time.monotonic() - start < 20
        until("no process left", lambda: not processes_under(folder), 5)
        assert os.listdir(folder) == [], os.listdir(folder)


def test_ctrl_c_under_load_leaves_nothing():
    expect_clean_stop(signal.SIGINT, "run 1", "fsync", "--quick", "--without-kafka")


def test_sigterm_between_starts_leaves_nothing():
    expect_clean_stop(signal.SIGTERM, "startup 1", "startup", "--runs", "50")


def test_a_short_run_writes_the_table_the_samples_and_the_page():
    with tempfile.TemporaryDirectory(prefix="skiff-bench-test-") as folder:
        paths = [os.path.join(folder, name) for name in ("out.json", "out.html", "out.md")]
        process = bench(folder, "startup", "--runs", "2", "--json", paths[0], "--html", paths[1], "--markdown", paths[2])
        out, errors = process.communicate(timeout=90)
        assert process.returncode in (0, 1) and "Traceback" not in errors, errors
        assert "startup: three nodes to the first acked write" in out
        with open(paths[0], encoding="utf-8") as file:
            rows = json.load(file)["rows"]
        assert [row["bench"] for row in rows] == ["startup", "startup"] and len(rows[0]["skiff"]) == 2
        assert all(os.path.getsize(path) > 200 for path in paths)


if __name__ == "__main__":
    live.need_programs()
    sys.exit(run_named(tests_of(globals())))
