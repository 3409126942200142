#!/usr/bin/env python3
"""command_line.py -- what a user types, on real nodes: verbs, exit codes, errors that leave nothing."""
import glob
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from live import ROOT, SKIFF, SKIFFD, Cluster, Skip, command_lines, free_ports, run_in_cluster, until

cluster = None
USAGE, NOT_FOUND, TIMED_OUT = 2, 3, 5


def bare(*words, home=None, stdin=None, **env):
    home = home or tempfile.mkdtemp(prefix="skiff-test-")
    full = {**os.environ, "XDG_STATE_HOME": os.path.join(home, "state"), "SKIFFD": SKIFFD, **env}
    if "SKIFF_BROKERS" not in env:
        full.pop("SKIFF_BROKERS", None)
    return subprocess.run([SKIFF, *words], capture_output=True, text=True, env=full, timeout=60,
                          input=stdin or "", check=False)


def nodes_in(folder):
    """Command lines of the nodes that run in a folder."""
    return [words for words in command_lines()
            if os.path.basename(words[0]) == "skiffd" and any(folder in word for word in words)]


def test_up_prints_how_long_the_first_write_took():
    again = cluster.skiff("up")
    assert "first acks=all write was acknowledged" in again and "synced on 2 of 3 nodes" in again, again
    assert cluster.brokers() in again
    cluster.assert_same_processes()


def test_up_leaves_no_topic_behind():
    assert json.loads(cluster.skiff("topic", "ls", "--json", "--internal")) == []


def test_a_topic_is_created_listed_described_and_deleted():
    cluster.skiff("topic", "create", "orders", "-p", "6")
    assert json.loads(cluster.skiff("topic", "list", "--json")) == [
        {"topic": "orders", "partitions": 6, "replication_factor": 3, "leaderless": 0,
         "under_replicated": 0}]
    described = json.loads(cluster.skiff("topic", "describe", "orders", "--json"))[0]
    assert [p["partition"] for p in described["partitions"]] == list(range(6))
    assert {p["leader"] for p in described["partitions"]} == {1, 2, 3}
    again = cluster.call("topic", "create", "orders")
    assert again.returncode == 1 and "TOPIC_ALREADY_EXISTS" in again.stderr
    assert cluster.skiff("topic", "create", "orders", "--if-not-exists") == "there already: orders\n"
    cluster.skiff("topic", "rm", "orders")
    assert cluster.call("topic", "describe", "orders").returncode == NOT_FOUND
    assert cluster.call("topic", "delete", "orders").returncode == NOT_FOUND


def test_lines_go_in_and_come_out():
    cluster.skiff("topic", "create", "lines", "-p", "1")
    cluster.skiff("produce", "lines", "-K", ":", "-H", "source=test", stdin="a:first\nb:second\nthird\n")
    out = cluster.skiff("consume", "lines", "-e", "-f", "%p %o %k %v %h\\n")
    assert out == "0 0 a first source=test\n0 1 b second source=test\n0 2  third source=test\n", out
    assert cluster.skiff("consume", "lines", "-o", "-1", "-n", "1") == "third\n"
    assert cluster.skiff("consume", "lines", "-o", "+1", "-n", "1") == "second\n"
    one = json.loads(cluster.skiff("consume", "lines", "-n", "1", "-J"))
    assert (one["key"], one["value"], one["offset"]) == ("a", "first", 0), one
    late = cluster.call("consume", "lines", "-o", "end", "-n", "1", "--timeout", "300ms")
    assert late.returncode == TIMED_OUT


def test_every_codec_goes_in_and_comes_out_with_keys_and_headers():
    other = Cluster(nodes=1)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    lines = "".join(f"key {i}:value {i} {'abc' * (i % 50)}\n" for i in range(500))
    try:
        for codec in codecs:
            other.skiff("produce", codec, "-z", codec, "-K", ":", "-H", "from=test", "-H", "none", "-q",
                        "-X", "linger.ms=50", stdin=lines)
            got = other.skiff("consume", codec, "-e", "-f", "%k:%v\\n")
            assert got == lines, f"{codec}: {len(got)} bytes, not {len(lines)}"
            assert other.skiff("consume", codec, "-n", "1", "-f", "%h") == "from=test,none="
        assert other.call("produce", "none", "-z", "brotli", stdin="x\n").returncode == USAGE
        other.skiff("down")
        for codec in codecs:
            path, = glob.glob(os.path.join(other.dir, "node-1", "data", f"{codec}-0", "*.log"))
            items = map(json.loads, other.skiff("dump", path, "--json").splitlines())
            # A batch that does not shrink is sent as it is.
            assert codec in {item["codec"] for item in items if item["item"] == "batch"} <= {codec, "none"}, codec
    finally:
        other.close()


def test_an_empty_value_may_be_null():
    cluster.skiff("produce", "nulls", "-K", ":", "-Z", stdin="a:\nb:x\n")
    cluster.skiff("produce", "nulls", "-K", ":", stdin="c:\n")
    found = [json.loads(line) for line in cluster.skiff("consume", "nulls", "-e", "-J").splitlines()]
    assert {record["key"]: record["value"] for record in found} == {"a": None, "b": "x", "c": ""}, found


def test_consume_ends_when_nobody_reads_it():
    cluster.skiff("produce", "piped", "-q", stdin="".join(f"{i}\n" for i in range(50000)))
    reading = subprocess.Popen([SKIFF, "consume", "piped", "--dir", cluster.dir], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=cluster.env)
    try:
        assert reading.stdout.readline()
        reading.stdout.close()
        assert reading.wait(timeout=10) == 0 and reading.stderr.read() == b""
    finally:
        reading.kill()
        reading.wait()


def test_a_topic_is_made_by_the_first_record():
    cluster.skiff("produce", "made", stdin="hello\n")
    assert cluster.skiff("consume", "made", "-e") == "hello\n"


def test_consuming_an_unknown_topic_is_not_found():
    assert cluster.call("consume", "nowhere", "-e").returncode == NOT_FOUND


def test_a_killed_node_is_down_and_comes_back():
    assert cluster.skiff("kill", "2") == "node 2 killed\n"
    assert [n["state"] for n in cluster.ps()] == ["running", "down", "running"]
    assert cluster.call("kill", "2").returncode == NOT_FOUND
    assert cluster.call("kill", "9").returncode == NOT_FOUND
    cluster.skiff("restart", "2")
    assert [n["state"] for n in cluster.ps()] == ["running"] * 3
    cluster.nodes = {node["node"]: node for node in cluster.ps()}


def test_a_partition_is_trimmed():
    cluster.skiff("topic", "create", "cut", "-p", "1")
    cluster.skiff("produce", "cut", stdin="".join(f"line {i}\n" for i in range(10)))
    assert cluster.skiff("topic", "trim", "cut/0", "4") == "cut/0 starts at 4\n"
    assert cluster.skiff("consume", "cut", "-e").splitlines()[0] == "line 4"
    beyond = cluster.call("topic", "trim", "cut/0", "11")
    assert beyond.returncode == 1, beyond
    assert beyond.stderr == "skiff: cut/0: offset 11 is not in it: it has offsets 4 to 10\n", beyond
    trimmed = json.loads(cluster.skiff("topic", "trim", "cut/0", "end", "--json"))
    assert trimmed == {"topic": "cut", "partition": 0, "start": 10}
    assert cluster.skiff("consume", "cut", "-e") == ""
    for where in ("cut/7", "uncut/0"):
        assert cluster.call("topic", "trim", where, "1").returncode == NOT_FOUND, where
    assert "uncut" not in cluster.skiff("topic", "ls"), "it must not be made by being asked for"


def test_a_paused_node_is_seen_and_resumes():
    cluster.skiff("pause", "3")
    assert [n["state"] for n in cluster.ps()] == ["running", "running", "paused"]
    cluster.skiff("resume", "3")
    assert [n["state"] for n in cluster.ps()] == ["running"] * 3


def test_the_controller_and_a_leader_can_be_killed_by_what_they_do():
    cluster.skiff("topic", "create", "led", "-p", "1")
    leader = json.loads(cluster.skiff("topic", "describe", "led", "--json"))[0]["partitions"][0]["leader"]
    assert cluster.skiff("kill", "leader:led/0") == f"node {leader} killed\n"
    cluster.skiff("restart", str(leader))
    until("a quorum", lambda: cluster.call("cluster", "quorum").returncode == 0)
    quorum = json.loads(cluster.skiff("cluster", "quorum", "--json"))
    assert len(quorum["voters"]) == 3
    assert cluster.skiff("kill", "controller").startswith("node ")
    down = [n["node"] for n in cluster.ps() if n["state"] == "down"]
    assert len(down) == 1
    cluster.skiff("restart", str(down[0]))
    cluster.nodes = {node["node"]: node for node in cluster.ps()}


def test_every_node_has_an_http_port_for_metrics_and_health():
    for node in cluster.ps():
        assert node["http_port"] == node["port"] + 2000 == node["internal_port"] + 1000, node
        there = f"http://localhost:{node['http_port']}"
        with urllib.request.urlopen(there + "/health", timeout=5) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(there + "/metrics", timeout=5) as answer:
            assert b"activecontrollercount" in answer.read().lower()


def test_cluster_info_names_every_node():
    def serving():
        run = cluster.call("cluster", "info", "--json")
        info = json.loads(run.stdout) if run.returncode == 0 else {"brokers": []}
        return [b["node"] for b in info["brokers"] if not b["fenced"]] == [1, 2, 3]
    until("three brokers that serve", serving)


def configs(*words):
    found = json.loads(cluster.skiff(*words, "--json"))
    return {config["key"]: (config["value"], config["from"]) for config in found}


def test_configs_of_a_topic_are_set_shown_and_unset():
    cluster.skiff("topic", "create", "set", "-p", "1", "-c", "segment.ms=1000")
    assert configs("topic", "config", "set") == {"segment.ms": ("1000", "topic")}
    assert cluster.skiff("topic", "set", "set", "retention.ms=5000", "-u", "segment.ms") == (
        "retention.ms set\nsegment.ms unset\n")
    assert configs("topic", "config", "set") == {"retention.ms": ("5000", "topic")}
    known = configs("topic", "config", "set", "--all")
    assert known["cleanup.policy"] == ("delete", "default") and len(known) > 30
    dry = cluster.skiff("topic", "set", "set", "retention.ms=6000", "--dry-run")
    assert dry == "it would be taken\n" and "5000" in cluster.skiff("topic", "config", "set")
    bad = cluster.call("topic", "set", "set", "retention.ms=soon")
    assert bad.returncode == 1 and "INVALID_CONFIG" in bad.stderr and "from -1 to" in bad.stderr
    assert cluster.call("topic", "config", "nothing").returncode == NOT_FOUND
    assert cluster.call("topic", "set", "nothing", "retention.ms=1").returncode == NOT_FOUND
    cluster.skiff("topic", "delete", "set")


def test_a_long_value_is_shown_whole():
    value = ",".join(f"{i}:1" for i in range(200))
    cluster.skiff("topic", "create", "long", "-p", "1")
    cluster.skiff("topic", "set", "long", "leader.replication.throttled.replicas=" + value)
    assert value in cluster.skiff("topic", "config", "long").split()


def test_what_is_unset_and_was_not_set_is_told():
    cluster.skiff("topic", "create", "bare", "-p", "1")
    unset = cluster.skiff("topic", "set", "bare", "-u", "segment.ms", "retention.ms=7000")
    assert unset == "segment.ms was not set\nretention.ms set\n" and configs("topic", "config", "bare").keys() == {"retention.ms"}
    assert cluster.skiff("topic", "set", "bare", "-u", "segment.ms") == "segment.ms was not set\n"
    assert json.loads(cluster.skiff("topic", "set", "bare", "-u", "segment.ms", "-u", "retention.ms", "--json")) == {
        "applied": True, "was_not_set": ["segment.ms"]}
    twice = cluster.call("topic", "set", "bare", "retention.ms=5", "--unset", "retention.ms")
    assert twice.returncode == USAGE and twice.stderr == "skiff: retention.ms is named twice\n", twice
    assert configs("topic", "config", "bare") == {}
    assert cluster.skiff("cluster", "config", "-u", "log.retention.ms") == "log.retention.ms was not set\n"
    for words in (("topic", "set", "bare", "retention.ms=8000"), ("cluster", "config"), ("cluster", "config", "--node", "2")):
        unknown = cluster.call(*words, "-u", "nope")
        assert unknown.returncode == NOT_FOUND and "nope: there is no such config" in unknown.stderr, unknown
    assert configs("topic", "config", "bare") == {}
    assert cluster.call("topic", "set", "nothing", "-u", "retention.ms").returncode == NOT_FOUND
    cluster.skiff("topic", "delete", "bare")


def test_configs_of_nodes_are_set_shown_and_unset():
    assert configs("cluster", "config") == {}
    cluster.skiff("cluster", "config", "log.retention.ms=5000")
    cluster.skiff("cluster", "config", "--node", "2", "log.retention.ms=6000")
    assert configs("cluster", "config") == {"log.retention.ms": ("5000", "all nodes")}
    assert configs("cluster", "config", "--node", "2") == {"log.retention.ms": ("6000", "node")}
    of_two = configs("cluster", "config", "--node", "2", "--all")
    assert of_two["log.retention.ms"] == ("6000", "node") and of_two["node.id"] == ("2", "file")
    assert configs("cluster", "config", "--node", "3", "--all")["log.retention.ms"] == ("5000", "all nodes")
    cluster.skiff("cluster", "config", "-u", "log.retention.ms")
    cluster.skiff("cluster", "config", "--node", "2", "-u", "log.retention.ms")
    assert configs("cluster", "config") == {}
    refused = cluster.call("cluster", "config", "num.io.threads=9")
    assert refused.returncode == 1 and "read-only" in refused.stderr, refused


def test_logs_show_what_a_node_printed():
    assert cluster.skiff("logs", "1", "-n", "5").strip()
    assert cluster.call("logs", "7").returncode == NOT_FOUND


def test_local_verbs_refuse_brokers():
    run = cluster.call("kill", "1", "-b", "localhost:9092")
    assert run.returncode == USAGE and "--dir" in run.stderr
    assert "`explain` asks no broker" in bare("explain", "3", "-b", "localhost:9092").stderr


def test_wrong_words_are_usage_errors():
    for words in (["bogus"], ["topic"], ["topic", "bogus"], ["up", "-n", "0"], ["up", "-n", "x"],
                  ["up", "--set", "novalue"], ["kill"], ["consume", "a", "-f", "%q"], ["up", "-p"],
                  ["ps", "--timeout", "soon"], ["topic", "create", "x", "-p", "0"],
                  ["topic", "trim", "t"], ["topic", "trim", "t", "5"], ["topic", "trim", "t/0", "x"],
                  ["topic", "trim", "/0", "5"], ["topic", "trim", "t/x", "5"], ["topic", "set", "t"],
                  ["topic", "set", "t", "novalue"], ["cluster", "config", "novalue"],
                  ["topic", "ls", "--timeout", "0"], ["consume", "a", "--timeout", "0ms"],
                  ["topic", "ls", "-b", ""], ["consume", "a", "--brokers="]):
        assert bare(*words).returncode == USAGE, words
    assert bare("topic", "create", "x", "-c", "retention.ms").stderr == "skiff: -c retention.ms: write KEY=VALUE\n"
    assert "more than 32" in bare("topic", "create", "x", *["-c", "a=b"] * 33).stderr
    assert "from 1 to 9999 is allowed" in bare("topic", "create", "x", "-p", "10000").stderr
    assert "-b names no broker" in cluster.call("topic", "ls", "-b", "").stderr


def test_every_verb_has_help_with_examples():
    for words in (["up"], ["down"], ["with"], ["ps"], ["logs"], ["kill"], ["restart"], ["pause"], ["resume"],
                  ["topic", "create"], ["topic", "ls"], ["topic", "describe"], ["topic", "delete"],
                  ["topic", "trim"], ["topic", "config"], ["topic", "set"], ["produce"], ["consume"], ["dump"],
                  ["cluster", "info"], ["cluster", "quorum"], ["cluster", "config"], ["cluster", "health"], ["explain"]):
        run = bare(*words, "--help")
        assert run.returncode == 0 and "Examples:" in run.stdout, words
        assert run.stdout.count("--timeout TIME") == 1, run.stdout


def test_the_first_word_of_two_shows_its_verbs():
    for word, verb in (("group", "skiff group seek"), ("topic", "skiff topic trim")):
        run = bare(word, "--help")
        assert run.returncode == 0 and verb in run.stdout and "skiff up" not in run.stdout, run
    assert bare("bogus", "--help").returncode == USAGE


def test_no_cluster_is_not_found():
    for words in (["ps"], ["down"], ["logs"], ["kill", "1"], ["topic", "ls"]):
        assert bare(*words).returncode == NOT_FOUND, words
        run = bare(*words, "--dir", "/no/such")
        assert run.returncode == NOT_FOUND and "no cluster in /no/such" in run.stderr, run


def test_brokers_that_do_not_answer_are_told():
    for words in (("topic", "ls"), ("group", "ls"), ("cluster", "health")):
        run = bare(*words, "-b", "localhost:1")
        assert run.returncode == 1, run
        assert run.stderr == "skiff: none of localhost:1 answers as a broker (connection refused)\n", run
    run = bare("topic", "ls", "-b", f"localhost:{cluster.nodes[1]['http_port']}", "--timeout", "1s")
    assert run.returncode == TIMED_OUT and "not a port for Kafka's protocol" in run.stderr, run
    run = cluster.call("cluster", "config", "--node", "9")
    assert run.returncode == NOT_FOUND and run.stderr == "skiff: node 9: no such node serves\n", run


def test_a_cluster_that_is_down_is_told():
    other = Cluster(nodes=1)
    try:
        other.skiff("down")
        for words in (("topic", "ls"), ("group", "ls"), ("cluster", "health")):
            run = other.call(*words)
            assert run.returncode == 1 and f"the cluster in {other.dir} is down" in run.stderr, run
        assert "connection refused" in bare("topic", "ls", "-b", other.brokers()).stderr
    finally:
        other.close()


def test_a_taken_port_is_told_and_leaves_nothing():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if port > 60000:
            raise Skip("the port drawn has none 1000 above it")
        run = bare("up", "-n", "1", "-p", str(port), home=home)
    assert run.returncode == 1 and f"port {port} is taken" in run.stderr, run.stderr
    assert not os.path.exists(os.path.join(home, "state", "skiff", "cluster"))
    assert bare("ps", home=home).returncode == NOT_FOUND


def test_an_unwritable_directory_is_told_and_leaves_nothing():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    file = os.path.join(home, "file")
    with open(file, "w", encoding="ascii"):
        pass
    run = bare("up", "-n", "1", "-p", "0", "--dir", os.path.join(file, "below"), home=home)
    assert run.returncode == 1 and file in run.stderr, run.stderr
    assert os.listdir(home) == ["file"], os.listdir(home)


def test_a_node_that_refuses_its_config_is_told_and_leaves_nothing():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    run = bare("up", "-n", "1", "-p", "0", "--set", "ssl.keystore.location=/x", home=home)
    assert run.returncode == 1 and "ssl.keystore.location" in run.stderr, run.stderr
    assert not os.path.exists(os.path.join(home, "state", "skiff", "cluster"))


def test_up_ends_soon_after_one_node_of_three_did():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    program = os.path.join(home, "program")
    with open(program, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\ncase $2 in *node-2*) echo "no luck"; exit 1;; esac\n' + f'exec {SKIFFD} "$@"\n')
    os.chmod(program, 0o755)
    begun = time.monotonic()
    run = bare("up", "-p", "0", home=home, SKIFFD=program)
    took = time.monotonic() - begun
    assert run.returncode == 1 and "no luck" in run.stderr and "node 2 ended" in run.stderr, run.stderr
    assert nodes_in(home) == [] and os.listdir(home) == ["program"], os.listdir(home)
    assert took < 3, took


def test_up_refuses_lines_that_each_node_has_of_its_own():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    for line in (f"log.dirs={home}/data", f" log.dir={home}/data", "node.id=1", "listeners=A://:1"):
        run = bare("up", "-p", "0", "--set", line, home=home)
        assert run.returncode == USAGE and "--dir" in run.stderr, run.stderr
    assert os.listdir(home) == [], os.listdir(home)


def test_up_that_fails_keeps_the_settings_from_before():
    other = Cluster(nodes=1, sets=("num.partitions=4",))
    try:
        other.skiff("down")
        run = other.call("up", "--set", "ssl.keystore.location=/x")
        assert run.returncode == 1 and "ssl.keystore.location" in run.stderr, run.stderr
        other.skiff("up")
        other.skiff("topic", "create", "four")
        assert json.loads(other.skiff("topic", "ls", "--json"))[0]["partitions"] == 4
    finally:
        other.close()


def test_the_banner_says_what_an_acknowledgement_means_and_how_to_get_there():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    here = os.path.join(home, "here")
    for sets, meaning in ((["flush.messages=10000"], "in the page cache of 1 of 1 node;"),
                          (["log.flush.interval.messages=1"], "synced on 1 of 1 node;"),
                          (["skiff.defaults=kafka"], "in the page cache of 1 of 1 node;")):
        try:
            up = bare("up", "-n", "1", "-p", "0", "--dir", here, "--set", *sets, home=home).stdout
            assert meaning in up and "1 copy each" in up and up.count(f" --dir {here} ") == 5, up
        finally:
            bare("down", "--rm", "--dir", here, home=home)
    assert "--dir" not in cluster.skiff("up").split("Next:")[0]


def test_the_usual_cluster_is_found_again_when_another_one_is_deleted():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    there = os.path.join(home, "there")
    try:
        assert bare("up", "-n", "1", "-p", "0", home=home).returncode == 0
        assert bare("up", "-n", "1", "-p", "0", "--dir", there, home=home).returncode == 0
        assert there in bare("ps", "--json", home=home).stdout
        assert bare("down", "--rm", "--dir", there + "/", home=home).returncode == 0
        assert bare("ps", home=home).returncode == 0
    finally:
        bare("down", "--rm", "--dir", there, home=home)
        assert bare("down", "--rm", home=home).returncode == 0
    assert bare("ps", home=home).returncode == NOT_FOUND


def test_restart_tells_when_the_node_ends():
    other = Cluster()
    try:
        assert other.skiff("restart", "2") == "node 2 restarted\n"
        other.skiff("kill", "2")
        for path in glob.glob(os.path.join(other.dir, "node-2", "data", "quorum-state.*")):
            os.remove(path)
        run = other.call("restart", "2")
        assert run.returncode == 1 and "quorum-state" in run.stderr and "node 2 ended" in run.stderr, run
        assert run.stdout == ""
    finally:
        other.close()


def test_restart_without_a_quorum_says_that_the_node_does_not_serve_yet():
    other = Cluster()
    try:
        for node in ("1", "2", "3"):
            other.skiff("kill", node)
        run = other.call("restart", "1", "--timeout", "300ms")
        assert run.returncode == 0 and "serves no clients yet" in run.stdout, run
        assert json.loads(other.skiff("restart", "2", "--json"))["serves"] is True
    finally:
        other.close()


def test_brokers_that_are_gone_are_told_once_in_words_of_ours():
    run = bare("produce", "t", "-b", "localhost:1", "--timeout", "1s", stdin="x\n")
    assert run.returncode == TIMED_OUT and run.stderr.splitlines() == [
        "skiff: no broker can be reached; trying on",
        "skiff: 1 record was not acknowledged: no broker did so in time (see --timeout)",
        "0 records acknowledged"], run.stderr
    run = bare("consume", "t", "-b", "localhost:1", "--timeout", "1s")
    assert run.returncode == TIMED_OUT and len(run.stderr.splitlines()) == 1, run.stderr
    assert "%7|" in bare("consume", "t", "-b", "localhost:1", "--timeout", "1s", "-X", "debug=broker").stderr


def test_produce_gives_up_after_ten_seconds_unless_told_otherwise():
    begun = time.monotonic()
    waiting = subprocess.Popen([SKIFF, "produce", "t", "-b", "localhost:1", "-X", "message.timeout.ms=60000"],
                               stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        waiting.stdin.write(b"x\n")
        waiting.stdin.close()
        run = bare("produce", "t", "-b", "localhost:1", stdin="x\n")
        assert run.returncode == TIMED_OUT and 10 <= time.monotonic() - begun < 15
        assert waiting.poll() is None, "what -X says wins"
    finally:
        waiting.kill()
        waiting.wait()


def test_a_node_with_a_new_disk_is_told_from_one_that_votes():
    other = Cluster()
    try:
        victim = next(n["node"] for n in other.ps() if not n["controller"])
        assert {v["replaced"] for v in json.loads(other.skiff("cluster", "quorum", "--json"))["voters"]} == {False}
        other.skiff("kill", str(victim))
        shutil.rmtree(os.path.join(other.dir, f"node-{victim}", "data"))
        os.mkdir(os.path.join(other.dir, f"node-{victim}", "data"))
        other.skiff("restart", str(victim))
        roles = {n["node"]: n["role"] for n in other.ps()}
        assert roles.pop(victim) == "observer" and sorted(roles.values()) == ["controller", "follower"], roles
        quorum = json.loads(other.skiff("cluster", "quorum", "--json"))
        assert [v["node"] for v in quorum["voters"] if v["replaced"]] == [victim], quorum
        assert [o["node"] for o in quorum["observers"]] == [victim], quorum
        for words in (("ps",), ("cluster", "quorum")):
            told = other.skiff(*words)
            assert f"node {victim} has no vote" in told and "lost when one of them goes" in told, told
    finally:
        other.close()


def test_data_survives_down_and_up():
    cluster.skiff("topic", "create", "kept", "-p", "1")
    cluster.skiff("produce", "kept", stdin="before\n")
    cluster.skiff("down")
    assert cluster.skiff("up").startswith("Skiff is up")
    assert cluster.skiff("consume", "kept", "-e") == "before\n"
    cluster.nodes = {node["node"]: node for node in cluster.ps()}


def test_up_keeps_its_settings_and_refuses_others_while_it_runs():
    other = Cluster(nodes=1, sets=("num.partitions=4",))
    try:
        other.skiff("up", "--set", "num.partitions=4")
        wrong = other.call("up", "--set", "num.partitions=5")
        assert wrong.returncode == 1 and "--set" in wrong.stderr, wrong.stderr
        other.skiff("down")
        other.skiff("up")
        other.skiff("topic", "create", "four")
        other.skiff("down")
        other.skiff("up", "--set", "num.partitions=5")
        other.skiff("topic", "create", "five")
        found = {t["topic"]: t["partitions"] for t in json.loads(other.skiff("topic", "ls", "--json"))}
        assert found == {"four": 4, "five": 5}, found
    finally:
        other.close()


def test_up_four_times_at_once_starts_one_cluster():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    words = [SKIFF, "up", "-n", "2", "-p", "0", "--json", "--dir", os.path.join(home, "cluster")]
    env = dict(os.environ, XDG_STATE_HOME=home, SKIFFD=SKIFFD)
    runs = [subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        found = [json.loads(run.communicate(timeout=40)[0])["brokers"] for run in runs]
        assert len(set(found)) == 1 and all(run.returncode == 0 for run in runs), found
    finally:
        bare("down", "--rm", "--dir", words[-1])
    assert not os.path.exists(words[-1])


def test_check_takes_the_histories_of_a_long_run():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    names = [os.path.join(home, f"{number}.history") for number in range(400)]
    run = bare("chaos", "check", *names)
    assert run.returncode == 1 and names[0] in run.stderr and "arguments" not in run.stderr, run
    os.rmdir(home)


def test_ps_of_a_node_that_knows_no_leader_says_nothing_about_it():
    other = Cluster()
    try:
        other.skiff("kill", "1")
        other.skiff("kill", "2")
        # The third may have been elected in between, and leads until it has heard nobody for a while.
        until("no leader", lambda: "no node names a leader" in other.call("ps").stdout)
        run = other.call("ps")
        assert run.returncode == 0 and run.stderr == "" and run.stdout.count("down") == 2, run
        assert "no node names a leader" in run.stdout and "follower" not in run.stdout, run.stdout
        late = other.call("cluster", "quorum", "--timeout", "300ms")
        assert late.returncode == TIMED_OUT and "leader" in late.stderr, late.stderr
    finally:
        other.close()


def test_a_timeout_holds_against_a_node_that_hangs():
    other = Cluster(nodes=1)
    try:
        other.skiff("produce", "t", stdin="x\n")
        other.skiff("pause", "1")
        for words in (("topic", "ls"), ("cluster", "info"), ("consume", "t", "-e"), ("produce", "t")):
            run = other.call(*words, "--timeout", "300ms", stdin="x\n", timeout=8)
            assert run.returncode == TIMED_OUT, (words, run)
        other.skiff("resume", "1")
    finally:
        other.close()


def test_the_controller_can_be_asked_for_while_one_is_elected():
    other = Cluster(nodes=5)
    try:
        first = other.skiff("kill", "controller")
        second = other.skiff("kill", "controller")
        assert first != second and len([n for n in other.ps() if n["state"] == "down"]) == 2
    finally:
        other.close()


def test_every_remote_verb_takes_a_client_properties_file():
    file = os.path.join(cluster.home, "client.properties")
    with open(file, "w", encoding="ascii") as out:
        out.write(f"# as other clients take it\nbootstrap.servers={cluster.brokers()}\n")
    assert bare("topic", "create", "filed", "-p", "1", "-F", file).returncode == 0
    assert bare("produce", "filed", "-F", file).returncode == 0
    assert bare("consume", "filed", "-e", "-F", file).returncode == 0
    assert bare("cluster", "quorum", "-X", f"bootstrap.servers={cluster.brokers()}").returncode == 0
    assert bare("topic", "ls", "-F", file, "-b", "localhost:1").returncode == 1, "-b wins"
    assert bare("topic", "ls", "-F", file, "-X", "there.is.no=such").returncode == USAGE
    assert bare("topic", "ls", "-F", file, "-X", "security.protocol=ssl").returncode == USAGE


def test_down_rm_deletes_the_data():
    other = Cluster(nodes=1)
    directory = other.dir
    other.skiff("down", "--rm")
    assert not os.path.exists(directory)
    other.close()


class With:
    """`skiff with` in a folder of its own, so that what it leaves behind is seen."""

    def __init__(self, *words, **more):
        self.folder = tempfile.mkdtemp(prefix="skiff-test-")
        env = dict(os.environ, TMPDIR=self.folder, SKIFFD=SKIFFD, SKIFF=SKIFF,
                   XDG_STATE_HOME=os.path.join(self.folder, "state"))
        self.process = subprocess.Popen([SKIFF, "with", *words], env=env, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **more)

    def nodes(self):
        return nodes_in(self.folder)

    def end(self):
        """(exit code, output, errors), and nothing of it is left."""
        output, errors = self.process.communicate(timeout=40)
        assert self.nodes() == [] and os.listdir(self.folder) == [], os.listdir(self.folder)
        return self.process.returncode, output, errors


def test_with_gives_a_command_a_cluster_and_passes_its_exit_code_on():
    script = ('test "$SKIFF_BROKERS" = "$KAFKA_BOOTSTRAP_SERVERS" || exit 1; '
              'echo hello | "$SKIFF" produce greetings; "$SKIFF" consume greetings -e; exit 7')
    code, output, errors = With("-n", "3", "--", "sh", "-c", script).end()
    assert (code, output) == (7, "hello\n"), (code, output, errors)


def test_with_leaves_flags_after_the_command_to_it():
    assert With("-n1", "sh", "-c", "exit $#", "-n", "--json", "--help").end()[0] == 2


def test_with_tells_how_a_command_ended_as_a_shell_does():
    assert With("-n", "1", "--", "sh", "-c", "kill -9 $$").end()[0] == 128 + signal.SIGKILL
    code, _, errors = With("-n", "1", "--", "there-is-no-such-command").end()
    assert code == 127 and "there-is-no-such-command" in errors, (code, errors)
    code, _, errors = With("-n", "1", "--", "/etc/passwd").end()
    assert code == 126 and "/etc/passwd" in errors, (code, errors)


def test_with_whose_cluster_cannot_start_leaves_nothing():
    code, _, errors = With("-n", "1", "--set", "ssl.keystore.location=/x", "--", "true").end()
    assert code == 1 and "ssl.keystore.location" in errors, (code, errors)
    assert With("-n", "0", "--", "true").end()[0] == USAGE
    assert With("-n", "1").end()[0] == USAGE


def test_with_passes_signals_on_and_takes_the_cluster_down():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = With("-n", "1", "--", "sh", "-c", "echo ready; exec sleep 60")
        assert run.process.stdout.readline() == "ready\n"
        run.process.send_signal(number)
        assert run.end()[0] == 128 + number, number


def test_with_lets_a_command_end_in_its_own_way_after_a_signal():
    run = With("-n", "1", "--", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")
    assert run.process.stdout.readline() == "ready\n"
    run.process.send_signal(signal.SIGTERM)
    assert run.end()[0] == 5


def test_with_that_is_signalled_while_it_starts_leaves_nothing():
    run = With("--", "sleep", "60")
    until("a node", run.nodes)
    run.process.send_signal(signal.SIGTERM)
    assert run.end()[0] == 128 + signal.SIGTERM


def test_with_that_is_killed_leaves_nothing():
    run = With("-n", "3", "--", "sh", "-c", "echo $$; exec sleep 60")
    command = int(run.process.stdout.readline())
    assert len(run.nodes()) == 3
    run.process.kill()
    until("no node, no folder", lambda: not run.nodes() and os.listdir(run.folder) == [])
    until("the command is gone", lambda: not os.path.exists(f"/proc/{command}"))
    assert run.end()[0] == -signal.SIGKILL


def test_ten_times_with_side_by_side_do_not_meet():
    script = 'echo "$SKIFF_BROKERS"; echo mine $$ | "$SKIFF" produce t -q && "$SKIFF" consume t -e'
    runs = [With("-n", "2", "--", "sh", "-c", script) for _ in range(10)]
    ports = set()
    for run in runs:
        code, output, errors = run.end()
        lines = output.splitlines()
        assert code == 0 and len(lines) == 2 and lines[1].startswith("mine "), (code, output, errors)
        ports |= set(lines[0].split(","))
    assert len(ports) == 20, ports


def test_what_was_in_a_directory_before_stays():
    for name in ("node-0", "node-2"):
        for words in (("with", "--dir", "PLACE", "--", "true"), ("up", "-p", "0", "--dir", "PLACE")):
            folder = tempfile.mkdtemp(prefix="skiff-test-")
            kept = os.path.join(folder, name, "precious")
            os.makedirs(os.path.dirname(kept))
            with open(kept, "w", encoding="ascii") as file:
                file.write("mine")
            run = bare(*(folder if word == "PLACE" else word for word in words))
            taken = name == "node-2"
            assert (run.returncode != 0) == taken, (words, run.stderr)
            assert f"{folder}/node-2 is there" in run.stderr or not taken, run.stderr
            bare("down", "--rm", "--dir", folder)
            assert os.path.exists(kept), (name, words)
            shutil.rmtree(folder)


def test_with_in_a_directory_can_be_reached_by_local_verbs():
    folder = tempfile.mkdtemp(prefix="skiff-test-")
    place = os.path.join(folder, "made", "for", "it")
    script = f'"$SKIFF" kill 2 --dir {place} && "$SKIFF" restart 2 --dir {place}'
    code, output, errors = With("--dir", place, "--", "sh", "-c", script).end()
    assert (code, output) == (0, "node 2 killed\nnode 2 restarted\n"), (output, errors)
    assert os.listdir(folder) == []


def start_shipped(name, home, *sets):
    """skiffd with one of Kafka's own files, moved to `home` and to other ports."""
    words = [SKIFFD, "-c", os.path.join(ROOT, "tests", "config", name), "--set", f"log.dirs={home}/data"]
    for line in sets:
        words += ["--set", line]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def use_and_stop(node, port, silent):
    """A record goes through, and what the node said is as it should be."""
    try:
        there = f"localhost:{port}"
        until("a node that serves", lambda: bare("topic", "ls", "-b", there).returncode == 0)
        run = subprocess.run([SKIFF, "produce", "t", "-b", there], input="hello\n", text=True, timeout=30,
                             capture_output=True, check=False)
        assert run.returncode == 0, run.stderr
        assert bare("consume", "t", "-e", "-b", there).stdout == "hello\n"
    finally:
        node.terminate()
        output, _ = node.communicate(timeout=20)
    assert node.returncode == 0, output
    assert output.count("keys without effect") == 1, output
    warnings = [line for line in output.splitlines() if " WARN " in line or " ERROR " in line]
    assert silent == (not warnings) and all("without authentication" in line for line in warnings), output
    return output


def test_the_file_that_kafka_ships_starts_a_node():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    client, controller = free_ports(2)
    node = start_shipped("kraft.properties", home, f"listeners=PLAINTEXT://:{client},CONTROLLER://:{controller}",
                         f"advertised.listeners=PLAINTEXT://localhost:{client},CONTROLLER://localhost:{controller}",
                         f"controller.quorum.bootstrap.servers=localhost:{controller}")
    use_and_stop(node, client, silent=False)


def test_a_file_of_zookeepers_time_starts_a_node():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    client, = free_ports(1)
    node = start_shipped("zookeeper.properties", home, f"listeners=PLAINTEXT://localhost:{client}")
    output = use_and_stop(node, client, silent=True)
    assert "zookeeper.connect" in output, output


def test_check_config_tells_what_a_shipped_file_would_do():
    file = os.path.join(ROOT, "tests", "config", "kraft.properties")
    run = subprocess.run([SKIFFD, "--check-config", "-c", file, "--set", "num.partitions=7"],
                         capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 0, run.stderr
    lines = {tuple(line.split(None, 1)) for line in run.stdout.splitlines()}
    for line in (("--set", "num.partitions=7"), ("file", "node.id=1"), ("default", "broker.session.timeout.ms=3000"),
                 ("file", "listeners=PLAINTEXT://:9092,CONTROLLER://:9093")):
        assert line in lines, run.stdout
    assert run.stderr.count("keys without effect: ") == 1, run.stderr
    wrong = subprocess.run([SKIFFD, "--check-config", "-c", file, "--set", "num.partitons=7", "--set", "ssl.key=x",
                            "--set", "log.segment.bytes=soon"], capture_output=True, text=True, timeout=20, check=False)
    assert wrong.returncode == 1 and wrong.stdout == "", wrong.stdout
    for words in ("did you mean num.partitions?", "ssl.key=x", "log.segment.bytes=soon"):
        assert words in wrong.stderr, wrong.stderr


def tree_hash(folder):
    """Names, kinds, modes, times and bytes of all that stands in a folder."""
    total = hashlib.sha256()
    for path in [folder, *sorted(glob.glob(folder + "/**", recursive=True, include_hidden=True))]:
        status = os.lstat(path)
        total.update(f"{path} {status.st_mode} {status.st_size} {status.st_mtime_ns}\n".encode())
        if os.path.isfile(path):
            with open(path, "rb") as file:
                total.update(file.read())
    return total.hexdigest()


def test_a_directory_of_kafka_stays_as_it_is_to_the_byte():
    for marks in ("version=1\nnode.id=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\ndirectory.id=BBBBBBBBBBBBBBBBBBBBBB\n",
                  "version=0\nbroker.id=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\n"):
        home = tempfile.mkdtemp(prefix="skiff-test-")
        data = os.path.join(home, "data")
        for name, text in (("meta.properties", marks), ("bootstrap.checkpoint", "x"),
                           ("orders-0/00000000000000000000.log", "not ours"), ("orders-0/partition.metadata", "x"),
                           ("__cluster_metadata-0/00000000000000000000.log", "x"), ("recovery-point-offset-checkpoint", "0")):
            path = os.path.join(data, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        for lock in (False, True):
            if lock:
                with open(os.path.join(data, ".lock"), "w", encoding="ascii"):
                    pass
            before = tree_hash(data)
            client, = free_ports(1)
            node = start_shipped("zookeeper.properties", home, f"listeners=PLAINTEXT://localhost:{client}", "broker.id=1")
            output, _ = node.communicate(timeout=20)
            assert node.returncode == 1 and "Kafka" in output and data in output, output
            assert tree_hash(data) == before, sorted(os.listdir(data))


if __name__ == "__main__":
    sys.exit(run_in_cluster(globals()))
