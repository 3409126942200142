"""report_model.py -- what report.json says, in the words and units in which it is shown.

The page, the text and the JUnit file all read a report through here, so that a number is called the
same and rounded the same wherever it stands. A field that is not there is shown as not measured: a
report of somebody else's engine, or of a run that was ended early, is still a report.
"""
import json
import math
import re

NONE = "\N{EN DASH}"
VERDICTS = {  # word: (mark, what it means)
    "PASS": ("\N{CHECK MARK}", "Every fault that counts was seen to happen, and nothing that was acknowledged is "
             "missing."),
    "FAIL": ("\N{BALLOT X}", "A promise was broken, or a limit was passed. The witnesses are below."),
    "INCONCLUSIVE": ("?", "Nothing was seen to break, but not all that should have happened was confirmed."),
    "VOID": ("\N{EMPTY SET}", "The control had to end in a violation and did not: no verdict of this run counts."),
}
PROFILES = {  # Clients whose view of an outage is told apart, in the order in which they are shown.
    "stock": "a client library as it comes",
    "tuned": "the same library, set up to notice a dead node soon",
    "tuned (not led)": "the tuned client, on partitions that the victim did not lead",
    "fresh": "a new connection for each probe: what the cluster alone takes",
    "probe": "the tuned client that writes little, to each partition in turn",
    "probe-stock": "the same as it comes",
    "java": "Kafka's own Java client",
    "franz": "franz-go",
    "metadata": "topics created and deleted",
    "commit": "an offset committed for a group: what its coordinator takes",
}
SYSTEMS = {"skiff": "Skiff", "kafka": "Apache Kafka, as it comes", "kafka-matched": "Apache Kafka, matched"}
# Beside the gaps of clients, times of the cluster that have the same statistics.
RECOVERIES = (("full_isr", "until all are in sync"), ("first_ack", "until the first write"))
# What neither a terminal nor XML 1.0 takes as text, not even escaped.
CONTROLS = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What the checker counts of clients that are not held to it.
NO_VIOLATIONS = ("lost_acks1", "repeated", "disordered", "watermark_dips")
COUNTS = ("acked", "lost", "duplicated", "reordered", "unknown", "unknown_found", "failed")


class ReportError(Exception):
    """The file cannot be shown as a report; the text says why."""


def load(path):
    """The report in a file. ReportError when it is not one."""
    try:
        with open(path, encoding="utf-8") as file:
            return Report(json.load(file), path)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path}: not JSON: {error}") from error


class Report:
    """A run: what was tested, on what, and what came of each scenario."""

    def __init__(self, raw, path="report"):
        for name, kind in (("verdict", str), ("line", str), ("engine", dict), ("scenarios", list)):
            if not isinstance(raw, dict) or not isinstance(raw.get(name), kind):
                raise ReportError(f"{path}: not a report of a chaos run: '{name}' is missing or of a wrong kind")
        self.raw, self.verdict, self.line = raw, raw["verdict"], raw["line"]
        if self.verdict not in VERDICTS:
            raise ReportError(f"{path}: no such verdict: {self.verdict}")
        self.scenarios = [Scenario(item, f"{path}: scenario {number}") for number, item in enumerate(raw["scenarios"])]

    def get(self, name, other=None):
        value = self.raw.get(name)
        return other if value is None else value

    @property
    def system(self):
        """The name of what was tested, as a column's head."""
        engine = self.raw["engine"]
        name = str(engine.get("name", "?"))
        return str(engine.get("title") or SYSTEMS.get(name, name))

    @property
    def system_and_version(self):
        engine = self.raw["engine"]
        version = str(engine.get("version") or "").strip()
        for name in (str(engine.get("name")), self.system, "Apache Kafka"):
            if version.lower().startswith(name.lower() + " "):
                version = version[len(name) + 1:]
        return f"{self.system} {version}".strip()

    def scenario(self, name):
        return next((scenario for scenario in self.scenarios if scenario.name == name), None)

    def total(self, name):
        totals = self.get("totals", {})
        return totals[name] if name in totals else sum(getattr(scenario, name, 0) for scenario in self.scenarios)

    def profile(self):
        """(name, value) of what was tested and what an acknowledgement meant."""
        profile = self.get("profile", {})
        parts = [f"{profile[key]} {word}" for key, word in (("nodes", "nodes"), ("partitions", "partitions"))
                 if profile.get(key) is not None]
        parts += [f"{word} {profile[key]}" for key, word in (("rf", "replication factor"), ("min_isr", "min ISR"))
                  if profile.get(key) is not None]
        rows = [("System", self.system_and_version), ("Cluster", ", ".join(parts)),
                ("fsync", word_of(profile.get("fsync"))), ("An ack meant", profile.get("ack_means", ""))]
        rows += [(key.replace("_", " ").capitalize(), f"{value} records a second" if key == "rate" else word_of(value))
                 for key, value in profile.items()
                 if key not in ("nodes", "partitions", "rf", "min_isr", "fsync", "ack_means")]
        rows += [("Settings", ", ".join(map(str, self.raw["engine"].get("settings") or [])))]
        return [(name, value) for name, value in rows if value not in ("", None)]

    def bound(self):
        """What "0 lost" proves, in a sentence; "" where something was lost or nothing is known."""
        bound = self.get("bound95")
        rounds = sum(scenario.rounds for scenario in self.scenarios)
        if isinstance(bound, str) or not bound or self.total("lost"):
            return bound if isinstance(bound, str) else ""
        share = bound.get("share", 0) if isinstance(bound, dict) else bound
        rounds = bound.get("rounds", rounds) if isinstance(bound, dict) else rounds
        return (f"0 lost in {count(rounds)} rounds: with 95 % confidence fewer than {100 * share:.2g} % of such "
                "rounds lose anything (rule of three).")

    def control(self):
        """(it ended as it must, sentence), or None for a run that had none."""
        control = self.get("control")
        if not control:
            return None
        found = ", ".join(f"{count(value)} {name}" for name, value in (control.get("classes") or {}).items() if value)
        name = control.get("name") or "control"
        head = "Control: " if name == "control" else f"Control ({name}): "
        text = sentence(control.get("text") or "")
        if control.get("violated"):
            return True, f"{head}it ended in a violation, as it must{': ' + found if found else ''}. {text}".strip()
        return False, f"{head}no violation was found where there had to be one. {text}".strip()

    def left_undone(self):
        """What the run did not come to, a sentence each."""
        skipped = self.get("skipped", [])
        lines = [f"Left out, no time was left: {', '.join(map(str, skipped))}."] if skipped else []
        return lines + [f"Went wrong: {error}" for error in self.get("errors", [])]

    def broken_limits(self):
        """The --fail-if expressions that came true, a line each."""
        lines = []
        for item in self.get("failed_if", []):
            if isinstance(item, dict):
                lines.append(item.get("text") or f"{item.get('expression', '?')} (it was {item.get('value', '?')})")
            else:
                lines.append(str(item))
        return lines


class Scenario:
    """One scenario of a run: its counts, its faults, what clients noticed."""

    def __init__(self, raw, where="scenario"):
        if not isinstance(raw, dict) or not raw.get("name"):
            raise ReportError(f"{where}: it has no name")
        self.raw, self.name = raw, str(raw["name"])
        self.verdict = raw.get("verdict") if raw.get("verdict") in VERDICTS else "INCONCLUSIVE"
        self.about, self.why = raw.get("about") or "", raw.get("why") or ""
        self.rounds = raw.get("rounds") or 0
        for name in COUNTS:
            setattr(self, name, raw.get(name) or 0)
        other = {"lost_acks1": raw.get("lost_acks1"), **(raw.get("other") or {})}
        self.lost_acks1 = other["lost_acks1"] or 0
        self.other = {name.replace("_", " "): value for name, value in other.items()
                      if value and name not in NO_VIOLATIONS}
        self.faults = [Fault(number, fault) for number, fault in enumerate(raw.get("faults") or [], 1)]
        self.witness = [str(line) for line in raw.get("witness") or []]
        self.stalls = [tuple(stall) for stall in raw.get("stalls") or []]
        self.replicas = raw.get("replicas") or {}
        self.replicas_bad = any(self.replicas.get(name) for name in ("differ", "missing", "behind"))
        self.notes = [str(note) for note in raw.get("notes") or []]
        self.gaps_of_host = raw.get("gaps_of_host") or 0
        self.history = raw.get("history") or []
        timelines = raw.get("timeline") or []
        self.timelines = [line for line in (timelines if isinstance(timelines, list) else [timelines])
                          if line.get("partitions") and line.get("bucket_ns")]

    @property
    def confirmed(self):
        return sum(1 for fault in self.faults if fault.confirmed)

    @property
    def spoiled(self):
        """Faults that were not confirmed in rounds in which the host stood still, and that were played again."""
        return sum(1 for fault in self.faults if fault.is_spoiled)

    def shortest_ns(self):
        """What a picture of this scenario should still show: half of the rounds have longer gaps."""
        found = [stats["p50_ms"] * 1e6 for profile, stats in self.gaps()
                 if profile != "metadata" and stats.get("p50_ms")]
        return min(found, default=None)

    def gaps(self):
        """[(profile, statistics)] in the order of PROFILES, others after them."""
        return in_order(self.raw.get("gaps") or {})

    def recoveries(self):
        """[(what it is, statistics)] of the cluster's own times."""
        return [(title, self.raw[key]) for key, title in RECOVERIES
                if isinstance(self.raw.get(key), dict) and self.raw[key].get("n")]

    def latency(self, profile, when="latency"):
        return (self.raw.get(when) or {}).get(profile) or {}

    def longest(self):
        """(milliseconds, profile) of the longest gap, as tuned clients saw it where there were any; or None."""
        found = {profile: stats["max_ms"] for profile, stats in self.gaps()
                 if profile != "metadata" and stats.get("max_ms") is not None}
        if "tuned" in found:
            return found["tuned"], "tuned"
        return max(((longest, profile) for profile, longest in found.items()), default=None)

    def worst(self):
        """Where the longest gap lies: {"from_ns", "ns", "partition", "profile"}, or None."""
        longest = self.longest()
        place = longest and dict(self.gaps())[longest[1]].get("worst")
        if not place or place.get("from_ns") is None:
            return None
        return {"from_ns": place["from_ns"], "ns": longest[0] * 1e6, "partition": place.get("partition"),
                "profile": longest[1]}

    def seconds(self):
        if self.raw.get("seconds") is not None:
            return self.raw["seconds"]
        spans = [len(line["partitions"][0]) * line["bucket_ns"] / 1e9 for line in self.timelines]
        return max(spans, default=0)


class Fault:
    """One fault that was brought about; `number` is how the page refers to it."""

    def __init__(self, number, raw):
        self.number, self.id = number, raw.get("id", number)
        self.name, self.detail = str(raw.get("name") or "fault"), str(raw.get("detail") or "")
        self.begin_ns, self.end_ns = raw.get("begin_ns") or 0, raw.get("end_ns")
        self.confirmed, self.how = bool(raw.get("confirmed")), str(raw.get("how") or "")
        self.in_flight = raw.get("in_flight")
        self.is_spoiled = not raw.get("counts", True)

    @property
    def text(self):
        return f"{self.name} {self.detail}".strip()

    def label(self, scenario):
        """The fault beside a scenario's name, which need not be said again."""
        return self.detail if self.detail and self.name == scenario.name else self.text


def sentence(text):
    """With a capital letter and a full stop."""
    text = str(text).strip()
    return text and text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def clean(text):
    """The text without control characters, whoever's bytes a witness holds."""
    return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(text))


def in_order(profiles):
    known = [name for name in PROFILES if name in profiles]
    return [(name, profiles[name] or {}) for name in known + sorted(set(profiles) - set(known))]


def machine_text(machine):
    """The machine in a line; names of fields are left out where the value speaks for itself."""
    if not isinstance(machine, dict):
        return machine
    shapes = {"processors": "{} processors", "model": "{}", "memory_mb": "{} MB", "system": "{}", "kernel": "Linux {}",
              "filesystem": "{}"}
    return ", ".join(shapes.get(name, name.replace("_", " ") + " {}").format(value)
                     for name, value in machine.items() if value not in ("", None, False) and name != "date")


def word_of(value):
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def count(value):
    return NONE if value is None else f"{value:,.0f}"


def counted(number, word):
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def duration(ms):
    """Three digits that count: 84 ms, 0.71 s, 12.3 s, 4 min 10 s."""
    if ms is None:
        return NONE
    if ms < 99.95:
        return f"{three(ms)} ms"
    if ms < 119_950:
        return f"{three(ms / 1000)} s"
    return f"{ms / 1000 // 60:.0f} min {ms / 1000 % 60:.0f} s"


def three(value):
    """At most three digits, and at most two after the point."""
    if value == 0:
        return "0"
    digits = min(2, max(0, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}"


def unknown_text(scenario):
    """Outcomes that nobody was told, and how many of these writes the final reads found."""
    if not scenario.unknown:
        return "0"
    return f"{count(scenario.unknown)} ({count(scenario.unknown_found)} found)"


def confirmed_text(scenario):
    return f"{scenario.confirmed}/{len(scenario.faults)}" if scenario.faults else NONE


def replicas_text(scenario):
    """Batches that are the same in all replicas, or how many copies are not."""
    bad = [f"{count(scenario.replicas[name])} {name}" for name in ("differ", "missing", "behind")
           if scenario.replicas.get(name)]
    compared = scenario.replicas.get("compared")
    return ", ".join(bad) or (count(compared) if compared else NONE)


def other_text(scenario):
    """Violations of the rarer classes."""
    return ", ".join(f"{count(value)} {name}" for name, value in sorted(scenario.other.items())) or "0"


def statistics(stats):
    """The cells n, p50, p90, p99 and longest; a p99 of few repetitions is not told."""
    return [count(stats.get("n")), *(duration(stats.get(key)) for key in ("p50_ms", "p90_ms", "p99_ms", "max_ms"))]
