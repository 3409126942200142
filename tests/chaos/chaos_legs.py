#!/usr/bin/env python3
"""chaos_legs.py -- what a leg of the chaos bench does when its cluster does not do as it should.

Cluster, clients and views are fakes: each test says what they show, and looks at what the leg makes of it.
"""
import os
import sys
import tempfile
import time
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "lib", "chaos"))
sys.path.insert(1, os.path.join(ROOT, "tools", "lib"))
import leg as legs  # noqa: E402
import run  # noqa: E402
import scenarios  # noqa: E402
import verdict  # noqa: E402
import view  # noqa: E402
from engine import EVERYTHING  # noqa: E402
from faults import mix, topics  # noqa: E402
from faults.fault import Fault  # noqa: E402
from live import run_named, tests_of  # noqa: E402
from programs import Failure  # noqa: E402
from side_topics import SideTopics  # noqa: E402
from view import Picture  # noqa: E402
from workloads import Checked  # noqa: E402

EVERY_NODE = ["/node-1/data", "/node-2/data", "/node-3/data"]
FOUND = {"acked": 100, "failed": 0, "unknown": 0, "unknown_found": 0, "lost": 0, "duplicated": 0, "reordered": 0,
         "other": {}, "violations": [], "gaps": [], "latency": []}


class FakeCluster:
    """Three nodes; those in `dead` do not run."""

    dir, bootstrap, ids, can, has_pids = None, "x:1", [1, 2, 3], EVERYTHING, True

    def __init__(self):
        self.dead, self.restarted, self.closes = set(), [], 0

    def pid(self, node):
        return 0 if node in self.dead else 1000 + node

    def restart(self, *nodes):
        self.restarted += nodes
        self.dead -= set(nodes)

    def log_ends(self):
        return "\n  node 2 said last:\n    assertion failed"

    def data(self, node):
        return f"/node-{node}/data"

    def close(self):
        self.closes += 1


class FakeLive:
    """Every partition is acknowledged for the profiles that `acks` names."""

    acked = 100

    def __init__(self):
        self.acks, self.stalled = {"tuned", "fresh", "stock"}, 0

    def acked_since(self, _moment, _partitions, profile):
        return profile in self.acks

    def silent_since(self, _moment, partitions, profile):
        return [] if profile in self.acks else list(range(partitions))

    def stalled_ns(self):
        self.asked += 1
        if self.stall_a_look:
            return self.asked * self.stall_a_look
        self.stalled += self.acks_after_stall
        if self.stalled > 5:
            self.acks |= {"tuned"}
        return 0 if not self.acks_after_stall else self.stalled * 10**11

    acks_after_stall = asked = stall_a_look = 0

    def mark(self, _partitions=None):
        return SimpleNamespace(from_ns=1, to_ns=None, first_ack_ns=2)

    def in_flight(self, _mark):
        return 5

    def forget(self, *_marks):
        pass


class FakeWorkloads:
    """Clients of which nothing is seen but what the test gives."""

    topic_1, files, files_1, notes, broken, given_up = "t-acks1", ["a.history"], [], [], [], 0
    files_of = {"t": files, topic_1: files_1}
    doubts = []

    def __init__(self, **found):
        self.live, self.found = FakeLive(), {**FOUND, **found}
        self.deleted, self.stopped, self.side = [], 0, SideTopics(self)

    def begin(self, *_words):
        pass

    end = begin

    def check_alive(self):
        pass

    def profiles(self, *names):
        return names

    def stop(self):
        self.stopped += 1
        return []

    def read_to_the_end(self):
        return ""

    def check(self, _files, _ends=None, **_more):
        return Checked(11 if self.found["lost"] else 0, self.found, "")

    def delete(self, topic):
        self.deleted.append(topic)
        return True

    def kill(self):
        pass


class FakeFault(Fault):
    """Node 1 is hit; its heal is noted."""

    victims, detail, healed = (1,), "node 1", 0

    def inject(self):
        pass

    def heal(self):
        self.healed += 1

    def confirm(self):
        return True, "seen"


def a_picture(isr=(1, 2, 3), brokers=(1, 2, 3), partitions=2):
    return Picture({"brokers": [{"id": node, "host": "h", "port": node} for node in brokers], "controller": 1,
                    "partitions": [{"partition": p, "leader": isr[0], "replicas": [1, 2, 3], "isr": list(isr)}
                                   for p in range(partitions)]})


class Views:
    """In place of the program that looks: what each address shows."""

    def __init__(self, own=None, **at):
        self.own, self.at, self.asked = own or a_picture(), at, []

    def __call__(self, bootstrap, _topic=None, _limit_s=5, _client=None, client=None):
        self.asked.append(bootstrap)
        return self.at.get(bootstrap.replace(":", "_"), self.own)


def a_leg(play, views=None, name="kill-leader", is_ours=True, **found):
    """Play with a leg whose waits are short."""
    kept = {name: getattr(legs, name) for name in SHORT} | {"look": view.look}
    view.look = views or Views()
    for limit, value in SHORT.items():
        setattr(legs, limit, value)
    try:
        with tempfile.TemporaryDirectory() as folder:
            engine = SimpleNamespace(is_ours=is_ours)
            one = legs.Leg(legs.Setting(engine=engine, partitions=2), scenarios.find(name), folder, "abcd", 7)
            one.scenario = SimpleNamespace(**{**vars(one.scenario), "hold": lambda _: 0, "make": FakeFault})
            one.cluster, one.workloads = FakeCluster(), FakeWorkloads(**found)
            return play(one)
    finally:
        view.look = kept.pop("look")
        for limit, value in kept.items():
            setattr(legs, limit, value)


SHORT = {"STEADY_LIMIT_S": 0.5, "WAIT_LIMIT_S": 0.1, "STOCK_LIMIT_S": 0.1, "QUIET_S": 0, "SURE_NS": 0,
         "UNKNOWN_SURE_S": 0.1, "LOOK_EVERY_S": 0.01}


def test_a_round_in_which_all_goes_well_has_nothing_wrong():
    def play(leg):
        assert leg.round(0) and leg.result.wrong == [] and leg.result.cut_off == set()
        assert leg.result.faults[0]["confirmed"] and len(leg.result.full_isr_ms) == 1
    a_leg(play)


def test_a_cluster_that_does_not_get_over_it_by_itself_has_failed():
    def play(leg):
        leg.workloads.live.acks -= {"tuned"}
        leg.round(0)
        assert "did not get over it by itself" in leg.result.wrong[0]
        assert "2 partitions not acknowledged (tuned)" in leg.result.wrong[0]
        total = verdict.Scenario(scenarios.find("kill-leader"))
        leg.result.checked = Checked(0, FOUND, "")
        total.add(leg.result)
        assert total.verdict() == "FAIL"
    a_leg(play)


def test_what_was_acknowledged_before_a_fault_was_met_does_not_count():
    class Late(FakeFault):
        looks = 0

        def is_met(self):
            self.looks += 1
            return self.looks > 3

    def play(leg):
        begun, since = [], leg.workloads.live.acked_since
        leg.scenario.make = lambda moment: begun.append((Late(moment), time.monotonic_ns())) or begun[0][0]
        asked = []
        leg.workloads.live.acked_since = lambda moment, *more: asked.append(moment) or since(moment, *more)
        leg.round(0)
        fault, begun_ns = begun[0]
        assert fault.looks > 3 and leg.result.wrong == []
        assert min(asked) > begun_ns + 3 * legs.POLL_S * 1e9, "from when it was met"
        late = [Late(fault.moment) for _ in range(2)]
        for both in (mix.Both(fault.moment, [FakeFault(fault.moment), late[0]]), topics.WithChurn(late[1])):
            assert [both.is_met() for _ in range(4)] == [False, False, False, True]
    a_leg(play)


def test_time_in_which_the_host_stood_still_is_not_held_against_it():
    def play(leg):
        leg.workloads.live.acks -= {"tuned"}
        leg.workloads.live.acks_after_stall = 1
        assert leg.wait_acked(0, 0.05)
    a_leg(play)


def test_a_node_that_ended_unbidden_is_told_with_its_last_words():
    def play(leg):
        leg.cluster.dead = {2}
        assert not leg.round(0)
        assert leg.result.wrong == ["node 2 ended by itself\n  node 2 said last:\n    assertion failed"]
        leg.result.wrong.clear()
        leg.cluster.dead = {1}
        leg.note_ended(excused=(1,))
        assert leg.result.wrong == []
    a_leg(play)


def test_a_node_that_ends_during_another_ones_fault_ends_the_rounds():
    class Wild(FakeFault):
        def inject(self):
            self.cluster.dead = {1, 3}

    def play(leg):
        leg.scenario.make = Wild
        assert not leg.round(0) and leg.result.wrong[0].startswith("node 3 ended by itself"), leg.result.wrong
        assert len(leg.result.faults) == 1 and leg.fault is None
    a_leg(play)


def test_what_a_fault_saw_that_must_not_be_fails_the_round():
    class Wrong(FakeFault):
        def confirm(self):
            self.wrong.append("it ended with exit code 3")
            return True, "seen"

    def play(leg):
        leg.scenario.make = Wrong
        leg.round(0)
        assert leg.result.wrong == ["round 1 (node 1): it ended with exit code 3"]
    a_leg(play)


def test_a_fault_ends_what_runs_beside_it_at_any_end():
    def play(leg):
        stops = []
        for end in (leg.close, lambda: leg.give_up(Failure("no"))):
            leg.fault = FakeFault(SimpleNamespace(cluster=leg.cluster))
            leg.fault.stop = lambda: stops.append(1)
            end()
            assert leg.fault is None
        assert stops == [1, 1]
    a_leg(play)


def rounds_played(seen, stall_ns):
    """How many rounds a run plays of two, when each is confirmed or not and the host stalls so long in each."""
    class Told(FakeFault):
        def confirm(self):
            return seen, "so it was told"

    def play(leg):
        leg.scenario.make, leg.workloads.live.stall_a_look = Told, stall_ns
        leg.open = leg.start_clients = leg.renew_stock = lambda: None
        leg.finish, leg.scenario.rounds_a_cluster = lambda: leg.result, 40
        kept, run.Leg = run.Leg, lambda *_: leg
        one = SimpleNamespace(found=[], setting=None, options=SimpleNamespace(seed=7), progress=SimpleNamespace(
            step=lambda *_: None, show=lambda *_: None), clock=SimpleNamespace(took=lambda *_: None),
            directory=SimpleNamespace(id="abcd", part=lambda _: leg.folder, check_room=lambda: None),
            system=SimpleNamespace(is_ours=True), control={"violated": True})
        try:
            run.Run.run_leg(one, leg.scenario, SimpleNamespace(faults=[], add=lambda _: None), 2, None)
        finally:
            run.Leg = kept
        return len(leg.result.faults)
    return a_leg(play)


def test_rounds_that_the_host_spoiled_are_played_again_a_few_times():
    assert rounds_played(seen=True, stall_ns=10**10) == 2
    assert rounds_played(seen=False, stall_ns=0) == 2
    assert rounds_played(seen=False, stall_ns=10**10) == 2 + run.MORE_ROUNDS


def test_a_stock_gap_ends_by_its_own_writer_or_is_cut_off():
    def play(leg):
        leg.stock = {"stock": "stock", "probe-stock": "probe-stock-2"}
        assert leg.round(0) and leg.result.cut_off == {("probe-stock", 0)}
        leg.workloads.live.acks |= {"probe-stock-2"}
        leg.wait_stock(1, 0)
        assert leg.result.cut_off == {("probe-stock", 0)}
    a_leg(play)


def test_stock_clients_are_replaced_once_the_next_ones_have_every_partition():
    def play(leg):
        retired, next_ones = [], {"stock": "stock-2", "probe-stock": "probe-stock-2"}
        leg.stock = {"stock": "stock-1", "probe-stock": "probe-stock-1"}
        leg.workloads.renew_stock, leg.workloads.retire = lambda _: next_ones, retired.append
        try:
            leg.renew_stock()
        except Failure as failure:
            assert "'stock-2' does not get all" in str(failure) and retired == []
        else:
            raise AssertionError("nobody was waited for")
        leg.workloads.live.acks |= set(next_ones.values())
        leg.renew_stock()
        assert retired == ["stock-1", "probe-stock-1"] and leg.stock == next_ones
    a_leg(play)


def test_the_first_write_after_a_heal_is_told_where_none_went_before():
    def play(leg):
        leg.round(0)
        assert leg.result.first_ack_ms == []
        leg.scenario.make = type("All", (FakeFault,), {"victims": (1, 2, 3)})
        leg.round(0)
        assert len(leg.result.first_ack_ms) == 1
    a_leg(play)


def test_a_leg_that_cannot_go_on_is_checked_all_the_same():
    def play(leg):
        leg.fault = FakeFault(SimpleNamespace(cluster=leg.cluster))
        fault, leg.cluster.dead = leg.fault, {1}
        result = leg.give_up(Failure("kill: it did not run"))
        assert fault.healed == 1 and leg.cluster.restarted == [1] and leg.workloads.stopped == 1
        assert result.checked.found["lost"] == 3 and result.wrong == []
        assert result.doubts == ["it was ended early: kill: it did not run"]
        total = verdict.Scenario(scenarios.find("kill-leader"))
        total.add(result)
        assert total.verdict() == "FAIL"
    a_leg(play, lost=3)


def test_a_run_judges_what_a_leg_had_recorded_before_it_failed():
    def play(leg):
        leg.cluster.dead = {2}
        total = verdict.Scenario(scenarios.find("kill-leader"))
        one = SimpleNamespace(leg=leg, errors=[], end_leg=lambda: None)
        run.Run.salvage(one, total, Failure("it could not be killed"))
        assert total.verdict() == "FAIL" and "node 2 ended by itself" in total.json()["why"]
        assert one.errors == []
    a_leg(play)


def test_a_leg_in_which_nothing_was_acknowledged_has_nothing_to_check():
    def play(leg):
        leg.workloads.live.acked = 0
        assert leg.give_up(Failure("no steady state")) is None
    a_leg(play)


def test_the_topics_of_a_cluster_that_stays_are_deleted_at_any_end():
    def play(leg):
        leg.close()
        leg.close()
        assert leg.cluster.closes == 1 and leg.workloads.deleted == ["t", "t-acks1"]
    a_leg(play, is_ours=False)


def test_topics_are_deleted_also_when_a_hook_cannot_mend():
    def play(leg):
        def fails():
            raise Failure("this is broken still")
        leg.cluster.close = fails
        try:
            leg.close()
        except Failure:
            assert leg.workloads.deleted == ["t", "t-acks1"]
            return
        raise AssertionError("nobody was told")
    a_leg(play, is_ours=False)


def settled(views):
    found, view.look = view.look, views
    try:
        return view.settled(FakeCluster(), "t") is not None
    finally:
        view.look = found


def test_a_cluster_is_back_when_each_node_itself_says_so():
    views = Views()
    assert settled(views) and views.asked == ["x:1", "h:1", "h:2", "h:3"]
    assert not settled(Views(own=a_picture(isr=(1, 3))))
    assert not settled(Views(own=a_picture(brokers=(1, 3))))
    silent = Views()
    silent.at["h_2"] = None
    assert not settled(silent)
    assert not settled(Views(h_2=a_picture(isr=(2, 3))))


def test_a_full_picture_needs_its_replicas_registered():
    assert a_picture().is_full() and not a_picture(brokers=(1, 3)).is_full()


def test_a_topic_that_a_whole_cluster_does_not_know_is_not_waited_for():
    def play(leg):
        legs.STEADY_LIMIT_S, begun = 20, time.monotonic()
        leg.wait_leaders()
        return time.monotonic() - begun
    assert a_leg(play, Views(own=a_picture(partitions=0))) < 20 and a_leg(play) < 20


def test_writers_are_waited_for_until_every_replica_has_all():
    def play(leg):
        leg.scenario.back_to = "full"
        leg.finish()
        assert leg.result.wrong == ["0.5 s after the last write not every replica is in sync"]
    a_leg(play, Views(own=a_picture(isr=(1, 3))))


def with_replicas(leg, code, text):
    """What a leg makes of `skiff chaos replicas`; and the words that it was called with."""
    ends, calls = os.path.join(leg.folder, "ends"), []
    with open(ends, "w", encoding="ascii"):
        pass

    def call(words, _limit):
        calls.append(words)
        return SimpleNamespace(returncode=code, stdout=text, stderr="why\n")
    found = legs.programs.call, legs.programs.path
    legs.programs.call, legs.programs.path = call, lambda name: name
    try:
        return leg.compare_replicas("t", ends), calls
    finally:
        legs.programs.call, legs.programs.path = found


def test_copies_of_damaged_nodes_are_left_out_and_those_that_need_not_return_excused():
    def play(leg):
        leg.result.faults = [{"victims": [2]}]
        found, calls = with_replicas(leg, 12, '{"compared": 4, "missing": []}')
        assert found["compared"] == 4 and "could not all be compared: why" in leg.result.doubts[0]
        return calls[0]
    words = a_leg(play, name="lost-directory")
    assert words[words.index("--may-miss") + 1] == "/node-2/data" and words[-3:] == EVERY_NODE
    assert a_leg(play, name="bit-rot")[-2:] == ["/node-1/data", "/node-3/data"]
    words = a_leg(play)
    assert "--may-miss" not in words and words[-3:] == EVERY_NODE


def test_replicas_of_what_groups_read_are_compared_and_those_of_keys_are_told_not_to_be():
    def play(leg, *can):
        asked = []
        leg.cluster.can = frozenset(can)
        leg.workloads.topic, leg.workloads.side.files = "t", {"groups": ["a"], "keys": ["b"]}
        leg.compare_replicas = lambda *words: asked.append(words) or {"compared": len(asked)}
        leg.compare_all_replicas("e", "e-1")
        return asked, leg.result.replicas_groups, leg.result.notes
    asked, found, notes = a_leg(lambda leg: play(leg, "files"))
    assert asked[-1] == ("t-groups", "e-groups") and found == {"compared": len(asked)}, asked
    assert not any("keys" in topic for topic, _ in asked) and "of keys and of __consumer_offsets were not" in notes[0]
    asked, found, notes = a_leg(play)
    assert asked == [] and found is None and "replicas were not compared" in notes[0], notes


def test_every_topic_is_waited_for_until_its_replicas_are_in_sync():
    def play(leg):
        asked, leg.workloads.files_of = [], {"t": ["a"], "t-acks1": [], "t-groups": ["b"], "t-keys": ["c"]}
        found, view.settled = view.settled, lambda _cluster, topic, _client: asked.append(topic) or True
        try:
            assert leg.wait_all_full()
        finally:
            view.settled = found
        assert asked == ["t", "t-groups", "t-keys"], asked
    a_leg(play)


def test_replicas_without_ends_are_compared_with_nobody():
    assert a_leg(lambda leg: leg.compare_replicas("t", "/nowhere")) == {}


if __name__ == "__main__":
    sys.exit(run_named(tests_of(globals())))
