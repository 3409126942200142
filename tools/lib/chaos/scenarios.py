"""scenarios.py -- the catalogue: each scenario's name, what it does, and how often, as data.

A round is: steady state, the fault begins, it holds, it is healed, steady state again. `rounds` are those of
--quick (0: not part of it), of the default and of --nightly. A fault that takes what a partition
needs, or that a cluster is to get over by itself, holds until writes go again (`waits`).
"""
import difflib
import json
from dataclasses import dataclass, field
from typing import Callable

from faults import clocks, disks, files, limits, links, mix, power, processes, topics
from faults.fault import controller, follower, leader, plain_leader, quietest
from programs import Failure, Refused

FULL, WRITABLE = "full", "writable"  # What the cluster comes back to: every replica in sync, or writes go.


@dataclass
class Scenario:
    name: str
    about: str
    make: Callable  # A Fault of a Moment.
    rounds: tuple  # quick, default, nightly
    needs: frozenset
    nodes: int = 3  # So many at least: with fewer nobody is left to take over, or there is nothing between them.
    hold_s: float = 1.0  # From the fault to its healing, at least.
    waits: bool = True  # Hold until every partition is acknowledged again (at most WAIT_LIMIT_S).
    back_to: str = FULL
    round_s: float = 5.0  # What one round takes, about; a guess for the clock alone.
    rounds_a_cluster: int = 40  # Then a fresh one goes on, so that histories stay small and few.
    is_follower_first: bool = False  # One node gives its leaders away before the first round.
    has_faults: bool = True  # Ours; watch has none.
    has_metadata: bool = False  # Topics are created and deleted all the time, and timed.
    has_topic_alone: bool = False  # A round writes to a topic of its own.
    has_all_clients: bool = False  # Also writers in other languages, where there are some.
    shows_elsewhere: bool = False  # Also the gaps of partitions that the victim did not lead.
    skips_replicas_of_victims: bool = False  # We damaged their files ourselves.
    holds: tuple = field(default=())  # Takes turns, in place of hold_s.
    load: dict = field(default_factory=dict)  # In place of the run's: partitions, rate, size (bytes a record).

    def hold(self, number):
        return self.holds[number % len(self.holds)] if self.holds else self.hold_s


def needs(*verbs):
    return frozenset(verbs)


KILLS, PAUSES, CUTS = needs("kill", "restart"), needs("pause", "resume"), needs("cut", "heal")
RESTARTS, LINKS, POWER = needs("stop", "restart"), needs("links"), needs("power", "kill", "restart")
DISKS, FILES, CLOCK, LIMITS = needs("disk"), needs("files", "kill", "restart"), needs("clock"), needs("limits")

FULL_DISK = ("fill-disk", "--free", "65536")
BULK = {"partitions": 6, "rate": 570, "size": 20000}  # Enough to use up what a log has set aside.

killed = processes.of_victim(processes.Kill)
paused = processes.of_victim(processes.Pause)

SCENARIOS = [
    Scenario("kill-leader", "kill -9 of a node that leads partitions, whoever it is; it starts again once others have "
             "taken over.", killed(leader), (6, 10, 300), KILLS, has_all_clients=True, round_s=2.5),
    Scenario("kill-follower", "kill -9 of a node that leads nothing: producers should hardly notice.",
             killed(follower), (0, 5, 50), KILLS, round_s=2.5, is_follower_first=True),
    Scenario("kill-controller", "kill -9 of the active controller. Partitions that it did not lead should go on; "
             "topics that are created and deleted all the time show how long metadata stands still.",
             killed(controller), (0, 8, 150), KILLS, round_s=2.5, has_metadata=True, shows_elsewhere=True),
    Scenario("kill-all", "kill -9 of all nodes at once, then all start again.", processes.kill_all, (0, 5, 100), KILLS,
             hold_s=0.3, waits=False, round_s=2.5, nodes=1),
    Scenario("power-loss-one", "One node loses power: kill -9, and what no sync covered is taken back from its disk.",
             processes.of_victim(power.PowerLoss)(leader), (0, 5, 50), POWER, round_s=3),
    Scenario("power-loss-all", "All nodes lose power at once: what was acknowledged has to be on the disks.",
             power.all_nodes, (5, 8, 200), POWER, hold_s=0.3, waits=False, has_all_clients=True, round_s=2.5, nodes=1),
    Scenario("restart-storm", "One node is killed and started five times, with no time to come up in between.",
             processes.of_victim(processes.Storm)(leader), (0, 2, 20), KILLS, round_s=6),
    Scenario("rolling-restart", "Each node in turn is stopped as an operator does it and started again, the next one "
             "once all replicas are in sync.", processes.RollingRestart, (0, 2, 20), RESTARTS, hold_s=0,
             has_all_clients=True, round_s=8, nodes=1),
    Scenario("rolling-kill", "The same with kill -9.", processes.RollingKill, (0, 2, 20), KILLS, hold_s=0, round_s=8,
             nodes=1),
    Scenario("pause-leader", "SIGSTOP of a node that leads, for 1, 5 and 30 seconds in turn (quick: 5): its "
             "connections stay, and say nothing. It wakes up and believes that it leads.",
             paused(leader), (1, 2, 30), PAUSES, waits=False, holds=(5.0, 1.0, 30.0), has_all_clients=True,
             round_s=7.5, nodes=1),
    Scenario("pause-leader-5s", "SIGSTOP of a node that leads, for 5 seconds, or until others have taken over.",
             paused(leader), (0, 0, 100), PAUSES, hold_s=5, round_s=7.5),
    Scenario("pause-all", "SIGSTOP of all nodes for 5 seconds: all sessions are over when they wake up.",
             processes.pause_all, (0, 2, 20), PAUSES, waits=False, hold_s=5, round_s=8, nodes=1),
    Scenario("pause-all-60s", "The same for a minute.", processes.pause_all, (0, 0, 5), PAUSES, waits=False,
             hold_s=60, round_s=65, nodes=1),
    Scenario("isolate-leader", "A node that leads is cut from all others and from the clients.",
             links.isolate(leader), (1, 2, 100), CUTS, hold_s=6, has_all_clients=True, round_s=8),
    Scenario("isolate-follower", "A node that leads nothing is cut from all others and from the clients.",
             links.isolate(follower), (0, 1, 30), CUTS, hold_s=5, round_s=8, is_follower_first=True),
    Scenario("isolate-controller", "The active controller is cut from all others and from the clients.",
             links.isolate(controller), (0, 2, 100), CUTS, hold_s=6, has_metadata=True, shows_elsewhere=True,
             round_s=8),
    Scenario("cut-followers", "A leader and all other nodes do not reach each other; the clients reach all.",
             links.cut_followers(plain_leader), (0, 1, 30), LINKS, hold_s=5, round_s=7.5),
    Scenario("cut-controller", "The active controller and all other nodes do not reach each other; the clients reach "
             "all.", links.cut_followers(controller), (0, 1, 30), LINKS, hold_s=5, has_metadata=True,
             shows_elsewhere=True, round_s=8),
    Scenario("one-way-out", "Nothing that a leader sends reaches the other nodes; what they send comes in.",
             links.one_way(leader, True), (0, 1, 30), LINKS, hold_s=5, round_s=8),
    Scenario("one-way-in", "Nothing that the other nodes send reaches a leader; what it sends goes out.",
             links.one_way(leader, False), (0, 1, 30), LINKS, hold_s=5, round_s=8),
    Scenario("cut-from-controller", "A node that leads does not reach the controller, nor it the node.",
             links.cut_from_controller, (0, 1, 30), LINKS, hold_s=5, round_s=8),
    Scenario("bridge", "Two halves of the cluster meet in one node alone.", links.bridge, (0, 1, 30), LINKS,
             hold_s=5, round_s=8),
    Scenario("flap", "A leader's links to the other nodes come and go every second.",
             links.between_nodes(["flap 1000"])(plain_leader), (0, 1, 20), LINKS, waits=False, hold_s=6,
             round_s=8, nodes=2),
    Scenario("clients-cut", "The clients do not reach one leader; the nodes see no fault, so it goes on leading.",
             links.clients_cut(leader), (0, 1, 30), LINKS, waits=False, hold_s=4, round_s=6, nodes=1),
    Scenario("lossy-link", "A leader's links to the other nodes take 100 ms longer; or stall for 200 ms at each "
             "hundredth piece.", links.between_nodes(["delay 100", "stall 1 200"])(plain_leader), (0, 2, 20), LINKS,
             hold_s=4, round_s=6, nodes=2),
    Scenario("slow-disk", "Each sync of a leader's disk takes 200 ms longer; or 2 s.",
             disks.of_leader(leader, [("slow-disk", "200ms"), ("slow-disk", "2s")], counter="syncs_delayed"),
             (1, 2, 20), DISKS, waits=False, hold_s=6, round_s=8, nodes=1),
    Scenario("hung-disk", "No sync of a leader's disk comes back for a while.",
             disks.of_leader(leader, [("hang-disk",)], counter="hung"),
             (0, 1, 30), DISKS, hold_s=6, round_s=8),
    Scenario("disk-full-one", "A leader's disk has no room left, then it has.",
             disks.of_leader(leader, [FULL_DISK], counter="refused_full", may_end=True), (0, 1, 20), DISKS,
             hold_s=5, round_s=7.5, load=BULK),
    Scenario("disk-full-all", "No disk has room left, then all have.",
             disks.of_all(FULL_DISK, counter="refused_full", may_end=True), (0, 1, 20), DISKS, hold_s=4,
             waits=False, round_s=6, load=BULK, nodes=1),
    Scenario("sync-fails-once", "One sync of a leader's disk fails. What it covered cannot be trusted any more; "
             "the node is restarted.",
             disks.of_leader(leader, [("fail-sync",)], counter="syncs_failed", restarts=True, may_end=True),
             (0, 1, 30), DISKS, hold_s=3, round_s=5),
    Scenario("sync-fails", "Every sync of a leader's disk fails from now on; then the disk is mended and the node "
             "restarted.",
             disks.of_leader(leader, [("fail-sync", "--always")], counter="syncs_failed", restarts=True, may_end=True),
             (0, 1, 30), DISKS, hold_s=3, round_s=5),
    Scenario("short-writes", "Every second write of a leader is cut in half, as the system may.",
             disks.of_leader(leader, [("short-writes",)], counter="writes_short"),
             (0, 1, 20), DISKS, hold_s=3, round_s=4.5, nodes=1),
    Scenario("bit-rot", "A bit flips in a segment, an index, a checkpoint, the marks or the vote of a node that is "
             "down, one that led or one that followed; then it starts. Damage may cost this replica, never a record.",
             files.bit_rot(("segment", leader), ("index", leader), ("quorum-state", quietest), ("checkpoint", quietest),
                           ("marks", leader), ("segment", quietest), ("index", quietest), ("quorum-state", leader)),
             (0, 8, 24), FILES, back_to=WRITABLE, rounds_a_cluster=1, skips_replicas_of_victims=True, round_s=2.5,
             load={"partitions": 6}),
    Scenario("lost-directory", "The directory of one partition is gone when its node starts again; or all that the "
             "node had.", files.lost_directory(leader), (0, 2, 12), FILES, back_to=WRITABLE, rounds_a_cluster=1,
             round_s=3),
    Scenario("clock-jump", "A leader's wall clock jumps by an hour, back by an hour, or by ten years.",
             clocks.clock(leader, "+1h", "-1h", "+10y"), (0, 3, 30), CLOCK, hold_s=2, round_s=3.5, nodes=1),
    Scenario("clock-drift", "A leader's wall clock runs five per cent too fast.",
             clocks.clock(leader, "drift:50000"), (0, 1, 10), CLOCK, hold_s=4, round_s=5.5, nodes=1),
    Scenario("clock-strobe", "A leader's wall clock jumps by two seconds to and fro, twenty times a second.",
             clocks.strobe(leader, "+1s", "-1s"), (0, 1, 10), CLOCK, hold_s=3, round_s=4.5, nodes=1),
    Scenario("descriptors", "A leader may open no more files and sockets, and clients dial it.",
             limits.descriptors(leader), (0, 1, 20), LIMITS, waits=False, hold_s=4, round_s=6, nodes=1),
    Scenario("idle-flood", "Up to 20,000 connections that ask nothing, and 200 that send a byte now and then.",
             limits.Flood, (0, 1, 5), LIMITS, hold_s=4, round_s=10, nodes=1),
    Scenario("topics-churn", "Topics are created and deleted while nodes are killed.",
             topics.with_churn(killed(leader)), (0, 4, 50), KILLS, round_s=3, has_metadata=True),
    Scenario("topic-recreated", "A topic is deleted and created again under its name while a node that had it is down: "
             "nothing of the first comes back.", topics.recreated(killed(leader)), (0, 2, 20), KILLS, round_s=8,
             has_topic_alone=True),
    Scenario("random", "A seeded mix: one fault, or two of different families at once.",
             mix.mix([[killed(leader), killed(controller), paused(leader), power.all_nodes],
                      [links.isolate(leader), links.cut_from_controller, links.one_way(leader, True), links.bridge],
                      [disks.of_leader(leader, [("slow-disk", "200ms")], counter="syncs_delayed"),
                       clocks.clock(leader, "+1h", "-1h")]]),
             (0, 3, 100), POWER | LINKS | DISKS | CLOCK, hold_s=4, waits=False, has_all_clients=True, round_s=7),
]
MODES = ("quick", "default", "nightly")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def find(name):
    if name in BY_NAME:
        return BY_NAME[name]
    near = difflib.get_close_matches(name, BY_NAME, 1)
    raise Failure(f"there is no scenario {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
                  + " (`skiff chaos ls` shows all)")


def chosen(names, mode, can, nodes=3, is_ours=True):
    """[(scenario, rounds)] of a run: those named, else the mode's; only what the system lets us do.

    A scenario that is named and is not part of the mode gets the default's rounds. The quorum of somebody
    else's cluster may stand apart from its brokers: one broker less does there."""
    nodes += 0 if is_ours else 1
    column = MODES.index(mode)
    if names:
        scenarios = [find(name) for name in dict.fromkeys(names)]
        for scenario in scenarios:
            if scenario.needs - can:
                raise Refused(f"{scenario.name} needs what is not there: {', '.join(sorted(scenario.needs - can))}")
            if scenario.nodes > nodes:
                here, needed = (count - (not is_ours) for count in (nodes, scenario.nodes))
                raise Failure(f"{scenario.name} needs {needed} nodes, and there {'is' if here == 1 else 'are'} {here}: "
                              "nobody could take over what is broken")
    else:
        scenarios = [one for one in SCENARIOS if one.rounds[column] > 0 and not one.needs - can
                     and one.nodes <= nodes]
    return [(one, one.rounds[column] or one.rounds[1] or one.rounds[2]) for one in scenarios]


def list_json(found):
    return json.dumps([{"name": one.name, "about": one.about, "rounds": dict(zip(MODES, one.rounds)),
                        "needs": sorted(one.needs), "nodes": one.nodes} for one in found])


def list_text(found):
    lines = []
    for scenario in found:
        often = ", ".join(f"{mode} {count}" for mode, count in zip(MODES, scenario.rounds) if count)
        lines += [f"{scenario.name} ({often} rounds)", *wrapped(scenario.about), ""]
    return "\n".join(lines).rstrip()


def wrapped(text, width=76):
    line, lines = "   ", []
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "   "
        line += " " + word
    return lines + [line]
