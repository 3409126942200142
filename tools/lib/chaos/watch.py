"""watch.py -- `skiff chaos watch`: clients and checker alone, on any cluster, while its user breaks or upgrades it."""
import shlex
import signal
import sys
import time

import arguments
import bench_machine
import planted
import programs
import run_directory
import verdict
import view
from leg import Result, Setting
from programs import Failure
from run import os_text, print_end, publish
from scenarios import Scenario
from workloads import Workloads, watch_rates

WATCH = Scenario("watch", "Clients and checker alone; whatever was broken, others broke.", None, (0, 0, 0), frozenset(),
                 has_faults=False)
PROFILES = ("tuned", "stock", "fresh")
TELL_EVERY_S = 1.0


class Watch:
    def __init__(self, options):
        self.options = options
        picture = view.look(options.bootstrap, client=options.client)
        if picture is None or not picture.brokers:
            raise Failure(f"no broker answers at {options.bootstrap}"
                          f"{view.why_none(options.bootstrap, options.client)}")
        self.brokers = picture.brokers
        self.directory = run_directory.RunDirectory(options.dir, None)
        self.setting = Setting(engine=None, partitions=options.partitions, replication=min(3, len(self.brokers)),
                               client=options.client, rate=options.rate)
        self.folder = self.directory.part("watch")
        self.workloads = Workloads(self.folder, options.bootstrap, self.directory.id,
                                   f"skiff-chaos-{self.directory.id}", self.setting)
        self.doubts = []
        self.started, self.begun = time.strftime("%Y-%m-%d %H:%M:%S"), time.monotonic()

    def go(self):
        try:
            self.directory.check_room(100 << 20)
            self.workloads.create(self.workloads.topic)
            self.write()
            return self.reckon()
        except KeyboardInterrupt:
            return self.ended("stopped", "", 130)
        except Failure as failure:
            return self.ended(str(failure), f"\nkept: {self.folder}", 1)
        except OSError as error:
            return self.ended(os_text(error), f"\nkept: {self.folder}", 1)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.workloads.kill()
            if not self.workloads.delete(self.workloads.topic):
                programs.say(f"the topic {self.workloads.topic} could not be deleted")
            self.directory.close()

    def ended(self, why, more, code):
        """Without a report."""
        programs.say(f"skiff chaos watch: {why}{more}")
        if self.options.json:
            print(programs.error_json([why], code))
        return code

    def write(self):
        """Until the time is over, or Ctrl-C. A live line meanwhile."""
        parts = watch_rates(self.options.rate)
        since = time.monotonic_ns()
        self.workloads.start_reader()
        self.workloads.start_writer("tuned", parts["tuned"])
        self.workloads.start_writer("stock", parts["stock"])
        self.workloads.start_fresh(parts["fresh_every_ms"])
        end = time.monotonic() + self.options.seconds
        is_begun = False
        try:
            while time.monotonic() < end:
                self.workloads.check_alive()
                is_begun = is_begun or self.begin(since)
                self.show(end - time.monotonic())
                time.sleep(min(TELL_EVERY_S, max(0.0, end - time.monotonic())))
        except KeyboardInterrupt:
            pass
        if is_begun:
            self.workloads.end(0, WATCH.name)
        else:
            self.doubts.append("no client ever got every partition acknowledged, so gaps could not be measured")
        if sys.stderr.isatty():
            programs.say("")

    def begin(self, since_ns):
        """Once each client has got every partition, all of the watch is one mark: its gaps are those of a fault."""
        live = self.workloads.live
        if not all(live.acked_since(since_ns, self.setting.partitions, name)
                   for name in self.workloads.profiles(*PROFILES)):
            return False
        self.workloads.begin(0, WATCH.name, "all the time")
        return True

    def show(self, left):
        live = self.workloads.live
        text = (f"{int(left // 60)}:{int(left % 60):02d} left: {live.acked:,} acked, {live.failed:,} failed, "
                f"longest wait now {max(0, live.longest_silence_ns()) / 1e9:.1f} s")
        print(f"\r\033[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n",
              file=sys.stderr, flush=True)

    def reckon(self):
        """Read everything back, check, and report."""
        result = Result(folder=self.folder, doubts=self.doubts)
        result.doubts += self.workloads.stop()
        result.wrong += self.workloads.broken
        result.notes += self.workloads.notes
        result.given_up = self.workloads.given_up
        wrong = self.workloads.read_to_the_end()
        result.doubts += [wrong] if wrong else []
        result.checked = self.workloads.check(self.workloads.files)
        total = verdict.Scenario(WATCH)
        result.seconds = time.monotonic() - self.begun
        total.add(result)
        control = planted.control(self.workloads, self.folder)
        found = total.json()
        found["history"] = self.workloads.files
        return self.report(found, control)

    def report(self, found, control):
        failed_if = [one for bound in self.options.bounds for one in bound.against([found])]
        outcome = verdict.overall([found], control, failed_if)
        line = verdict.last_line(outcome, f"cluster at {self.options.bootstrap}", "as set up", [found])
        content = {
            "title": f"watched {self.options.bootstrap}", "verdict": outcome, "line": line,
            "engine": {"name": "watch", "version": f"cluster at {self.options.bootstrap}"},
            "profile": {"nodes": len(self.brokers), "partitions": self.setting.partitions,
                        "rf": self.setting.replication, "min_isr": "?", "fsync": "unknown",
                        "ack_means": "acks=all: what the cluster is set up for"},
            "machine": bench_machine.fingerprint(programs.ROOT, self.directory.path),
            "command": "skiff chaos watch " + shlex.join(sys.argv[2:]), "seed": None, "started": self.started,
            "seconds": round(time.monotonic() - self.begun, 1), "control": control, "scenarios": [found],
            "totals": verdict.totals([found]), "bound95": None, "failed_if": failed_if}
        publish(self.directory.path, content, self.options.beside, self.options.json)
        for one in failed_if:
            programs.say(f"--fail-if {one['text']}")
        print_end(self.options.json, content, verdict.EXIT_CODES[outcome], self.directory.path)
        return verdict.EXIT_CODES[outcome]


def main(words):
    options = arguments.read_watch(words)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    return Watch(options).go()
