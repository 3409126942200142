"""run.py -- `skiff chaos run`: the control, then scenario after scenario, and the report of what came of them."""
import os
import shlex
import shutil
import signal
import sys
import time

import arguments
import bench_machine
import clients
import planted
import programs
import run_directory
import scenarios
import side_topics
import verdict
import view
from bench_progress import Progress
from engine import Engine, HookedCluster, find_engine
from leg import ControlLeg, Leg, Setting
from programs import Failure

LIMITS_S = {"quick": 240, "default": 900, "nightly": None}
LEG_S, CONTROL_S, REPORT_S = 6, 8, 3  # What a cluster takes beside its rounds, about.
MORE_ROUNDS = 2  # In place of those that the host spoiled.
STOPPED = 130
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def os_text(error):
    return f"{error.filename or 'a file of this run'}: {error.strerror}"


class Hooked:
    """The user's own cluster in the place of an engine."""

    name, is_ours = "hooks", False

    def __init__(self, options):
        picture = view.look(options.bootstrap, client=options.client)
        if picture is None or not picture.brokers:
            raise Failure(f"no broker answers at {options.bootstrap}"
                          f"{view.why_none(options.bootstrap, options.client)}")
        self.hooks, self.bootstrap, self.ids = options.hooks, options.bootstrap, picture.brokers
        self.can = HookedCluster(self.hooks, self.bootstrap, self.ids).can

    def version(self):
        return f"cluster at {self.bootstrap}"

    def settings(self):
        return {}

    def start(self, _folder, _nodes, _settings):
        return HookedCluster(self.hooks, self.bootstrap, self.ids)


class Clock:
    """How many rounds still fit. Without a limit, or with --rounds, all do."""

    def __init__(self, limit_s, plan):
        self.end = time.monotonic() + limit_s if limit_s else None
        self.left = list(plan)
        self.leg_s = LEG_S  # What a cluster takes beside its rounds; corrected by what it took.

    def seconds(self, scenario, rounds):
        return rounds * scenario.round_s + self.leg_s * -(-rounds // scenario.rounds_a_cluster)

    def next(self):
        """A scenario begins: until when its rounds may begin; None: there is no limit."""
        scenario, rounds = self.left.pop(0)
        if self.end is None:
            return None
        now, least = time.monotonic(), self.seconds(scenario, 1)
        wanted = self.seconds(scenario, rounds) - least
        more = sum(self.seconds(*one) - self.seconds(one[0], 1) for one in self.left)
        free = self.end - REPORT_S - now - least - sum(self.seconds(one, 1) for one, _ in self.left)
        if self.end - REPORT_S - now < least:
            return now
        return now + least + max(0.0, free) * (wanted / (wanted + more) if wanted + more else 1.0)

    def took(self, seconds, rounds_s):
        """A cluster with its reckoning took so long in all, its rounds alone so long."""
        self.leg_s = max(1.0, (self.leg_s + seconds - rounds_s) / 2)


class Run:
    def __init__(self, options, system, plan):
        self.options, self.system, self.plan = options, system, plan
        limit = None if options.rounds else LIMITS_S[options.mode]
        self.clock = Clock(limit - CONTROL_S if limit else None, plan)
        self.directory = run_directory.RunDirectory(options.dir, getattr(system, "folder", None))
        self.setting = Setting(engine=system, nodes=options.nodes, partitions=options.partitions,
                               replication=min(3, len(system.ids) if options.bootstrap else options.nodes),
                               client=options.client, rate=options.rate,
                               settings=side_topics.settings(options.set) if system.is_ours else options.set)
        self.setting.least_isr = min(2, self.setting.replication)
        self.progress = Progress()
        self.started, self.begun = time.strftime("%Y-%m-%d %H:%M:%S"), time.monotonic()
        self.control, self.found, self.errors, self.skipped = None, [], [], []
        self.version, self.step = system.name, 0  # Until it has said; which of the control and the scenarios goes on.
        self.leg, self.kept = None, []
        self.passed = []  # Folders that nobody needs if the whole run passes.

    # What is under test.

    def settings(self):
        """{key: value} that matter for what an acknowledgement means."""
        base = {"min.insync.replicas": str(self.setting.least_isr), "log.flush.interval.messages": "1"} \
            if self.version.startswith("skiff ") else {}
        given = dict(line.split("=", 1) for line in self.setting.settings)
        return {**base, **self.system.settings(), **given}

    def is_synced(self):
        """Whether an acknowledgement waits for disks; None: nobody here knows."""
        if not self.system.is_ours:
            return None
        settings = self.settings()
        every = settings.get("flush.messages", settings.get("log.flush.interval.messages"))
        if every is None:
            return False if self.version.startswith("Apache Kafka ") else None
        return every == "1"

    def ack_text(self):
        return {True: "fsync=on", False: "fsync=off", None: "as set up"}[self.is_synced()]

    def profile(self):
        settings, synced = self.settings(), self.is_synced()
        least = settings.get("min.insync.replicas", "?" if synced is None else "1")
        means = {True: "written and synced on every in-sync replica", None: "what the cluster is set up for",
                 False: "written to the page cache of every in-sync replica, not synced"}[synced]
        return {"nodes": len(self.system.ids) if self.options.bootstrap else self.options.nodes,
                "partitions": self.setting.partitions, "rf": self.setting.replication, "min_isr": least,
                "fsync": {True: "on", False: "off", None: "unknown"}[synced],
                "ack_means": f"acks=all: {means}, of which there are at least {least}",
                "settings": " ".join(f"{key}={value}" for key, value in settings.items()), "rate": self.setting.rate}

    # Running.

    def go(self):
        """Everything, until it is done, fails or is stopped. The exit code."""
        stopped = self.play()
        try:
            return self.report(stopped)
        except OSError as error:
            programs.say(f"skiff chaos run: {os_text(error)}")
            self.directory.close()
            code = STOPPED if stopped else 1
            if self.options.json:
                print(programs.error_json([os_text(error)], code))
            return code

    def play(self):
        """The control and the scenarios; whatever they have started has ended then. Whether it was stopped."""
        stopped = False
        try:
            self.version = self.system.version()
            self.directory.check_room()
            self.plan_time()
            if any(scenario.has_all_clients for scenario, _ in self.plan):
                self.setting.clients = clients.find(self.options.clients, self.progress.tell)
                self.check_named_clients()
            if self.has_control():
                self.run_control()
            for scenario, rounds in self.plan:
                self.run_scenario(scenario, rounds)
        except KeyboardInterrupt:
            stopped = True
        except Failure as failure:
            self.errors.append(str(failure))
        except OSError as error:  # No room, as a rule: whatever was written until then stays.
            self.errors.append(os_text(error))
        finally:
            self.end_leg()
            self.progress.close()
        return stopped

    def check_named_clients(self):
        missing = [name for name in self.options.clients if name not in self.setting.clients]
        if missing and self.options.names_clients:
            raise Failure(f"--clients {','.join(self.options.clients)}: {', '.join(missing)} cannot be had here")

    def has_control(self):
        """Where power can be lost; elsewhere a loss is planted in the first history."""
        return "power" in self.system.can

    def part_of(self):
        """Which part of the run this is, the control included."""
        return f"[{self.step} of {len(self.plan) + self.has_control()}]"

    def plan_time(self):
        self.progress.plan(CONTROL_S if self.has_control() else 0)
        for scenario, rounds in self.plan:
            self.progress.plan(self.clock.seconds(scenario, self.options.rounds or rounds))

    def end_leg(self):
        """Whatever still runs is ended, also when Ctrl-C comes again."""
        before = [signal.signal(number, signal.SIG_IGN) for number in ENDING]
        try:
            if self.leg:
                self.kept.append(self.leg.folder)
                self.leg.close()
        except (Failure, OSError) as failure:
            self.errors.append(str(failure))
        finally:
            self.leg = None
            for number, handler in zip(ENDING, before):
                signal.signal(number, handler)

    def run_control(self):
        self.step = 1
        self.progress.step("control: power lost on all nodes, acknowledged from the page cache", CONTROL_S)
        self.leg = ControlLeg(self.setting, self.directory.part("control"), self.directory.id, self.options.seed)
        self.control = self.leg.run()
        self.close_leg(self.control["violated"])
        self.progress.tell(f"{self.part_of()} control: "
                           f"{'the loss was found' if self.control['violated'] else 'NO LOSS WAS FOUND'}, "
                           f"{self.control['seconds']:.0f} s: {self.control['text']}")

    def close_leg(self, is_good):
        """The leg has ended well; its data goes when nobody needs it any more."""
        folder, self.leg = self.leg.folder, None
        if is_good and not self.options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            self.kept.append(folder)

    def run_scenario(self, scenario, rounds):
        rounds = self.options.rounds or rounds
        until = self.clock.next()
        self.step += 1
        if until is not None and until <= time.monotonic():
            self.skipped.append(scenario.name)
            self.progress.tell(f"{self.part_of()} {scenario.name}: left out, no time is left")
            return
        total = verdict.Scenario(scenario)
        self.found.append(total)
        folders = []
        try:
            while len(total.faults) < rounds and not total.broken:
                folders.append(self.run_leg(scenario, total, rounds, until))
                if until is not None and time.monotonic() + self.clock.seconds(scenario, 1) > until:
                    break
        except Failure as failure:
            self.salvage(total, failure)
            if isinstance(failure, programs.Fatal) or not self.system.is_ours:
                raise
            if not total.broken:
                self.errors.append(f"{scenario.name}: {failure}")
        self.keep_or_drop(total, folders)
        self.tell(total, rounds)

    def salvage(self, total, failure):
        """A leg that could not go on: what its histories show is judged all the same."""
        try:
            found = self.leg.give_up(failure) if self.leg and not isinstance(failure, programs.Fatal) else None
        except Failure as another:
            found = None
            self.errors.append(f"{total.scenario.name}: what was recorded could not be checked: {another}")
        if found:
            total.add(found)
        else:
            total.doubts.append(f"could not be run: {failure}")
        self.end_leg()

    def run_leg(self, scenario, total, rounds, until):
        """One cluster's worth of rounds. Its folder."""
        self.directory.check_room()
        first = len(total.faults)
        name = f"{len(self.found):02d}-{scenario.name}" + (f"-{first}" if first else "")
        leg = self.leg = Leg(self.setting, scenario, self.directory.part(name), self.directory.id, self.options.seed)
        self.progress.step(f"{scenario.name}: a cluster comes up", LEG_S)
        leg.first_round = first
        leg.open()
        leg.start_clients()
        begun = time.monotonic()
        wanted, number = min(rounds - first, scenario.rounds_a_cluster), -1
        while (number := number + 1) < wanted + min(leg.spoiled, MORE_ROUNDS):
            if number and until is not None and time.monotonic() + scenario.round_s > until:
                break
            self.progress.step(f"{scenario.name}: round {first + number + 1} of {rounds}", scenario.round_s)
            self.directory.check_room()
            if not leg.round(number):
                break
        rounds_s = time.monotonic() - begun
        self.progress.show(f"{scenario.name}: checking")
        total.add(leg.finish())
        self.clock.took(leg.result.seconds, rounds_s)
        if self.control is None and not self.has_control():
            self.control = planted.control(leg.workloads, leg.folder)
        self.leg = None
        return leg.folder

    def keep_or_drop(self, total, folders):
        if total.verdict() == verdict.PASS and not self.options.keep and (not self.control or self.control["violated"]):
            self.passed += folders
            if not self.options.bounds:  # They may fail what has passed so far.
                self.drop_passed()
            return
        self.kept += folders
        for folder in folders:
            names = [name for name in sorted(os.listdir(folder)) if name.endswith(".history")]
            total.history += [os.path.join(folder, name) for name in names]

    def drop_passed(self):
        for folder in self.passed:
            shutil.rmtree(folder, ignore_errors=True)
        self.passed = []

    def tell(self, total, rounds):
        gap = total.gap_table().get("tuned")
        longest = f", longest gap {gap['max_ms'] / 1e3:.2f} s" if gap else ""
        self.progress.tell(f"{self.part_of()} {total.scenario.name}: {total.verdict()}, "
                           f"{len(total.faults)} of {rounds} rounds, {total.counts['acked']:,} acked{longest}, "
                           f"{total.seconds:.0f} s")
        for reason in (total.broken + total.all_doubts() + total.all_notes())[:4]:
            self.progress.tell("  " + reason.replace("\n", "\n  "))

    # The report.

    def report(self, stopped):
        done = [total.json() for total in self.found if total.faults or total.doubts or total.broken]
        failed_if = [one for bound in self.options.bounds for one in bound.against(done)]
        outcome = verdict.overall(done, self.control, failed_if)
        if any(one["failed"] for one in failed_if):
            self.kept += self.passed
        else:
            self.drop_passed()
        is_short = stopped or self.errors or (self.skipped and self.options.scenarios)
        if is_short and outcome == verdict.PASS:
            outcome = verdict.INCONCLUSIVE
        line = verdict.last_line(outcome, self.version, self.ack_text(), done, len(self.plan))
        content = {**self.assemble(outcome, line, done, failed_if), "stopped": stopped}
        if done or self.control:
            self.publish(content)
        for one in failed_if:
            programs.say(f"--fail-if {one['text']}")
        for name in self.skipped:
            programs.say(f"left out, no time was left: {name}")
        for error in self.errors:
            programs.say(f"skiff chaos run: {error}")
        if self.kept:
            programs.say("kept: " + " ".join(self.kept))
        self.directory.close()
        self.remove_empty()
        code = STOPPED if stopped else self.exit_code(outcome)
        if done or self.control:
            print_end(self.options.json, content, code, self.directory.path)
        elif self.options.json:
            print(programs.error_json(self.errors or ["stopped before anything was seen"], code))
        if stopped:
            programs.say("skiff chaos run: stopped; all that it started has ended")
        return code

    def exit_code(self, outcome):
        return 1 if self.errors and outcome != verdict.FAIL else verdict.EXIT_CODES[outcome]

    def remove_empty(self):
        if not self.options.dir and os.path.isdir(self.directory.path) and not os.listdir(self.directory.path):
            os.rmdir(self.directory.path)

    def assemble(self, outcome, line, done, failed_if):
        folder = self.directory.path
        return {"title": f"{self.version}: {len(done)} of {len(self.plan)} scenarios, {self.options.mode}",
                "verdict": outcome, "line": line,
                "engine": {"name": self.system.name, "version": self.version}, "profile": self.profile(),
                "machine": bench_machine.fingerprint(programs.ROOT, folder),
                "command": "skiff chaos run " + shlex.join(sys.argv[2:]), "seed": self.options.seed,
                "started": self.started, "seconds": round(time.monotonic() - self.begun, 1), "control": self.control,
                "scenarios": done, "totals": verdict.totals(done),
                "bound95": verdict.bound_text(done), "failed_if": failed_if, "skipped": self.skipped,
                "errors": self.errors}

    def publish(self, content):
        publish(self.directory.path, content, self.options.beside, self.options.json)


def publish(folder, content, beside, is_json):
    """Write the report in all its forms, show it as text where no machine reads."""
    import report
    import report_model
    text = report.write(folder, content, [report_model.load(path) for path in beside])
    lines = text.rstrip().split("\n")
    if lines and lines[-1].strip() == content["line"]:  # It is printed last of all, below what was kept.
        lines.pop()
    if not is_json:
        print("\n".join(lines))
    programs.say(f"report: {os.path.join(folder, 'report.html')}")


def print_end(is_json, content, code, folder):
    """The last line of standard output; with --json it is all of it."""
    import report
    print(report.summary(content, exit_code=code, dir=folder) if is_json else content["line"], flush=True)


def main(words):
    options = arguments.read_run(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    run_directory.sweep(False, programs.say)
    system = Hooked(options) if options.bootstrap else Engine(find_engine(options.engine))
    nodes = options.nodes if system.is_ours else len(system.ids)
    plan = scenarios.chosen(options.scenarios, options.mode, system.can, nodes, system.is_ours)
    if not plan:
        raise Failure("nothing to run: no scenario works with what the hooks offer, and so many nodes")
    return Run(options, system, plan).go()
