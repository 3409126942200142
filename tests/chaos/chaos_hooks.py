#!/usr/bin/env python3
"""chaos_hooks.py -- `skiff chaos run --hooks` on a live cluster: what it believes, and what it leaves behind."""
import json
import os
import signal
import sys

from chaos_runs import Place, hooks_for, last, script, until_round
from live import SKIFF, Cluster, need_programs, run_named, tests_of, until

EACH = ("kill", "restart", "pause", "resume", "cut", "heal")


def with_cluster(play):
    cluster = Cluster()
    try:
        with Place() as place:
            play(place, cluster)
            assert place.processes() == []
        until("the topics are gone", lambda: json.loads(cluster.skiff("topic", "ls", "--json")) == [])
        until("all nodes run", lambda: states(cluster) == ["running"] * 3)
    finally:
        cluster.close()


def states(cluster):
    return [node["state"] for node in json.loads(cluster.skiff("ps", "--json"))["nodes"]]


def test_hooks_that_do_nothing_confirm_nothing():
    def play(place, cluster):
        hooks = os.path.join(place.home, "hooks")
        os.mkdir(hooks)
        for name in EACH:
            script(hooks, name, "exit 0")
        run = place.run("kill-follower", "-b", cluster.brokers(), "--hooks", hooks)
        assert run.returncode == 12, run.stdout[-500:] + run.stderr[-1000:]
        assert "0/1 faults confirmed" in last(run.stdout), last(run.stdout)
    with_cluster(play)


def test_a_storm_by_hooks_is_confirmed():
    def play(place, cluster):
        run = place.run("restart-storm", "-b", cluster.brokers(), "--hooks", hooks_for(place, cluster))
        assert run.returncode == 0, run.stdout[-500:] + run.stderr[-2000:]
    with_cluster(play)


def test_a_hook_that_kills_and_fails_leaves_every_node_up_and_no_topic():
    def play(place, cluster):
        kill = f'"{SKIFF}" kill "$1" --dir "{cluster.dir}"; echo the line broke >&2; exit 3'
        run = place.run("kill-leader", "-b", cluster.brokers(), "--hooks", hooks_for(place, cluster, kill=kill))
        assert run.returncode == 1 and "failed with exit code 3: the line broke" in run.stderr, run.stderr
    with_cluster(play)


def test_ctrl_c_leaves_every_node_up_and_no_topic():
    def play(place, cluster):
        kill = f'"{SKIFF}" kill "$1" --dir "{cluster.dir}" && touch "{place.home}/killed"'
        hooks = hooks_for(place, cluster, kill=kill)
        run = place.start("kill-leader", "-b", cluster.brokers(), "--hooks", hooks)
        try:
            until_round(run)
            until("a node was killed", lambda: os.path.exists(os.path.join(place.home, "killed")))
            run.send_signal(signal.SIGINT)
            _, errors = run.communicate(timeout=60)
        finally:
            run.kill()
        assert run.returncode == 130, errors[-1000:]
    with_cluster(play)


if __name__ == "__main__":
    need_programs()
    sys.exit(run_named(tests_of(globals())))
