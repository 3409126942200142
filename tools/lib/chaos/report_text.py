"""report_text.py -- a run for a terminal of 80 columns; the last line is the verdict's."""
import textwrap

from report_gaps import axis_of, samples
from report_model import NONE, clean, confirmed_text, count, duration, machine_text, other_text, replicas_text

WIDTH = 80
BAR = 16
WITNESS_MAX = 12
SHORTER = {"until all are in sync": "in sync", "until the first write": "first write"}


def text(reports):
    """The report as text, and what others found beside it; ends with the last line, whole."""
    report = reports[0]
    lines = [report.get("title") or f"chaos run of {report.system}", ""]
    rows = report.profile() + [("Machine", machine_text(report.get("machine"))), ("Command", report.get("command")),
                               ("Seed", report.get("seed"))]
    for name, value in rows:
        if value not in ("", None):
            lines += wrapped(f"{name:13} {value}", " " * 14)
    lines += trust(report) + ["", *kept(report), "", *gaps(report)]
    for scenario in report.scenarios:
        lines += why(scenario)
    if len(reports) > 1:
        lines += ["", *beside(reports)]
    lines += [f"limit passed: {line}" for line in report.broken_limits()]
    lines += [line for left in report.left_undone() for line in wrapped(left, "  ")]
    return clean("\n".join(line.rstrip() for line in lines) + "\n\n" + report.line + "\n")


def wrapped(line, indent):
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]


def trust(report):
    control = report.control()
    sentences = ([control[1]] if control else []) + ([report.bound()] if report.bound() else [])
    return [line for sentence in sentences for line in wrapped(sentence, "  ")]


def columns(rows, widths, right):
    """Rows of cells under each other; `right` are the columns of numbers."""
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if at in right else cell.ljust(width)
                 for at, (cell, width) in enumerate(zip(row, widths))]
        lines.append(" ".join(cells).rstrip())
    return lines


def kept(report):
    """Scenario, verdict and counts; what does not fit or is rare has a line of its own."""
    rows = [["scenario", "verdict", "faults", "acked", "lost", "dup", "reord", "unknown", "found"]]
    notes = {}
    for scenario in report.scenarios:
        rows.append([scenario.name[:19], scenario.verdict, confirmed_text(scenario), count(scenario.acked),
                     count(scenario.lost), count(scenario.duplicated), count(scenario.reordered),
                     count(scenario.unknown), count(scenario.unknown_found)])
        more = [other_text(scenario)] if scenario.other else []
        if scenario.lost_acks1:
            more.append(f"acks=1, to which nothing is promised: {count(scenario.lost_acks1)} lost")
        more += [f"replicas: {replicas_text(scenario)}"] if scenario.replicas_bad else []
        more += scenario.notes
        notes[len(rows) - 1] = "; ".join(more)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for at, line in enumerate(columns(rows, widths, range(2, 9))):
        lines += [line] + wrapped_note(notes.get(at))
    return lines


def wrapped_note(note):
    return wrapped("    " + note, "    ") if note else []


def gaps(report):
    """A line a scenario and client, with a picture of the rounds."""
    axis = axis_of([report])
    marks = axis.decades()
    rows = [["gap without an ack", "seen by", "n", "p50", "p99", "longest", f"{marks[0][1]} .. {marks[-1][1]}"]]
    for scenario in report.scenarios:
        for at, (name, stats) in enumerate(scenario.gaps() + scenario.recoveries()):
            rows.append([scenario.name[:19] if at == 0 else "", SHORTER.get(name, name)[:15], count(stats.get("n")),
                         *(duration(stats.get(key)) for key in ("p50_ms", "p99_ms", "max_ms")), bar(stats, axis)])
    if len(rows) == 1:
        return []
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    note = "(p99 from 100 rounds on. The picture is logarithmic: o a round, # several, | the median, x the longest)"
    return columns(rows, widths, range(2, 6)) + wrapped(note, " ")


def bar(stats, axis):
    """BAR columns of the logarithmic axis."""
    cells = [" "] * BAR
    for value in samples(stats):
        at = place(value, axis)
        cells[at] = "o" if cells[at] == " " else "#"
    if stats.get("p50_ms") is not None:
        cells[place(stats["p50_ms"], axis)] = "|"
    if stats.get("max_ms") is not None:
        cells[place(stats["max_ms"], axis)] = "x"
    return "".join(cells)


def place(value, axis):
    return min(BAR - 1, int(axis.share(value) * BAR))


def why(scenario):
    if scenario.verdict == "PASS":
        return []
    lines = [""]
    for reason in (scenario.why or "no reason was given").split("\n"):
        head = "    " if reason[:1] == " " else f"{scenario.verdict} {scenario.name}: "
        lines += wrapped(head + reason.strip(), "    ")
    witness = scenario.witness + [str(line) for line in scenario.replicas.get("witness") or []]
    lines += [f"  {line}" for line in witness[:WITNESS_MAX]]
    return lines + ([f"  history: {' '.join(map(str, scenario.history))}"] if scenario.history else [])


def beside(reports):
    """A block a scenario, a line a system: what was lost, and the gap of a client that all have."""
    wide = max(len(report.system) for report in reports)
    lines = ["Side by side: verdict, lost / duplicated / reordered, then the gap's median and longest"]
    for name in dict.fromkeys(scenario.name for report in reports for scenario in report.scenarios):
        found = [(report.system, report.scenario(name)) for report in reports]
        lines.append(name)
        for system, scenario in found:
            if scenario is None:
                lines.append(f"  {system:{wide}}  not run")
                continue
            told = [f"{profile} {duration(stats.get('p50_ms'))}, {duration(stats.get('max_ms'))} (n={stats.get('n', 0)})"
                    for profile, stats in scenario.gaps() if profile in ("tuned", "fresh")]
            counts = f"{scenario.verdict}  {count(scenario.lost)}/{count(scenario.duplicated)}/{count(scenario.reordered)}"
            lines += wrapped(f"  {system:{wide}}  {counts}  {'; '.join(told) or NONE}", " " * (wide + 4))
    return lines
