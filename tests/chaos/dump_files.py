#!/usr/bin/env python3
"""dump_files.py -- `skiff dump` of a real node's files: whole, rotten, cut, foreign."""
import glob
import json
import os
import shutil
import sys
import tempfile

from command_line import NOT_FOUND, USAGE, bare
from live import Cluster, need_programs, run_named, tests_of


class Dumped:
    """A node that was stopped, and what `skiff dump` says about its files."""

    def __init__(self, records=3000):
        self.cluster = Cluster(nodes=1, sets=("log.segment.bytes=1048576",))
        self.cluster.skiff("topic", "create", "orders", "-p", "1")
        lines = "".join(f"record {i} {'x' * 1000}\n" for i in range(records))
        self.cluster.skiff("produce", "orders", "-X", "batch.size=50000", stdin=lines)
        self.cluster.skiff("down")
        self.data = os.path.join(self.cluster.dir, "node-1", "data")

    def path(self, *parts):
        return os.path.join(self.data, *parts)

    def first(self, end):
        return sorted(glob.glob(self.path("orders-0", "*" + end)))[0]

    def close(self):
        self.cluster.close()


def dump(path, *words):
    """(exit code, items) of one file."""
    run = bare("dump", path, "--json", *words)
    items = [json.loads(line) for line in run.stdout.splitlines()]
    problems = [item for item in items if item["item"] == "PROBLEM"]
    if items:
        assert items[0]["item"] == "file" and items[-1] == {"item": "end", "problems": len(problems)}, items
        assert run.returncode == (1 if problems else 0), (run.returncode, run.stderr)
    return run.returncode, items


def of_kind(items, *kinds):
    return [item for item in items if item["item"] in kinds]


def changed(path, at, new, size=None):
    """A copy of a file under its own name in a folder of its own, with some bytes changed, cut to a size."""
    folder = tempfile.mkdtemp(prefix="skiff-test-")
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[at:at + len(new)] = new
    copy = os.path.join(folder, os.path.basename(path))
    with open(copy, "wb") as file:
        file.write(data if size is None else data[:size])
    return copy


def test_dump_shows_every_file_of_a_node():
    node = Dumped()
    try:
        records, ends = 0, []
        files = [path for path in glob.glob(node.data + "/**", recursive=True) if os.path.isfile(path)]
        for path in sorted(files):
            code, items = dump(path)
            assert code == 0 and len(items) > 1, (path, items)
            if path.endswith(".log") and "orders" in path:
                batches = of_kind(items, "batch")
                records += sum(batch["records"] for batch in batches)
                ends.append(batches[-1]["position"] + batches[-1]["bytes"])
                assert ends[-1] == os.path.getsize(path)
        assert records == 3000 and len(ends) > 2, (records, ends)
        assert of_kind(dump(node.first(".index"))[1], "entry") and of_kind(dump(node.first(".timeindex"))[1], "entry")
        topic, = [item["topic"] for item in dump(node.path("__cluster_metadata-0", "0" * 20 + ".log"))[1]
                  if "topic" in item and item["topic"]["name"] == "orders"]
        marks = [item for i in (0, 1) for item in of_kind(dump(node.path(f"marks-0.{i}"))[1], "mark")]
        assert max(mark["durable_offset"] for mark in marks if mark["topic_id"] == topic["id"]) == 3000, marks
        assert {"item": "setting", "key": "topic_id", "value": topic["id"]} in dump(
            node.path("orders-0", "partition.metadata"))[1]
        vote, = of_kind(dump(node.path("quorum-state.0"))[1], "vote")
        assert vote["voted_for"] == 1, vote
        text = bare("dump", node.first(".log"), "-r").stdout
        assert 'record offset=0 ' in text and 'value="record 0 xxx' in text
    finally:
        node.close()


def test_dump_tells_where_a_segment_is_rotten_cut_or_foreign_and_goes_on():
    node = Dumped(300)
    try:
        whole = node.first(".log")
        batches = of_kind(dump(whole)[1], "batch")
        assert len(batches) > 3
        second, third = batches[1]["position"], batches[2]["position"]

        items = dump(changed(whole, second + 100, b"\xff\xfe\xfd"))[1]
        problem, = of_kind(items, "PROBLEM")
        assert problem["position"] == second + 17 and problem["expected"] == batches[1]["crc"] != problem["found"]
        assert of_kind(items, "batch") == batches

        for lie in (b"\x00\x00\x10\x00", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x20\x00\x00\x00"):
            items = dump(changed(whole, second + 8, lie))[1]
            skipped, = of_kind(items, "skipped")
            assert (skipped["position"], skipped["bytes"]) == (second, third - second), skipped
            assert of_kind(items, "batch")[-len(batches) + 2:] == batches[2:]

        items = dump(changed(whole, 0, b"", third + 70))[1]
        problem, skipped = of_kind(items, "PROBLEM", "skipped")
        assert problem["position"] == third and "cut" in problem["problem"] and problem["found"] == "70 bytes"
        assert (skipped["position"], skipped["bytes"]) == (third, 70)

        items = dump(changed(whole, second + 16, b"\x01"))[1]
        assert of_kind(items, "PROBLEM")[0]["found"] == "magic 1" and len(of_kind(items, "batch")) == len(batches) - 1

        items = dump(os.path.abspath(__file__), "--as", "segment")[1]
        assert of_kind(items, "PROBLEM")[0]["position"] == 0 and not of_kind(items, "batch")
    finally:
        node.close()


def test_dump_tells_what_is_wrong_with_small_files():
    node = Dumped()
    try:
        def problem(path, at, new=b"", size=None):
            code, items = dump(changed(path, at, new, size))
            assert code == 1
            return of_kind(items, "PROBLEM")[0]

        snapshot = node.first(".snapshot")
        assert problem(snapshot, 30, b"\xff\xfe")["position"] == 2
        assert "cut" in problem(snapshot, 0, size=20)["problem"] or problem(snapshot, 0, size=20)["found"]
        marks = max((node.path("marks-0.0"), node.path("marks-0.1")), key=os.path.getsize)  # One may not be written yet.
        for copy in (marks, node.path("quorum-state.0")):
            rotten = problem(copy, 40, b"\xff\xfe\xfd")
            assert rotten["position"] == 24 and rotten["expected"].startswith("0x") and rotten["found"].startswith("0x")
            assert "cut" in problem(copy, 0, size=10)["problem"]
            assert problem(copy, 0, b"JSON")["position"] == 0
        epochs = node.path("orders-0", "leader-epoch-checkpoint")
        assert "cut" in problem(epochs, 0, size=os.path.getsize(epochs) - 1)["problem"]
        assert problem(epochs, 0, b"7")["expected"] == "0"
        assert "no uuid" in problem(node.path("orders-0", "partition.metadata"), 23, b"!")["problem"]
        assert "cut" in problem(node.first(".index"), 0, size=13)["problem"]
        index = changed(node.first(".index"), 7, b"\x01")
        shutil.copy(node.first(".log"), os.path.dirname(index))
        wrong = of_kind(dump(index)[1], "PROBLEM")[0]
        assert wrong["position"] == 0 and wrong["expected"].startswith("a batch with last offset"), wrong
    finally:
        node.close()


def test_dump_refuses_what_it_cannot_tell():
    assert bare("dump", "/nowhere/00000000000000000000.log").returncode == NOT_FOUND
    assert bare("dump", "/etc/passwd").returncode == USAGE
    assert bare("dump", "/etc/passwd", "--as", "novel").returncode == USAGE
    assert bare("dump", "/etc", "--as", "segment").returncode == USAGE
    assert bare("dump").returncode == USAGE


def main():
    need_programs()
    return run_named(tests_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
