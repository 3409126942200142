#!/usr/bin/env python3
"""chaos_verdict.py -- the parts of the chaos bench that decide: numbers, bounds, verdicts, scenarios, flags.

No cluster runs here. Histories and checker results are made by hand.
"""
import contextlib
import errno
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "lib", "chaos"))
sys.path.insert(1, os.path.join(ROOT, "tools", "lib"))
import arguments  # noqa: E402
import fail_if  # noqa: E402
import proxy  # noqa: E402
import run  # noqa: E402
import run_directory  # noqa: E402
import scenarios  # noqa: E402
import side_topics  # noqa: E402
import verdict  # noqa: E402
import watch  # noqa: E402
from engine import EVERYTHING, HookedCluster, find_engine  # noqa: E402
from faults import fault as faults_fault  # noqa: E402
from faults import files, mix  # noqa: E402
from leg import Result  # noqa: E402
from live import run_named, tests_of  # noqa: E402
from programs import Failure, Fatal, Refused  # noqa: E402
from view import Picture  # noqa: E402
from workloads import Checked  # noqa: E402

SECOND = 10**9


def refuses(action, *words, by=Refused):
    try:
        action(*words)
    except by as refused:
        return str(refused)
    raise AssertionError(f"{words} was not refused")


def a_leg(code=0, found=None, **result):
    """A leg with one confirmed fault, in which all went well unless said otherwise."""
    found = {"acked": 100, "failed": 0, "unknown": 2, "unknown_found": 1, "lost": 0, "duplicated": 0, "reordered": 0,
             "other": {}, "violations": [], "gaps": [], "latency": [], **(found or {})}
    fault = {"id": 0, "name": "kill-leader", "detail": "node 1", "begin_ns": 1, "end_ns": 2, "confirmed": True,
             "how": "process 7 gone", "in_flight": 5, "victims": [1], "elsewhere": [1, 2]}
    return Result(**{"faults": [fault], "full_isr_ms": [300.0], "first_ack_ms": [10.0],
                     "checked": Checked(code, found, ""), **result})


def a_scenario(*legs, name="kill-leader"):
    total = verdict.Scenario(scenarios.find(name))
    for leg in legs:
        total.add(leg)
    return total


def gap(milliseconds, profile="tuned", partition=0, **more):
    return {"fault": "0", "profile": profile, "partition": partition, "gap_ns": int(milliseconds * 1e6), "from_ns": 1,
            **more}


def test_side_topics_count_for_the_verdict():
    lost = Checked(11, {"lost": 2, "other": {"lost_key": 1}, "violations": [
        {"class": "lost-key", "text": "partition 0: key 1 of client 2 is not there any more", "witness": ["k"]}]}, "")
    total = a_scenario(a_leg(checked_side=[("keys", lost)])).json()
    assert total["verdict"] == "FAIL" and total["lost"] == 2 and total["other"]["lost_key"] == 1, total
    assert "lost-key (keys): partition 0" in total["why"] and total["witness"] == ["k"], total
    behind = Checked(12, {"other": {}, "inconclusive": ["partition 0: it did not get to the end"]}, "")
    total = a_scenario(a_leg(checked_side=[("groups", behind)])).json()
    assert total["verdict"] == "INCONCLUSIVE" and "groups: partition 0" in total["why"], total


def a_reason():
    """What the checker says where nothing was compacted, by its source."""
    with open(os.path.join(ROOT, "tools", "history", "check_key.c"), encoding="utf-8") as file:
        return next(line.strip() for line in file if side_topics.NOT_COMPACTED in line)


def test_a_machine_is_told_why_there_is_no_report():
    program = os.path.join(ROOT, "tools", "lib", "chaos", "__main__.py")
    for code, why, words in ((1, "there is no scenario", ["run", "nope"]), (2, "-b", ["watch"]),
                             (1, "no broker answers", ["watch", "-b", "127.0.0.1:1"]), (1, "nope", ["ls", "nope"]),
                             (2, "--rate", ["run", "--rate", "49"]), (1, "nope", ["compare", "/nope.json"])):
        done = subprocess.run([sys.executable, program, *words, "--json"], capture_output=True, text=True, timeout=60,
                              check=False)
        lines = done.stdout.splitlines()
        assert done.returncode == code and len(lines) == 1, done
        said = json.loads(lines[0])
        assert said["verdict"] is None and said["exit_code"] == code and why in said["errors"][0], said
        assert said["errors"][0] in done.stderr, done


def test_what_somebody_elses_nodes_did_not_compact_is_no_doubt():
    def weighed(name, is_ours, **found):
        return side_topics.SideTopics.weighed(name, Checked(12 if found.get("inconclusive") else 0, found, ""), is_ours)
    nothing = {"inconclusive": [a_reason()], "keys_compacted": 0, "keys": 24}
    assert weighed("keys", True, **nothing).code == 12 and weighed("keys", False, **nothing).code == 0
    for reason in ("nothing was acknowledged", "nobody read it"):
        for keys in (0, 24):
            assert weighed("keys", False, inconclusive=[reason], keys_compacted=0, keys=keys).code == 12, reason
    two = {**nothing, "inconclusive": [a_reason(), "nobody read it"]}
    assert weighed("keys", False, **two).code == 12
    assert weighed("groups", True, member_commits=5).code == 0
    silent = weighed("groups", True, member_commits=0)
    assert silent.code == 12 and silent.found["inconclusive"] == ["no member of a group committed anything"]


def test_a_group_that_stands_still_after_its_first_death_is_a_doubt():
    def weighed(died, survived, still_ms):
        side, one = side_topics.SideTopics(None), Checked(0, {"member_commits": 5}, "")
        side.hear(side_topics.READER, f"9 members joined, 3 left, {died} died; 70 records read, 5 commits acknowledged; "
                                      f"whole again after {survived} deaths, and last {still_ms} ms before the end; 2 late commits")
        assert side.churned == (died, survived, still_ms, 2)
        side.weigh_churn(one)
        return one.code, one.found.get("inconclusive")
    assert weighed(1, 0, 30000) == (12, ["the group got over no death, and did not have all partitions for 30 s before the end"])
    assert weighed(3, 2, 30000) == weighed(1, 0, 2000) == (0, None)


def test_settings_of_the_side_topics_give_way_to_those_that_were_asked_for():
    found = side_topics.settings(["log.cleaner.backoff.ms=7", "a=b"])
    assert "log.cleaner.backoff.ms=500" not in found and found[-2:] == ["log.cleaner.backoff.ms=7", "a=b"], found
    assert "group.min.session.timeout.ms=1000" in found, found


def test_percentiles_are_nearest_ranks_with_their_n():
    found = verdict.distribution([40, 10, 30, 20])
    assert (found["n"], found["p50_ms"], found["p90_ms"], found["max_ms"]) == (4, 20, 40, 40), found
    assert found["values_ms"] == [40, 10, 30, 20]


def test_a_p99_needs_a_hundred_values():
    assert verdict.distribution(list(range(99)))["p99_ms"] is None
    found = verdict.distribution(list(range(1, 101)))
    assert (found["p99_ms"], found["max_ms"]) == (99, 100)


def test_no_values_have_no_percentiles():
    found = verdict.distribution([])
    assert found["n"] == 0 and found["values_ms"] == []
    assert [found[name] for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")] == [None] * 4


def test_nothing_lost_in_n_rounds_has_a_bound_by_the_rule_of_three():
    assert verdict.bound95(0, 300) == 0.01
    assert verdict.bound95(1, 300) is None and verdict.bound95(0, 3) is None


def test_all_well_is_pass():
    assert a_scenario(a_leg()).verdict() == "PASS"


def test_a_violation_is_fail_with_its_witness():
    violation = {"class": "lost", "text": "value 7", "witness": ["w 1 7 0 5"]}
    total = a_scenario(a_leg(11, {"lost": 1, "violations": [violation]}))
    assert total.verdict() == "FAIL" and total.witness == ["w 1 7 0 5"] and total.counts["lost"] == 1


def test_a_violation_without_words_is_fail_too():
    assert a_scenario(a_leg(11)).verdict() == "FAIL"


def test_differing_replicas_are_fail():
    total = a_scenario(a_leg(replicas={"compared": 90, "differ": 1, "witness": ["partition 3 offset 8"]}))
    assert total.verdict() == "FAIL" and "differ" in total.json()["why"]


def copies(*places, **more):
    return [{"partition": partition, "dir": folder, **more} for partition, folder in places]


def test_a_replica_that_lacks_what_was_read_is_fail():
    for name, text in (("behind", "ends before the end that was read"), ("missing", "is not there")):
        total = a_scenario(a_leg(replicas={"compared": 90, "differ": 0, name: copies((3, "n2/data"), (4, "n2/data"))}))
        assert total.verdict() == "FAIL" and total.json()["replicas"][name] == 2, name
        assert f"a replica {text} (acks=all): partition 3 in n2/data and 1 more" in total.json()["why"]


def test_a_replica_that_a_scenario_excuses_is_no_fault():
    excused = {"compared": 90, "differ": 0, "missing": copies((3, "n2/data"), may_miss=True)}
    total = a_scenario(a_leg(replicas=excused))
    assert total.verdict() == "PASS" and total.json()["replicas"]["missing"] == 0


def test_replicas_of_acks_1_are_judged_too():
    differing = {"compared": 9, "differ": 1, "witness": ["partition 3 offset 8"]}
    total = a_scenario(a_leg(replicas={"compared": 90, "differ": 0}, replicas_groups=differing))
    assert total.verdict() == "FAIL" and "(groups)" in total.json()["why"] and total.json()["replicas"]["differ"] > 0
    total = a_scenario(a_leg(replicas={"compared": 90, "differ": 0}, replicas_groups={}))
    assert total.verdict() == "INCONCLUSIVE" and "compared (groups)" in total.json()["why"], total.json()["why"]
    total = a_scenario(a_leg(replicas={"compared": 90, "differ": 0}, replicas_1=differing))
    assert total.verdict() == "FAIL" and "(acks=1)" in total.json()["why"]


def test_replicas_that_nobody_compared_are_inconclusive():
    for found in ({}, {"compared": 0, "differ": 0}):
        total = a_scenario(a_leg(replicas=found))
        assert total.verdict() == "INCONCLUSIVE" and "no batch of two replicas" in total.json()["why"], found


def spoiled(stalls, confirmed=False):
    """A leg whose one fault lasts from 1 s to 3 s, with the host's stalls in seconds."""
    leg = a_leg(found={"gaps": [gap(900)], "stalls": [[begun * SECOND, ended * SECOND] for begun, ended in stalls]})
    leg.faults[0].update(begin_ns=SECOND, end_ns=3 * SECOND, confirmed=confirmed)
    return leg


def test_a_round_that_the_host_spoiled_does_not_count_beside_a_good_one():
    total = a_scenario(a_leg(), spoiled([(0, 2), (0.5, 2)]))
    assert total.verdict() == "PASS" and total.json()["faults"][1]["counts"] is False
    line = verdict.last_line("PASS", "skiff 0.1", "fsync=on", [total.json()])
    assert "1/2 faults confirmed (1 spoiled by the host and played again)" in line, line
    assert "does not count: round 2 was not confirmed" in total.json()["notes"][0]
    assert "the host stood still" in total.json()["notes"][0] and "tuned" not in total.gap_table()


def test_a_client_that_stood_still_alone_is_no_host_that_did():
    for stalls in ([(0, 9)], [(0, 2), (2, 4)], [(0, 2), (1.8, 4)]):  # Two that agree for 0.2 s.
        assert a_scenario(a_leg(), spoiled(stalls)).verdict() == "INCONCLUSIVE", stalls


def test_a_spoiled_round_alone_is_inconclusive():
    total = a_scenario(spoiled([(0, 2), (0, 2)]))
    assert total.verdict() == "INCONCLUSIVE" and "the host stood still" in total.json()["why"]


def test_an_unconfirmed_round_on_a_host_that_ran_is_inconclusive():
    for stalls in ([], [(3, 9)], [(1, 1.2), (1, 1.2), (2, 2.2)]):  # None, later, seen twice and short.
        assert a_scenario(a_leg(), spoiled(stalls)).verdict() == "INCONCLUSIVE", stalls


def test_a_confirmed_round_counts_whatever_the_host_did():
    total = a_scenario(spoiled([(0, 9)], confirmed=True))
    assert total.verdict() == "PASS" and total.gap_table()["tuned"]["n"] == 1


def test_a_stock_gap_that_was_cut_off_is_told_as_at_least():
    found = {"gaps": [gap(31000, profile="stock"), gap(700, profile="probe-stock"), gap(300)]}
    total = a_scenario(a_leg(found=found, cut_off={("stock", 0)}))
    table = total.gap_table()
    assert [table[name]["at_least"] for name in ("stock", "probe-stock", "tuned")] == [1, 0, 0]
    assert "at least as long" in total.json()["notes"][0] and total.verdict() == "PASS"


def test_few_producers_that_their_library_gave_up_are_a_note_and_many_a_doubt():
    few, many = a_scenario(a_leg(given_up=1)), a_scenario(a_leg(given_up=2), a_leg(given_up=2))
    assert few.verdict() == "PASS" and "1 producers" in few.json()["notes"][0]
    assert many.verdict() == "INCONCLUSIVE" and many.json()["given_up"] == 4


def test_rounds_that_were_not_confirmed_carry_no_bound():
    legs = [a_leg() for _ in range(5)]
    assert a_scenario(*legs).json()["bound95"] == 0.6
    legs[4].faults[0]["confirmed"] = False
    done = a_scenario(*legs).json()
    assert done["bound95"] == 0.75 and "rounds of kill-leader (n=4)" in verdict.bound_text([done])
    assert verdict.bound_text([done, {**done, "lost": 1}]) is None


def test_watching_needs_no_fault_and_has_gaps():
    total = verdict.Scenario(watch.WATCH)
    total.add(a_leg(faults=[], found={"gaps": [gap(1500), gap(900, profile="stock")]}))
    assert total.verdict() == "PASS" and total.gap_table()["tuned"]["max_ms"] == 1500
    assert bound("gap.max>1s").against([total.json()])[0]["failed"]
    line = verdict.last_line("PASS", "cluster at x", "as set up", [total.json()])
    assert line.endswith("longest gap 1.50 s (watch, n=1)"), line


def test_a_cluster_that_does_not_come_back_is_fail():
    assert a_scenario(a_leg(wrong=["60 s after healing: nobody answers"])).verdict() == "FAIL"


def test_an_unconfirmed_fault_is_inconclusive():
    leg = a_leg()
    leg.faults[0]["confirmed"] = False
    assert a_scenario(leg).verdict() == "INCONCLUSIVE"


def test_an_inconclusive_check_is_inconclusive():
    total = a_scenario(a_leg(12, {"inconclusive": ["final reads are missing"]}))
    assert total.verdict() == "INCONCLUSIVE" and "final reads" in total.json()["why"]


def test_no_acknowledgement_is_inconclusive():
    assert a_scenario(a_leg(found={"acked": 0})).verdict() == "INCONCLUSIVE"


def test_no_fault_is_inconclusive():
    assert a_scenario(a_leg(faults=[])).verdict() == "INCONCLUSIVE"


def test_losses_of_acks_1_are_counted_and_not_held_against_it():
    leg = a_leg(checked_1=Checked(0, {"lost_acks1": 4, "violations": []}, ""))
    total = a_scenario(leg)
    assert total.verdict() == "PASS" and total.json()["other"] == {"lost_acks1": 4}


def test_legs_add_up_with_ids_that_go_on():
    total = a_scenario(a_leg(found={"gaps": [gap(100)]}), a_leg(found={"gaps": [gap(300)]}))
    found = total.json()
    assert found["acked"] == 200 and [fault["id"] for fault in found["faults"]] == [0, 1]
    assert found["gaps"]["tuned"]["values_ms"] == [100, 300] and found["gaps"]["tuned"]["worst"]["fault"] == 1


def test_a_gap_is_the_longest_of_all_partitions_of_a_fault():
    total = a_scenario(a_leg(found={"gaps": [gap(100), gap(250, partition=4), gap(900, profile="stock")]}))
    table = total.gap_table()
    assert table["tuned"]["values_ms"] == [250] and table["stock"]["max_ms"] == 900


def test_a_gap_of_the_host_is_left_out_and_counted():
    total = a_scenario(a_leg(found={"gaps": [gap(100), gap(5000, partition=2, host=True)]}))
    assert total.gap_table() == {} and total.json()["gaps_of_host"] == 1
    longer = a_scenario(a_leg(found={"gaps": [gap(800), gap(500, partition=2, host=True)]}))
    assert longer.gap_table()["tuned"]["values_ms"] == [800] and longer.json()["gaps_of_host"] == 0


def test_gaps_of_partitions_that_the_victim_did_not_lead_stand_apart():
    total = a_scenario(a_leg(found={"gaps": [gap(800, partition=0), gap(50, partition=1), gap(40, partition=2)]}),
                       name="kill-controller")
    table = total.gap_table()
    assert table["tuned"]["max_ms"] == 800 and table[verdict.ELSEWHERE]["max_ms"] == 50


def test_a_control_that_loses_nothing_makes_the_verdict_void():
    done = [a_scenario(a_leg()).json()]
    assert verdict.overall(done, {"violated": True}, []) == "PASS"
    assert verdict.overall(done, {"violated": False}, []) == "VOID"
    assert verdict.overall(done, None, []) == "PASS"


def test_a_violation_outweighs_a_void_control():
    done = [a_scenario(a_leg(11)).json()]
    assert verdict.overall(done, {"violated": False}, []) == "FAIL"


def test_nothing_run_is_inconclusive():
    assert verdict.overall([], {"violated": True}, []) == "INCONCLUSIVE"


def test_the_last_line_says_it_all():
    done = [a_scenario(a_leg(found={"gaps": [gap(710)], "acked": 1204311})).json()]
    line = verdict.last_line("PASS", "skiff 0.1.0", "fsync=on", done)
    assert line == ("PASS skiff 0.1.0 fsync=on: 1/1 faults confirmed, 1,204,311 acked, 0 lost, 0 duplicated, "
                    "0 reordered, 2 unknown (1 found); longest gap 0.71 s (kill-leader, n=1)"), line


def test_the_last_line_says_how_many_scenarios_were_played():
    line = verdict.last_line("PASS", "skiff", "fsync=on", [a_scenario(a_leg()).json()], 3)
    assert ": 1/1 faults confirmed, 1 of 3 scenarios, 100 acked, " in line, line


def test_the_last_line_names_other_classes():
    done = [a_scenario(a_leg(11, {"other": {"never_written": 3}})).json()]
    assert ", 3 never written, " in verdict.last_line("FAIL", "skiff", "fsync=on", done)


def bound(text):
    return fail_if.Bound(text, list(scenarios.BY_NAME))


def test_a_bound_holds_for_each_scenario():
    done = [a_scenario(a_leg(found={"gaps": [gap(2500)]})).json()]
    found = bound("gap.max>2s").against(done)
    assert [one["failed"] for one in found] == [True] and "2.500 s in kill-leader" in found[0]["text"]
    assert bound("gap.max>3s").against(done) == []
    assert verdict.overall(done, None, found) == "FAIL"


def test_a_bound_names_scenario_and_profile():
    done = [a_scenario(a_leg(found={"gaps": [gap(100), gap(1600, profile="stock")]})).json()]
    assert bound("kill-leader.stock.gap.max>=1500ms").against(done)[0]["failed"]
    assert not bound("kill-leader.gap.max>=1500ms").against(done)


def test_a_bound_may_name_every_profile():
    profiles = ("tuned", "stock", "fresh", "probe", "probe-stock", "metadata", "commit", "java", "franz", "not-led")
    gaps = [gap(1600, profile=name) for name in profiles[:-1]]
    done = [a_scenario(a_leg(found={"gaps": gaps + [gap(90, partition=1)]}), name="kill-controller").json()]
    done[0]["gaps"][verdict.ELSEWHERE] = verdict.distribution([1600])
    for name in profiles:
        assert bound(f"{name}.gap.max>1s").against(done)[0]["failed"], name


def test_a_bound_on_what_was_not_measured_is_inconclusive():
    done = [a_scenario(a_leg(found={"gaps": [gap(100)]})).json()]
    for text in ("gap.p99>1s", "kill-all.gap.max>1s"):
        found = bound(text).against(done)
        assert [one["failed"] for one in found] == [False], text
        assert verdict.overall(done, None, found) == "INCONCLUSIVE"


def test_a_bound_counts():
    done = [a_scenario(a_leg(checked_1=Checked(0, {"lost_acks1": 4}, ""))).json()]
    assert bound("lost_acks1>3").against(done)[0]["failed"] and not bound("lost>0").against(done)


def test_what_is_allowed_to_some_clients_is_counted_and_told_apart():
    found = a_scenario(a_leg(found={"repeated": 2, "disordered": 3, "watermark_dips": 0})).json()
    assert found["verdict"] == "PASS" and found["other"] == {"repeated": 2, "disordered": 3}
    assert bound("repeated>1").against([found])[0]["failed"] and not bound("corrupt>0").against([found])
    assert "repeated" not in verdict.last_line("PASS", "skiff", "fsync=on", [found])


def test_bounds_that_mean_nothing_are_refused():
    for text in ("gap.max", "gap.max>2", "lost>2s", "gap.p42>2s", "nonsense>1", "latency.p90>1s", "a.b.gap.max>2s",
                 "gap.max>.s"):
        assert text in refuses(bound, text)


def test_an_unknown_scenario_is_refused_with_a_guess():
    assert "did you mean 'kill-leader'" in refuses(scenarios.find, "kill-leadr", by=Failure)
    assert "there is no scenario 'nothing-like-it'" in refuses(arguments.read_run, ["nothing-like-it"], by=Failure)


def test_every_scenario_has_rounds_and_words():
    assert len(scenarios.BY_NAME) == len(scenarios.SCENARIOS) >= 36
    for scenario in scenarios.SCENARIOS:
        assert any(scenario.rounds) and len(scenario.about) > 20 and scenario.needs <= EVERYTHING, scenario.name


def test_the_nights_rounds_carry_what_is_promised():
    night = {scenario.name: scenario.rounds[2] for scenario in scenarios.SCENARIOS}
    assert sum(night[name] for name in ("kill-leader", "kill-follower", "kill-controller", "kill-all")) >= 500
    assert night["power-loss-all"] >= 200
    for name in ("kill-leader", "kill-controller", "pause-leader-5s", "isolate-leader", "kill-all"):
        assert night[name] >= verdict.P99_FROM, name


def test_the_modes_fit_their_limits_at_least_with_one_round_each():
    for mode in ("quick", "default"):
        plan = scenarios.chosen([], mode, EVERYTHING)
        least = sum(run.Clock(None, plan).seconds(scenario, 1) for scenario, _ in plan) + run.CONTROL_S + run.REPORT_S
        assert least <= run.LIMITS_S[mode], (mode, least)


def test_hooks_get_the_scenarios_that_they_can_play():
    names = {scenario.name for scenario, _ in scenarios.chosen([], "default", frozenset(("kill", "restart")))}
    assert "kill-leader" in names and "isolate-leader" not in names and "power-loss-all" not in names
    assert "needs what is not there: pause, resume" in refuses(scenarios.chosen, ["pause-leader"], "default",
                                                               frozenset(("kill", "restart")))


def test_a_scenario_that_needs_a_survivor_is_refused_where_there_is_none():
    for nodes in (1, 2):
        for name in ("kill-leader", "power-loss-one", "isolate-leader", "random"):
            said = refuses(scenarios.chosen, [name], "default", EVERYTHING, nodes, by=Failure)
            assert f"{name} needs 3 nodes, and there {'is 1' if nodes == 1 else 'are 2'}: " in said, said
        left = {scenario.name for scenario, _ in scenarios.chosen([], "default", EVERYTHING, nodes)}
        assert {"kill-all", "power-loss-all", "pause-leader"} <= left and "kill-leader" not in left, left
    assert ("flap" in left) and scenarios.chosen(["kill-leader"], "default", EVERYTHING, 3)


def test_two_brokers_of_somebody_elses_may_have_their_quorum_elsewhere():
    assert scenarios.chosen(["kill-leader"], "default", EVERYTHING, 2, False)
    said = refuses(scenarios.chosen, ["kill-leader"], "default", EVERYTHING, 1, False, by=Failure)
    assert "kill-leader needs 2 nodes, and there is 1: " in said, said


def test_what_is_listed_for_machines_says_all_that_a_row_does():
    one, = json.loads(scenarios.list_json([scenarios.find("flap")]))
    assert one["name"] == "flap" and one["nodes"] == 2 and one["needs"] == ["links"]
    assert one["rounds"] == {"quick": 0, "default": 1, "nightly": 20} and len(one["about"]) > 20


def a_run(folder, names):
    system = SimpleNamespace(name="skiff", folder=None, is_ours=True, settings=dict)
    options = arguments.read_run([*names, "--dir", os.path.join(folder, "run")])
    return run.Run(options, system, scenarios.chosen(options.scenarios, "default", EVERYTHING)[:2])


def an_end(skipped, names):
    """(exit code, standard output) of a run that played one scenario well and left out some."""
    with tempfile.TemporaryDirectory() as folder:
        run_directory.STATE = os.path.join(folder, "state")
        one = a_run(folder, names)
        one.control, one.found, one.skipped = {"violated": True}, [a_scenario(a_leg())], skipped
        run.publish = lambda *_: None
        with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()):
            code = one.report(False)
        return code, output.getvalue().strip()


def test_a_file_that_cannot_be_written_ends_the_run_with_its_name():
    with tempfile.TemporaryDirectory() as folder:
        run_directory.STATE = os.path.join(folder, "state")
        one = a_run(folder, ["kill-leader"])

        def no_room():
            raise OSError(errno.ENOSPC, "No space left on device", "/x/marks.history")
        one.system.version, one.directory.check_room = lambda: "skiff 1", no_room
        with contextlib.redirect_stderr(io.StringIO()) as said:
            assert one.go() == 1
        assert "/x/marks.history: No space left on device" in said.getvalue(), said.getvalue()
        assert run_directory.leftovers() == []


def test_a_named_scenario_that_was_left_out_is_inconclusive():
    code, line = an_end(["kill-all"], ["kill-leader", "kill-all"])
    assert "\n" not in line and code == 12 and line.startswith("INCONCLUSIVE ") and "1 of 2 scenarios" in line, line
    code, line = an_end(["kill-all"], [])
    assert code == 0 and "1 of 2 scenarios" in line, line


def test_for_machines_there_is_one_line_with_the_verdict_and_what_it_rests_on():
    code, text = an_end(["kill-all"], ["kill-leader", "kill-all", "--json"])
    found = json.loads(text)
    assert "\n" not in text and found["exit_code"] == code == 12 and found["verdict"] == "INCONCLUSIVE"
    assert found["skipped"] == ["kill-all"] and found["totals"]["acked"] == 100 and os.path.isabs(found["dir"])
    scenario, = found["scenarios"]
    assert scenario["name"] == "kill-leader" and scenario["full_isr"]["n"] == 1 and scenario["faults"][0]["confirmed"]
    assert not {"timeline", "stalls"} & set(scenario) and "values_ms" not in scenario["full_isr"]


def test_the_clock_gives_every_scenario_its_share():
    plan = [(scenarios.find("kill-leader"), 4), (scenarios.find("kill-all"), 2)]
    clock = run.Clock(60, plan)
    first, second = clock.next(), clock.next()
    assert time.monotonic() < first < second <= clock.end


def test_a_clock_that_has_run_out_leaves_scenarios_out():
    clock = run.Clock(1, [(scenarios.find("kill-leader"), 4)])
    assert clock.next() <= time.monotonic()


def test_a_slow_cluster_makes_the_clock_careful():
    clock = run.Clock(60, [(scenarios.find("kill-leader"), 4)])
    before = clock.seconds(scenarios.find("kill-leader"), 1)
    clock.took(50, 10)
    assert clock.seconds(scenarios.find("kill-leader"), 1) > before + 10


def test_flags_that_do_not_go_together_are_refused():
    for words in (["--quick", "--nightly"], ["-b", "x:1"], ["--hooks", "/tmp"], ["--rounds", "0"],
                  ["--set", "nonsense"], ["--clients", "cobol"], ["-F", "/nowhere/at/all"],
                  ["--no-such-flag"]):
        refuses(arguments.read_run, words)
    refuses(arguments.read_watch, [])
    refuses(arguments.read_watch, ["-b", "x:1", "--for", "10 minutes"])


def test_what_is_for_clusters_of_ours_is_refused_for_another():
    for words in (["--set", "a=b"], ["--engine", "kafka"], ["-n", "5"]):
        assert "not for the one at -b" in refuses(arguments.read_run, ["-b", "x:1", "--hooks", "/tmp", *words])


def test_a_client_that_was_named_and_cannot_be_had_ends_the_run():
    def check(names, words):
        options = SimpleNamespace(clients=names, names_clients=words)
        run.Run.check_named_clients(SimpleNamespace(setting=SimpleNamespace(clients={"java": []}), options=options))
    check(["java"], True)
    check(["java", "franz"], False)
    assert "franz cannot be had here" in refuses(check, ["java", "franz"], True, by=Failure)


def test_what_a_bound_failed_is_kept():
    for failed, is_kept in ((True, True), (False, False)):
        with tempfile.TemporaryDirectory() as folder:
            place = os.path.join(folder, "01-kill-leader")
            os.mkdir(place)
            bound = SimpleNamespace(against=lambda _: [{"text": "gap.max>1ms", "failed": True}] if failed else [])
            one = run.Run.__new__(run.Run)
            one.options = SimpleNamespace(keep=False, bounds=[bound], dir=folder, scenarios=[], json=False)
            one.kept, one.passed, one.errors, one.skipped, one.found, one.plan = [], [], [], [], [], []
            one.control, one.version = {"violated": True}, "skiff 0.1"
            one.ack_text, one.publish, one.assemble = (lambda: "fsync=on"), (lambda _: None), (lambda *_: {"line": ""})
            one.directory = SimpleNamespace(close=lambda: None, path=folder)
            one.keep_or_drop(a_scenario(a_leg()), [place])
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                one.report(False)
            assert os.path.isdir(place) is is_kept and (place in one.kept) is is_kept


def test_a_folder_that_is_no_engine_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        assert "no executable named start" in refuses(find_engine, folder)
    assert "there is no engine" in refuses(find_engine, "nonsense")


def test_a_rule_of_the_proxy_meets_its_links():
    links = {(1, 2): {"bytes": 5}, (2, 1): {"bytes": 7}, ("client", 1): {"bytes": 11}}
    assert proxy.bytes_of(links, [(1, "*", "cut")]) == 5
    assert proxy.bytes_of(links, [("*", 1, "cut")]) == 18
    assert proxy.bytes_of(links, [("client", 1, "cut")]) == 11


def test_victims_are_who_they_are_said_to_be():
    picture = Picture({"brokers": [{"id": 1}, {"id": 2}, {"id": 3}], "controller": 2, "partitions": [
        {"partition": 0, "leader": 1, "isr": [1, 2, 3]}, {"partition": 1, "leader": 1, "isr": [1, 3]},
        {"partition": 2, "leader": 2, "isr": [2]}]})
    moment = SimpleNamespace(picture=picture, chance=random.Random(1), cluster=SimpleNamespace(ids=[1, 2, 3]))
    assert faults_fault.follower(moment).node == 3 and faults_fault.follower(moment).seen
    assert faults_fault.controller(moment).node == 2
    assert faults_fault.plain_leader(moment).node == 1
    picture.controller = None
    try:
        faults_fault.controller(moment)
    except Failure:
        return
    raise AssertionError("there was no controller")


def test_a_mix_gives_each_fault_victims_of_its_own():
    def of(victims):
        return lambda moment: SimpleNamespace(victims=victims)
    two = set()
    for seed in range(60):
        moment = SimpleNamespace(chance=random.Random(seed), cluster=None)
        drawn = mix.mix([[of([1])], [of([1, 2]), of([3])]])(moment).faults
        victims = [node for fault in drawn for node in fault.victims]
        assert len(set(victims)) == len(victims), victims
        two.add(len(drawn))
    assert two == {1, 2}


def test_one_bit_flips_in_what_is_used():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "segment.log")
        before = bytes(range(1, 201)) + bytes(100000)
        with open(path, "wb") as file:
            file.write(before)
        assert files.used_bytes(path) == 200
        at = files.flip_bit(path, random.Random(3))
        with open(path, "rb") as file:
            after = file.read()
        assert at < 100 and len(after) == len(before)
        assert sum(bin(a ^ b).count("1") for a, b in zip(before, after)) == 1


def a_hook(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


def test_a_hook_that_fails_is_told_with_its_words():
    with tempfile.TemporaryDirectory() as folder:
        a_hook(folder, "kill", "echo no such node >&2; exit 3")
        cluster = HookedCluster(folder, "x:1", [1, 2])
        assert cluster.can == {"kill"}
        try:
            cluster.kill(2)
        except Failure as failure:
            assert str(failure) == "the hook `kill 2` failed with exit code 3: no such node", failure
            return
        raise AssertionError("it did not fail")


def test_what_hooks_broke_is_mended_at_the_end():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("pause", "resume"):
            a_hook(folder, name, f'echo {name} "$1" >> {folder}/calls')
        cluster = HookedCluster(folder, "x:1", [1, 2])
        cluster.pause(2)
        cluster.close()
        cluster.close()
        with open(os.path.join(folder, "calls"), encoding="ascii") as file:
            assert file.read() == "pause 2\nresume 2\n"


def test_a_run_whose_process_lives_is_no_leftover():
    with tempfile.TemporaryDirectory() as folder:
        run_directory.STATE = os.path.join(folder, "state")
        directory = run_directory.RunDirectory(os.path.join(folder, "run"), None)
        assert run_directory.leftovers() == []
        directory.write("owner.json", {"pid": os.getpid(), "start": 1, "engine": None})
        assert [where for _, where, _ in run_directory.leftovers()] == [directory.path]
        told = []
        assert run_directory.sweep(True, told.append) == 1 and not os.path.exists(directory.path)
        assert run_directory.leftovers() == []


def test_no_room_is_told_with_what_is_needed():
    with tempfile.TemporaryDirectory() as folder:
        run_directory.STATE = os.path.join(folder, "state")
        directory = run_directory.RunDirectory(os.path.join(folder, "run"), None)
        try:
            directory.check_room(1 << 60)
        except Fatal as failure:
            assert "no room" in str(failure) and "MiB are needed" in str(failure)
            return
        finally:
            directory.close()
        raise AssertionError("there was room")


if __name__ == "__main__":
    sys.exit(run_named(tests_of(globals())))
