"""fail_if.py -- bounds of the user's: --fail-if 'gap.max>2s' makes a run FAIL when it comes true.

    [SCENARIO.][PROFILE.]NUMBER OP VALUE      OP: > >= < <=      VALUE: 2s, 500ms, 3

    gap.p50 gap.p90 gap.p99 gap.max               longest time without an acknowledgement, of each fault
    full_isr.p50 ... full_isr.max                 from healing until every replica was in sync
    first_ack.p50 ... first_ack.max               from healing to the first acknowledgement
    latency.p50 latency.p99 latency.max           of acknowledged writes during faults
    acked failed unknown unknown_found lost duplicated reordered lost_acks1 ...        counts

Without SCENARIO it holds for each of the run. PROFILE is tuned (when it is not said), stock, fresh, probe,
probe-stock, metadata, commit, java, franz or not-led: tuned clients, partitions that the victim did not lead. A number
that was not measured, as a p99 of fewer than a hundred faults, makes the run INCONCLUSIVE.
"""
import operator
import re

from programs import Refused

OPERATORS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
SHAPE = re.compile(r"^\s*([\w.-]+)\s*(>=|<=|>|<)\s*([0-9.]+)\s*(ms|s|)\s*$")
PROFILES = {**{name: name for name in ("tuned", "stock", "fresh", "probe", "probe-stock", "metadata", "commit",
                                       "java", "franz")},
            "not-led": "tuned (not led)"}  # What is typed, and what the report calls it.
DISTRIBUTIONS = {"gap": "gaps", "full_isr": "full_isr", "first_ack": "first_ack", "latency": "latency"}
WHICH = ("p50", "p90", "p99", "max")
COUNTS = ("acked", "failed", "unknown", "unknown_found", "lost", "duplicated", "reordered", "unseen",
          "inconsistent_offsets", "never_written", "aborted_read", "poll_skip", "nonmonotonic_poll",
          "nonmonotonic_send", "beyond_watermark", "dirty_read", "lost_commit", "lost_key", "undelivered", "two_owners",
          "lost_acks1", "corrupt", "repeated", "disordered", "watermark_dips", "rounds")


class Bound:
    def __init__(self, text, scenario_names):
        match = SHAPE.match(text)
        if not match:
            raise Refused(f"--fail-if {text!r}: it is written like 'gap.max>2s' or 'kill-leader.stock.gap.p50>=300ms'")
        words = match[1].split(".")
        self.text, self.operator = text, OPERATORS[match[2]]
        self.scenario = words.pop(0) if words[0] in scenario_names else None
        self.profile = PROFILES[words.pop(0)] if words and words[0] in PROFILES else "tuned"
        self.words = words
        self.is_time = bool(words) and words[0] in DISTRIBUTIONS
        if not self.is_sound():
            raise Refused(f"--fail-if {text!r}: there is no number {match[1]!r}")
        if self.is_time != bool(match[4]):
            raise Refused(f"--fail-if {text!r}: {'a time needs s or ms' if self.is_time else 'a count has no unit'}")
        try:
            self.value = float(match[3]) * (1000 if match[4] == "s" else 1)
        except ValueError as error:
            raise Refused(f"--fail-if {text!r}: {match[3]!r} is no number") from error

    def is_sound(self):
        if self.is_time:
            allowed = WHICH if self.words[0] != "latency" else ("p50", "p99", "max")
            return len(self.words) == 2 and self.words[1] in allowed
        return len(self.words) == 1 and self.words[0] in COUNTS

    def number(self, scenario):
        """What the scenario's report says; None: it was not measured."""
        if not self.is_time:
            return scenario.get(self.words[0], scenario.get("other", {}).get(self.words[0], 0))
        table = scenario.get(DISTRIBUTIONS[self.words[0]], {})
        if self.words[0] in ("gap", "latency"):
            table = table.get(self.profile, {})
        return table.get(f"{self.words[1]}_ms")

    def against(self, scenarios):
        """[{"expression", "value", "text", "failed"}] of scenarios in which it came true or was not measured."""
        found = []
        asked = [one for one in scenarios if self.scenario in (None, one["name"])]
        if not asked:
            return [{"expression": self.text, "value": None, "failed": False,
                     "text": f"{self.text}: not part of this run"}]
        for scenario in asked:
            value = self.number(scenario)
            if value is None:
                found.append({"expression": self.text, "value": None, "failed": False,
                              "text": f"{self.text}: not measured in {scenario['name']} (n={scenario['rounds']})"})
            elif self.operator(value, self.value):
                shown = f"{value / 1000:.3f} s" if self.is_time else f"{value:,}"
                found.append({"expression": self.text, "value": value, "failed": True,
                              "text": f"{self.text}: {shown} in {scenario['name']}"})
        return found
