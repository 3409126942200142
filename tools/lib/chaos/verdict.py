"""verdict.py -- from what the checker and the supervisor saw to numbers, and from numbers to a verdict.

    FAIL          a promise was broken: a violation, replicas that differ or lack what was read, no coming back, a node
                  that ended by itself; or a --fail-if came true
    VOID          the control lost nothing: this run could not have seen a loss
    INCONCLUSIVE  something that the verdict rests on was not seen: a fault, operations in flight, a log's end
    PASS          none of these

A round in which a fault was not seen while the host stood still does not count, as long as the scenario has
another one that does.
"""
from report_model import NO_VIOLATIONS
from side_topics import GROUPS, KEYS, VIOLATIONS
from workloads import INCONCLUSIVE as CODE_INCONCLUSIVE
from workloads import VIOLATION

PASS, FAIL, INCONCLUSIVE, VOID = "PASS", "FAIL", "INCONCLUSIVE", "VOID"
EXIT_CODES = {PASS: 0, FAIL: 11, INCONCLUSIVE: 12, VOID: 12}
P99_FROM = 100
COUNTS = ("acked", "failed", "unknown", "unknown_found", "lost", "duplicated", "reordered")
ELSEWHERE = "tuned (not led)"  # Gaps of partitions that the victim did not lead.
STALLED_NS = 500_000_000  # So long the host stands still in a round that need not count.
WATCHERS = 2  # Clients that have to see it: one alone may have been stopped itself.
GIVEN_UP_MOST = 3  # Producers of a scenario that may end by a defect that only their library is said to have.


def percentile(ordered, percent):
    """By nearest rank; `ordered` has at least one value."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def distribution(values):
    """n, percentiles and the values; p99 only where a hundred values carry it."""
    ordered = sorted(values)
    if not ordered:
        return {"n": 0, "p50_ms": None, "p90_ms": None, "p99_ms": None, "max_ms": None, "values_ms": []}
    return {"n": len(ordered), "p50_ms": round(percentile(ordered, 50), 3), "p90_ms": round(percentile(ordered, 90), 3),
            "p99_ms": round(percentile(ordered, 99), 3) if len(ordered) >= P99_FROM else None,
            "max_ms": round(ordered[-1], 3), "values_ms": [round(value, 3) for value in values]}


def bound95(losses, rounds):
    """The share of rounds that may lose something, at 95 %, when none of n did: the rule of three."""
    return round(3 / rounds, 5) if rounds > 3 and not losses else None


def bound_text(scenarios):
    """What "0 lost" proves of each scenario; rounds of different faults do not add up."""
    shares = [f"{100 * one['bound95']:.2g} % of rounds of {one['name']} "
              f"(n={sum(fault['confirmed'] for fault in one['faults'])})" for one in scenarios if one.get("bound95")]
    if not shares or any(one["lost"] for one in scenarios):
        return None
    return f"0 lost: with 95 % confidence fewer than {', '.join(shares)} lose anything (rule of three)."


def worst_gaps(found, faults):
    """{(profile, fault): the longest gap of all partitions}, without the host's; and how many those are."""
    elsewhere = {str(fault["id"]): set(fault.get("elsewhere", ())) for fault in faults}
    worst = {}
    for gap in found.get("gaps", ()):
        if gap.get("fault") is None or gap.get("partition") is None or gap["partition"] < 0:
            continue
        keys = [(gap["profile"], gap["fault"])]
        if gap["profile"] == "tuned" and gap["partition"] in elsewhere.get(gap["fault"], ()):
            keys.append((ELSEWHERE, gap["fault"]))
        for key in keys:
            if key not in worst or gap["gap_ns"] > worst[key]["gap_ns"]:
                worst[key] = gap
    own = {key: gap for key, gap in worst.items() if not gap.get("host")}
    return own, len(worst) - len(own)


def stalled_ns(stalls, fault):
    """How long the host stood still from a fault's begin to its end: only what two clients saw is the host's."""
    edges = sorted(edge for begun, ended in stalls if begun < ended for edge in ((begun, 1), (ended, -1)))
    total, watchers, reached = 0, 0, 0
    for at, change in edges:
        if watchers >= WATCHERS:
            total += max(0, min(at, fault["end_ns"]) - max(reached, fault["begin_ns"]))
        watchers, reached = watchers + change, at
    return total


def of_topic(name, text):
    return f"{name}: {text}" if name in (GROUPS, KEYS) else text


class Scenario:
    """All legs of one scenario, added up."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.counts = dict.fromkeys(COUNTS, 0)
        self.other, self.faults, self.gaps = {}, [], {}
        self.full_isr, self.first_ack, self.latency, self.latency_steady = [], [], {}, {}
        self.timelines, self.stalls, self.witness, self.history = [], [], [], []
        self.replicas = {"compared": 0, "differ": 0, "missing": 0, "behind": 0, "witness": []}
        self.broken, self.doubts, self.notes = [], [], []
        self.uncounted, self.given_up = [], 0  # Rounds that the host spoiled; producers that were replaced.
        self.seconds, self.of_host, self.worst_ns = 0.0, 0, 0

    def add(self, leg):
        first = len(self.faults)
        found = leg.checked.found
        for name in COUNTS:
            self.counts[name] += found.get(name) or 0
        self.add_other(found, leg)
        self.add_latency(found)
        spoiled = [fault["id"] for fault in leg.faults
                   if not fault["confirmed"] and stalled_ns(found.get("stalls", ()), fault) >= STALLED_NS]
        self.faults += [{key: value for key, value in fault.items() if key not in ("elsewhere", "victims")}
                        | {"id": first + fault["id"], "counts": fault["id"] not in spoiled} for fault in leg.faults]
        self.add_gaps(found, leg, first)
        self.full_isr += leg.full_isr_ms
        self.first_ack += leg.first_ack_ms
        self.stalls += found.get("stalls", [])
        self.add_timeline(found, leg)
        self.add_replicas(leg.replicas)
        self.add_replicas(leg.replicas_groups)
        self.seconds += leg.seconds
        self.judge(leg, first)

    def add_other(self, found, leg):
        allowed = {name: found[name] for name in NO_VIOLATIONS[1:] if found.get(name)}
        for name, count in {**found.get("other", {}), **allowed}.items():
            self.other[name] = self.other.get(name, 0) + count
        for _, checked in leg.checked_side:
            for name in VIOLATIONS:
                self.counts[name] += checked.found.get(name) or 0
            for name, count in checked.found.get("other", {}).items():
                self.other[name] = self.other.get(name, 0) + count
        if leg.checked_1:
            lost = leg.checked_1.found.get("lost_acks1", leg.checked_1.found.get("other", {}).get("lost_acks1", 0))
            self.other["lost_acks1"] = self.other.get("lost_acks1", 0) + lost

    def add_gaps(self, found, leg, first):
        faults = leg.faults if self.scenario.shows_elsewhere else ()
        worst, of_host = worst_gaps(found, faults)
        self.of_host += of_host
        counted = {fault["id"] for fault in self.faults if fault["counts"]}
        for (profile, fault), gap in sorted(worst.items()):
            if first + int(fault) in counted or not self.scenario.has_faults:
                self.gaps.setdefault(profile, []).append({
                    **gap, "fault": first + int(fault), "at_least": (profile, int(fault)) in leg.cut_off})

    def add_latency(self, found):
        for entry in found.get("latency", ()):
            table = self.latency_steady if entry.get("fault") is None else self.latency
            table.setdefault(entry["profile"], []).append(entry)

    def add_timeline(self, found, leg):
        """The first cluster's whole, and the finest look at the worst round of all."""
        if found.get("timeline") and not self.timelines:
            self.timelines.append({"label": "the first cluster's rounds", **found["timeline"]})
        if leg.window and leg.window["gap_ns"] > self.worst_ns:
            self.worst_ns = leg.window["gap_ns"]
            self.timelines[1:] = [leg.window]

    def add_replicas(self, found):
        found = found or {}
        for name in ("compared", "differ"):
            self.replicas[name] += found.get(name, 0)
        for name in ("missing", "behind"):
            self.replicas[name] += len(unexcused(found, name))
        self.replicas["witness"] += found.get("witness", [])

    def judge(self, leg, first):
        side = [(checked, name) for name, checked in leg.checked_side]
        for checked, of in ((leg.checked, "acks=all"), (leg.checked_1, "acks=1"), *side):
            if checked is None:
                continue
            for violation in checked.found.get("violations", ()):
                self.broken.append(f"{violation['class']} ({of}): {violation['text']}")
                self.witness += violation.get("witness", [])
            if checked.code == VIOLATION and not checked.found.get("violations"):
                self.broken.append(f"the checker found a violation ({of}): {checked.text}")
            if checked.code == CODE_INCONCLUSIVE:
                self.doubts.append(of_topic(of, "; ".join(checked.found.get("inconclusive", ())) or checked.text))
        for found, topic in ((leg.replicas, "acks=all"), (leg.replicas_1, "acks=1"), (leg.replicas_groups, GROUPS)):
            self.judge_replicas(found, topic)
        self.broken += leg.wrong
        self.doubts += leg.doubts
        self.notes += leg.notes + [f"round {first + number + 1}: 30 s after the heal the client {kind!r} had not every "
                                   "partition acknowledged: its gap is at least as long as it is told"
                                   for kind, number in sorted(leg.cut_off)]
        self.given_up += leg.given_up
        self.judge_faults(leg, first)
        if not leg.checked.found.get("acked"):
            self.doubts.append("nothing was acknowledged")

    def judge_faults(self, leg, first):
        for fault in leg.faults:
            if not fault["confirmed"]:
                is_spoiled = not self.faults[first + fault["id"]]["counts"]
                (self.uncounted if is_spoiled else self.doubts).append(
                    f"round {first + fault['id'] + 1} was not confirmed: {fault['how']}; "
                    f"{fault['in_flight']} operations in flight" + ("; the host stood still" if is_spoiled else ""))
        if not leg.faults and self.scenario.has_faults:
            self.doubts.append("no fault was injected")

    def judge_replicas(self, found, topic):
        """A copy that lacks what was read, or is not there, is not the same: one leader's view would hide it."""
        if found is None:
            return
        if found.get("differ"):
            self.broken.append(f"{found['differ']} replicas differ below the high watermark ({topic})")
            self.witness += found.get("witness", [])
        for name, what in (("missing", "is not there"), ("behind", "ends before the end that was read")):
            copies = unexcused(found, name)
            if copies:
                where = f"partition {copies[0]['partition']} in {copies[0]['dir']}"
                more = f" and {len(copies) - 1} more" if len(copies) > 1 else ""
                self.broken.append(f"a replica {what} ({topic}): {where}{more}")
        if not found.get("compared"):
            self.doubts.append(f"no batch of two replicas was compared ({topic})")

    def all_doubts(self):
        """Also those that stand only when nothing else counts."""
        found = list(self.doubts)
        if self.uncounted and not any(fault["confirmed"] for fault in self.faults):
            found += self.uncounted
        if self.given_up > GIVEN_UP_MOST:
            found.append(f"{self.given_up} producers were ended by OUT_OF_ORDER_SEQUENCE_NUMBER: librdkafka before 2.3 "
                         "does that by itself, but so would a broker that forgets its producers")
        return found

    def all_notes(self):
        found = self.notes + [f"does not count: {text}" for text in self.uncounted]
        if self.given_up:
            found.append(f"{self.given_up} producers were ended by a defect of librdkafka and replaced")
        return found

    def verdict(self):
        return FAIL if self.broken else INCONCLUSIVE if self.all_doubts() else PASS

    def confirmed_rounds(self):
        return sum(fault["confirmed"] for fault in self.faults)

    def gap_table(self):
        table = {}
        for profile, gaps in self.gaps.items():
            longest = max(gaps, key=lambda gap: gap["gap_ns"])
            table[profile] = {**distribution([gap["gap_ns"] / 1e6 for gap in gaps]),
                              "at_least": sum(gap["at_least"] for gap in gaps),
                              "worst": {key: longest[key] for key in ("fault", "partition", "from_ns")}}
        return table

    def json(self):
        return {"name": self.scenario.name, "about": self.scenario.about, "verdict": self.verdict(),
                "why": "\n".join(self.broken + self.all_doubts()), "rounds": len(self.faults), **self.counts,
                "other": self.other, "notes": self.all_notes(), "given_up": self.given_up,
                "witness": self.witness[:40], "faults": self.faults, "gaps": self.gap_table(),
                "gaps_of_host": self.of_host, "full_isr": distribution(self.full_isr),
                "first_ack": distribution(self.first_ack), "latency": joined(self.latency),
                "latency_steady": joined(self.latency_steady), "timeline": self.timelines, "stalls": self.stalls,
                "replicas": self.replicas, "history": self.history, "seconds": round(self.seconds, 1),
                "bound95": bound95(self.counts["lost"], self.confirmed_rounds())}


def unexcused(found, name):
    """Copies that are missing or behind, and for which no fault of ours is the reason."""
    return [copy for copy in found.get(name) or () if not copy.get("may_miss")]


def joined(table):
    """{profile: latency} of several faults: the median of medians and the worst of the rest, n added up."""
    found = {}
    for profile, entries in table.items():
        entries = [one for one in entries if one.get("n")]
        if entries:
            found[profile] = {"n": sum(one["n"] for one in entries),
                              "p50_ms": round(percentile(sorted(one["p50_ns"] for one in entries), 50) / 1e6, 3),
                              "p99_ms": round(max(one["p99_ns"] for one in entries) / 1e6, 3),
                              "max_ms": round(max(one["max_ns"] for one in entries) / 1e6, 3)}
    return found


def overall(scenarios, control, failed_if):
    """The verdict of a run. `failed_if`: those that came true, and those that could not be measured."""
    verdicts = [scenario["verdict"] for scenario in scenarios]
    if FAIL in verdicts or any(one["failed"] for one in failed_if):
        return FAIL
    if control is not None and not control["violated"]:
        return VOID
    if INCONCLUSIVE in verdicts or not scenarios or failed_if:
        return INCONCLUSIVE
    return PASS


def totals(scenarios):
    found = {name: sum(scenario[name] for scenario in scenarios) for name in COUNTS}
    faults = [fault for scenario in scenarios for fault in scenario["faults"]]
    return {**found, "faults": len(faults), "confirmed": sum(fault["confirmed"] for fault in faults),
            "spoiled": sum(not fault.get("counts", True) for fault in faults)}


def longest_gap(scenarios):
    """(seconds, scenario, n) of the longest gap that tuned clients saw, or None."""
    found = [(scenario["gaps"]["tuned"]["max_ms"] / 1e3, scenario["name"], scenario["gaps"]["tuned"]["n"])
             for scenario in scenarios if scenario["gaps"].get("tuned", {}).get("n")]
    return max(found, default=None)


def last_line(verdict, version, ack, scenarios, planned=None):
    """The one line that says all. `planned`: how many scenarios there were to play."""
    total = totals(scenarios)
    others = {}
    for scenario in scenarios:
        for name, count in scenario["other"].items():
            if count and name not in NO_VIOLATIONS:
                others[name] = others.get(name, 0) + count
    more = "".join(f"{count:,} {name.replace('_', ' ')}, " for name, count in sorted(others.items()))
    spoiled = f" ({total['spoiled']} spoiled by the host and played again)" if total["spoiled"] else ""
    faults = f"{total['confirmed']}/{total['faults']} faults confirmed{spoiled}, " if total["faults"] else ""
    faults += f"{len(scenarios)} of {planned} scenarios, " if planned else ""
    text = (f"{verdict} {version} {ack}: {faults}{total['acked']:,} acked, "
            f"{total['lost']:,} lost, {total['duplicated']:,} duplicated, {total['reordered']:,} reordered, {more}"
            f"{total['unknown']:,} unknown ({total['unknown_found']:,} found)")
    gap = longest_gap(scenarios)
    return text + (f"; longest gap {gap[0]:.2f} s ({gap[1]}, n={gap[2]})" if gap else "")
