#!/usr/bin/env python3
"""http_port.py -- /metrics, /health and /ready of live nodes, in good days and in bad ones.

The text format is read by a strict parser of our own, after Prometheus' description of version
0.0.4; where the package prometheus_client is installed, its parser must agree.
"""
import os
import re
import socket
import sys
import time
import urllib.error
import urllib.request

from live import (Cluster, Wire, batch, create_topic, metadata, need_programs, produce, run_named,
                  tests_of, until)

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (-?[0-9]+(?:\.[0-9]+)?)$")
MEMORY_MAX = 48 << 20
HTTP_CONNECTIONS_MAX = 32


def get(port, path, limit_s=5.0):
    """(status, body)"""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=limit_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def is_of(sample, family, kind):
    if kind == "histogram":
        return sample in (family + "_bucket", family + "_sum", family + "_count")
    return sample == family


def check_histograms(samples, kinds):
    series = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and kinds.get(name[:-7]) == "histogram":
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            bound = dict(labels)["le"]
            series.setdefault((name[:-7], rest), []).append(
                (float("inf") if bound == "+Inf" else float(bound), value))
    for (name, rest), buckets in series.items():
        bounds, counts = zip(*buckets)
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{name}: {bounds}"
        assert list(counts) == sorted(counts), f"{name} falls: {counts}"
        assert samples[name + "_count", rest] == counts[-1], f"{name}: count"
        assert (name + "_sum", rest) in samples, f"{name}: no sum"
    return series


def parse(text):
    """{(name, labels): value}; every rule of the format is checked on the way."""
    samples, kinds, helped = {}, {}, set()
    family = None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helped and line.split(" ", 3)[3], line
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and name not in kinds, line
            assert kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == name.endswith("_total"), line
            kinds[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, f"no sample: {line!r}"
            labels = frozenset(re.findall(LABEL, match[2] or ""))
            assert is_of(match[1], family, kinds[family]), f"{line!r} stands under {family}"
            assert (match[1], labels) not in samples, f"twice: {line!r}"
            samples[match[1], labels] = float(match[5])
    assert helped == set(kinds)
    assert check_histograms(samples, kinds)
    if text_string_to_metric_families:
        theirs = {(sample.name, frozenset(sample.labels.items())): sample.value
                  for metric in text_string_to_metric_families(text) for sample in metric.samples}
        assert theirs == samples, "prometheus_client reads it in another way"
    return samples


class Fixture:
    """Three nodes, and a topic of six partitions with three copies each."""

    def __init__(self):
        self.cluster = Cluster(nodes=3)
        self.http = {number: node["http_port"] for number, node in self.cluster.nodes.items()}
        assert create_topic(Wire(self.cluster.port()), "six", 6, 3)[0] == 0
        until("six leaders", lambda: all(part[1] > 0 for part in self.partitions().values()))
        for number in self.http:
            until(f"node {number} is ready", lambda: get(self.http[number], "/ready")[0] == 200)

    def partitions(self):
        found = metadata(Wire(self.cluster.port()), ["six"])["six"][1]
        return found if len(found) == 6 else {0: (0, -1)}

    def scrape(self, number):
        status, text = get(self.http[number], "/metrics")
        assert status == 200
        return parse(text)

    def value(self, number, name, **labels):
        return self.scrape(number).get((name, frozenset(labels.items())))

    def sum(self, name, **labels):
        return sum(self.value(number, name, **labels) for number in self.http)


def test_three_nodes_are_ready_and_well(fixture):
    for port in fixture.http.values():
        assert get(port, "/ready") == (200, "ready\n")
        assert get(port, "/health") == (200, "ok\n")


def test_other_paths_and_methods_are_refused(fixture):
    port = fixture.http[1]
    assert get(port, "/")[0] == 404
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", data=b"x=1")
    try:
        urllib.request.urlopen(request, timeout=5)
        raise AssertionError("a POST was taken")
    except urllib.error.HTTPError as error:
        assert error.code == 405 and error.headers["Allow"] == "GET, HEAD"


def test_one_node_of_three_is_the_active_controller(fixture):
    prefix = "kafka_controller_kafkacontroller_"
    assert fixture.sum(prefix + "activecontrollercount") == 1
    for number in fixture.http:
        assert fixture.value(number, prefix + "activebrokercount") == 3
        assert fixture.value(number, prefix + "globalpartitioncount") == 6
        assert fixture.value(number, prefix + "offlinepartitionscount") == 0
    leaders = {fixture.value(number, "kafka_server_raft_metrics_current_leader")
               for number in fixture.http}
    assert len(leaders) == 1 and leaders <= {1.0, 2.0, 3.0}, leaders


def test_counts_agree_with_what_was_produced_and_copied(fixture):
    prefix = "kafka_server_brokertopicmetrics_"
    before = {name: fixture.sum(prefix + name) for name in ("messagesin_total", "bytesin_total",
                                                            "replicationbytesin_total")}
    size = 0
    for partition, (_, leader, *_) in fixture.partitions().items():
        records = batch([b"one", b"two"])
        size += len(records)
        assert produce(Wire(fixture.cluster.port(leader)), "six", partition, records)[0] == 0
    assert fixture.sum(prefix + "messagesin_total") - before["messagesin_total"] == 12
    assert fixture.sum(prefix + "bytesin_total") - before["bytesin_total"] == size
    until("both followers have copied it all", lambda: fixture.sum(
        prefix + "replicationbytesin_total") - before["replicationbytesin_total"] == 2 * size)
    for number in fixture.http:
        until("high watermarks are known everywhere", lambda: all(
            fixture.value(number, name, topic="six", partition=str(i)) == 2
            for i in range(6)
            for name in ("kafka_log_log_logendoffset", "skiff_partition_high_watermark")))


def test_a_dead_replica_shows_and_its_return_too(fixture):
    prefix = "kafka_server_replicamanager_"
    living = [1, 3]

    def total(name):
        return sum(fixture.value(number, prefix + name) for number in living)

    fixture.cluster.skiff("kill", "2")
    until("partitions are under-replicated", lambda: total("underreplicatedpartitions") == 6)
    assert total("isrshrinks_total") > 0
    assert sum(fixture.value(number, "kafka_cluster_partition_underreplicated", topic="six",
                             partition=str(i)) for number in living for i in range(6)) == 6
    expanded = total("isrexpands_total")
    fixture.cluster.skiff("restart", "2")
    until("nothing is under-replicated", lambda: total("underreplicatedpartitions") == 0)
    assert total("isrexpands_total") - expanded >= 6
    until("node 2 is ready again", lambda: get(fixture.http[2], "/ready")[0] == 200)


def test_a_node_alone_is_well_and_not_ready(fixture):
    for number in ("1", "2"):
        fixture.cluster.skiff("pause", number)
    try:
        status, why = until("node 3 says that it is not ready", lambda: [
            answer for answer in [get(fixture.http[3], "/ready")] if answer[0] == 503][:1])[0]
        assert why.strip() and why.count("\n") == 1, why
        assert get(fixture.http[3], "/health") == (200, "ok\n")
    finally:
        for number in ("1", "2"):
            fixture.cluster.skiff("resume", number)
    for port in fixture.http.values():
        until("all are ready again", lambda: get(port, "/ready")[0] == 200)


def descriptors(fixture, number):
    pid = next(node["pid"] for node in fixture.cluster.ps() if node["node"] == number)
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_flood_of_connections_stays_bounded_and_locks_nobody_out(fixture):
    before = descriptors(fixture, 1)
    words = [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20, b"\0" * 5000]
    flood = []
    for i in range(600):
        connection = socket.create_connection(("127.0.0.1", fixture.http[1]), timeout=5)
        try:
            connection.sendall(words[i % len(words)])
        except OSError:
            pass  # It was closed to make room for a later one.
        flood.append(connection)
        if i % 100 == 0:
            assert get(fixture.http[1], "/health") == (200, "ok\n")
            assert metadata(Wire(fixture.cluster.port()), ["six"])["six"][0] == 0
    until("few are left", lambda: descriptors(fixture, 1) - before <= HTTP_CONNECTIONS_MAX + 8)
    assert fixture.value(1, "skiff_http_connections") <= HTTP_CONNECTIONS_MAX
    for connection in flood:
        connection.close()
    assert next(node["resident_bytes"] for node in fixture.cluster.ps()
                if node["node"] == 1) < MEMORY_MAX


def test_a_page_of_many_partitions_comes_whole_and_readers_that_do_not_read_hold_little(fixture):
    assert create_topic(Wire(fixture.cluster.port()), "many", 1000, 1, timeout_ms=20000)[0] == 0
    until("they are there", lambda: fixture.sum("kafka_server_replicamanager_partitioncount")
          == 1000 + 18, 20)
    lazy = []
    for _ in range(HTTP_CONNECTIONS_MAX // 2):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", fixture.http[1]))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        lazy.append(connection)
    time_before = time.monotonic()
    count = sum(1 for number in fixture.http for name, labels in fixture.scrape(number)
                if name == "kafka_log_log_size" and ("topic", "many") in labels)
    assert count == 1000
    assert time.monotonic() - time_before < 5
    assert next(node["resident_bytes"] for node in fixture.cluster.ps()
                if node["node"] == 1) < MEMORY_MAX
    for connection in lazy:
        connection.close()


def main():
    need_programs()
    fixture = Fixture()
    try:
        return run_named(tests_of(globals()), fixture)
    finally:
        fixture.cluster.close()


if __name__ == "__main__":
    sys.exit(main())
