#!/usr/bin/env python3
"""alone.py -- a replica that starts again without the others serves what was committed before.

Two of three nodes hold the partition, and both must be in sync for it to move. All are killed, and of those two one
comes back: nothing new can be committed, and all that was can be read.
"""
import concurrent.futures
import json
import os
import subprocess
import sys

from live import SKIFF, Cluster, asked_for, batch, fetch, metadata, need_programs, produce, run_named, until

RECORDS, NOT_ENOUGH_REPLICAS = 50, 19


def noted(cluster, node):
    """How far a restart of the node would find any partition committed."""
    found = [-1]
    for copy in (0, 1):
        path = os.path.join(cluster.dir, f"node-{node}", "data", f"marks-0.{copy}")
        run = subprocess.run([SKIFF, "dump", path, "--json"], capture_output=True, text=True, check=False)
        items = map(json.loads, run.stdout.splitlines())
        found += [item["committed_offset"] for item in items if item["item"] == "mark"]
    return max(found)


def in_sync(wire, index):
    return metadata(wire, ["t"])["t"][1][index][3]


def test_a_leader_without_its_follower_serves_what_was_committed_before_all_were_killed():
    cluster = Cluster(nodes=3)
    try:
        cluster.skiff("topic", "create", "t", "-p", "3", "-r", "2", "-c", "min.insync.replicas=2")
        wire = cluster.wire()
        placed = metadata(wire, ["t"])["t"][1]
        index, (_, leader, replicas, _) = next(iter(placed.items()))
        third = next(node for node in cluster.nodes if node not in replicas)
        other = next(node for node in replicas if node != leader)
        at_leader = cluster.wire(leader)
        for _ in range(RECORDS):
            assert produce(at_leader, "t", index, batch([b"kept"]))[0] == 0
        for node in replicas:
            until(f"node {node} has noted that all is committed", lambda at=node: noted(cluster, at) >= RECORDS)
        for node in cluster.nodes:
            cluster.skiff("kill", str(node))

        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: cluster.skiff("restart", str(node)), (leader, third)))
        wire = cluster.wire(leader)
        until("one replica leads alone", lambda: in_sync(wire, index) == [leader], 20)
        error, high, data = fetch(wire, "t", index, 0, max_bytes=1 << 20)
        refused, _ = produce(wire, "t", index, batch([b"not yet"]))
        cluster.skiff("restart", str(other))
        until("it goes on", lambda: produce(wire, "t", index, batch([b"again"]))[0] == 0, 20)

        assert error == 0 and high == RECORDS and data.count(b"kept") == RECORDS, (error, high, len(data or b""))
        assert refused == NOT_ENOUGH_REPLICAS, refused
        assert fetch(wire, "t", index, 0)[2].count(b"kept") == RECORDS
    finally:
        cluster.close()


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
