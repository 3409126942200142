#!/usr/bin/env python3
"""table.py -- docs/compatibility.md, made from what the last runs of the matrix wrote down (record.py).

    tests/clients/matrix/table.py             prints the page
    tests/clients/matrix/table.py --write     makes it docs/compatibility.md

Run `tests/clients/run --nightly matrix` before it, and the same with --engine kafka for the lines beside.
"""
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "chaos")]
from live import BUILD, ROOT  # noqa: E402

TOOL = "tool"  # Of one row, "works".
PAGE = os.path.join(ROOT, "docs", "compatibility.md")
# Row -> (the column's head, what passing it means).
COLUMNS = {
    "topics": ("topics", "it creates, describes and deletes a topic"),
    "codecs": ("codecs", "it writes with each codec that it has; the log holds batches of that codec, and all is read back"),
    "commit": ("commit", "what one process committed, another finds, and so does `skiff group`"),
    "seek": ("seek by time", "it finds the offset of a time between two batches, before all and after all"),
    "reset": ("reset", "a group goes back to the earliest offsets of a topic that was trimmed"),
    "survive": ("leader killed", "it writes while a leader dies of kill -9, and reads all that was acknowledged from the other two nodes; "
                "an idempotent producer's records once and in order"),
    "group": ("group", "three members of the classic protocol read what is being written; one is killed, one comes, the coordinator's node "
              "dies of kill -9; everything is read, and no confirmed offset is lost or goes back"),
    "group-consumer": ("group, KIP-848", "the same in the consumer protocol"),
}
NOT_TRIED = "Nothing is said here of clients that the registries at hand do not have: those for Ruby, PHP, Perl, .NET and Erlang, \
fs2-kafka, zio-kafka, Confluent's serializers for Java, and the tools kcl, kaf, kt, kafkactl, topicctl, Burrow, kminion and \
kafka_exporter."
MARKS = {"passed": "yes", "failed": "**no**", "lacks": "-", "refused": "refused", "skipped": "skipped"}


def read_all():
    """{(language, client, version): {engine: {row: (result, why)}}}, and of each engine its builds, dates and commands."""
    found, played = {}, {}
    for path in sorted(glob.glob(os.path.join(BUILD, "test-logs", "matrix", "*.json"))):
        with open(path, encoding="utf-8") as file:
            for line in map(json.loads, file):
                of_client = found.setdefault((line["language"], line["client"], line["version"]), {})
                of_client.setdefault(line["engine"], {})[line["row"]] = (line["result"], line["why"])
                about = played.setdefault(line["engine"], {"build": set(), "date": set(), "command": set()})
                for word in about:
                    about[word].add(line[word])
    return found, played


def lines_of_runs(played):
    """What was played, when and how, a line an engine."""
    yield "| | build | played on | by |"
    yield "|---|---|---|---|"
    for engine, about in sorted(played.items(), reverse=True):
        builds, dates = ", ".join(sorted(about["build"])), sorted({min(about["date"]), max(about["date"])})
        commands = ", ".join(f"`{command}`" for command in sorted(about["command"]))
        yield f"| {engine} | {builds} | {' to '.join(dates)} | {commands} |"


class Notes:
    """Reasons, each told once beneath the table."""

    def __init__(self):
        self.numbers = {}

    def mark(self, result, why):
        if not why:
            return MARKS[result]
        return f"{MARKS[result]} [{self.numbers.setdefault(why, len(self.numbers) + 1)}]"

    def lines(self):
        return [f"{number}. {why.rstrip('; ')}" for why, number in self.numbers.items()]


def in_order(found):
    """By name, in each language's turn."""
    return sorted(found.items(), key=lambda item: [word.lower() for word in item[0]])


def lines_of_tools(found, notes):
    titles = sorted({engine for engines in found.values() for engine in engines}, reverse=True)
    yield "| program | " + " | ".join(titles) + " |"
    yield "|---" * (len(titles) + 1) + "|"
    for (_, name, version), engines in in_order(found):
        cells = [notes.mark(*engines[title]["works"]) if title in engines else "" for title in titles]
        yield f"| {name} {version} | " + " | ".join(cells) + " |"


def rows_of(found, notes):
    columns = [row for row in COLUMNS if any(row in rows for engines in found.values() for rows in engines.values())]
    yield "| client | | " + " | ".join(COLUMNS[row][0] for row in columns) + " |"
    yield "|---" * (len(columns) + 2) + "|"
    for (language, client, version), engines in in_order(found):
        for place, (engine, rows) in enumerate(sorted(engines.items(), reverse=True)):
            name = f"{client} {version}, {language}" if place == 0 else ""
            cells = [notes.mark(*rows[row]) if row in rows else "" for row in columns]
            yield f"| {name} | {engine} | " + " | ".join(cells) + " |"


def page(found, played):
    notes = Notes()
    clients = {key: engines for key, engines in found.items() if key[0] != TOOL}
    tools = {key: engines for key, engines in found.items() if key[0] == TOOL}
    lines = ["# Compatibility", "",
             "Which client, at which version, passed which row against three nodes of Skiff, and beside it against three nodes of",
             "Apache Kafka. `tests/clients/matrix/table.py` made this page from what the runs wrote down; edit neither it nor its numbers.", "",
             *lines_of_runs(played), "",
             "`yes`: a test saw it. `-`: the client has no such thing. `refused`: the broker has no more what the client asks for, as the",
             "test saw. `skipped`: the machine that ran it has not the client or its tool chain. An empty cell was not played. Rows are played",
             "by `tests/clients/matrix/rows.py`; what Kafka is set to beside its defaults is in `kafka_cluster.py`.", "",
             *rows_of(clients, notes), "", "What a column says:", "",
             *(f"- **{head}**: {meaning}." for head, meaning in COLUMNS.values()), "",
             "## Kafka's own programs", "",
             "Each was asked what it is for (`tests/clients/matrix/tools.py`), and `skiff` said the same as it.", "",
             *lines_of_tools(tools, notes), "", "## Not tried", "", NOT_TRIED, ""]
    return "\n".join(lines + (["Notes:", "", *notes.lines(), ""] if notes.numbers else []))


def main():
    found, played = read_all()
    if not found:
        sys.exit("nothing was played yet: tests/clients/run matrix")
    if "--write" in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page(found, played))
        print(PAGE)
    else:
        print(page(found, played), end="")


if __name__ == "__main__":
    main()
