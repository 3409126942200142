#!/usr/bin/env python3
"""sync_order.py -- the system calls of real nodes show that a sync comes before an acknowledgement.

Every node runs under strace. Records are produced one at a time; for each, between the write of
the record to the partition's file and the moment when the client has its answer, that file must
have been synced: on every replica for acks=all, on the leader for acks=1.
"""
import glob
import os
import re
import shutil
import stat
import sys
import tempfile
import time

import live
from live import Cluster, Skip, Wire, batch, create_topic, metadata, need_programs, produce, run_named, until

RECORDS = 12
CALLS = "pwrite64,pwritev,pwritev2,write,writev,fdatasync,fsync,syncfs,sync_file_range"
LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
DURATION = re.compile(r"<(\d+\.\d+)>$")


def wrapper(folder):
    """A program that runs skiffd under strace, with the pid that a start expects."""
    path = os.path.join(folder, "skiffd-traced")
    with open(path, "w", encoding="ascii") as script:
        script.write(f"#!/bin/sh\nexec strace -D -f -qq -y -ttt -T -s 16 -e trace={CALLS} "
                     f"-o \"$PWD/strace\" {live.SKIFFD} \"$@\"\n")
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def calls_of(path, folder):
    """(kind, start, end) of each write to and sync of the log files in `folder`."""
    begun = {}
    found = []
    for line in open(path, encoding="utf-8", errors="replace"):
        match = LINE.match(line.rstrip("\n"))
        if not match:
            continue
        pid, start, call = match[1], float(match[2]), match[3]
        resumed = re.match(r"<\.\.\. (\w+) resumed>", call)
        if call.endswith("<unfinished ...>"):
            begun[pid] = (start, call)
            continue
        if resumed:
            first = begun.pop(pid, None)
            if first is None:
                continue
            end = start
            start, call = first[0], first[1] + call
        else:
            duration = DURATION.search(call)
            end = start + (float(duration[1]) if duration else 0.0)
        name = call.split("(", 1)[0]
        if folder not in call and name != "syncfs":
            continue
        if ".log>" in call and "write" in name:
            found.append(("write", start, end))
        elif (".log>" in call and name in ("fdatasync", "fsync")) or name == "syncfs":
            found.append(("sync", start, end))
    return found


def synced_before(calls, sent, acked):
    """Whether a write that began after `sent` was synced by a call that ended before `acked`."""
    for kind, start, end in calls:
        if kind != "write" or start < sent or end > acked:
            continue
        if any(k == "sync" and s >= end - 1e-6 and e <= acked for k, s, e in calls):
            return True
    return False


def trace_produces(cluster, topic, acks):
    """[(sent, acked)] of records produced one at a time, and the calls of each node; the leader."""
    wire = Wire(cluster.port(1))
    copies = len(cluster.nodes)
    assert create_topic(wire, topic, copies=copies)[0] == 0

    def is_ready(at):
        partition = metadata(at, [topic])[topic][1].get(0)
        return partition and partition[1] > 0 and len(partition[3]) == copies and partition
    leader = until("a full ISR", lambda: is_ready(wire))[1]
    wire = Wire(cluster.port(leader))
    until("the leader knows of it, too", lambda: is_ready(wire))
    produces = []
    for _ in range(RECORDS):
        sent = time.time()
        error, _ = produce(wire, topic, 0, batch([b"x" * 100]), acks=acks)
        produces.append((sent, time.time()))
        assert error == 0, error
        time.sleep(0.03)  # So that the next record's sync is not taken for this one's.
    time.sleep(0.3)
    calls = {}
    for node in cluster.nodes:
        path = os.path.join(cluster.dir, f"node-{node}", "strace")
        calls[node] = calls_of(path, f"/{topic}-0/")
    return produces, calls, leader


def with_cluster(test, nodes=3, sets=()):
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    folder = tempfile.mkdtemp(prefix="skiff-test-")
    plain = live.SKIFFD
    traced = wrapper(folder)
    try:
        live.SKIFFD = traced
        try:
            cluster = Cluster(nodes, sets)
        finally:
            live.SKIFFD = plain
        try:
            if not glob.glob(os.path.join(cluster.dir, "node-1", "strace")):
                raise Skip("strace may not trace here")
            test(cluster)
        finally:
            cluster.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_acks_all_is_synced_on_every_replica_before_the_answer():
    def check(cluster):
        produces, calls, _ = trace_produces(cluster, "synced-all", -1)
        for node in cluster.nodes:
            synced = sum(synced_before(calls[node], *one) for one in produces)
            syncs = sum(kind == "sync" for kind, _, _ in calls[node])
            assert synced == RECORDS, f"node {node}: {synced} of {RECORDS}, with {syncs} syncs"
    with_cluster(check)


def test_acks_1_is_synced_on_the_leader_before_the_answer():
    def check(cluster):
        produces, calls, leader = trace_produces(cluster, "synced-one", 1)
        synced = sum(synced_before(calls[leader], *one) for one in produces)
        assert synced == RECORDS, f"{synced} of {RECORDS}"
    with_cluster(check)


def test_page_cache_acknowledgements_come_without_a_sync():
    """The counterpart: this way of looking does see it when there is no sync; that of the new file may fall between."""
    def check(cluster):
        produces, calls, _ = trace_produces(cluster, "cached", -1)
        synced = sum(synced_before(calls[1], *one) for one in produces)
        assert synced < RECORDS // 2, f"{synced} of {RECORDS}"
    with_cluster(check, nodes=1, sets=["log.flush.interval.messages=9223372036854775807"])


def main():
    need_programs()
    return run_named(live.tests_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
