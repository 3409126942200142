#!/usr/bin/env python3
"""chaos_faults.py -- what the chaos bench takes for a fault that was seen, and how it mends what it broke.

No cluster runs here: proxies, verbs and clusters are stand-ins, engines and hooks are shell scripts.
"""
import os
import random
import subprocess
import sys
import tempfile
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITE = os.path.join(ROOT, "tools", "lib", "chaos")
sys.path.insert(0, SUITE)
sys.path.insert(1, os.path.join(ROOT, "tools", "lib"))
import engine  # noqa: E402
import programs  # noqa: E402
import scenarios  # noqa: E402
import view  # noqa: E402
from faults import clocks, disks, limits, links, mix, power, processes, topics  # noqa: E402
from faults.fault import Fault  # noqa: E402
from live import run_named, tests_of, until  # noqa: E402
from programs import Failure, Refused  # noqa: E402
from view import Picture  # noqa: E402

IDS = [1, 2, 3]
HOOKS = frozenset(engine.HOOKS)
COUNTERS = ("syncs", "syncs_delayed", "clocks_shifted", "hung", "unsynced_operations", "syncs_failed", "refused_full",
            "writes_short")


def picture_of(missed=(), leads=True):
    """Three nodes, two partitions; node 1 leads both or, where it is missed, node 2 does."""
    up = [node for node in IDS if node not in missed]
    leader = next((node for node in up if leads or node != 1), None)
    return Picture({"brokers": [{"id": node} for node in up], "controller": leader, "partitions": [
        {"partition": number, "leader": leader, "isr": up, "replicas": IDS} for number in (0, 1)]})


class HookedStandIn:
    """A cluster behind hooks, which break it (or only say so)."""

    has_pids, dir, bootstrap, ids, can = False, None, "x:1", IDS, HOOKS

    def __init__(self, works=True):
        self.works, self.missed, self.calls = works, set(), []

    def hook(self, name, node):
        self.calls.append((name, node))
        if self.works and name in engine.MENDS:
            self.missed.add(node)
        elif self.works:
            self.missed.discard(node)

    def kill(self, *nodes):
        for node in nodes:
            self.hook("kill", node)

    def restart(self, *nodes):
        for node in nodes:
            self.hook("restart", node)

    def pause(self, node):
        self.hook("pause", node)

    def resume(self, node):
        self.hook("resume", node)

    def pid(self, _node):
        return 0

    def picture(self):
        return None if len(self.missed) == len(IDS) else picture_of(self.missed)


def moment_of(cluster, number=0, **more):
    workloads = SimpleNamespace(setting=SimpleNamespace(client=""), topic="t", create=lambda name: None,
                                delete=lambda name: True, write_for=lambda *_: "a.alone",
                                check_alone=lambda *_: SimpleNamespace(found={"acked": 300}))
    return SimpleNamespace(**{"cluster": cluster, "picture": picture_of(), "chance": random.Random(7), "number": number,
                              "proxy": None, "verbs": None, "workloads": workloads, "topic": "t", **more})


class Replaced:
    """Something of a module that stands aside for a while."""

    def __init__(self, module, **values):
        self.module, self.values = module, values

    def __enter__(self):
        self.before = {name: getattr(self.module, name) for name in self.values}
        self.put(self.values)

    def __exit__(self, *_):
        self.put(self.before)

    def put(self, values):
        for name, value in values.items():
            setattr(self.module, name, value)


def play(scenario, cluster):
    """One round of a scenario on a cluster behind hooks: what is told of it."""
    moment = moment_of(cluster)
    if scenario.is_follower_first:
        moment.picture = picture_of(leads=False)
    fault = scenario.make(moment)
    fault.prepare()
    fault.inject()
    seen, how = fault.confirm()
    fault.heal()
    seen_after, how_after = fault.confirm_after()
    return seen and seen_after, f"{how}; {how_after}"


def on_hooks(works):
    """{scenario's name: what is told of it} of all scenarios that hooks can play."""
    told = {}
    for scenario in scenarios.SCENARIOS:
        if scenario.needs <= HOOKS:
            cluster = HookedStandIn(works)
            with Replaced(view, look=lambda *_, at=cluster, **__: at.picture(),
                          settled=lambda at, *_: None if at.missed else at.picture()), \
                    Replaced(processes, SEEN_GONE_S=0.05, RETURN_LIMIT_S=0.05, LOOK_EVERY_S=0.01):
                told[scenario.name] = play(scenario, cluster)
    return told


def test_hooks_that_do_nothing_are_seen_to_do_nothing_in_every_scenario():
    told = on_hooks(works=False)
    assert len(told) >= 12 and {"kill-follower", "rolling-kill", "isolate-follower", "restart-storm"} <= set(told), told
    assert not any(seen for seen, _ in told.values()), told


def test_hooks_that_work_are_seen_to_work_in_every_scenario():
    told = on_hooks(works=True)
    assert len(told) >= 12 and all(seen for seen, _ in told.values()), told


def test_a_node_is_missed_when_it_was_there_and_is_not_any_more():
    before = picture_of()
    assert processes.is_missed(before, picture_of([1]), 1) and not processes.is_missed(before, picture_of([1]), 2)
    assert not processes.is_missed(before, before, 1)
    assert not processes.is_missed(picture_of([3]), picture_of([3]), 3), "it was not there before"
    still = picture_of([1])
    still.brokers = IDS
    assert processes.is_missed(before, still, 1), "it is registered still, but in no in-sync set"
    nothing = Picture({"brokers": [{"id": node} for node in IDS], "partitions": []})
    assert not processes.is_missed(before, nothing, 1), "who shows no partition says nothing"


def test_no_process_is_not_a_process_that_went():
    child = subprocess.Popen(["true"])
    child.wait()
    assert processes.is_gone(child.pid) and not processes.is_gone(os.getpid()) and not processes.is_gone(0)


class EngineStandIn:
    """A cluster of ours, of whose processes only what a test says is seen."""

    has_pids, dir, bootstrap, ids, can = True, "/nowhere", "x:1", IDS, engine.EVERYTHING

    def __init__(self, pid=0, code=0, stop=None):
        self.pid_of, self.code, self.stop_fails, self.calls = pid, code, stop, []

    def pid(self, _node):
        return self.pid_of

    def kill(self, *nodes):
        self.calls.append(("kill", *nodes))

    def restart(self, *nodes):
        self.calls.append(("restart", *nodes))

    def shut_down(self, node):
        self.calls.append(("stop", node))
        if self.stop_fails:
            raise Failure(self.stop_fails)

    def exit_code(self, _pid):
        return self.code

    def log_ends(self):
        return ""

    def chaos(self, _node):
        return "/nowhere/chaos"

    def data(self, _node):
        return "/nowhere/data"


def ended_process():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def rolled(**how):
    """A rolling restart in which every node is back at once."""
    fault = processes.RollingRestart(moment_of(EngineStandIn(ended_process(), **how)))
    with Replaced(view, settled=lambda *_: picture_of()):
        fault.inject()
    return fault


def test_a_rolling_restart_is_seen_by_processes_that_end_in_order():
    for code in (0, 143, None):
        fault = rolled(code=code)
        assert fault.confirm()[0] and fault.wrong == [], (code, fault.confirm())


def test_a_node_that_crashes_as_it_is_stopped_has_done_wrong():
    for code, text in ((134, "exit code 134"), (-11, "signal 11")):
        fault = rolled(code=code)
        assert not fault.confirm()[0] and len(fault.wrong) == 3 and text in fault.wrong[0], fault.wrong


def test_a_node_that_has_to_be_killed_at_a_stop_has_done_wrong():
    fault = rolled(stop="skiff: stop: did not end when asked to, and was killed: node 1")
    assert not fault.confirm()[0] and "was killed" in fault.wrong[0]


def test_a_pid_that_an_engine_does_not_tell_confirms_no_kill():
    fault = processes.Kill(moment_of(EngineStandIn(0)), [1])
    fault.inject()
    assert not fault.confirm()[0], fault.confirm()


class Verbs:
    """What `skiff chaos` says: counters that grow by `grows` with each look after a fault was put there."""

    def __init__(self, confirmed=True, **grows):
        self.confirmed, self.grows, self.calls, self.looks = confirmed, grows, [], 0

    def call(self, *words):
        self.calls.append(words)
        return {"confirmed": self.confirmed}

    def heal(self):
        self.calls.append(("heal",))

    def rules(self):
        self.looks += bool(self.calls)
        return {node: {name: self.grows.get(name, 0) * self.looks for name in COUNTERS} for node in IDS}


def seen_of(fault):
    fault.prepare()
    fault.inject()
    return fault.confirm()[0]


def slow_disk(**verbs):
    return seen_of(disks.of_leader(processes_leader, [("slow-disk", "200ms")], counter="syncs_delayed")(
        moment_of(EngineStandIn(os.getpid()), verbs=Verbs(**verbs))))


def processes_leader(_moment):
    return SimpleNamespace(node=1, seen=True, part="node 1 led 2 partitions")


def test_a_slow_disk_is_seen_when_syncs_were_delayed_and_not_by_any_sync():
    assert slow_disk(syncs_delayed=3) and not slow_disk(syncs=3000)
    assert not slow_disk(syncs_delayed=3, confirmed=False)


def test_every_scenario_with_a_slow_disk_counts_delayed_syncs():
    for name, number in (("slow-disk", 0), ("slow-disk", 1)):
        fault = scenarios.find(name).make(moment_of(EngineStandIn(1), number=number, verbs=Verbs()))
        assert fault.counter == "syncs_delayed", name


def healed_disk(name, **how):
    """What a disk fault finds wrong when its victim's process has gone."""
    cluster = EngineStandIn(os.getpid(), **how)
    fault = scenarios.find(name).make(moment_of(cluster, verbs=Verbs(syncs_failed=1)))
    fault.prepare()
    fault.inject()
    fault.pids = dict.fromkeys(fault.pids, ended_process())
    fault.heal()
    assert any(call[0] == "restart" for call in cluster.calls)
    return fault.wrong


def test_a_node_may_end_in_order_where_its_disk_cannot_be_trusted():
    for name in ("sync-fails", "sync-fails-once", "disk-full-one", "disk-full-all"):
        assert healed_disk(name, code=1) == [] and healed_disk(name, code=None) == [], name


def test_a_node_that_crashes_at_a_fault_of_its_disk_has_done_wrong():
    for name in ("sync-fails", "disk-full-all", "short-writes", "slow-disk", "hung-disk"):
        assert "SIGSEGV" in healed_disk(name, code=-11)[0], name


def test_a_node_that_ends_for_a_disk_that_is_slow_has_done_wrong():
    for name in ("short-writes", "slow-disk", "hung-disk"):
        assert "none to end at" in healed_disk(name, code=0)[0], name


def shifted(**verbs):
    return seen_of(clocks.clock(processes_leader, "+1h")(moment_of(EngineStandIn(1), verbs=Verbs(**verbs))))


def test_a_clock_is_seen_to_jump_when_the_node_has_read_it():
    assert shifted(clocks_shifted=5) and not shifted() and not shifted(clocks_shifted=5, confirmed=False)


class ProxyStandIn:
    """All links count the same: `bytes` and `delayed` more at each look."""

    def __init__(self, **grows):
        self.grows, self.looks = grows, 0

    def rule(self, *_):
        pass

    def links(self):
        self.looks += 1
        ends = [*IDS, "client"]
        return {(a, b): {name: 100 + self.grows.get(name, 0) * self.looks for name in ("bytes", "delayed")}
                for a in ends for b in ends if a != b}


def linked(make, **grows):
    return seen_of(make(moment_of(EngineStandIn(1), proxy=ProxyStandIn(**grows))))


def test_a_cut_is_seen_when_bytes_wait_before_it_and_none_comes_through():
    make = links.isolate(processes_leader)
    assert linked(make, delayed=9)
    assert not linked(make), "nothing wanted to cross"
    assert not linked(make, delayed=9, bytes=1), "it leaks"


def test_a_link_that_is_slow_is_seen_when_bytes_waited_and_came_through():
    for what in ("delay 100", "stall 1 200", "flap 1000", "throttle 1000"):
        make = links.between_nodes([what])(processes_leader)
        assert linked(make, delayed=9, bytes=20)
        assert not linked(make, bytes=20) and not linked(make, delayed=9), what


def test_a_node_that_led_nothing_was_no_leader_cut_from_its_controller():
    def seen(picture):
        return seen_of(links.cut_from_controller(moment_of(EngineStandIn(1), picture=picture,
                                                           proxy=ProxyStandIn(delayed=9))))
    two = picture_of()
    two.leaders[1] = 2
    assert seen(two) and not seen(picture_of()), "the controller leads all"


def flooded(taken, least=100):
    """A flood of which the nodes take so many of a hundred."""
    held = [0]
    fault = limits.Flood(moment_of(EngineStandIn(1)))
    with Replaced(limits, FLOOD=100, LEAST_FLOOD=least, client_addresses=lambda _: {1: ("x", 1)}, live_descriptors=lambda _: held[0],
                  dial=lambda _: SimpleNamespace(close=lambda: None, send=lambda _: None)), \
            Replaced(limits.resource, setrlimit=lambda *_: None):
        fault.inject()
        held[0] = taken // len(IDS)
        seen, _ = fault.confirm()
        fault.heal()
    return seen


def test_a_flood_is_seen_by_the_number_that_the_nodes_have_taken():
    assert flooded(99) and not flooded(3) and not flooded(60)


def test_connections_that_are_too_few_to_be_a_flood_are_none():
    assert not flooded(99, least=2000)


def powerless(found, verbs=None):
    verbs = verbs or Verbs(unsynced_operations=50)
    cluster = EngineStandIn(ended_process())
    fault = power.PowerLoss(moment_of(cluster, verbs=verbs), IDS)
    fault.cut_power = lambda node: {"confirmed": True, "operations": 9, "dropped": 0, "kept": 9, "torn": 0,
                                    "bytes_dropped": 0, "names_dropped": 0, **found}
    with Replaced(power, WAIT_S=0.05):
        return fault, seen_of(fault)


def test_power_is_lost_when_written_bytes_went_and_not_when_a_name_did():
    assert powerless({"dropped": 3, "bytes_dropped": 900})[1] and powerless({"torn": 1})[1]
    assert not powerless({"dropped": 1, "names_dropped": 1})[1] and not powerless({})[1]
    fault, seen = powerless({"dropped": 3, "confirmed": False, "why": "more journal than may be"})
    assert not seen and "more journal than may be" in fault.confirm()[1]


def test_no_disk_syncs_any_more_before_the_first_node_loses_power():
    verbs = Verbs(unsynced_operations=50)
    fault, _ = powerless({"dropped": 3}, verbs)
    assert verbs.calls == [("hang-disk", "all"), ("heal",)] and verbs.looks == 1
    assert fault.cluster.calls == [("kill", 1, 2, 3)]
    assert powerless({"dropped": 3}, Verbs())[1], "it does not wait for ever for something to lose"


class Sub(Fault):
    """A fault that says what is called, and may fail to begin."""

    def __init__(self, moment, fails=False):
        super().__init__(moment)
        self.fails, self.calls = fails, []

    def prepare(self):
        self.calls.append("prepare")

    def inject(self):
        self.calls.append("inject")
        if self.fails:
            raise Failure("no such node")

    def heal(self):
        self.calls.append("heal")

    def confirm(self):
        return True, "seen"

    def confirm_after(self):
        self.calls.append("after")
        return False, "went on wrongly"


def test_churn_asks_all_of_its_fault_and_ends_with_it():
    sub = Sub(moment_of(EngineStandIn(1)))
    fault = topics.WithChurn(sub)
    fault.prepare()
    fault.inject()
    until("topics came and went", lambda: fault.churn.deleted > 0)
    fault.heal()
    seen, how = fault.confirm_after()
    assert not seen and "went on wrongly" in how and sub.calls == ["prepare", "inject", "heal", "after"]
    assert not fault.churn.thread.is_alive()


def recreated(settled, **found):
    """What is told, and found wrong, of a topic that was made anew while a node was down."""
    cluster = EngineStandIn(ended_process())
    moment = moment_of(cluster)
    moment.workloads.check_alone = lambda *_: SimpleNamespace(found={"acked": 300, **found})
    fault = scenarios.find("topic-recreated").make(moment)
    with Replaced(view, settled=lambda *_: settled), Replaced(topics, BACK_LIMIT_S=0.05, LOOK_EVERY_S=0.01):
        fault.prepare()
        fault.inject()
        fault.heal()
        return fault.confirm_after()[0], fault.wrong


def test_a_topic_made_anew_holds_its_own_records_alone():
    assert recreated(picture_of()) == (True, [])
    assert not recreated(picture_of(), acked=0)[0]
    wrong = recreated(picture_of(), violations=[{"class": "foreign", "text": "a value of another"}])[1]
    assert wrong == ["of the topic made anew: a value of another"]


def test_a_topic_made_anew_has_to_get_its_replicas_back():
    assert "not every replica in sync" in recreated(None)[1][0]


def test_a_clock_that_strobes_has_jumped_often():
    calls = Verbs(clocks_shifted=3)
    fault = scenarios.find("clock-strobe").make(moment_of(EngineStandIn(1), verbs=calls))
    fault.inject()
    until("some jumps", lambda: fault.count >= 3)
    assert fault.confirm()[0]
    fault.heal()
    assert not fault.thread.is_alive() and {call[2] for call in calls.calls if call[0] == "clock"} == {"+1s", "-1s"}
    still = scenarios.find("clock-strobe").make(moment_of(EngineStandIn(1), verbs=Verbs(clocks_shifted=3)))
    with Replaced(clocks, STROBE_S=60):
        still.inject()
        assert not still.confirm()[0]
        still.heal()


def test_churn_ends_when_its_fault_does_not_begin():
    fault = topics.WithChurn(Sub(moment_of(EngineStandIn(1)), fails=True))
    try:
        fault.inject()
    except Failure:
        assert not fault.churn.thread.is_alive()
        return
    raise AssertionError("it began")


def test_churn_deletes_what_it_could_not_delete_before():
    moment = moment_of(EngineStandIn(1))
    there, is_broken = set(), [True]

    def delete(name):
        if not is_broken[0]:
            there.discard(name)
        return not is_broken[0]
    moment.workloads.create, moment.workloads.delete = there.add, delete
    fault = topics.WithChurn(Sub(moment))
    fault.inject()
    until("topics came", lambda: len(there) > 0)
    is_broken[0] = False
    fault.stop()
    fault.stop()
    assert there == set()


def test_what_is_wrong_in_a_part_is_wrong_in_the_whole():
    moment = moment_of(EngineStandIn(1))
    parts = [Sub(moment), Sub(moment)]
    both = mix.Both(moment, parts)
    parts[1].wrong.append("it crashed")
    assert both.wrong == ["it crashed"]


def script(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


def fails(action, *words):
    try:
        action(*words)
    except Failure as failure:
        return str(failure)
    raise AssertionError("it did not fail")


def calls_of(folder):
    with open(os.path.join(folder, "calls"), encoding="ascii") as file:
        return file.read().split("\n")[:-1]


def test_a_hook_that_acts_and_fails_is_mended():
    with tempfile.TemporaryDirectory() as folder:
        script(folder, "kill", f'echo kill "$1" >> {folder}/calls; exit 3')
        script(folder, "restart", f'echo restart "$1" >> {folder}/calls')
        cluster = engine.HookedCluster(folder, "x:1", IDS)
        assert "exit code 3" in fails(cluster.kill, 2)
        cluster.close()
        cluster.close()
        assert calls_of(folder) == ["kill 2", "restart 2"]


def test_a_hook_that_takes_too_long_is_ended_told_and_mended():
    with tempfile.TemporaryDirectory() as folder:
        script(folder, "pause", f'echo pause "$1" >> {folder}/calls; sleep 60')
        script(folder, "resume", f'echo resume "$1" >> {folder}/calls')
        with Replaced(os, environ={**os.environ, engine.HOOK_LIMIT_NAME: "1"}):
            cluster = engine.HookedCluster(folder, "x:1", IDS)
        assert "no end after 1 s" in fails(cluster.pause, 1)
        cluster.close()
        assert calls_of(folder) == ["pause 1", "resume 1"]


def test_all_is_mended_that_can_be_and_the_rest_is_told():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("kill", "cut", "heal"):
            script(folder, name, f'echo {name} "$1" >> {folder}/calls')
        script(folder, "restart", f'echo restart "$1" >> {folder}/calls\n'
                                  '[ "$1" != 1 ] || { echo no power >&2; exit 9; }')
        cluster = engine.HookedCluster(folder, "x:1", IDS)
        cluster.kill(1, 3)
        cluster.hook("cut", 2)
        told = fails(cluster.close)
        assert "`restart 1` failed with exit code 9: no power" in told and "restart 3" not in told, told
        assert calls_of(folder)[3:] == ["heal 2", "restart 1", "restart 3"]


def test_a_hook_may_take_longer_than_the_example_that_waits_longest():
    assert engine.hook_limit_s() == engine.HOOK_LIMIT_S > 120
    for text in ("0", "soon", "-3"):
        with Replaced(os, environ={engine.HOOK_LIMIT_NAME: text}):
            try:
                engine.hook_limit_s()
            except Refused as refused:
                assert engine.HOOK_LIMIT_NAME in str(refused)
                continue
        raise AssertionError(f"{text!r} was taken")


NODE = "trap 'exit 7' TERM; echo > $1/ready; while :; do sleep 0.05; done"


def an_engine(folder):
    """One node, a shell that ends with 7 when it is asked to."""
    for verb in engine.VERBS:
        script(folder, verb, "exit 0")
    script(folder, "bootstrap", "echo x:1")
    script(folder, "start", f'mkdir -p "$1"\n(sh -c "{NODE}" & echo $! > "$1/pid") >/dev/null 2>&1')
    script(folder, "pid", 'p=$(cat "$1/pid"); s=$(cut -d" " -f3 /proc/$p/stat 2>&1) && [ "$s" != Z ] && echo $p')
    script(folder, "stop", 'kill -TERM $(cat "$1/pid"); while "${0%/*}/pid" "$1" 1; do sleep 0.01; done >/dev/null')
    return engine.Engine(folder)


def test_an_engine_that_prints_no_address_is_told_so():
    with tempfile.TemporaryDirectory() as folder:
        one = an_engine(folder)
        script(folder, "bootstrap", "exit 0")
        try:
            one.start(os.path.join(folder, "c"), 1, [])
        except Failure as failure:
            assert "it printed no address" in str(failure), failure
        else:
            raise AssertionError("it was taken")
        finally:
            one.stop_all(os.path.join(folder, "c"))


def test_a_node_tells_its_exit_code_though_another_program_started_it():
    with tempfile.TemporaryDirectory() as folder:
        cluster = an_engine(folder).start(os.path.join(folder, "c"), 1, [])
        until("it is there", lambda: os.path.exists(os.path.join(folder, "c", "ready")))
        pid = cluster.pid(1)
        assert pid > 0 and cluster.exit_code(pid) is None
        cluster.shut_down(1)
        assert cluster.exit_code(pid) == 7 and cluster.exit_code(pid) == 7 and cluster.pid(1) == 0
        assert not os.path.exists(f"/proc/{pid}"), "nothing is left of it"


def test_a_call_that_ended_in_the_moment_of_our_end_hides_nothing():
    real = os.killpg

    def killpg(group, number):
        real(group, number)
        raise ProcessLookupError
    with Replaced(os, killpg=killpg):
        assert "no end after" in fails(programs.call, ["sleep", "30"], 0.05)


def stopped(function, on_term):
    """What a stop of a node says that does `on_term` when it is asked to."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "node-1"))
        node = subprocess.Popen(["sh", "-c", f"trap '{on_term}' TERM; echo > {folder}/ready\n"
                                             "while :; do sleep 0.02; done"])
        try:
            until("it is there", lambda: os.path.exists(os.path.join(folder, "ready")))
            source = os.path.join(SUITE, "engines", "local", "node.sh")
            text = f'. "{source}"; dir="{folder}"; remember_node 1 {node.pid}; {function} 50 1'
            return subprocess.run(["sh", "-euc", text, "stop"], capture_output=True, text=True, check=False, timeout=60)
        finally:
            node.kill()
            node.wait()


def test_a_stop_that_had_to_kill_is_a_failure_where_a_node_is_to_end_in_order():
    run = stopped("stop_in_order", "")
    assert run.returncode == 1 and "was killed: node 1" in run.stderr, run
    assert stopped("stop_nodes", "").returncode == 0
    assert stopped("stop_in_order", "exit 0").returncode == 0


if __name__ == "__main__":
    sys.exit(run_named(tests_of(globals())))
