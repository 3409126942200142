#!/usr/bin/env python3
"""chaos_verbs.py -- one fault at a time in a cluster of `skiff up --chaos`, as a user would, and what it does."""
import datetime
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from live import (SKIFF, SKIFFD, Closed, Cluster, asked_for, batch, create_topic, metadata, need_programs, produce,
                  quickest, run_named, until)

USAGE, NOT_FOUND = 2, 3
LAG_MS = 1000
cluster = None
topics = 0


def chaos(*words):
    return json.loads(cluster.skiff("chaos", *map(str, words), "--json"))


def confirmed(*words):
    said = chaos(*words)
    assert said["confirmed"] is True and said["at_ns"] > 0, said
    return said


def counters(node):
    return next(entry["rules"] for entry in chaos("status")["nodes"] if entry["node"] == node)


def link(source, target):
    links = chaos("status")["proxy"]["links"]
    return next(one for one in links if (one["from"], one["to"]) == (source, target))


def is_gone(pid):
    """Nobody may have waited for it yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def new_topic(copies=3, configs=()):
    """A topic of one partition that every node knows: (name, leader, followers)."""
    global topics
    topics += 1
    name = f"topic-{topics}"
    error, message = create_topic(any_wire(), name, 1, copies, configs)
    assert error == 0, message

    def placed():
        seen = [partition(name, node) for node in cluster.nodes]
        return seen[0] if all(one and one[1] >= 0 and one == seen[0] for one in seen) else None
    _, leader, replicas, _ = until("a leader that all know", placed)
    return name, leader, [node for node in replicas if node != leader]


def any_wire():
    for node in cluster.nodes:
        try:
            return cluster.wire(node)
        except OSError:
            continue
    raise AssertionError("no node takes a connection")


def partition(name, node=None):
    """(error, leader, replicas, in-sync replicas)"""
    try:
        wire = cluster.wire(node) if node else any_wire()
        return metadata(wire, [name])[name][1].get(0)
    except (OSError, Closed):
        return None


def in_sync(name, node=None):
    found = partition(name, node)
    return sorted(found[3]) if found else []


def controller():
    return until("a controller", lambda: next((node["node"] for node in cluster.ps() if node["controller"]), None))


def write(name, value, limit_s=10.0):
    """To whoever leads, until it is acknowledged by all in sync; how long that took."""
    start = time.monotonic()

    def once():
        found = partition(name)
        if not found or found[1] < 0:
            return False
        try:
            return produce(cluster.wire(found[1], limit_s), name, 0, batch([value]))[0] == 0
        except (OSError, Closed):
            return False
    until(f"an acknowledgement of {value[:20]}", once, limit_s)
    return time.monotonic() - start


def read(name):
    """All values, from the leader."""
    found = until("a leader", lambda: (lambda one: one if one and one[1] >= 0 else None)(partition(name)))
    wire = cluster.wire(found[1])
    out = cluster.skiff("consume", name, "-e", "-f", "%v\\n", "-o", "beginning")
    wire.close()
    return out.encode().split(b"\n")[:-1]


def all_in_sync(name):
    until(f"{name} in sync everywhere", lambda: in_sync(name) == sorted(cluster.nodes), 15)


def healed():
    chaos("heal")
    for node in cluster.nodes:
        until(f"node {node} runs", lambda one=node: cluster.ps()[one - 1]["state"] == "running", 5)


def test_a_new_cluster_is_whole_and_says_so():
    said = chaos("status")
    assert said["proxy"]["running"] and sorted(said["proxy"]["listening"]) == [1, 2, 3]
    assert all(one["rule"] == "pass" for one in said["proxy"]["links"])
    assert all(entry["in_force"] for entry in said["nodes"])
    assert all(entry["rules"]["sync_hang"] == 0 and entry["rules"]["syncs"] > 0 for entry in said["nodes"])
    assert "no fault" in cluster.skiff("chaos", "status")
    ps = json.loads(cluster.skiff("ps", "--json"))
    assert ps["chaos"] and ps["proxy_pid"] > 0
    again = cluster.skiff("up")
    assert "127.0.2.1" in again and "chaos power-off" in again
    cluster.assert_same_processes()


def test_nodes_are_told_apart_by_where_they_dial_from():
    for source in cluster.nodes:
        assert counters(source)["dials_bound"] > 0
        for target in cluster.nodes:
            if source != target:
                assert link(source, target)["bytes"] + link(target, source)["bytes"] > 0, (source, target)


def test_a_follower_that_is_cut_off_leaves_the_in_sync_set_and_comes_back():
    name, leader, followers = new_topic()
    follower = next(node for node in followers if node != controller())  # It would fence the leader.
    other = next(node for node in followers if node != follower)
    write(name, b"before")
    said = confirmed("cut", follower, leader)
    assert {(one["from"], one["to"]) for one in said["links"]} == {(follower, leader), (leader, follower)}
    writer = threading.Thread(target=write, args=(name, b"during", 20))
    writer.start()  # An acknowledgement waits until the set has shrunk.
    until("the follower leaves", lambda: in_sync(name, other) == sorted([leader, other]), 10)
    writer.join()
    before = link(follower, leader)["bytes"]
    write(name, b"during too")
    assert link(follower, leader)["bytes"] == before
    confirmed("heal")
    all_in_sync(name)
    assert read(name) == [b"before", b"during", b"during too"]


def test_a_leader_that_is_cut_off_from_all_is_replaced():
    name, leader, followers = new_topic()
    confirmed("cut", leader, "all")
    until("another leader", lambda: partition(name, followers[0])[1] in followers, 15)
    healed()
    write(name, b"after")
    all_in_sync(name)


def test_a_one_way_cut_of_a_client_lets_nothing_in_and_everything_out():
    wire = cluster.wire(1)
    metadata(wire, [])
    confirmed("cut", "client", 1, "--one-way")
    assert link("client", 1)["rule"] == "cut" and link(1, "client")["rule"] == "pass"
    wire.socket.settimeout(0.2)
    correlation = wire.send(3, 4, b"\0\0\0\0\0")
    try:
        wire.reply()
        raise AssertionError("a reply crossed a cut")
    except socket.timeout:
        pass
    confirmed("heal")
    wire.socket.settimeout(5)
    assert int.from_bytes(wire.reply()[:4], "big") == correlation


def test_a_delay_shows_in_every_round_trip():
    confirmed("link", "client", 1, "delay", 120)
    wire = cluster.wire(1)
    assert 0.115 < quickest(lambda: metadata(wire, []), 3)
    confirmed("link", "client", 1, "pass")
    assert quickest(lambda: metadata(wire, [])) < 0.1


def test_a_slow_disk_shows_in_the_time_of_an_acknowledgement():
    name, _, _ = new_topic()
    write(name, b"warm")
    confirmed("slow-disk", "all", "250ms")
    assert write(name, b"slow") > 0.25
    confirmed("heal")
    until("quick writes", lambda: write(name, b"quick") < 0.2)


def test_a_follower_whose_disk_hangs_leaves_the_in_sync_set_and_comes_back():
    name, leader, (follower, other) = new_topic()
    write(name, b"before")
    hung = counters(follower)["hung"]
    confirmed("hang-disk", follower)
    writer = threading.Thread(target=write, args=(name, b"during", 20))
    writer.start()  # An acknowledgement waits until the set has shrunk.
    until("the follower leaves", lambda: in_sync(name, other) == sorted([leader, other]), 15)
    writer.join()
    assert counters(follower)["hung"] > hung
    confirmed("heal")
    all_in_sync(name)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room():
    name, leader, _ = new_topic()
    write(name, b"before")
    confirmed("fill-disk", "all", "--free", 1000000)
    value = b"x" * 500000
    acked = 0

    def refused():
        nonlocal acked
        found = partition(name)
        if not found or found[1] < 0:
            return True
        error, _ = produce(cluster.wire(found[1], 20), name, 0, batch([value]))
        acked += error == 0
        return error != 0
    until("a refusal", refused, 30)
    assert sum(counters(node)["refused_full"] for node in cluster.nodes) > 0
    confirmed("heal")
    write(name, b"after", 20)
    all_in_sync(name)
    values = read(name)
    assert values[0] == b"before" and values[-1] == b"after" and values.count(value) >= acked
    assert leader in cluster.nodes


def test_a_sync_that_fails_stops_the_log_and_another_node_goes_on():
    name, leader, followers = new_topic()
    write(name, b"before")
    confirmed("fail-sync", leader)
    write(name, b"during", 20)
    until("the sync has failed", lambda: counters(leader)["syncs_failed"] >= 1)
    assert counters(leader)["sync_mode"] == 0, "once is once"
    until("another leader", lambda: (partition(name, followers[0]) or [0, -1])[1] in followers, 15)
    write(name, b"after")
    cluster.skiff("restart", str(leader), "--timeout", "10s")
    cluster.nodes = {node["node"]: node for node in cluster.ps()}
    all_in_sync(name)
    values = read(name)
    assert [value for value in (b"before", b"during", b"after") if value in values] == [b"before", b"during", b"after"]


def test_short_writes_are_finished():
    name, leader, _ = new_topic()
    confirmed("short-writes", "all")
    values = [b"%04d" % number + b"y" * 2000 for number in range(50)]
    wire = cluster.wire(leader)
    for value in values:
        assert produce(wire, name, 0, batch([value]))[0] == 0
    assert counters(leader)["writes_short"] > 10
    confirmed("heal")
    assert read(name) == values
    all_in_sync(name)


def log_clock(node):
    """The time of the last line that a node printed, against ours."""
    line = cluster.log(node).rstrip("\n").split("\n")[-1]
    when = datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=datetime.timezone.utc)
    return (when - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


def test_a_clock_that_jumps_shows_in_the_log_and_breaks_nothing():
    name, leader, followers = new_topic()
    processes = {node["node"]: node["pid"] for node in cluster.ps()}
    for node, step, seconds in ((leader, "+1h", 3600), (followers[0], "-10y", -10 * 365 * 86400)):
        confirmed("clock", node, step)
        new_topic()
        assert abs(log_clock(node) - seconds) < 30, log_clock(node)
        write(name, step.encode())
    confirmed("clock", followers[1], "drift:200000")
    write(name, b"drift")
    assert in_sync(name) == [1, 2, 3]
    confirmed("heal")
    new_topic()
    assert abs(log_clock(leader)) < 30
    assert read(name) == [b"+1h", b"-10y", b"drift"]
    assert {node["node"]: node["pid"] for node in cluster.ps()} == processes


def test_a_node_without_descriptors_refuses_and_recovers():
    confirmed("descriptors", 1, 30)
    before = counters(1)["refused_descriptors"]
    flood = []
    deadline = time.monotonic() + 5
    while counters(1)["refused_descriptors"] == before and time.monotonic() < deadline:
        flood.append(cluster.wire(1))
    assert counters(1)["refused_descriptors"] > before
    for wire in flood:
        wire.close()
    confirmed("heal")
    until("it serves", lambda: metadata(cluster.wire(1), []) == {})
    name, _, _ = new_topic()
    write(name, b"after")
    all_in_sync(name)


def test_power_off_of_all_keeps_what_was_acknowledged():
    name, leader, _ = new_topic()
    acked = []
    stop = threading.Event()

    def writer():
        wire = cluster.wire(leader)
        number = 0
        while not stop.is_set():
            value = b"%06d" % number
            number += 1
            try:
                if produce(wire, name, 0, batch([value]))[0] == 0:
                    acked.append(value)
            except (OSError, Closed):
                return
    threads = [threading.Thread(target=writer)]
    threads[0].start()
    until("acknowledgements", lambda: len(acked) > 50)
    said = confirmed("power-off", "all", "--seed", 11)
    stop.set()
    threads[0].join()
    assert {node["state"] for node in cluster.ps()} == {"down"} and said["seed"] == 11
    assert [entry["node"] for entry in said["nodes"]] == [1, 2, 3]
    assert sorted(chaos("power-on", "--timeout", "10s")["started"]) == [1, 2, 3]
    cluster.nodes = {node["node"]: node for node in cluster.ps()}
    write(name, b"after", 20)
    values = read(name)
    assert values[:len(acked)] == acked and values[-1] == b"after"
    assert len(values) <= len(acked) + 2, "more than one that was on its way"
    all_in_sync(name)


def test_power_off_loses_what_only_the_page_cache_had():
    name, _, _ = new_topic(configs=(("flush.messages", "1000000"),))
    for number in range(30):
        write(name, b"%03d" % number)
    assert sum(counters(node)["unsynced_bytes"] for node in cluster.nodes) > 0
    said = confirmed("power-off", "all", "--keep", 0)
    assert all(entry["kept"] == 0 for entry in said["nodes"]) and sum(n["bytes_dropped"] for n in said["nodes"]) > 0
    chaos("power-on", "--timeout", "10s")
    cluster.nodes = {node["node"]: node for node in cluster.ps()}
    write(name, b"after", 20)
    assert len(read(name)) < 31


def test_power_off_of_one_leaves_the_others_at_work():
    name, leader, followers = new_topic()
    write(name, b"before")
    confirmed("power-off", leader)
    again = chaos("power-off", leader)
    assert again["confirmed"] is False and "was down" in again["nodes"][0]["why"], again
    assert write(name, b"during", 10) < 8
    assert chaos("power-on", "all", "--timeout", "10s")["started"] == [leader]
    assert chaos("power-on")["started"] == []
    cluster.nodes = {node["node"]: node for node in cluster.ps()}
    all_in_sync(name)
    assert read(name) == [b"before", b"during"] and followers


def test_a_node_that_is_down_is_told_and_the_fault_waits_for_it():
    cluster.skiff("kill", "3")
    said = chaos("slow-disk", 3, "1ms")
    assert said["confirmed"] is False and "down" in cluster.skiff("chaos", "slow-disk", "3", "1ms")
    chaos("power-on", 3, "--timeout", "10s")
    cluster.nodes = {node["node"]: node for node in cluster.ps()}
    confirmed("slow-disk", 3, "1ms")
    healed()


def test_a_proxy_that_died_is_told_and_up_starts_it():
    pid = json.loads(cluster.skiff("ps", "--json"))["proxy_pid"]
    os.kill(pid, 9)
    until("it is gone", lambda: json.loads(cluster.skiff("ps", "--json"))["proxy_pid"] == 0)
    assert "proxy between them is gone" in cluster.skiff("ps")
    refused = cluster.call("chaos", "cut", "1", "2")
    assert refused.returncode == 1 and "skiff up" in refused.stderr
    assert chaos("status")["proxy"]["running"] is False
    cluster.skiff("up")
    cluster.assert_same_processes()
    name, _, _ = new_topic()
    write(name, b"after")


def test_what_is_wrong_with_a_call_is_said():
    for words, code, said in ((("cut", "1", "7"), NOT_FOUND, "no node 7"), (("cut", "1", "x"), USAGE, "`x`"),
                              (("cut", "1", "1"), USAGE, "itself"), (("cut", "1"), USAGE, "usage"),
                              (("link", "1", "2", "burn"), USAGE, "a rule is"),
                              (("link", "1", "2", "delay", "5ms"), USAGE, "delay MS"),
                              (("slow-disk", "2", "200"), USAGE, "unit"), (("slow-disk", "2", "fast"), USAGE, "`fast`"),
                              (("slow-disk", "4", "1s"), NOT_FOUND, "no node 4"),
                              (("hang-disk", "two"), USAGE, "`two`"), (("clock", "1", "1h"), USAGE, "+1h"),
                              (("clock", "1", "+1w"), USAGE, "units"), (("clock", "1", "+900y"), USAGE, "200y"),
                              (("clock", "1", "drift:fast"), USAGE, "drift:PPM"),
                              (("fill-disk", "1", "--free", "-1"), USAGE, "--free"),
                              (("descriptors", "1", "0"), USAGE, "from 1"), (("power-off",), USAGE, "usage"),
                              (("power-off", "9"), NOT_FOUND, "no node 9"), (("burn", "1"), USAGE, "no `chaos burn`"),
                              (("cut", "1", "2", "-b", "x:1"), USAGE, "--dir"),
                              (("power-off", "1", "--keep", "101"), USAGE, "--keep")):
        run = cluster.call("chaos", *words)
        assert run.returncode == code and said in run.stderr, (words, run)
    said = chaos("status")
    assert all(one["rule"] == "pass" for one in said["proxy"]["links"])
    assert all(entry["rules"]["clock_step_ms"] == 0 for entry in said["nodes"])
    for verb in ("cut", "link", "heal", "status", "slow-disk", "clock", "power-off", "power-on"):
        text = cluster.skiff("chaos", verb, "--help")
        assert "Examples:" in text and f"skiff chaos {verb}" in text


def test_a_plain_cluster_is_refused_and_becomes_one_with_its_data():
    plain = Cluster(nodes=1)
    try:
        run = plain.call("chaos", "cut", "client", "1")
        assert run.returncode == 1 and "without --chaos" in run.stderr.replace("not started with", "without"), run
        run = plain.call("up", "--chaos")
        assert run.returncode == 1 and "runs without --chaos" in run.stderr, run
        plain.skiff("produce", "kept", stdin="a line\n")
        plain.skiff("down")
        assert "127.0.2.1" in plain.skiff("up", "--chaos")
        assert plain.skiff("consume", "kept", "-e") == "a line\n"
        plain.skiff("chaos", "cut", "client", "1")
    finally:
        plain.close()
    run = subprocess.run([SKIFF, "chaos", "heal", "--dir", "/nowhere"], capture_output=True, text=True, timeout=10,
                         check=False)
    assert run.returncode == NOT_FOUND and "skiff up --chaos" in run.stderr


def test_down_ends_a_cluster_that_is_broken_all_over_and_leaves_nothing():
    broken = Cluster(chaos=True)
    try:
        proxy = json.loads(broken.skiff("ps", "--json"))["proxy_pid"]
        broken.skiff("produce", "t", stdin="a line\n")
        for words in (("hang-disk", "all", "--writes"), ("cut", "all", "all"), ("descriptors", "2", "1")):
            broken.skiff("chaos", *words)
        start = time.monotonic()
        broken.skiff("down", "--rm")
        assert time.monotonic() - start < 15
        assert not os.path.exists(broken.dir) and is_gone(proxy)
    finally:
        broken.close()


def test_with_takes_a_cluster_that_its_command_can_break():
    home = tempfile.mkdtemp(prefix="skiff-test-")
    folder = os.path.join(home, "cluster")
    script = (f"{SKIFF} chaos cut 1 2 --dir {folder} && {SKIFF} chaos heal --dir {folder} && "
              f"echo line | {SKIFF} produce t && {SKIFF} ps --dir {folder} --json")
    try:
        run = subprocess.run([SKIFF, "with", "--chaos", "--dir", folder, "--", "sh", "-c", script], timeout=60,
                             capture_output=True, text=True, env=dict(os.environ, SKIFFD=SKIFFD), check=False)
        assert run.returncode == 0, run
        proxy = json.loads(run.stdout[run.stdout.index("{"):])["proxy_pid"]
        assert is_gone(proxy) and not os.path.exists(folder)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def alone(test):
    """What a test leaves broken is not the next one's."""
    def run():
        try:
            test()
        finally:
            cluster.call("chaos", "heal")
    run.__name__ = test.__name__
    return run


def main():
    global cluster
    need_programs()
    cluster = Cluster(chaos=True, sets=(f"replica.lag.time.max.ms={LAG_MS}",))
    try:
        return run_named([alone(test) for test in asked_for(globals())])
    finally:
        cluster.close()


if __name__ == "__main__":
    sys.exit(main())
