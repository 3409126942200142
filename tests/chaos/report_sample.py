"""report_sample.py -- invented reports of chaos runs, for the tests of the page and for looking at it.

    tests/chaos/report_sample.py [KIND] [--seed S] [--engine NAME] > report.json    (--help names the kinds)

Everything in them comes from the seed and nothing was measured; each says so in its title. They have
the shape of a real run's report.json: faults with times, acknowledgements in buckets, gaps of rounds.
"""
import argparse
import json
import math
import random
import sys

SECOND = 10 ** 9
BUCKET_NS = SECOND // 100
START_NS = 81_000 * SECOND
PARTITIONS = 30
RATE = 3000  # Acknowledgements a second, all partitions together.
BUCKETS_MAX = 2000

# name, about, fault's length in seconds, its gap by fresh connections in ms, the share of partitions that it hits
CATALOGUE = [
    ("kill-leader", "A node that leads partitions dies by kill -9, and is started again.", 4, 90, 0.34),
    ("kill-controller", "The active controller dies by kill -9.", 4, 140, 0.34),
    ("power-loss-all", "All nodes die at once and lose what was not synced; then all start.", 3, 2900, 1.0),
    ("pause-leader", "A leader is stopped for five seconds: its ports accept and say nothing.", 5, 3400, 0.34),
    ("isolate-leader", "All links of a leader carry nothing, to nodes and to clients.", 8, 3500, 0.34),
    ("slow-disk", "Each sync of one node takes 200 ms.", 8, 230, 0.5),
    ("rolling-restart", "One node after the other is stopped gracefully and started.", 5, 60, 0.34),
    ("flap", "A link comes and goes each second.", 8, 900, 0.3),
    ("kill-follower", "A node that leads nothing dies by kill -9.", 4, 25, 0.1),
    ("kill-all", "All nodes die by kill -9, and start again.", 3, 2700, 1.0),
    ("power-loss-one", "One node loses power.", 4, 110, 0.34),
    ("restart-storm", "A node is killed again as soon as it serves.", 6, 400, 0.34),
    ("rolling-kill", "One node after the other dies by kill -9.", 5, 150, 0.34),
    ("pause-all", "All nodes are stopped for some seconds.", 5, 5300, 1.0),
    ("isolate-follower", "All links of a follower carry nothing.", 6, 40, 0.1),
    ("isolate-controller", "All links of the active controller carry nothing.", 6, 3600, 0.34),
    ("cut-followers", "A leader is cut from its followers, not from clients.", 8, 4200, 0.34),
    ("one-way-out", "Bytes reach a leader, and none leaves it.", 8, 3900, 0.34),
    ("one-way-in", "Bytes leave a leader, and none reaches it.", 8, 3700, 0.34),
    ("cut-from-controller", "A leader and the controller do not hear each other.", 6, 3300, 0.34),
    ("bridge", "Two nodes do not hear each other, the third hears both.", 6, 600, 0.3),
    ("clients-cut", "Clients do not reach one node.", 6, 6000, 0.34),
    ("lossy-link", "A link has 100 ms of delay and stalls now and then.", 8, 300, 0.34),
    ("hung-disk", "Syncs of one node do not come back.", 8, 3800, 0.34),
    ("disk-full-one", "One node's disk is full.", 6, 300, 0.34),
    ("disk-full-all", "All disks are full, then are not.", 5, 5200, 1.0),
    ("sync-fails-once", "One sync of one node fails.", 5, 450, 0.34),
    ("sync-fails", "Each sync of one node fails from now on.", 6, 480, 0.34),
    ("short-writes", "Each second write of one node is cut in half.", 6, 30, 0.1),
    ("bit-rot", "A bit of a closed segment is turned.", 5, 200, 0.1),
    ("lost-directory", "A node's directory is gone.", 5, 120, 0.34),
    ("clock-jump", "A node's clock jumps by an hour and by ten years.", 5, 15, 0.05),
    ("clock-drift", "A node's clock runs fast.", 5, 12, 0.05),
    ("descriptors", "A node has no descriptors left.", 6, 800, 0.34),
    ("idle-flood", "Thousands of connections that say nothing, and some that say little.", 6, 50, 0.2),
    ("topics-churn", "Topics come and go while nodes are killed.", 6, 170, 0.34),
    ("random", "A seeded mix of all of these.", 5, 700, 0.34),
]
# Scenarios; rounds of the first, of the second, of all others.
SIZES = {"nightly": (CATALOGUE, (500, 200, 30)), "nightly-short": (CATALOGUE[:8], (100, 30, 30))}
SLOWER = {"skiff": 1.0, "kafka": 9.0, "kafka-matched": 4.0}
MEANT = {"kafka": "in the page cache of every in-sync replica, one at least"}
VERSIONS = {"skiff": "0.1", "kafka": "4.3.1", "kafka-matched": "4.3.1"}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def statistics_of(values):
    values = [round(value, 1) for value in values]
    return {"n": len(values), "p50_ms": percentile(values, 0.5), "p90_ms": percentile(values, 0.9),
            "p99_ms": percentile(values, 0.99) if len(values) >= 100 else None, "max_ms": max(values),
            "values_ms": values}


class Run:
    """One invented scenario: rounds of baseline, fault and recovery."""

    def __init__(self, chance, entry, rounds, slower):
        self.chance, self.rounds = chance, rounds
        self.name, self.about, self.seconds, gap_ms, self.share = entry
        self.gap_ms = gap_ms * slower
        profiles = ["stock", "tuned", "fresh"] + (["tuned (not led)"] if "controller" in self.name else [])
        self.outages, self.faults, self.gaps = [], [], {profile: [] for profile in profiles}
        self.worst = (0, None)
        at = START_NS + 4 * SECOND
        for number in range(1, rounds + 1):
            at = self.add_round(number, at)
        self.end_ns = at

    def add_round(self, number, at):
        gap = self.gap_ms * self.chance.lognormvariate(0, 0.35)
        seen = {"fresh": gap, "tuned": gap * 1.1 + 6, "stock": gap * 1.2 + self.chance.choice((15, 100, 240))}
        seen["tuned (not led)"] = gap * 0.3
        for profile, values in self.gaps.items():
            values.append(seen[profile])
        hit = self.chance.sample(range(PARTITIONS), max(1, round(PARTITIONS * self.share)))
        begin = at + int(self.chance.uniform(0, 0.05) * SECOND)
        for partition in hit:
            length = int(gap * self.chance.uniform(0.75, 1.0) * 1e6)
            self.outages.append((partition, begin, begin + length))
        if seen["tuned"] > self.worst[0]:
            self.worst = (seen["tuned"], {"fault": number, "partition": hit[0], "from_ns": begin})
        end = at + self.seconds * SECOND
        self.faults.append({"id": number, "name": self.name, "detail": f"node {number % 3 + 1}", "begin_ns": at,
                            "end_ns": end,
                            "confirmed": True, "how": "the process was gone, it had led 10 partitions",
                            "in_flight": self.chance.randint(3, 60)})
        return int(max(end, at + gap * 1e6) + 5 * SECOND)

    def timeline(self, begin, end, bucket_ns, label=""):
        """Acknowledgements in buckets: steady, none in an outage, and what waited at its end."""
        size = max(1, (end - begin) // bucket_ns)
        usual = RATE / PARTITIONS * bucket_ns / SECOND
        shares = [[1.0] * size for _ in range(PARTITIONS)]  # Of each bucket, how much of it the partition was served.
        for partition, first, last in self.outages:
            for bucket in range(max(0, (first - begin) // bucket_ns), min(size, (last - begin) // bucket_ns + 1)):
                at = begin + bucket * bucket_ns
                shares[partition][bucket] -= max(0, min(last, at + bucket_ns) - max(first, at)) / bucket_ns
        rows = []
        for partition in range(PARTITIONS):
            row, owed = [], 0.0
            for share in shares[partition]:
                owed += usual * (0.7 + 0.6 * self.chance.random())
                sent = int(min(owed, usual * 6) * max(0.0, share))
                row.append(sent)
                owed = min(owed - sent, usual * 60)
            rows.append(row)
        return {"bucket_ns": bucket_ns, "from_ns": begin, "partitions": rows, **({"label": label} if label else {})}

    def timelines(self):
        span = self.end_ns - START_NS
        bucket = max(BUCKET_NS, math.ceil(span / BUCKETS_MAX / BUCKET_NS) * BUCKET_NS)
        whole = self.timeline(START_NS, self.end_ns, bucket)
        if self.rounds < 10:
            return whole
        first = self.worst[1]["from_ns"] - 5 * SECOND
        return [whole, self.timeline(first, first + 20 * SECOND, 2 * BUCKET_NS, "The round with the longest gap.")]

    def json(self):
        acked = int((self.end_ns - START_NS) / SECOND * RATE)
        gaps = {profile: statistics_of(values) for profile, values in self.gaps.items()}
        gaps["tuned"]["worst"] = self.worst[1]
        unknown = self.chance.randint(0, 4 * self.rounds)
        latency = {"n": acked // 2, "p50_ms": 2.4, "p99_ms": round(min(900, self.gap_ms * 0.8), 1),
                   "max_ms": gaps["stock"]["max_ms"]}
        return {"name": self.name, "about": self.about, "verdict": "PASS", "why": "", "rounds": self.rounds,
                "acked": acked,
                "failed": 0, "unknown": unknown, "unknown_found": unknown // 4, "lost": 0, "duplicated": 0,
                "reordered": 0,
                "other": {"lost_acks1": 7 if self.name.startswith("power-loss") else 0}, "witness": [],
                "faults": self.faults, "gaps": gaps, "seconds": (self.end_ns - START_NS) / SECOND,
                "gaps_of_host": 1, "first_ack": statistics_of([value * 0.9 for value in self.gaps["fresh"]]),
                "full_isr": statistics_of([800 + value * 2 for value in self.gaps["fresh"]]),
                "latency": {"stock": latency, "tuned": latency},
                "latency_steady": {"tuned": {"n": acked // 2, "p50_ms": 1.9, "p99_ms": 8.4, "max_ms": 31.0}},
                "timeline": self.timelines(),
                "stalls": [[START_NS + 2 * SECOND, START_NS + 2 * SECOND + 180_000_000]],
                "replicas": {"compared": acked // 3, "differ": 0, "witness": []}, "history": []}


def line_of(report):
    scenarios, engine = report["scenarios"], report["engine"]
    faults = [fault for scenario in scenarios for fault in scenario["faults"]]
    total = {name: sum(scenario[name] for scenario in scenarios)
             for name in ("acked", "lost", "duplicated", "reordered", "unknown", "unknown_found")}
    longest, where = max((scenario["gaps"]["tuned"]["max_ms"], scenario["name"]) for scenario in scenarios
                         if scenario["gaps"])
    return (f"{report['verdict']} {engine['name']} {engine['version']} fsync=on: "
            f"{sum(f['confirmed'] for f in faults)}/{len(faults)} "
            f"faults confirmed, {total['acked']:,} acked, {total['lost']} lost, {total['duplicated']} duplicated, "
            f"{total['reordered']} reordered, {total['unknown']} unknown ({total['unknown_found']} found); longest gap "
            f"{longest / 1000:.2f} s ({where})")


def spoil(report, kind):
    """Turns a good report into one of another verdict."""
    scenario = report["scenarios"][0]
    if kind == "broken":
        scenario.update(verdict="FAIL", lost=2,
                        why="lost (acks=all): 2 acknowledged records are not in the final read\n"
                            "inconsistent_offsets (acks=all): offset 88123 has two values",
                        other={"inconsistent_offsets": 1, "lost_acks1": 3},
                        witness=["w-1.txt:20114: w 3 1841 7 81010131000000",
                                 "w-1.txt:20150: a 3 1841 88123 81010133120000",
                                 "final.txt:88120: r 90 7 88122 3 1840 81190020000000",
                                 "final.txt:88121: r 90 7 88123 3 1842 81190020000000"])
        scenario["history"] = ["kill-leader/w-1.txt", "kill-leader/final.txt"]
        limit = {"expression": "gap.max>2s", "value": "4.8 s", "text": "gap.max>2s: it was 4.8 s"}
        report.update(verdict="FAIL", failed_if=[limit])
    elif kind == "unsure":
        scenario.update(name="cut-from-controller", verdict="INCONCLUSIVE",
                        why="fault 2 was not seen to happen: the victim led nothing")
        scenario["faults"][1].update(confirmed=False, how="the victim led nothing")
        report.update(verdict="INCONCLUSIVE", skipped=["random"], errors=["bit-rot: could not be run: no room"])
    elif kind == "void":
        report["verdict"] = "VOID"
        report["control"].update(violated=False, classes={}, text="All 30 partitions were complete.")
    elif kind == "watch":
        scenario.update(name="watch", about="A cluster of somebody's own.", faults=[], replicas={}, full_isr=None)
        report["control"] = None
        report["scenarios"] = [scenario]


def sample(kind="quick", seed=1, engine="skiff"):
    """A report of this kind; the same seed gives the same report."""
    chance = random.Random(f"{seed} {engine}")
    entries, rounds = SIZES.get(kind, (CATALOGUE[:6], (4, 4, 4)))
    scenarios = [Run(chance, entry, rounds[min(index, 2)], SLOWER.get(engine, 1.0)).json()
                 for index, entry in enumerate(entries)]
    rounds = sum(scenario["rounds"] for scenario in scenarios)
    report = {"title": f"an invented {kind} run of {engine}, nothing of it was measured", "verdict": "PASS", "line": "",
              "engine": {"name": engine, "version": VERSIONS.get(engine, "1"), "settings": ["flush.messages=1"]},
              "profile": {"nodes": 3, "partitions": PARTITIONS, "rf": 3, "min_isr": 2, "fsync": engine != "kafka",
                          "ack_means": MEANT.get(engine, "synced on every in-sync replica, two of three at least")},
              "machine": {"processors": 2, "model": "an invented processor", "memory_mb": 24000, "kernel": "6.1",
                          "filesystem": "ext4"},
              "command": f"tools/chaos --{kind} --engine {engine} --seed {seed}", "seed": seed,
              "started": "2026-11-21 18:00:00",
              "seconds": sum(scenario["seconds"] for scenario in scenarios),
              "control": {"name": "page-cache", "violated": True, "classes": {"lost": 812},
                          "text": "Acknowledged from the page cache, then power lost on all."},
              "scenarios": scenarios, "bound95": 3 / rounds, "failed_if": [], "skipped": [], "errors": []}
    spoil(report, kind)
    report["line"] = line_of(report)
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", default="quick",
                        choices=["quick", "nightly", "nightly-short", "broken", "unsure", "void", "watch"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", default="skiff")
    options = parser.parse_args()
    json.dump(sample(options.kind, options.seed, options.engine), sys.stdout)


if __name__ == "__main__":
    main()
