"""leg.py -- some rounds of one scenario on one cluster: baseline, fault, healing, steady state; then the reckoning.

    open      a fresh cluster (or the user's own), topics, clients; every partition acknowledged, every replica in sync
    round     a picture of who leads; the fault; its hold; healing; steady state again, timed
    finish    writers flush, everything is read to its end, histories are checked, replicas compared
    give_up   the same as far as it goes, of a leg that cannot go on
"""
import json
import os
import random
import time
from dataclasses import dataclass, field, replace

import programs
import view
from engine import PREPARED
from faults import power
from faults.fault import Moment
from local_verbs import LocalVerbs
from programs import Failure
from proxy import Proxy
from scenarios import FULL
from side_topics import GROUPS
from verdict import STALLED_NS
from workloads import INCONCLUSIVE, VIOLATION, Workloads, rates

STEADY_LIMIT_S, WAIT_LIMIT_S, FIRST_LIMIT_S = 60, 20, 60
POLL_S, LOOK_EVERY_S = 0.02, 0.1
BASELINE_S, QUIET_S = 1.0, 0.5
FINE_NS, WINDOW_NS = 50_000_000, 20_000_000_000
MEETS_NS = 50_000_000  # Whatever begins so soon after a fault, or before, has met it.
SURE_NS = 200_000_000  # What a view says must still be so after this time.
STOCK_LIMIT_S = 30  # So long a round waits for the stock writer's gap to end.
STEADY_PROFILES = ("tuned", "fresh")
PAGE_CACHE = "flush.messages=9223372036854775807"
CONTROL_WRITES_S, UNKNOWN_SURE_S = 1.5, 10
MEET_LIMIT_S = 30  # So long a fault may wait to be met.
CONTROLLER_SAYS_S = 10  # Looks until one has a controller.


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
    rate: int = 2800  # Records a second, of all clients together.
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
    checked_side: list = field(default_factory=list)  # (name, what the checker said) of each side topic.
    replicas: dict = None  # What was found of the copies; None: nobody could look.
    replicas_1: dict = None  # Those of the topic of acks=1.
    replicas_groups: dict = None  # Those of the topic that groups read.
    cut_off: set = field(default_factory=set)  # (stock client, round) whose gap had not ended.
    given_up: int = 0
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
        self.stock = {}  # Of each kind of stock client, the name of the one that writes now.
        self.rates = rates(self.setting.rate, len(self.setting.clients) if scenario and scenario.has_all_clients else 0,
                           scenario is not None and scenario.has_topic_alone)
        self.first_round = 0  # Of this leg, among the rounds of the scenario.
        self.fault = None  # What is broken now.
        self.spoiled = 0  # Rounds that need not count, since the host stood still in them.

    # The cluster, with what speaks to it.

    def open(self, topic_settings=()):
        setting = self.setting
        self.cluster = setting.engine.start(os.path.join(self.folder, "cluster"), setting.nodes, setting.settings)
        if self.cluster.dir and "links" in self.cluster.can:
            self.proxy = Proxy(self.cluster.dir)
        if self.cluster.dir and PREPARED & self.cluster.can:
            self.verbs = LocalVerbs(self.cluster.dir)
        self.workloads = Workloads(self.folder, self.cluster.bootstrap, self.run_id, self.topic, setting)
        self.workloads.create(self.topic, topic_settings)

    def start_clients(self):
        workloads, rate = self.workloads, self.rates
        workloads.create(workloads.topic_1)
        workloads.side.create()
        workloads.start_reader()
        workloads.start_writer("tuned", rate["tuned"], writers=2)
        self.stock = workloads.renew_stock(rate)
        workloads.start_acks_1(rate["acks1"])
        for name, command in self.setting.clients.items():
            if self.scenario.has_all_clients:
                workloads.start_other(name, command, rate["other"])
        workloads.start_probes(rate["probes"], self.scenario.has_metadata)
        since = time.monotonic_ns()
        if not self.wait_steady(since, FIRST_LIMIT_S, FULL):
            raise Failure(f"no steady state to begin with: {self.why_not_steady(since)}{self.cluster.log_ends()}")
        self.wait_others(since)
        workloads.start_commits(rate["commits"])  # Now that it is steady: a slow cluster takes a while to make their topic.
        workloads.side.start(self.setting.engine.is_ours, rate)
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
                   for profile in self.workloads.profiles(*STEADY_PROFILES))

    def wait_acked(self, since_ns, limit_s):
        """Whether each partition was acknowledged in time, that in which the host stood still not counted."""
        deadline, stalled_ns = time.monotonic() + limit_s, self.workloads.live.stalled_ns()
        while not self.is_acked(since_ns):
            if time.monotonic() > deadline + (self.workloads.live.stalled_ns() - stalled_ns) / 1e9:
                return False
            self.workloads.check_alive()
            time.sleep(POLL_S)
        return True

    def wait_steady(self, since_ns, limit_s, back_to):
        """When every replica was in sync again, in ns of the monotonic clock; None: not in time.

        With WRITABLE it is enough that writes go, by as many replicas as they need. A node that was cut off may
        show an old view, and so may the others of one that has gone: no look alone is trusted, nor one node's."""
        deadline = time.monotonic() + limit_s
        full_ns, is_sure = None, False
        while time.monotonic() < deadline:
            self.workloads.check_alive()
            if not is_sure:
                picture = self.picture_of(back_to)
                full_ns = (full_ns or picture.taken_ns) if picture else None
                is_sure = picture is not None and picture.taken_ns - full_ns >= SURE_NS
            if is_sure and self.is_acked(since_ns):
                return full_ns
            time.sleep(POLL_S if is_sure else LOOK_EVERY_S)
        return None

    def picture_of(self, back_to):
        """The cluster as it is when it has come back so far; None: it has not."""
        if back_to == FULL:
            return view.settled(self.cluster, self.topic, self.setting.client)
        picture = self.look()
        return picture if picture and picture.least_isr() >= self.setting.least_isr else None

    def down(self):
        """Nodes that do not run, where we can see that."""
        return [node for node in self.cluster.ids if "stop" in self.cluster.can and self.cluster.pid(node) == 0]

    def note_ended(self, excused=()):
        """A node that ended, and that no fault of ours touched, is the product's failure."""
        ended = [node for node in self.down() if node not in excused]
        if ended:
            self.result.wrong.append(f"node {' '.join(map(str, ended))} ended by itself{self.cluster.log_ends()}")
        return ended

    def wait_leaders(self):
        """Until every partition has a leader, or the whole cluster is there and does not know the topic."""
        deadline = time.monotonic() + STEADY_LIMIT_S
        unknown_since = None
        while time.monotonic() < deadline:
            picture = self.look()
            if picture and picture.leading() and all(leader >= 0 for leader in picture.leaders.values()):
                return
            is_unknown = picture and not picture.isr and set(self.cluster.ids) <= set(picture.brokers)
            unknown_since = (unknown_since or time.monotonic()) if is_unknown else None
            if unknown_since and time.monotonic() - unknown_since > UNKNOWN_SURE_S:
                return
            if len(self.down()) == len(self.cluster.ids):
                break
            time.sleep(LOOK_EVERY_S)

    def why_not_steady(self, since_ns):
        picture = self.look()
        silent = {profile: self.workloads.live.silent_since(since_ns, self.setting.partitions, profile)
                  for profile in self.workloads.profiles(*STEADY_PROFILES)}
        text = [f"{len(which)} partitions not acknowledged ({profile})" for profile, which in silent.items() if which]
        text.append(picture.text() if picture else "nobody answers")
        down = self.down()
        text += [f"node {' '.join(map(str, down))} is down"] if down else []
        return ", ".join(text)

    # One round.

    def moment(self, number):
        picture, deadline = self.look(), time.monotonic() + CONTROLLER_SAYS_S
        while self.setting.engine.is_ours and time.monotonic() < deadline and not (picture and picture.controller):
            picture = self.look()  # Busy nodes may have been too slow to say.
        if picture is None:
            raise Failure(f"{self.cluster.bootstrap}: nobody answers")
        chance = random.Random(f"{self.seed} {self.scenario.name if self.scenario else 'control'} {number}")
        moment = Moment(self.cluster, picture, chance, number)
        moment.proxy, moment.verbs, moment.workloads, moment.topic = self.proxy, self.verbs, self.workloads, self.topic
        return moment

    def round(self, number):
        """Whether the cluster came back, so that the next round can follow."""
        if self.note_ended():
            return False
        if number:
            self.renew_stock()
        moment = self.moment(self.first_round + number)
        fault = self.fault = self.scenario.make(moment)
        name = self.scenario.name
        live = self.workloads.live
        stalled_ns = live.stalled_ns()
        fault.prepare()
        self.workloads.begin(number, name, fault.detail or "begins")
        mark = live.mark({partition for node in fault.victims for partition in moment.picture.led_by(node)} or None)
        fault.inject()
        mark.to_ns = max(time.monotonic_ns(), mark.from_ns + MEETS_NS)
        ended = self.hold(number, mark)
        seen, how = fault.confirm()
        ended = ended or self.note_ended(fault.victims)
        in_flight = live.in_flight(mark)
        healing = live.mark()
        fault.heal()
        last_start_ns = time.monotonic_ns()
        self.workloads.end(number, name)
        full_ns = None if ended else self.wait_steady(last_start_ns, STEADY_LIMIT_S, self.scenario.back_to)
        seen_after, how_after = fault.confirm_after()
        self.fault = None
        self.result.wrong += [f"round {number + 1} ({fault.detail}): {text}" for text in fault.wrong]
        self.note(number, fault, moment, {"begin_ns": mark.from_ns, "end_ns": last_start_ns,
                                          "confirmed": seen and seen_after and in_flight > 0, "in_flight": in_flight,
                                          "how": "; ".join(filter(None, (how, how_after)))})
        is_slow_host = live.stalled_ns() - stalled_ns >= STALLED_NS
        self.spoiled += is_slow_host and not self.result.faults[-1]["confirmed"]
        if ended:
            return False
        if full_ns is None:
            self.result.wrong.append(f"round {number + 1} ({fault.detail}): {STEADY_LIMIT_S} s after healing: "
                                     f"{self.why_not_steady(last_start_ns)}{self.cluster.log_ends()}")
            return False
        if self.scenario.back_to == FULL:
            self.result.full_isr_ms.append((full_ns - last_start_ns) / 1e6)
        if healing.first_ack_ns and set(fault.victims) == set(self.cluster.ids):  # Else writes went on meanwhile.
            self.result.first_ack_ms.append(max(0, healing.first_ack_ns - last_start_ns) / 1e6)
        live.forget(mark, healing)
        self.wait_stock(number, last_start_ns)
        self.go_on(QUIET_S)
        return True

    def wait_stock(self, number, since_ns):
        """A stock client's gap ends by its own doing, not by the next one's; else it is told as cut off."""
        deadline = time.monotonic() + STOCK_LIMIT_S
        while waiting := self.not_acked(since_ns, self.stock):
            self.workloads.check_alive()
            if time.monotonic() > deadline:
                self.result.cut_off |= {(kind, number) for kind in waiting}
                return
            time.sleep(POLL_S)

    def renew_stock(self):
        """The next ones have every partition before the last ones end, so that nobody sees a gap."""
        since = time.monotonic_ns()
        names = self.workloads.renew_stock(self.rates)
        while waiting := self.not_acked(since, names):
            if time.monotonic_ns() - since > WAIT_LIMIT_S * 10**9:
                raise Failure(f"the client {names[waiting[0]]!r} does not get all partitions acknowledged in "
                              f"{WAIT_LIMIT_S} s")
            self.workloads.check_alive()
            time.sleep(POLL_S)
        for name in self.stock.values():
            self.workloads.retire(name)
        self.stock = names

    def not_acked(self, since_ns, names):
        """Kinds of stock clients of these names that have not got every partition acknowledged since then."""
        return [kind for kind, name in names.items()
                if not self.workloads.live.acked_since(since_ns, self.setting.partitions, name)]

    def hold(self, number, mark):
        """Nodes that ended unbidden meanwhile: nobody needs to wait any more."""
        deadline = time.monotonic() + MEET_LIMIT_S
        while not self.fault.is_met() and time.monotonic() < deadline:
            self.go_on(POLL_S)  # A log has set space aside: a full disk is met when that is used up.
            mark.to_ns = time.monotonic_ns()  # What was acknowledged before shows nothing.
        self.go_on(self.scenario.hold(self.first_round + len(self.result.faults)))
        ended = self.note_ended(self.fault.victims)
        if self.scenario.waits and not ended and not self.wait_acked(mark.to_ns, WAIT_LIMIT_S):
            self.result.wrong.append(f"round {number + 1} ({self.fault.detail}): the cluster did not get over it by "
                                     f"itself in {WAIT_LIMIT_S} s: {self.why_not_steady(mark.to_ns)}")
        return ended

    def note(self, number, fault, moment, seen):
        self.result.faults.append({
            "id": number, "name": self.scenario.name, "detail": fault.detail, **seen, "victims": list(fault.victims),
            "elsewhere": [partition for partition, leader in sorted(moment.picture.leaders.items())
                          if leader not in fault.victims]})

    # The reckoning.

    def finish(self):
        result, workloads = self.result, self.workloads
        result.doubts += workloads.stop()
        victims = {node for fault in result.faults for node in fault["victims"]}
        self.note_ended(() if self.scenario.back_to == FULL else victims)
        if self.scenario.back_to == FULL and not result.wrong and not self.wait_all_full():
            result.wrong.append(f"{STEADY_LIMIT_S} s after the last write not every replica is in sync")
        wrong = workloads.read_to_the_end()
        result.doubts += [wrong] if wrong else []
        ends, ends_1 = (os.path.join(self.folder, name) for name in ("ends", "ends-acks1"))
        self.check(ends, ends_1)
        self.close()
        self.compare_all_replicas(ends, ends_1)
        result.seconds = time.monotonic() - self.begun
        return result

    def compare_all_replicas(self, ends, ends_1):
        """Those that are to be the same; what is not compared is told."""
        result, workloads = self.result, self.workloads
        if self.setting.replication == 1:
            result.notes.append("replicas were not compared: each partition has one")
        elif "files" in self.cluster.can:
            result.replicas = self.compare_replicas(self.topic, ends)
            result.replicas_1 = self.compare_replicas(workloads.topic_1, ends_1) if workloads.files_1 else None
            if workloads.side.files:
                result.replicas_groups = self.compare_replicas(workloads.side.topic(GROUPS), f"{ends}-{GROUPS}")
                result.notes.append("replicas of keys and of __consumer_offsets were not compared: each compacts by "
                                    "itself")
        elif self.cluster.dir:
            result.notes.append("replicas were not compared: the engine does not say where its data is")
        else:
            result.notes.append("replicas were not compared: the files of this cluster are out of reach")

    def check(self, ends, ends_1):
        result, workloads = self.result, self.workloads
        result.notes += workloads.notes
        result.doubts += workloads.doubts
        result.wrong += workloads.broken
        result.given_up = workloads.given_up
        result.checked = workloads.check(workloads.files, ends)
        result.window = self.worst_window(result.checked.found)
        result.notes.append(f"{result.checked.found.get('commits', 0):,} commits of groups acknowledged, "
                            f"asked for {result.checked.found.get('commits_asked', 0):,} times")
        if workloads.files_1:
            result.checked_1 = workloads.check(workloads.files_1, ends_1)
        result.checked_side, notes = workloads.side.check(self.setting.engine.is_ours, ends)
        result.notes += notes
        result.history = [file for files in workloads.files_of.values() for file in files]

    def wait_all_full(self):
        """Writers have ended: what replicas lack now, they lack for good."""
        deadline = time.monotonic() + STEADY_LIMIT_S
        for topic in [topic for topic, files in self.workloads.files_of.items() if files]:
            while not view.settled(self.cluster, topic, self.setting.client):
                if time.monotonic() > deadline:
                    return False
                time.sleep(LOOK_EVERY_S)
        return True

    def give_up(self, failure):
        """It cannot go on: what is there is checked nevertheless. None when there is nothing to check."""
        result, workloads = self.result, self.workloads
        if workloads is None or not workloads.live.acked:
            return None
        self.note_ended(self.fault.victims if self.fault else ())
        result.doubts.append(f"it was ended early: {failure}")
        self.mend()
        result.doubts += workloads.stop()
        wrong = workloads.read_to_the_end()
        result.doubts += [wrong] if wrong else []
        ends = os.path.join(self.folder, "ends")
        self.check(ends, ends + "-acks1")
        result.notes.append("replicas were not compared: it was ended early")
        result.seconds = time.monotonic() - self.begun
        return result

    def mend(self):
        """As far as that goes, so that somebody answers a last read."""
        for mend in (self.stop_fault, self.fault.heal if self.fault else None, self.verbs.heal if self.verbs else None,
                     self.start_what_is_down):
            try:
                if mend:
                    mend()
            except Failure as failure:
                programs.say(str(failure))
        self.wait_leaders()

    def start_what_is_down(self):
        down = self.down()
        if down:
            self.cluster.restart(*down)

    def stop_fault(self):
        """What a fault had running beside it ends. Again is no harm."""
        fault, self.fault = self.fault, None
        if fault:
            fault.stop()

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

    def compare_replicas(self, topic, ends):
        """Every replica's batches below the end that was read, byte for byte. What was found; {}: nothing.

        Nodes whose files we damaged are left out; where not all has to come back, a victim may lack something."""
        if not os.path.exists(ends):
            return {}
        victims = {node for fault in self.result.faults for node in fault["victims"]}
        left_out = victims if self.scenario.skips_replicas_of_victims else set()
        folders = {node: self.cluster.data(node) for node in self.cluster.ids if node not in left_out}
        words = [programs.path("skiff"), "chaos", "replicas", "--topic", topic, "--ends", ends, "--json"]
        if self.setting.replication < len(self.cluster.ids):
            words += ["--copies", str(max(1, self.setting.replication - len(left_out)))]
        for node in sorted(victims - left_out) if self.scenario.back_to != FULL else ():
            words += ["--may-miss", folders[node]]
        run = programs.call(words + list(folders.values()), 300)
        try:
            found = json.loads(run.stdout)
        except ValueError as error:
            raise Failure(f"skiff chaos replicas: {run.stderr.strip() or run.stdout[:200]}") from error
        if run.returncode not in (0, VIOLATION, INCONCLUSIVE):
            raise Failure(f"skiff chaos replicas: {run.stderr.strip()}")
        if run.returncode == INCONCLUSIVE:
            self.result.doubts.append(f"replicas of {topic} could not all be compared: {run.stderr.strip()}")
        return found

    def delete_topics(self):
        """In a cluster that stays."""
        for topic in self.workloads.files_of if self.workloads else ():
            try:
                if not self.workloads.delete(topic):
                    programs.say(f"the topic {topic} could not be deleted")
            except Failure as failure:
                programs.say(f"the topic {topic} could not be deleted: {failure}")

    def close(self):
        """End what runs, in order. Again is no harm."""
        self.stop_fault()
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
            try:
                cluster.close()
            finally:
                if not self.setting.engine.is_ours:
                    self.delete_topics()

    def heal_for_the_end(self):
        try:
            self.verbs.heal()
        except Failure as failure:  # The proxy may have gone; the nodes are to go in any case.
            programs.say(str(failure))


class ControlLeg(Leg):
    """Acknowledged from the page cache, then power is lost on all nodes: records must be lost, and be missed.

    No sync of any node comes back from before the last of them are acknowledged, so that nothing but the page
    cache has these. Writers have ended before power goes, so everything that they were told is in the history."""

    def __init__(self, setting, folder, run_id, seed):
        super().__init__(setting, None, folder, run_id, seed)

    def run(self):
        self.open([PAGE_CACHE])
        self.workloads.start_writer("tuned", self.rates["tuned"])
        if not self.is_written(FIRST_LIMIT_S):
            raise Failure(f"the control could not write: {self.cluster.log_ends()}")
        moment = self.moment(0)
        self.verbs.call("hang-disk", "all")
        before = self.workloads.live.acked
        self.go_on(CONTROL_WRITES_S)
        self.workloads.stop()
        unsynced = self.workloads.live.acked - before
        fault = power.all_nodes_wholly(moment)
        fault.inject()
        _, how = fault.confirm()
        fault.heal()
        self.wait_leaders()
        if len(self.down()) == len(self.cluster.ids):
            raise Failure(f"no node came back after the control: {self.cluster.log_ends()}")
        wrong = self.workloads.read_to_the_end()
        checked = self.workloads.check(self.workloads.files)
        self.close()
        acked = checked.found.get("acked", 0)
        lost = checked.found.get("lost", 0)
        classes = {"lost": lost, **checked.found.get("other", {})}
        return {"name": "control", "violated": lost > 0 and checked.code == VIOLATION,
                "seconds": round(time.monotonic() - self.begun, 1),
                "classes": {name: count for name, count in classes.items() if count},
                "text": f"acknowledged from the page cache, {unsynced} records while no sync came back, then power "
                        f"lost on all nodes: {lost} of {acked} acknowledged records were found lost ({how})"
                        + (f"; {wrong}" if wrong else "")}

    def is_written(self, limit_s):
        """Whether every partition was acknowledged from now on."""
        since, deadline = time.monotonic_ns(), time.monotonic() + limit_s
        while not self.workloads.live.acked_since(since, self.setting.partitions, "tuned"):
            if time.monotonic() > deadline:
                return False
            self.workloads.check_alive()
            time.sleep(POLL_S)
        return True
