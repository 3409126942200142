"""test_formats.py -- codecs and message formats: Kafka's own classes, old clients, and every codec of kcat."""
import glob
import json
import os
import shutil
import subprocess
import tempfile

from live import BUILD, Cluster, Skip
from ready import HERE, java

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TYPES = ("uncompressed",) + CODECS[1:]
RECORDS = 1000
OLD_VERSION = "0.10.2.2"
# librdkafka that takes the broker for one of before 0.10: Produce 1, Fetch 1, ListOffsets 0, format 0.
OLD = ("-X", "api.version.request=false", "-X", "broker.version.fallback=0.9.0.1")


def run_java(name, program, *words, stdin=None, version=None):
    """What a program of one file says, over the jars of a folder."""
    command = java(name, os.path.join(HERE, program), *words, version=version)
    run = subprocess.run(command, input=stdin, capture_output=True, text=True,
                         timeout=240, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[-2000:]
    return run.stdout


def kcat(cluster, *words, stdin=None):
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")
    run = subprocess.run(["kcat", "-b", cluster.brokers(), *words], input=stdin, capture_output=True, text=True,
                         timeout=60, check=False)
    assert run.returncode == 0, f"kcat {words}: {run.stderr[-500:]}"
    return run.stdout


def test_kafkas_own_classes_read_what_is_converted_as_they_would_convert_it():
    convert = os.path.join(BUILD, "format_convert")
    with tempfile.TemporaryDirectory() as folder:
        said = run_java("formats", "formats/Formats.java", convert, folder)
    assert said.endswith("110 conversions compared\n"), said[-500:]


def test_kcat_writes_and_reads_every_codec_in_the_newest_and_the_oldest_format():
    cluster = Cluster(nodes=1)
    lines = "".join(f"key {i}:value {i} {'abc' * (i % 50)}\n" for i in range(RECORDS))
    try:
        for codec in CODECS:
            for writes, name in (((), "new"), (OLD, "old")):
                if writes and codec == "zstd":
                    continue
                topic = f"{name}-{codec}"
                kcat(cluster, "-P", "-t", topic, "-z", codec, "-K:", "-X", "linger.ms=50", *writes, stdin=lines)
                for reads in ((), OLD) if codec != "zstd" else ((),):
                    got = kcat(cluster, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-K:", *reads)
                    assert got == lines, f"{topic} by {reads}: {len(got)} bytes, not {len(lines)}"
    finally:
        cluster.close()


def test_the_topics_codec_is_what_its_log_holds():
    cluster = Cluster(nodes=1)
    try:
        for codec in TYPES:
            cluster.skiff("topic", "create", f"to-{codec}", "-p", "1", "-c", f"compression.type={codec}")
            for sent in CODECS:
                kcat(cluster, "-P", "-t", f"to-{codec}", "-z", sent, stdin="one\ntwo\n")
            got = kcat(cluster, "-C", "-t", f"to-{codec}", "-o", "beginning", "-e", "-q")
            assert got == "one\ntwo\n" * len(CODECS), got
        cluster.skiff("down")
        for codec in TYPES:
            path, = glob.glob(os.path.join(cluster.dir, "node-1", "data", f"to-{codec}-0", "*.log"))
            found = {item["codec"] for item in map(json.loads, cluster.skiff("dump", path, "--json").splitlines()) if item["item"] == "batch"}
            assert found == {"none" if codec == "uncompressed" else codec}, (codec, found)
    finally:
        cluster.close()


def test_clients_of_kafka_0_10_write_and_read_every_codec_they_know():
    cluster = Cluster(nodes=1)
    try:
        for codec in CODECS[:-1]:
            cluster.skiff("topic", "create", codec, "-p", "1")
            run_java("old", "old/OldClient.java", cluster.brokers(), codec, "write", codec, str(RECORDS),
                     version=OLD_VERSION)
            wanted = "".join(f"{i} key {i} value {i}\n" for i in range(RECORDS))
            got = run_java("old", "old/OldClient.java", cluster.brokers(), codec, "read", str(RECORDS),
                           version=OLD_VERSION)
            assert got == wanted, f"{codec}: {got.count(chr(10))} records, and at last {got[-100:]}"
            assert kcat(cluster, "-C", "-t", codec, "-e", "-q", "-f", "%o %k %s\n") == wanted
    finally:
        cluster.close()
