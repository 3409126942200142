"""bench_rows.py -- one figure of tools/bench: its samples on both sides, and what is asked of it."""
import math
import statistics

PERCENTILE_RUNS_MIN = 100


def percentile(values, share):
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Row:
    """One figure. `skiff` and `kafka` are samples, taken in pairs where both are there.

    targets   {statistic: limit}; statistics are p50, p99 and max, a p99 of few samples is their
              maximum. `better` says whether a limit is the most or the least.
    race      whether it is measured against Apache Kafka, and being behind is a miss too.
    """

    def __init__(self, bench, name, unit, skiff, **more):
        self.bench, self.name, self.unit, self.skiff = bench, name, unit, skiff
        self.kafka = more.get("kafka")
        self.better = more.get("better", "less")
        self.targets = more.get("targets") or {}
        self.race = more.get("race", False)
        self.curves = more.get("curves")
        self.note = more.get("note", "")

    def statistic(self, name):
        if name == "p50":
            return statistics.median(self.skiff)
        if name == "p99" and len(self.skiff) >= PERCENTILE_RUNS_MIN:
            return percentile(self.skiff, 0.99)
        return max(self.skiff)

    def ratios(self):
        """How many times better than Kafka, pair by pair."""
        pairs = [(s, k) for s, k in zip(self.skiff, self.kafka or []) if s > 0 and k > 0]
        return [k / s if self.better == "less" else s / k for s, k in pairs]

    def misses(self):
        """What is asked for and not met, in words."""
        found = []
        for name, limit in self.targets.items():
            value = self.statistic(name)
            if value > limit if self.better == "less" else value < limit:
                found.append(f"{name} {number(value)}, {self.limit_text(limit)} is asked for")
        if self.race and self.ratios() and statistics.median(self.ratios()) < 1:
            found.append("behind Kafka")
        return found

    def limit_text(self, limit):
        return ("at most " if self.better == "less" else "at least ") + number(limit)

    def verdict(self):
        if not self.targets and not (self.race and self.ratios()):
            return ""
        return "MISSED" if self.misses() else "met"

    def target_text(self):
        sign = "<=" if self.better == "less" else ">="
        texts = [f"{'' if name == 'p50' else name + ' '}{sign} {number(limit)}"
                 for name, limit in self.targets.items()]
        return ", ".join(texts + ([">= Kafka"] if self.race and self.kafka else []))

    def cells(self):
        kafka = spread(self.kafka) if self.kafka else "skipped" if self.race else "-"
        ratios = self.ratios()
        return [f"{self.bench}: {self.name}", self.unit, str(len(self.skiff)), spread(self.skiff), kafka,
                spread(ratios) + " x" if ratios else "-", self.target_text(), self.verdict()]

    def json(self):
        return {"bench": self.bench, "name": self.name, "unit": self.unit, "better": self.better,
                "skiff": self.skiff, "kafka": self.kafka, "ratios": self.ratios(), "targets": self.targets,
                "race": self.race, "verdict": self.verdict(), "misses": self.misses(), "note": self.note,
                "curves": self.curves}


HEADS = ["figure", "unit", "n", "Skiff", "Apache Kafka", "times better", "target", ""]


def number(value):
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def spread(values):
    """The median, and the least and the greatest when they differ."""
    middle, least, most = (number(f(values)) for f in (statistics.median, min, max))
    return middle if least == most else f"{middle} ({least} to {most})"


def table(rows):
    """Lines of text."""
    lines = [HEADS] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def markdown(rows):
    lines = [HEADS] + [row.cells() for row in rows]
    shown = ["| " + " | ".join(line) + " |" for line in lines]
    return [shown[0], "|" + "---|" * len(HEADS)] + shown[1:]
