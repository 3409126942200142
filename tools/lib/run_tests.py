"""run_tests.py -- the stages of tools/test, and the count of every test that ran.

A stage is one program or one ctest run. A test is counted where it stands: each criterion test of
each executable, each named test of a script that says `N passed, N failed[, N skipped]` in its last
line, each seed of the simulator, and a stage that has no tests inside (a build) as one. A stage whose
part of the tree does not exist is skipped and named. The last line is the only line of counts.

While live nodes are tested, which wait more than they compute, the builds of later stages go on in the
idle scheduling class: they get what the tests leave.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(ROOT, "build", "test-logs")
BUILD_LIMIT_S = 1200

COUNTS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$")
SEEDS = re.compile(r"^(\d+) seeds, (\d+) failed, ", re.MULTILINE)
CRITERION = re.compile(r"Tested:.*?(\d+).*?Passing:.*?(\d+).*?Failing:.*?(\d+).*?Crashing:.*?(\d+)")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Tally:
    def __init__(self, passed=0, failed=0, skipped=0, note=""):
        self.passed, self.failed, self.skipped, self.note = passed, failed, skipped, note

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def text(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def skipped(why):
    return Tally(skipped=1, note=why)


def default_signals():
    """What a shell in the background ignores, each process below would; tests send these."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Living:
    """Commands that run now, in whatever thread: Ctrl-C ends them all, and no more are begun."""

    def __init__(self):
        self.lock, self.processes, self.is_over = threading.Lock(), set(), False

    def start(self, command, **how):
        with self.lock:
            if self.is_over:
                raise KeyboardInterrupt
            process = subprocess.Popen(command, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       start_new_session=True, preexec_fn=default_signals, **how)
            self.processes.add(process)
            return process

    def forget(self, process):
        with self.lock:
            self.processes.discard(process)

    def end(self):
        with self.lock:
            self.is_over = True
        for process in list(self.processes):
            end_group(process)


living = Living()


def run(name, command, limit_s, cwd=ROOT, env=None):
    """Run one command in a process group of its own; its output goes to a file of that name."""
    path = os.path.join(LOGS, name + ".log")
    with open(path, "wb") as log:
        process = living.start(command, cwd=cwd, stdout=log, env=dict(os.environ, **(env or {})))
        try:
            code = process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            code = end_group(process)
            log.write(f"\nended after {limit_s} s\n".encode())
        living.forget(process)
    with open(path, encoding="utf-8", errors="replace") as log:
        return code, log.read(), path


def end_group(process):
    """Ask first: whoever started nodes takes them down."""
    if process.poll() is not None:
        return process.returncode
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return -signal.SIGKILL


def last_lines(text, count=12):
    lines = [line for line in text.rstrip().split("\n") if line.strip()]
    return "\n".join("      " + line[:300] for line in lines[-count:])


def failures(text):
    """What each test of a script said that failed, the end of the output when none said it by name."""
    blocks = re.findall(r"^(?:FAIL  |ended after ).*(?:\n(?!ok |skip |FAIL |== |\d+ passed).*)*", text, re.MULTILINE)
    shown = "\n".join(last_lines(block, 20) for block in blocks[:6])
    return shown or last_lines(text)


def from_output(code, text, path):
    """What one program's own closing line says, held against its exit code."""
    for line in reversed(COLOUR.sub("", text).rstrip().split("\n")[-5:]):
        match = COUNTS.search(line)
        if match:
            tally = Tally(int(match[1]), int(match[2]), int(match[3] or 0))
            if code != 0 and tally.failed == 0:
                tally.failed = 1
            if tally.failed:
                tally.note = f"{path}\n{failures(text)}"
            return tally
    if code == 0:
        return Tally(passed=1)
    return Tally(failed=1, note=f"exit {code}: {path}\n{last_lines(text)}")


def build_folder(preset):
    return os.path.join(ROOT, "build" if preset == "release" else "build-" + preset)


class BuildsAhead:
    """Builds that go on beside other stages, one after the other; who needs one waits for it."""

    def __init__(self):
        self.pool, self.builds = concurrent.futures.ThreadPoolExecutor(1), {}

    def begin(self, plan):
        """All builds of these stages."""
        for _, function, arguments in plan:
            if function is stage_build and arguments[0] not in self.builds:
                self.builds[arguments[0]] = self.pool.submit(build, *arguments, is_idle=True)
            elif function is stage_fuzz:
                self.builds["fuzz"] = self.pool.submit(build, "fuzz", fuzz_sources(), is_idle=True)

    def of(self, preset):
        return self.builds[preset].result() if preset in self.builds else None

    def end(self):
        self.pool.shutdown(cancel_futures=True)


ahead = BuildsAhead()


def stage_build(preset, targets=()):
    return ahead.of(preset) or build(preset, targets)


def build(preset, targets=(), is_idle=False):
    idle = ["chrt", "-i", "0"] if is_idle and shutil.which("chrt") else []
    folder = build_folder(preset)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        code, text, path = run("cmake-" + preset, [*idle, "cmake", "--preset", preset], 300)
        if code != 0:
            return Tally(failed=1, note=f"{path}\n{last_lines(text)}")
    code, text, path = run("build-" + preset, [*idle, "ninja", "-C", folder, "-k", "20", *targets], BUILD_LIMIT_S)
    if code == 0:
        return Tally(passed=1)
    errors = [line for line in text.split("\n") if re.search(r"error:|undefined reference|FAILED", line)]
    shown = "\n".join("      " + line[:180] for line in errors[:12])
    return Tally(failed=1, note=f"{path}\n{shown or last_lines(text)}")


def stage_ctest(preset, exclude, jobs):
    folder = build_folder(preset)
    if not os.path.exists(os.path.join(folder, "CTestTestfile.cmake")):
        return skipped("not built")
    report = os.path.join(LOGS, f"ctest-{preset}.xml")
    if os.path.exists(report):
        os.remove(report)
    command = ["ctest", "--test-dir", folder, "-LE", exclude, "-j", str(jobs), "--timeout", "600",
               "--output-junit", report, "--test-output-size-passed", "4000000",
               "--test-output-size-failed", "4000000"]
    env = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    _, text, path = run("ctest-" + preset, command, 1500, env=env)
    if not os.path.exists(report):
        return Tally(failed=1, note=f"{path}\n{last_lines(text)}")
    return from_junit(report)


def from_junit(report):
    """Every criterion test inside every ctest test; a test without criterion counts as one."""
    total = Tally()
    notes = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        output = COLOUR.sub("", case.findtext("system-out") or "")
        status = case.get("status")
        one = Tally()
        synthesis = CRITERION.findall(output)
        counted = COUNTS.search(output.rstrip().split("\n")[-1]) if output.strip() else None
        if synthesis:
            for tested, passing, _, _ in synthesis:
                one.passed += int(passing)
                one.failed += int(tested) - int(passing)
        elif counted:
            one = Tally(int(counted[1]), int(counted[2]), int(counted[3] or 0))
        elif case.find("skipped") is not None or status in ("notrun", "disabled"):
            one.skipped = 1
        elif status == "run":
            one.passed = 1
        if status == "fail":
            one.failed = max(one.failed, 1)
            notes.append(f"    {case.get('name')}\n{last_lines(output, 8)}")
        total.add(one)
    if total.failed:
        total.note = report + "\n" + "\n".join(notes[:10])
    if total.passed + total.failed + total.skipped == 0:
        return skipped("no tests there yet")
    return total


def stage_tidy():
    code, text, path = run("tidy-self", ["tools/tidy", "--self"], 60)
    total = from_output(code, text, path)
    code, text, path = run("tidy", ["tools/tidy"], 60)
    one = Tally(passed=1) if code == 0 else Tally(failed=1, note=f"{path}\n{last_lines(text)}")
    total.add(one)
    total.note = total.note or one.note
    return total


def stage_format():
    code, text, path = run("format", ["tools/tidy", "--format"], 120)
    return Tally(passed=1) if code == 0 else Tally(failed=1, note=f"{path}\n{last_lines(text)}")


def stage_sim(seeds, first=1):
    program = os.path.join(ROOT, "build", "skiff-sim")
    if not os.path.exists(program):
        return skipped("build/skiff-sim does not exist")
    corpus = os.path.join(ROOT, "tests", "sim", "seeds.txt")
    command = [program, "--seeds", str(seeds), "--first", str(first), "--jobs", "2", "--file", corpus]
    code, text, path = run("sim", command, 3600)
    match = SEEDS.search(text)
    if not match:
        return Tally(failed=1, note=f"exit {code}: {path}\n{last_lines(text)}")
    failed = int(match[2]) or int(code != 0)
    return Tally(int(match[1]) - int(match[2]), failed,
                 note=f"exit {code}: {path}\n{last_lines(text)}" if failed else "")


def stage_script(name, path, arguments, limit_s):
    if not os.path.exists(os.path.join(ROOT, path)):
        return skipped(f"{path} does not exist")
    for program in ("skiffd", "skiff"):
        if "build/" in path and not os.path.exists(os.path.join(ROOT, "build", program)):
            return skipped(f"build/{program} does not exist")
    return from_output(*run(name, [os.path.join(ROOT, path)] + arguments, limit_s))


def fuzz_targets(folder):
    return sorted(name for name in os.listdir(folder)
                  if name.startswith("fuzz_") and os.access(os.path.join(folder, name), os.X_OK)
                  and os.path.isfile(os.path.join(folder, name)))


def fuzz_one(folder, target, seconds, runs, first):
    """What it finds goes to a folder of its own: tests/fuzz/corpus is only read. From one seed, a number of inputs
    makes two machines of unlike speed try the same."""
    work = os.path.join(folder, "work-" + target)
    os.makedirs(work, exist_ok=True)
    corpus = [work]
    kept = os.path.join(ROOT, "tests", "fuzz", "corpus", target)
    if os.path.isdir(kept):
        corpus.append(kept)
    command = [os.path.join(folder, target), f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={first}",
               "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"] + corpus
    code, text, path = run(target, command, seconds + 120, cwd=work)
    edges = re.findall(r"\((\d+) inline 8-bit counters\)", text)
    reached = re.findall(r"#(\d+)\s+DONE\s+cov: (\d+)", text)
    if code != 0 or not edges or not reached:
        return Tally(failed=1, note=f"{path}\n{last_lines(text)}\n")
    inputs, covered = reached[-1]
    return Tally(passed=1, note=f"\n    {target}: {covered} of {edges[0]} edges, {inputs} inputs")


def fuzz_sources():
    return sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(ROOT, "tests", "fuzz", "fuzz_*.c")))


def stage_fuzz(seconds, runs, first):
    built = stage_build("fuzz", fuzz_sources())
    if built.failed:
        return built
    folder = build_folder("fuzz")
    targets = fuzz_targets(folder)
    if not targets:
        return skipped("no fuzz_* target there yet")
    total = Tally()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        try:
            for one in pool.map(lambda target: fuzz_one(folder, target, seconds, runs, first), targets):
                total.add(one)
                total.note += one.note
        except KeyboardInterrupt:
            living.end()
            raise
    return total


def stages(mode):
    """(name, function, arguments) in the order in which they run."""
    quick, nightly = mode == "quick", mode == "nightly"
    live = ["--nightly"] if nightly else ["--quick"] if quick else []
    first = int(time.time()) if nightly else 1
    plan = [
        ("build-release", stage_build, ("release",)),
        ("tidy", stage_tidy, ()),
        ("format", stage_format, ()),
        ("unit", stage_ctest, ("release", "slow|nightly" if quick else "nightly", 2)),
        ("chaos", stage_script, ("chaos", "tests/chaos/run", live, 20000 if nightly else 3600)),
        ("sim", stage_sim, (5000 if nightly else 30 if quick else 300, first)),
    ]
    if not quick:
        plan += [
            ("chaos-bench", stage_script, ("chaos-bench", "tools/chaos", ["--nightly"] if nightly else ["--quick"],
                                           36000 if nightly else 420)),
            ("clients", stage_script, ("clients", "tests/clients/run", live, 1800 if nightly else 600)),
            ("build-clang", stage_build, ("clang",)),
            ("build-debug", stage_build, ("debug",)),
            ("unit-sanitized", stage_ctest, ("debug", "slow|nightly", 2)),
            ("fuzz", stage_fuzz, (600 if nightly else 15, -1 if nightly else 100000, first)),
            ("mutants", stage_script, ("mutants", "tests/sim/mutants", [] if nightly else ["--short"],
                                       7200 if nightly else 420)),
        ]
    return plan


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="tools/test")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--nightly", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    mode = "nightly" if options.nightly else "quick" if options.quick else "all"
    plan = stages(mode)
    if options.list:
        print("\n".join(name for name, _, _ in plan))
        return 0
    if options.only:
        wanted = options.only.split(",")
        unknown = set(wanted) - {name for name, _, _ in plan}
        if unknown:
            print(f"tools/test: no such stage: {', '.join(sorted(unknown))} (see --list)", file=sys.stderr)
            return 2
        plan = [entry for entry in plan if entry[0] in wanted]
    os.makedirs(LOGS, exist_ok=True)
    total = Tally()
    begun = time.monotonic()
    for at, (name, function, arguments) in enumerate(plan):
        start = time.monotonic()
        if name == "chaos":
            ahead.begin(plan[at:])
        print(f"{name:<15} ...", end="\r" if sys.stdout.isatty() else "", flush=True)
        one = function(*arguments)
        end = "" if sys.stdout.isatty() else "\n"
        print(f"{end}{name:<15} {one.text():<40} {time.monotonic() - start:6.1f} s"
              + (f"  {one.note}" if one.note else ""), flush=True)
        total.add(one)
    print(f"{time.monotonic() - begun:.0f} s, logs in {os.path.relpath(LOGS, os.getcwd())}")
    print(total.text())
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        living.end()
        ahead.end()
        print("stopped; what was under way has ended", file=sys.stderr)
        sys.exit(130)
