#!/usr/bin/env python3
"""broken_skiff.py -- tools/chaos must catch a Skiff that is broken on purpose, and pass one that is not.

    tests/chaos/broken_skiff.py [NAME...]

Mutants of the simulator (tests/sim/mutants) are built into skiffd, each in a folder of its own, and shown
to a scenario that can find them. The bench must end with exit code 11 and name the class of what was
broken; the same scenario and seed must pass with the build that is not broken. SKIFF_BROKEN_BUILDS names
where the folders are made (beside the sources).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import live

BUILDS = os.environ.get("SKIFF_BROKEN_BUILDS", live.ROOT)
BUILD_LIMIT_S, RUN_LIMIT_S = 1200, 600
PROGRAMS = ["skiff", "skiffd", "skiff-proxy", "skiff-faults", "skiff-power", "skiff-workload"]
VIOLATION = 11

# Name of the mutant: the scenario that is to find it, its rounds, what is counted then, and the workload that sees it.
MUTANTS = {
    "ACK_BEFORE_SYNC": ("power-loss-all", 8, "lost", "acks=all"),
    "TAKES_AGAIN": ("kill-leader", 10, "duplicated", "acks=all"),
    "COMMIT_AT_ONCE": ("cut-followers", 4, "lost_commit", "groups"),
    "COMMIT_ANY_GENERATION": ("kill-leader", 10, "two_owners", "groups"),
    "LAST_GOES_TOO": ("kill-leader", 10, "lost_key", "keys"),
}
# What is counted, as the text of a verdict calls it.
CLASSES = {"lost": "lost-write", "duplicated": "duplicate", "lost_commit": "lost-commit", "lost_key": "lost-key",
           "two_owners": "two-owners"}


def build(name):
    """The folder of a Skiff with this defect."""
    folder = os.path.join(BUILDS, "build-mutant-" + name.lower())
    configure = ["cmake", "-S", live.ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                 "-DSKIFF_MUTANT=" + name]
    for command in (configure, ["ninja", "-C", folder, *PROGRAMS]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_LIMIT_S, check=False)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return folder


def run_bench(programs, scenario, rounds):
    """(exit code, what it printed, report.json or None)"""
    home = tempfile.mkdtemp(prefix="skiff-broken-")
    try:
        done = subprocess.run([os.path.join(programs, "skiff"), "chaos", "run", scenario, "--rounds",
                               str(rounds), "--seed", "1", "--dir", home],
                              env=dict(os.environ, SKIFF_BUILD=programs), capture_output=True, text=True,
                              timeout=RUN_LIMIT_S, check=False)
        path = os.path.join(home, "report.json")
        report = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        return done.returncode, done.stdout + done.stderr, report
    finally:
        shutil.rmtree(home, ignore_errors=True)


def check_mutant(name, scenario, rounds, harm, workload):
    code, text, report = run_bench(build(name), scenario, rounds)
    assert code == VIOLATION, f"{name} built in: exit {code} of {scenario}, not {VIOLATION}:\n{text[-3000:]}"
    found = next(one for one in report["scenarios"] if one["name"] == scenario)
    count = {**found["other"], **found}.get(harm, 0)
    assert count > 0, f"{name}: nothing was {harm}: {found['verdict']}: {found['why']}"
    assert f"{CLASSES[harm]} ({workload})" in found["why"], found["why"]
    assert found["witness"], f"{name}: no witness"
    print(f"      {name}: {harm} {count}\n      " + "\n      ".join(found["witness"][:10]))
    code, text, _ = run_bench(live.BUILD, scenario, rounds)
    assert code == 0, f"without {name}: exit {code} of {scenario}:\n{text[-3000:]}"


def main(names):
    live.need_programs()
    unknown = set(names) - set(MUTANTS)
    if unknown:
        print(f"no such mutant here: {', '.join(sorted(unknown))}; there are {', '.join(MUTANTS)}")
        return 2
    tests = []
    for name in names or MUTANTS:
        def test(name=name):
            check_mutant(name, *MUTANTS[name])
        test.__name__ = f"test_the_bench_catches_{name.lower()}"
        tests.append(test)
    return live.run_named(tests)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
