#!/usr/bin/env python3
"""chaos_runs.py -- `skiff chaos run`, `watch` and `clean` as a user types them: verdicts, errors, nothing left."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from live import BUILD, ROOT, SKIFF, Cluster, asked_for, command_lines, need_programs, run_named, until

SUITE = os.path.join(ROOT, "tools", "lib", "chaos")
ENGINE = os.path.join(SUITE, "engines", "skiff")
VERBS = ("start", "stop", "kill", "restart", "pause", "resume", "pid", "bootstrap", "version", "data", "settings",
         "abilities")
SMALL = ("--partitions", "6", "--rate", "600", "--rounds", "1", "--seed", "7")
RUN_LIMIT_S = 150


class Place:
    """A folder for one test: the run's own, and the state that a user would have."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="skiff-test-")
        self.dir = os.path.join(self.home, "run")
        self.env = dict(os.environ, XDG_STATE_HOME=os.path.join(self.home, "state"), TMPDIR=self.home)
        self.env.pop("SKIFF_BROKERS", None)
        return self

    def __exit__(self, kind, value, trace):
        self.skiff("chaos", "clean")
        assert kind or self.processes() == [], self.processes()
        shutil.rmtree(self.home, ignore_errors=True)

    def skiff(self, *words, **env):
        return subprocess.run([SKIFF, *words], env={**self.env, **env}, capture_output=True, text=True,
                              timeout=RUN_LIMIT_S, check=False)

    def run(self, *words, **env):
        return self.skiff("chaos", "run", *words, *SMALL, "--dir", self.dir, **env)

    def start(self, *words):
        return subprocess.Popen([SKIFF, "chaos", "run", *words, *SMALL, "--dir", self.dir], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def report(self):
        with open(os.path.join(self.dir, "report.json"), encoding="utf-8") as file:
            return json.load(file)

    def histories(self):
        return glob.glob(os.path.join(self.home, "**", "*.history"), recursive=True)

    def processes(self):
        """Command lines that have to do with this place."""
        return [" ".join(words) for words in command_lines() if any(self.home in word for word in words)]

    def engine(self, **changed):
        """An engine of this test's own: Skiff's, but for what is given as a script."""
        folder = os.path.join(self.home, "engine")
        os.mkdir(folder)
        for verb in VERBS:
            script(folder, verb, changed.get(verb, f'exec "{ENGINE}/{verb}" "$@"'))
        return folder


def script(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


def last(text):
    return text.rstrip().split("\n")[-1]


def test_two_scenarios_pass_and_leave_a_report_alone():
    with Place() as place:
        run = place.run("kill-leader", "cut-followers", "--fail-if", "lost>0")
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        assert re.match(r"PASS skiff 0\.\d\S* fsync=on: 2/2 faults confirmed, 2 of 2 scenarios, [\d,]+ acked, 0 lost, "
                        r"0 duplicated, 0 reordered, [\d,]+ unknown \([\d,]+ found\); longest gap [\d.]+ s \(\S+, n=1\)$",
                        last(run.stdout)), last(run.stdout)
        report = place.report()
        assert report["control"]["violated"] and report["control"]["classes"]["lost"] > 0, report["control"]
        assert [scenario["verdict"] for scenario in report["scenarios"]] == ["PASS", "PASS"]
        for scenario in report["scenarios"]:
            assert scenario["acked"] > 500 and scenario["faults"][0]["in_flight"] > 0, scenario["name"]
            assert {"tuned", "stock", "fresh", "probe", "probe-stock"} <= set(scenario["gaps"]), scenario["gaps"].keys()
            assert scenario["replicas"]["compared"] > 0, scenario["replicas"]
            assert [scenario["replicas"][name] for name in ("differ", "missing", "behind")] == [0, 0, 0]
        for name in ("report.html", "report.txt", "junit.xml"):
            assert os.path.getsize(os.path.join(place.dir, name)) > 100
        assert place.histories() == [] and place.processes() == []


def test_a_bound_that_comes_true_fails_the_run():
    with Place() as place:
        run = place.run("kill-leader", "--fail-if", "gap.max>1ms", "--json")
        assert run.returncode == 11 and "gap.max>1ms" in run.stderr, run.stdout[-500:] + run.stderr[-1000:]
        found = json.loads(run.stdout)  # One line, and nothing else.
        assert found["verdict"] == "FAIL" and found["exit_code"] == 11 and found["line"].startswith("FAIL skiff ")
        assert found["failed_if"][0]["failed"] and found["scenarios"][0]["verdict"] == "PASS"
        assert found["dir"] == place.dir and found["totals"] == place.report()["totals"]
        assert "round 1 of 1" in run.stderr and os.path.isfile(os.path.join(place.dir, "report.html"))


def test_ctrl_c_leaves_no_process_and_keeps_the_history():
    with Place() as place:
        run = place.start("pause-leader")
        try:
            until_round(run)
            run.send_signal(signal.SIGINT)
            output, errors = run.communicate(timeout=40)
        finally:
            run.kill()
        assert run.returncode == 130 and "stopped; all that it started has ended" in errors, errors[-1000:]
        assert place.processes() == []
        assert any("pause-leader" in path for path in place.histories()), output


def test_ctrl_c_while_a_cluster_comes_up_leaves_no_process():
    with Place() as place:
        slow = place.engine(start=f'"{ENGINE}/start" "$@" && sleep 60')
        run = place.start("kill-leader", "--engine", slow)
        try:
            until("three nodes run", lambda: sum("skiffd" in one for one in place.processes()) >= 3, 30)
            run.send_signal(signal.SIGINT)
            _, errors = run.communicate(timeout=40)
        finally:
            run.kill()
        assert run.returncode == 130, errors[-1000:]
        assert place.processes() == []


def test_ctrl_c_at_the_very_start_shows_nothing_of_what_is_inside():
    with Place() as place:
        for moment in range(12):
            run = subprocess.Popen([SKIFF, "chaos", "ls"], env=place.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True)
            time.sleep(moment / 100)  # Another point of its start each time.
            run.send_signal(signal.SIGINT)
            _, errors = run.communicate(timeout=30)
            assert run.returncode in (0, 130, -signal.SIGINT) and errors == "", (moment, run.returncode, errors)


def until_round(run):
    """Read what a run says until its first round has begun."""
    seen = []
    for line in run.stderr:
        seen.append(line)
        if "round 1" in line:
            return
    raise AssertionError("it ended before: " + "".join(seen))


def test_clean_ends_what_a_killed_run_has_left():
    with Place() as place:
        run = place.start("pause-leader")
        until_round(run)
        run.kill()
        run.communicate()
        until("the clients ended with it", lambda: not any("skiff-workload" in one for one in place.processes()))
        assert any("skiffd" in one for one in place.processes())
        clean = place.skiff("chaos", "clean")
        assert clean.returncode == 0 and place.dir in clean.stderr, clean.stderr
        assert place.processes() == [] and not os.path.exists(place.dir)


def test_an_unknown_scenario_is_refused_with_a_guess():
    with Place() as place:
        run = place.run("kill-leadr")
        assert run.returncode == 1 and "did you mean 'kill-leader'?" in run.stderr, run.stderr
        assert not os.path.exists(place.dir)
        assert place.skiff("chaos", "ls", "kill-leadr").returncode == 1
        assert place.run("kill-leader", "--no-such-flag").returncode == 2


def test_a_scenario_without_a_survivor_is_refused_before_anything_starts():
    with Place() as place:
        for nodes in ("1", "2"):
            run = place.run("kill-leader", "-n", nodes)
            assert run.returncode == 1 and "kill-leader needs 3 nodes" in run.stderr, run.stderr
        assert not os.path.exists(place.dir)


def test_one_node_alone_can_lose_power():
    with Place() as place:
        run = place.run("power-loss-all", "-n", "1")
        assert run.returncode == 0 and "1/1 faults confirmed" in last(run.stdout), run.stdout[-900:] + run.stderr[-900:]
        assert "replicas were not compared: each partition has one" in place.report()["scenarios"][0]["notes"]


def test_scenarios_are_listed_for_readers_and_for_machines():
    with Place() as place:
        text = place.skiff("chaos", "ls", "flap", "kill-all").stdout
        assert text.startswith("flap (default 1, nightly 20 rounds)\n    A leader's links") and "\nkill-all (" in text
        found = json.loads(place.skiff("chaos", "ls", "--json").stdout)
        assert len(found) > 36 and [one["name"] for one in found].count("kill-leader") == 1
        assert json.loads(place.skiff("chaos", "clean", "--json").stdout) == {"runs": 0}


def test_a_folder_that_is_not_empty_is_not_touched():
    with Place() as place:
        os.mkdir(place.dir)
        with open(os.path.join(place.dir, "mine"), "w", encoding="ascii"):
            pass
        run = place.run("kill-leader")
        assert run.returncode == 1 and "is not empty" in run.stderr, run.stderr
        assert os.listdir(place.dir) == ["mine"]


def test_nodes_that_do_not_start_are_told_with_their_last_words():
    with Place() as place:
        run = place.run("kill-leader", "--set", "num.partitions=none")
        assert run.returncode == 1 and "num.partitions" in run.stderr, run.stderr
        assert "no cluster in" not in run.stderr, run.stderr
        assert place.processes() == []


def test_an_engine_is_a_folder_of_executables():
    with Place() as place:
        run = place.run("kill-follower", "--keep", "--engine", place.engine(version="echo my own broker 7"))
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
        assert last(run.stdout).startswith("PASS my own broker 7 ") and place.histories() != []
        assert place.report()["engine"] == {"name": "engine", "version": "my own broker 7"}


def test_an_engine_of_the_least_executables_can_lose_processes():
    with Place() as place:
        start = f"""sets=$(shift 2; printf -- '--set %s ' "$@")
exec "{SKIFF}" up --dir "$1" -n "$2" -p 0 $sets >/dev/null"""
        engine = place.engine(start=start,
                              stop=f'exec "{SKIFF}" down --dir "$1" >/dev/null',
                              bootstrap="""grep -o '"port": [0-9]*' "$1/cluster.json" | """
                                        """sed 's/.* /127.0.0.1:/' | paste -sd,""")
        for name in ("abilities", "data", "settings"):
            os.remove(os.path.join(engine, name))
        run = place.run("kill-leader", "--engine", engine)
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
        report = place.report()
        assert report["control"]["name"] == "planted loss" and report["control"]["violated"]
        assert "replicas were not compared" in " ".join(report["scenarios"][0]["notes"])
        run = place.skiff("chaos", "run", "isolate-leader", "--engine", engine)
        assert run.returncode == 2 and "needs what is not there: cut, heal" in run.stderr, run.stderr


def test_a_fault_that_did_not_happen_is_inconclusive():
    with Place() as place:
        run = place.run("pause-leader", "--engine", place.engine(pause="exit 0", resume="exit 0"))
        assert run.returncode == 12, run.stdout[-500:] + run.stderr[-2000:]
        assert last(run.stdout).startswith("INCONCLUSIVE "), last(run.stdout)
        assert "0/1 faults confirmed" in last(run.stdout)


def test_a_cluster_that_nobody_takes_over_in_fails():
    with Place() as place:
        run = place.run("pause-leader-5s", "--set", "broker.session.timeout.ms=60000")
        assert run.returncode == 11 and last(run.stdout).startswith("FAIL "), run.stdout[-500:] + run.stderr[-2000:]
        why = place.report()["scenarios"][0]["why"]
        assert "did not get over it by itself" in why and "not acknowledged (fresh)" in why, why


def test_a_node_that_ends_by_itself_fails_and_what_was_recorded_is_checked():
    with Place() as place:
        wild = f'"{ENGINE}/kill" "$@" && if [ $# = 2 ]; then "{ENGINE}/kill" "$1" "$(( $2 % 3 + 1 ))"; fi'
        run = place.run("kill-leader", "--engine", place.engine(kill=wild))
        assert run.returncode == 11 and last(run.stdout).startswith("FAIL "), run.stdout[-500:] + run.stderr[-2000:]
        found = place.report()["scenarios"][0]
        assert "ended by itself" in found["why"] and "said last:" in found["why"], found["why"]
        assert found["acked"] > 100 and found["lost"] == 0 and place.histories() != []


def test_a_control_that_loses_nothing_makes_the_verdict_void():
    with Place() as place:
        programs = os.path.join(place.home, "programs")
        os.mkdir(programs)
        for path in glob.glob(os.path.join(BUILD, "*skiff*")):
            if os.path.isfile(path):
                os.symlink(path, os.path.join(programs, os.path.basename(path)))
        os.remove(os.path.join(programs, "skiff-power"))
        script(programs, "skiff-power", 'echo \'{"operations":9,"dropped":9,"kept":0,"torn":0,"bytes_dropped":9,'
               '"names_dropped":0,"confirmed":true}\'')
        run = subprocess.run([sys.executable, SUITE, "run", "kill-leader", *SMALL, "--dir", place.dir],
                             env={**place.env, "SKIFF_BUILD": programs}, capture_output=True, text=True,
                             timeout=RUN_LIMIT_S, check=False)
        assert run.returncode == 12 and last(run.stdout).startswith("VOID "), run.stdout[-500:] + run.stderr[-2000:]


def hooks_for(place, cluster, **changed):
    folder = os.path.join(place.home, "hooks")
    os.mkdir(folder)
    for name in ("kill", "restart"):
        script(folder, name, changed.get(name, f'exec "{SKIFF}" {name} "$1" --dir "{cluster.dir}"'))
    return folder


def test_hooks_break_a_cluster_that_runs_already():
    cluster = Cluster()
    try:
        with Place() as place:
            run = place.run("kill-leader", "-b", cluster.brokers(), "--hooks", hooks_for(place, cluster))
            assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
            report = place.report()
            assert report["control"]["name"] == "planted loss" and report["control"]["violated"], report["control"]
        assert json.loads(cluster.skiff("topic", "ls", "--json")) == []
    finally:
        cluster.close()


def test_a_hook_that_fails_ends_the_run_and_keeps_the_history():
    cluster = Cluster()
    try:
        with Place() as place:
            hooks = hooks_for(place, cluster, kill="echo ssh: no route >&2; exit 255")
            run = place.run("kill-leader", "-b", cluster.brokers(), "--hooks", hooks)
            assert run.returncode == 1 and "failed with exit code 255: ssh: no route" in run.stderr, run.stderr
            assert place.processes() == [] and place.histories() != []
    finally:
        cluster.close()


def test_nobody_at_the_address_is_told():
    with Place() as place:
        hooks = os.path.join(place.home, "hooks")
        os.mkdir(hooks)
        script(hooks, "kill", "exit 0")
        run = place.run("kill-leader", "-b", "127.0.0.1:1", "--hooks", hooks)
        assert run.returncode == 1 and "no broker answers at 127.0.0.1:1" in run.stderr, run.stderr
        watch = place.skiff("chaos", "watch", "-b", "127.0.0.1:1", "--for", "5s")
        assert watch.returncode == 1 and "no broker answers at 127.0.0.1:1" in watch.stderr, watch.stderr


def test_watch_checks_a_cluster_and_deletes_its_topic():
    cluster = Cluster()
    try:
        with Place() as place:
            watch = place.skiff("chaos", "watch", "-b", cluster.brokers(), "--for", "6s", "--rate", "200",
                                "--dir", place.dir, "--fail-if", "gap.max>60s")
            assert watch.returncode == 0, watch.stdout[-1000:] + watch.stderr[-2000:]
            assert last(watch.stdout).startswith("PASS cluster at ") and "acked" in watch.stderr
            report = place.report()
            assert report["control"]["violated"] and 100 < report["scenarios"][0]["acked"] < 2000, report["totals"]
            assert "; longest gap " in last(watch.stdout) and "(watch, n=1)" in last(watch.stdout), last(watch.stdout)
            assert {"tuned", "stock", "fresh"} <= set(report["scenarios"][0]["gaps"])
        assert json.loads(cluster.skiff("topic", "ls", "--json")) == []
    finally:
        cluster.close()


def test_a_gap_that_somebody_else_causes_is_seen_by_watch():
    cluster = Cluster()
    try:
        with Place() as place:
            watch = subprocess.Popen([SKIFF, "chaos", "watch", "-b", cluster.brokers(), "--for", "12s", "--rate", "300",
                                      "--dir", place.dir, "--fail-if", "stock.gap.max>2s", "--json"], env=place.env, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for line in watch.stderr:
                if re.search(r" [\d,]{3,} acked", line):
                    break
            for node in ("1", "2", "3"):
                cluster.skiff("pause", node)
            time.sleep(3)  # The gap itself.
            for node in ("1", "2", "3"):
                cluster.skiff("resume", node)
            output, errors = watch.communicate(timeout=RUN_LIMIT_S)
            assert watch.returncode == 11, output[-500:] + errors[-1000:]
            found = json.loads(output)
            assert (found["verdict"], found["exit_code"]) == ("FAIL", 11) and found["line"].startswith("FAIL cluster at ")
            assert 2.5 < place.report()["scenarios"][0]["gaps"]["tuned"]["max_ms"] / 1000 < 30
    finally:
        cluster.close()


def main():
    need_programs()
    return run_named(asked_for(globals()))


if __name__ == "__main__":
    sys.exit(main())
