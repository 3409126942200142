#!/usr/bin/env python3
"""health.py -- `skiff cluster health` tells what is wrong, with the exit code that scripts look at."""
import json
import sys

from live import run_in_cluster, until

cluster = None
UNHEALTHY = 10


def health():
    run = cluster.call("cluster", "health", "--json")
    assert run.returncode in (0, UNHEALTHY), run
    found = json.loads(run.stdout)
    assert found["healthy"] == (run.returncode == 0) == (not found["problems"]), found
    return found


def problems(found):
    return {problem["problem"] for problem in found["problems"]}


def test_a_cluster_that_is_well_says_so():
    cluster.skiff("topic", "create", "well", "-p", "3")
    until("all know that the topic of the first write is gone", lambda: health()["partitions"] == 3)
    until("all are well", lambda: health()["healthy"])
    found = health()
    assert found["nodes"] == found["serving"] == 3 and found["controller"] in (1, 2, 3)
    assert (found["partitions"], found["leaderless"], found["under_replicated"]) == (3, 0, 0), found
    line = cluster.skiff("cluster", "health")
    assert line.startswith("healthy: 3 of 3 nodes serve, controller ") and len(line.splitlines()) == 1


def test_a_dead_node_and_what_lacks_it_are_told():
    cluster.skiff("topic", "create", "lacks", "-p", "1")
    cluster.skiff("topic", "create", "alone", "-p", "3", "-r", "1")
    cluster.skiff("topic", "create", "many", "-p", "30")
    rows = json.loads(cluster.skiff("partition", "ls", "alone", "--json"))
    of_three = next(row["partition"] for row in rows if row["leader"] == 3)
    cluster.skiff("kill", "3")
    silent = until("it is seen at once", health)
    assert silent["serving"] == 2 and problems(silent) & {"NODE_SILENT", "NODE_FENCED"}, silent

    found = until("it is fenced", lambda: (lambda now: now if problems(now) >= {
        "NODE_FENCED", "UNDER_REPLICATED", "LEADERLESS"} else None)(health()))
    fenced, = [one for one in found["problems"] if one["problem"] == "NODE_FENCED"]
    lacking, = [one for one in found["problems"] if one.get("topic") == "lacks"]
    leaderless, = [one for one in found["problems"] if one["problem"] == "LEADERLESS"]
    assert fenced["node"] == 3 and sorted(lacking["isr"]) == [1, 2] and sorted(lacking["replicas"]) == [1, 2, 3]
    assert (leaderless["topic"], leaderless["partition"]) == ("alone", of_three) and found["leaderless"] == 1
    told = cluster.call("cluster", "health")
    assert told.returncode == UNHEALTHY and told.stdout.startswith("unhealthy: 2 of 3 nodes serve"), told
    assert "  node 3 is fenced" in told.stdout and "  lacks/0 has 2 of 3 replicas in sync" in told.stdout
    assert len([line for line in told.stdout.splitlines() if line.endswith("replicas in sync")]) == 10, told
    more = found["under_replicated"] - found["leaderless"] - 10
    assert f"  and {more} more (skiff partition ls --internal --under-replicated)\n" in told.stdout, told

    cluster.skiff("restart", "3")
    until("all are well again", lambda: health()["healthy"])


def test_a_quorum_without_a_leader_is_told():
    cluster.skiff("kill", "1")
    cluster.skiff("kill", "2")
    run = cluster.call("cluster", "health", "--json", "--timeout", "5s")
    assert run.returncode == UNHEALTHY, run
    assert "NO_CONTROLLER" in problems(json.loads(run.stdout)) and json.loads(run.stdout)["controller"] is None
    cluster.skiff("restart", "1")
    cluster.skiff("restart", "2")
    until("all are well again", lambda: health()["healthy"])


if __name__ == "__main__":
    sys.exit(run_in_cluster(globals()))
