"""test_dump.py -- Apache Kafka's own dump tool reads what Skiff wrote, and agrees with `skiff dump`."""
import glob
import json
import os
import re
import subprocess

from live import Cluster, until
from ready import java

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
RECORDS = 1500  # Of a thousand bytes, for each codec.


def kafka_tool(name, *words):
    """Lines of one of Kafka's own tools."""
    run = subprocess.run(java("dump", "org.apache.kafka.tools." + name, *words), capture_output=True, text=True,
                         timeout=120, check=False)
    assert run.returncode == 0, run.stdout[-1000:] + run.stderr[-1000:]
    return run.stdout.splitlines()


def kafka_dump(*words):
    return kafka_tool("DumpLogSegments", *words)


def skiff_dump(cluster, path, *words):
    return [json.loads(line) for line in cluster.skiff("dump", path, "--json", *words).splitlines()]


def batches_of_kafka(lines):
    """(base, last, count, epoch, producer, position, bytes, codec, crc, valid) of each batch."""
    wanted = re.compile(r"baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .* producerId: (-?\d+) .*"
                        r"partitionLeaderEpoch: (\d+) .* position: (\d+) .* size: (\d+) magic: 2 "
                        r"compresscodec: (\w+) crc: (\d+) isvalid: (\w+)")
    return [match.groups() for match in map(wanted.match, lines) if match]


def batches_of_skiff(items):
    return [tuple(str(value) for value in (
        item["base_offset"], item["last_offset"], item["records"], item.get("producer_id", -1), item["leader_epoch"],
        item["position"], item["bytes"], item["codec"], int(item["crc"], 16), "true"))
        for item in items if item["item"] == "batch"]


def write(cluster):
    """Several segments with batches of every codec; the node is down when this returns."""
    cluster.skiff("topic", "create", "orders", "-p", "1")
    for codec in CODECS:
        lines = "".join(f"{codec} {i} {os.urandom(495).hex()}\n" for i in range(RECORDS))
        cluster.skiff("produce", "orders", "-z", codec, "-X", "batch.size=100000", "-H", "a=b", stdin=lines)
    cluster.skiff("down")
    return os.path.join(cluster.dir, "node-1", "data", "orders-0")


def compare_segments(cluster, folder):
    values, shown = set(), 0
    for path in sorted(glob.glob(folder + "/*.log")):
        ours = batches_of_skiff(skiff_dump(cluster, path))
        lines = kafka_dump("--deep-iteration", "--print-data-log", "--files", path)
        assert ours and batches_of_kafka(lines) == ours, (path, ours[:2], batches_of_kafka(lines)[:2])
        values |= {match[1] for match in map(re.compile(r"\| offset: .* payload: (\w+ \d+) ").match, lines) if match}
        shown += sum(item["item"] == "record" for item in skiff_dump(cluster, path, "--records"))
    assert shown == RECORDS * len(CODECS), shown  # Compressed ones too.
    assert values == {f"{codec} {i}" for codec in CODECS for i in range(RECORDS)}, len(values)


def compare_side_files(cluster, folder):
    segment, = sorted(glob.glob(folder + "/*.log"))[:1]
    for end, form in ((".index", "offset: {offset} position: {position}"),
                      (".timeindex", "timestamp: {timestamp} offset: {offset}")):
        path = segment.replace(".log", end)
        ours = [form.format(**item) for item in skiff_dump(cluster, path) if item["item"] == "entry"]
        lines = kafka_dump("--files", path)
        assert ours and lines[1:] == ours, (lines, ours)
        assert any("passed sanity check" in line for line in kafka_dump("--index-sanity-check", "--files", path))
    path = sorted(glob.glob(folder + "/*.snapshot"))[-1]
    producers = {(item["producer_id"], item["last_sequence"], item["last_offset"])
                 for item in skiff_dump(cluster, path) if item["item"] == "producer"}
    wanted = re.compile(r"producerId: (\d+) .* lastSequence: (\d+) lastOffset: (\d+) ")
    found = {tuple(map(int, match.groups())) for match in map(wanted.match, kafka_dump("--files", path)) if match}
    assert len(producers) == len(CODECS) and found == producers, (found, producers)


def test_kafkas_own_dump_tool_agrees_with_ours_on_every_batch():
    cluster = Cluster(nodes=1, sets=("log.segment.bytes=1048576",))
    try:
        folder = write(cluster)
        compare_segments(cluster, folder)
        compare_side_files(cluster, folder)
    finally:
        cluster.close()


def segments_from(folder, offset):
    """A partition's segments once the first one holds this record; else None."""
    paths = sorted(glob.glob(folder + "/*.log"))
    bases = [int(os.path.basename(path).removesuffix(".log")) for path in paths]
    return paths if len(bases) > 1 and bases[0] <= offset < bases[1] else None


def test_kafkas_own_tool_deletes_records_and_its_dump_tool_reads_what_is_left():
    cluster = Cluster(sets=("log.segment.delete.delay.ms=0", "log.retention.check.interval.ms=200",
                            "log.initial.task.delay.ms=0"))
    asked = os.path.join(cluster.dir, "asked.json")
    try:
        cluster.skiff("topic", "create", "trimmed", "-p", "2", "-c", "segment.bytes=50000")
        lines = "".join(f"{i} {os.urandom(245).hex()}\n" for i in range(1000))
        for partition in ("0", "1"):
            cluster.skiff("produce", "trimmed", "-p", partition, "-X", "batch.size=20000", stdin=lines)
        with open(asked, "w", encoding="ascii") as file:
            json.dump({"version": 1, "partitions": [{"topic": "trimmed", "partition": 0, "offset": 600},
                                                    {"topic": "trimmed", "partition": 1, "offset": -1}]}, file)
        told = kafka_tool("DeleteRecordsCommand", "--bootstrap-server", cluster.brokers(),
                          "--offset-json-file", asked)
        assert sorted(line for line in told if "low_watermark" in line) == \
            ["partition: trimmed-0\tlow_watermark: 600", "partition: trimmed-1\tlow_watermark: 1000"], told
        assert cluster.skiff("consume", "trimmed", "-p", "0", "-e", "-f", "%o\\n").split() == \
            [str(i) for i in range(600, 1000)]
        for node in (1, 2, 3):
            folder = os.path.join(cluster.dir, f"node-{node}", "data", "trimmed-0")
            paths = until("old segments to go", lambda: segments_from(folder, 600), 60)
            found = [batch for path in paths for batch in batches_of_kafka(kafka_dump("--files", path))]
            assert 0 < int(found[0][0]) <= 600 <= int(found[0][1]) + 100 and int(found[-1][1]) == 999, found[:2]
            assert all(batch[-1] == "true" for batch in found)
    finally:
        cluster.close()


def compacted(cluster):
    """Segments that were compacted, with batches of every codec and a tombstone; the node is down."""
    cluster.skiff("topic", "create", "kv", "-p", "1", "-c", "cleanup.policy=compact", "-c", "segment.bytes=100000",
                  "-c", "min.cleanable.dirty.ratio=0.1")
    folder = os.path.join(cluster.dir, "node-1", "data", "kv-0")
    for codec in CODECS:
        lines = "".join(f"key-{i * 7 % 400}:{codec} {os.urandom(200).hex()}\n" for i in range(RECORDS))
        cluster.skiff("produce", "kv", "-z", codec, "-K", ":", "-X", "batch.size=20000", stdin=lines)
        cluster.skiff("produce", "kv", "-Z", "-K", ":", stdin=f"gone-{codec}:\n")
    until("compacted", lambda: ": compacted to " in cluster.log(), 30)
    cluster.skiff("down")
    return folder


def test_kafkas_own_classes_read_compacted_segments():
    cluster = Cluster(nodes=1, sets=("log.cleaner.backoff.ms=100",))
    try:
        folder = compacted(cluster)
        gaps = horizons = records = 0
        for path in sorted(glob.glob(folder + "/*.log")):
            ours = batches_of_skiff(skiff_dump(cluster, path))
            lines = kafka_dump("--deep-iteration", "--print-data-log", "--files", path)
            assert ours and batches_of_kafka(lines) == ours, (path, ours[:2], batches_of_kafka(lines)[:2])
            gaps += sum(int(batch[1]) - int(batch[0]) + 1 != int(batch[2]) for batch in ours)
            horizons += sum("deleteHorizonMs: OptionalLong[" in line for line in lines)
            records += sum("| offset: " in line for line in lines)
            index = path.replace(".log", ".index")
            if os.path.getsize(index) > 0:
                lines = kafka_dump("--index-sanity-check", "--files", index)
                assert any("passed sanity check" in line for line in lines), lines
        assert gaps > 0 and horizons > 0 and records < RECORDS * len(CODECS), (gaps, horizons, records)
    finally:
        cluster.close()
