"""leg.py -- some rounds of one scenario on one cluster: baseline, fault, healing, steady state; then the reckoning.

    open      a fresh cluster (or the user's own), topics, clients; every partition acknowledged, every replica in sync
    round     a picture of who leads; the fault; its hold; healing; steady state again, timed
    finish    writers flush, everything is read to its end, histories are checked, replicas compared
"""
import json
import os
import random
import time
from dataclasses import dataclass, field, replace

import programs
import view
from faults import power, processes
from faults.fault import Moment
from local_verbs import LocalVerbs
from programs import Failure
from proxy import Proxy
from scenarios import FULL
from workloads import INCONCLUSIVE, VIOLATION, Workloads

STEADY_LIMIT_S, WAIT_LIMIT_S, FIRST_LIMIT_S = 60, 20, 60
POLL_S, LOOK_EVERY_S = 0.02, 0.1
BASELINE_S, QUIET_S = 1.0, 0.5
FINE_NS, WINDOW_NS = 50_000_000, 20_000_000_000
SURE_NS = 200_000_000  # What a view says must still be so after this time.
STEADY_PROFILES = ("tuned", "fresh")
PAGE_CACHE = "flush.messages=9223372036854775807"
CONTROL_WRITES_S = 1.5


@dataclass
class Setting:
    """What all legs of a run share."""
    engine: object
    nodes: int = 3
    partitions: int = 30
    replication: int = 3
    least_isr: int = 2
    settings: list = field(default_factory=list)  # k=v for the brokers
    client: str = ""  # A client.properties of the user's.
    rate: int = 1500
    clients: dict = field(default_factory=dict)  # Writers in other languages: name -> words that start them.
    size: int = 0  # Bytes of a record of the tuned writer; 0: as small as it can be.


@dataclass
class Result:
    """What came of one leg."""
    folder: str = ""
    faults: list = field(default_factory=list)
    full_isr_ms: list = field(default_factory=list)
    first_ack_ms: list = field(default_factory=list)
    wrong: list = field(default_factory=list)  # What did not come back as promised.
    doubts: list = field(default_factory=list)  # What keeps the verdict from being one.
    notes: list = field(default_factory=list)
    checked: object = None
    window: dict = field(default_factory=dict)  # A finer timeline around the worst gap, where the whole one is coarse.
    checked_1: object = None
    replicas: dict = field(default_factory=dict)
    history: list = field(default_factory=list)
    seconds: float = 0.0


class Leg:
    def __init__(self, setting, scenario, folder, run_id, seed):
        self.setting = replace(setting, **scenario.load) if scenario else setting
        self.scenario, self.seed = scenario, seed
        self.folder, self.run_id = folder, run_id
        self.result = Result(folder=folder)
        self.topic = f"skiff-chaos-{run_id}-{scenario.name if scenario else 'control'}"
        self.cluster = self.workloads = self.proxy = self.verbs = None
        self.begun = time.monotonic()
        self.stock = "stock"  # The name of the stock writer that writes now.
        self.first_round = 0  # Of this leg, among the rounds of the scenario.

    # The cluster, with what speaks to it.

    def open(self, topic_settings=()):
        setting = self.setting
        self.cluster = setting.engine.start(os.path.join(self.folder, "cluster"), setting.nodes, setting.settings)
        if self.cluster.dir:
            self.proxy, self.verbs = Proxy(self.cluster.dir), LocalVerbs(self.cluster.dir)
        self.workloads = Workloads(self.folder, self.cluster.bootstrap, self.run_id, self.topic, setting)
        self.workloads.create(self.topic, topic_settings)

    def start_clients(self):
        workloads, rate = self.workloads, self.setting.rate
        workloads.create(workloads.topic_1)
        workloads.start_reader()
        workloads.start_writer("tuned", rate, writers=2)
        workloads.start_writer("stock", max(1, rate // 3))
        workloads.start_acks_1(max(1, rate // 5))
        for name, command in self.setting.clients.items():
            if self.scenario.has_all_clients:
                workloads.start_other(name, command, max(1, rate // 5))
        workloads.start_probes(self.scenario.has_metadata)
        since = time.monotonic_ns()
        if not self.wait_steady(since, FIRST_LIMIT_S, FULL):
            raise Failure(f"no steady state to begin with: {self.why_not_steady(since)}{self.cluster.log_ends()}")
        self.wait_others(since)
        if self.scenario.is_follower_first:
            self.take_leaders_away()
        self.go_on(BASELINE_S)

    def wait_others(self, since_ns):
        """Until writers in other languages, which take longer to start, have got every partition acknowledged too."""
        deadline = time.monotonic() + FIRST_LIMIT_S
        live, workloads = self.workloads.live, self.workloads
        while not all(live.acked_since(since_ns, self.setting.partitions, name) for name in workloads.others):
            workloads.check_alive()
            if time.monotonic() > deadline:
                for name in list(workloads.others):
                    if not live.last[name]:
                        workloads.leave_out(name)
                return
            time.sleep(POLL_S)

    def take_leaders_away(self):
        """Restart a node, so that it is a follower of all: leaders stay where they went."""
        node = self.cluster.ids[0]
        since = time.monotonic_ns()
        self.cluster.kill(node)
        self.wait_acked(since, WAIT_LIMIT_S)
        self.cluster.restart(node)
        if not self.wait_steady(time.monotonic_ns(), STEADY_LIMIT_S, FULL):
            raise Failure(f"node {node} does not come back: {self.why_not_steady(since)}")

    def look(self):
        return view.look(self.cluster.bootstrap, self.topic, client=self.setting.client)

    # Waiting.

    def go_on(self, seconds):
        """Let time pass, and see that the clients live."""
        until = time.monotonic() + seconds
        while True:
            self.workloads.check_alive()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))

    def is_acked(self, since_ns):
        """Whether each partition took a write since then, of clients that follow a fast cluster."""
        return all(self.workloads.live.acked_since(since_ns, self.setting.partitions, profile)
                   for profile in STEADY_PROFILES)

    def wait_acked(self, since_ns, limit_s):
        deadline = time.monotonic() + limit_s
        while not self.is_acked(since_ns):
            if time.monotonic() > deadline:
                return False
            self.workloads.check_alive()
            time.sleep(POLL_S)
        return True

    def wait_steady(self, since_ns, limit_s, back_to):
        """When every replica was in sync again, in ns of the monotonic clock; None: not in time.

        With WRITABLE it is enough that writes go, by as many replicas as they need. A node that was
        cut off may show an old view, so that the first look alone is not trusted."""
        deadline = time.monotonic() + limit_s
        full_ns, is_sure = None, False
        while time.monotonic() < deadline:
            self.workloads.check_alive()
            if not is_sure:
                picture = self.look()
                now = time.monotonic_ns()
                good = picture and (picture.is_full() if back_to == FULL
                                    else picture.least_isr() >= self.setting.least_isr)
                full_ns = (full_ns or now) if good else None
                is_sure = good and now - full_ns >= SURE_NS
            if is_sure and self.is_acked(since_ns):
                return full_ns
            time.sleep(POLL_S if is_sure else LOOK_EVERY_S)
        return None

    def why_not_steady(self, since_ns):
        picture = self.look()
        silent = {profile: self.workloads.live.silent_since(since_ns, self.setting.partitions, profile)
                  for profile in STEADY_PROFILES}
        text = [f"{len(which)} partitions not acknowledged ({profile})" for profile, which in silent.items() if which]
        text.append(picture.text() if picture else "nobody answers")
        down = [node for node in self.cluster.ids if "stop" in self.cluster.can and self.cluster.pid(node) == 0]
        text += [f"node {' '.join(map(str, down))} is down"] if down else []
        return ", ".join(text)

    # One round.

    def moment(self, number):
        picture = self.look()
        if picture is None:
            raise Failure(f"{self.cluster.bootstrap}: nobody answers")
        chance = random.Random(f"{self.seed} {self.scenario.name if self.scenario else 'control'} {number}")
        moment = Moment(self.cluster, picture, chance, number)
        moment.proxy, moment.verbs, moment.workloads, moment.topic = self.proxy, self.verbs, self.workloads, self.topic
        return moment

    def round(self, number):
        """Whether the cluster came back, so that the next round can follow."""
        if number:
            self.renew_stock()
        moment = self.moment(self.first_round + number)
        fault = self.scenario.make(moment)
        name = self.scenario.name
        live = self.workloads.live
        fault.prepare()
        self.workloads.begin(number, name, fault.detail or "begins")
        mark = live.mark()
        fault.inject()
        mark.to_ns = time.monotonic_ns()
        self.hold(mark)
        seen, how = fault.confirm()
        in_flight = live.in_flight(mark)
        healing = live.mark()
        fault.heal()
        last_start_ns = time.monotonic_ns()
        self.workloads.end(number, name)
        full_ns = self.wait_steady(last_start_ns, STEADY_LIMIT_S, self.scenario.back_to)
        seen_after, how_after = fault.confirm_after()
        self.note(number, fault, moment, {"begin_ns": mark.from_ns, "end_ns": last_start_ns,
                                          "confirmed": seen and seen_after and in_flight > 0, "in_flight": in_flight,
                                          "how": "; ".join(filter(None, (how, how_after)))})
        if full_ns is None:
            self.result.wrong.append(f"round {number + 1} ({fault.detail}): {STEADY_LIMIT_S} s after healing: "
                                     f"{self.why_not_steady(last_start_ns)}{self.cluster.log_ends()}")
            return False
        if self.scenario.back_to == FULL:
            self.result.full_isr_ms.append((full_ns - last_start_ns) / 1e6)
        if healing.first_ack_ns:
            self.result.first_ack_ms.append(max(0, healing.first_ack_ns - last_start_ns) / 1e6)
        live.forget(mark, healing)
        self.go_on(QUIET_S)
        return True

    def renew_stock(self):
        """The next writer has every partition before the last one ends, so that nobody sees a gap."""
        since = time.monotonic_ns()
        name = self.workloads.renew_stock(max(1, self.setting.rate // 3))
        while not self.workloads.live.acked_since(since, self.setting.partitions, name):
            if time.monotonic_ns() - since > WAIT_LIMIT_S * 10**9:
                raise Failure(f"the writer {name!r} does not get all partitions acknowledged in {WAIT_LIMIT_S} s")
            self.workloads.check_alive()
            time.sleep(POLL_S)
        self.workloads.retire(self.stock)
        self.stock = name

    def hold(self, mark):
        self.go_on(self.scenario.hold(self.first_round + len(self.result.faults)))
        if self.scenario.waits:
            self.wait_acked(mark.to_ns, WAIT_LIMIT_S)

    def note(self, number, fault, moment, seen):
        self.result.faults.append({
            "id": number, "name": self.scenario.name, "detail": fault.detail, **seen, "victims": list(fault.victims),
            "elsewhere": [partition for partition, leader in sorted(moment.picture.leaders.items())
                          if leader not in fault.victims]})

    # The reckoning.

    def finish(self):
        result, workloads = self.result, self.workloads
        for name, code in workloads.stop():
            result.doubts.append(f"the workload {name!r} ended with exit code {code}:\n"
                                 + programs.last_lines(os.path.join(self.folder, f"{name}.log")))
        wrong = workloads.read_to_the_end()
        result.doubts += [wrong] if wrong else []
        result.notes = workloads.notes
        result.wrong += workloads.broken
        ends = os.path.join(self.folder, "ends")
        result.checked = workloads.check(workloads.files, ends)
        result.window = self.worst_window(result.checked.found)
        if workloads.files_1:
            result.checked_1 = workloads.check(workloads.files_1)
        result.history = workloads.files + workloads.files_1
        self.close()
        self.compare_replicas(ends)
        result.seconds = time.monotonic() - self.begun
        return result

    def worst_window(self, found):
        """The timeline of some seconds around the longest gap of the tuned clients."""
        gaps = [gap for gap in found.get("gaps", ()) if gap["profile"] == "tuned" and not gap.get("host")]
        if not gaps or found.get("timeline", {}).get("bucket_ns", 0) <= FINE_NS:
            return {}
        worst = max(gaps, key=lambda gap: gap["gap_ns"])
        window = worst["from_ns"] - WINDOW_NS // 3, worst["from_ns"] + WINDOW_NS
        seen = self.workloads.check(self.workloads.files, window=window).found.get("timeline", {})
        return {**seen, "label": f"round {self.first_round + int(worst['fault']) + 1}, the longest gap of these rounds",
                "gap_ns": worst["gap_ns"]}

    def compare_replicas(self, ends):
        """Every replica's batches below the end that was read, byte for byte."""
        if not self.cluster.dir or not os.path.exists(ends):
            return
        damaged = {node for fault in self.result.faults for node in fault["victims"]} \
            if self.scenario and self.scenario.skips_replicas_of_victims else set()
        folders = [self.cluster.data(node) for node in self.cluster.ids if node not in damaged]
        words = [programs.path("skiff"), "chaos", "replicas", "--topic", self.topic, "--ends", ends, "--json"]
        run = programs.call(words + folders, 300)
        if run.returncode not in (0, VIOLATION, INCONCLUSIVE):
            raise Failure(f"skiff chaos replicas: {run.stderr.strip()}")
        try:
            self.result.replicas = json.loads(run.stdout)
        except ValueError as error:
            raise Failure(f"skiff chaos replicas: {run.stdout[:200]!r} is no JSON") from error
        if run.returncode == INCONCLUSIVE:
            self.result.doubts.append("replicas could not be compared: " + run.stderr.strip())

    def delete_topics(self):
        """In a cluster that stays."""
        for topic in (self.topic, self.workloads.topic_1):
            if not self.workloads.delete(topic):
                programs.say(f"the topic {topic} could not be deleted")

    def close(self):
        """End what runs, in order. Again is no harm."""
        workloads, cluster = self.workloads, self.cluster
        if workloads:
            workloads.kill()
        folder = os.path.join(self.folder, "cluster")
        if cluster is None and os.path.isdir(folder):  # It was stopped while it came up.
            self.setting.engine.stop_all(folder)
        if cluster and not getattr(cluster, "is_closed", False):
            cluster.is_closed = True
            if self.verbs:
                self.heal_for_the_end()
            cluster.close()

    def heal_for_the_end(self):
        try:
            self.verbs.heal()
        except Failure as failure:  # The proxy may have gone; the nodes are to go in any case.
            programs.say(str(failure))


class ControlLeg(Leg):
    """Acknowledged from the page cache, then power is lost on all nodes: records must be lost, and be missed.

    Writers have ended before, so everything that they were told is in the history."""

    def __init__(self, setting, folder, run_id, seed):
        super().__init__(setting, None, folder, run_id, seed)

    def run(self):
        self.open([PAGE_CACHE])
        self.workloads.start_writer("tuned", self.setting.rate)
        if not self.workloads_write():
            raise Failure(f"the control could not write: {self.cluster.log_ends()}")
        self.go_on(CONTROL_WRITES_S)
        moment = self.moment(0)
        self.workloads.stop()
        fault = power.all_nodes_wholly(moment)
        fault.inject()
        _, how = fault.confirm()
        fault.heal()
        self.wait_leaders()
        wrong = self.workloads.read_to_the_end()
        checked = self.workloads.check(self.workloads.files)
        self.close()
        lost = checked.found.get("lost", 0)
        classes = {"lost": lost, **checked.found.get("other", {})}
        return {"name": "control", "violated": checked.code == VIOLATION and lost > 0,
                "classes": {name: count for name, count in classes.items() if count},
                "text": f"acknowledged from the page cache, then power lost on all nodes: {lost} of "
                        f"{checked.found.get('acked', 0)} acknowledged records were found lost ({how})"
                        + (f"; {wrong}" if wrong else "")}

    def workloads_write(self):
        since, deadline = time.monotonic_ns(), time.monotonic() + FIRST_LIMIT_S
        while not self.workloads.live.acked_since(since, self.setting.partitions, "tuned"):
            if time.monotonic() > deadline:
                return False
            self.workloads.check_alive()
            time.sleep(POLL_S)
        return True

    def wait_leaders(self):
        deadline = time.monotonic() + STEADY_LIMIT_S
        while time.monotonic() < deadline:
            picture = self.look()
            if picture and picture.leading() and all(leader >= 0 for leader in picture.leaders.values()):
                return
            if all(processes.is_gone(self.cluster.pid(node)) for node in self.cluster.ids):
                raise Failure(f"no node came back after the control: {self.cluster.log_ends()}")
            time.sleep(LOOK_EVERY_S)
