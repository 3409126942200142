"""report_html.py -- a run, or several side by side, as one page that needs nothing beside itself.

The first report is the page's own; what others found of the same scenarios stands beside it. The page
holds no script: what folds does so by <details>, what explains itself does so by <title>. Timelines
share a number of bytes; where there are many, or the page would be too large, they are coarser.
"""
import os

import report_gaps
import report_timeline
from report_model import (NONE, PROFILES, VERDICTS, confirmed_text, count, counted, duration, machine_text,
                          other_text, replicas_text, statistics, unknown_text)
from report_svg import esc

PAGE_MAX = 2_900_000
ROWS_BYTES, ROWS_BYTES_MAX = (1_000_000, 400_000, 0), 120_000  # Of the rows of all timelines together, and of each.
OPEN_MAX = 8                       # So many scenarios are shown unfolded.
FAULTS_OPEN_MAX = 6                # And so many faults of each.
ROWS_OF_FAULTS_MAX = 20            # Of each scenario; those that were not confirmed come first.
CSS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.css")
HATCH = ('<svg width="0" height="0" class="defs" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6" '
         'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" x2="0" y1="0" y2="6"/></pattern>'
         '</defs></svg>')
KEPT = [("Scenario", ""), ("Verdict", "verdict"), ("Rounds", "n"), ("Faults confirmed", "n"), ("Acknowledged", "n"),
        ("Lost", "n"), ("Duplicated", "n"), ("Reordered", "n"), ("Other violations", "n"),
        ("Unknown outcome", "n"), ("Lost with acks=1", "n"), ("Batches alike", "n")]
GAPS = [("Scenario", ""), ("Seen by", ""), ("n", "n"), ("p50", "n"), ("p90", "n"), ("p99", "n"), ("Longest", "n"),
        ("Each round", "picture"), ("Latency under fault: n", "n"), ("p50", "n"), ("p99", "n"),
        ("max", "n")]
MEANINGS = (
    ("Acknowledged",
     "The client was told that the write is done. What that means is in the line 'An ack meant' above; it is "
     "a matter of settings, so figures of two systems compare only where this line agrees."),
    ("Lost",
     "Acknowledged, and missing in the final read of its partition from the first offset to the last."),
    ("Duplicated, reordered",
     "An acknowledged value at two offsets; a producer's later value before an earlier one."),
    ("Lost with acks=1",
     "Of a writer beside the others that asks for the leader's word alone: nothing is promised to it, and "
     "it is counted to show what acks=all is for."),
    ("Unknown outcome",
     "The client was told neither that the write is done nor that it certainly is not (a timeout, a broken "
     "connection). Both outcomes are right; how many of them the final reads found stands in brackets."),
    ("Gap",
     "Of one fault and one kind of client: the longest time in which some partition had no "
     "acknowledgement, between the fault's begin and 60 seconds after its end, or the next fault; it "
     "counts whole for the first fault that begins in it, and a round within a long one shows its own "
     "time. Where the host itself stood still a round has no number. Percentiles are over the rounds (n). A p99 "
     "is told from 100 rounds on; with fewer the longest is all that can be said. Gaps are as the clients "
     "saw them: their own waiting is in it."),
    ("Until all are in sync, until the first write",
     "From the end of the fault until every in-sync set is whole again, and until a write is acknowledged "
     "again."),
    ("Confirmed",
     "It was seen from outside that the fault happened: the process was gone, the victim led something, "
     "unsynced bytes were dropped, the cut link carried nothing. A run with a fault that was not seen is "
     "inconclusive."),
    ("Control",
     "Something that must end in a violation: power is lost on all nodes while acknowledgements mean the "
     "page cache, or a loss is planted in a copy of the history. Where it is not found, the bench is "
     "blind, and the verdict is void."),
    ("What is not tested",
     "All nodes share this machine's processors and disk. Writes through memory maps are not taken back by "
     "a power loss, system calls that go past the C library are not seen, and a stalled link delays bytes "
     "where a real one loses packets."),
)


def page(reports):
    """The page of reports[0], compared with the others."""
    for rows_bytes in ROWS_BYTES:
        text = page_of(reports, rows_bytes)
        if len(text.encode()) <= PAGE_MAX:
            break
    return text


def page_of(reports, rows_bytes):
    report = reports[0]
    axis = report_gaps.axis_of(reports)
    with open(CSS, encoding="utf-8") as file:
        style = file.read()
    title = f"{report.verdict}: {title_of(report)}"
    parts = ['<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">'
             '<meta name="color-scheme" content="light dark">',
             f"<title>{esc(title)}</title><style>{style}</style></head><body>{HATCH}", banner(report),
             about_run(report)]
    if len(reports) > 1:
        parts.append(section("Side by side", beside(reports, axis)))
    parts += [section("What was kept", kept_table(report)), section("How long it was away", gap_table(report, axis)),
              section("Scenario by scenario", legend() + scenarios(reports, axis, rows_bytes)),
              section("How to read this", meanings())]
    return "\n".join(parts) + "</body></html>\n"


def title_of(report):
    return report.get("title") or f"chaos run of {report.system}"


def section(heading, inside):
    return f"<section><h2>{esc(heading)}</h2>{inside}</section>"


def chip(verdict):
    return f'<span class="chip {verdict}"><span aria-hidden="true">{VERDICTS[verdict][0]}</span> {verdict}</span>'


def banner(report):
    mark, meaning = VERDICTS[report.verdict]
    limits = "".join(f"<li>{esc(line)}</li>" for line in report.broken_limits())
    return (f'<header class="banner {report.verdict}"><div class="mark" aria-hidden="true">{mark}</div><div>'
            f'<h1 id="verdict">{report.verdict} <span>{esc(title_of(report))}</span></h1>'
            f'<p>{esc(meaning)}</p><p class="line">{esc(report.line)}</p>'
            f'{"<p>Limits that were passed:</p><ul>" + limits + "</ul>" if limits else ""}'
            f'{"".join(f"<p>{esc(line)}</p>" for line in report.left_undone())}</div></header>')


def about_run(report):
    rows = report.profile()
    seconds = report.get("seconds")
    rows += [("Machine", machine_text(report.get("machine"))), ("Started", report.get("started")),
             ("Took", duration(seconds * 1000) if seconds else ""),
             ("Seed", report.get("seed"))]
    facts = "".join(f"<div><dt>{esc(name)}</dt><dd>{esc(value)}</dd></div>"
                    for name, value in rows if value not in ("", None))
    command = f'<pre class="command">{esc(report.get("command"))}</pre>' if report.get("command") else ""
    return f'<section class="run"><dl class="facts">{facts}</dl>{command}{trust(report)}</section>'


def trust(report):
    """Why the verdict can be believed: the control, the confirmations, what "none" proves."""
    items, control = [], report.control()
    if control:
        items.append((control[0], control[1]))
    faults = sum(len(scenario.faults) for scenario in report.scenarios)
    confirmed = sum(scenario.confirmed for scenario in report.scenarios)
    spoiled = sum(scenario.spoiled for scenario in report.scenarios)
    if faults:
        but = f" {count(spoiled)} came while the host stood still; these rounds were played again." if spoiled else ""
        items.append((faults == confirmed + spoiled,
                      f"{count(confirmed)} of {count(faults)} faults were seen to happen.{but}"))
    compared = sum(scenario.replicas.get("compared") or 0 for scenario in report.scenarios)
    if compared:
        bad = [sum(scenario.replicas.get(name) or 0 for scenario in report.scenarios)
               for name in ("differ", "missing", "behind")]
        items.append((not any(bad), f"{count(compared)} batches were compared byte for byte in all replicas, "
                                    f"{count(bad[0])} differ; {count(bad[1] + bad[2])} copies are missing or behind."))
    if faults and report.bound():
        items.append((True, report.bound()))
    lines = "".join(f'<li class="{"good" if good else "bad"}">'
                    f'<span aria-hidden="true">{VERDICTS["PASS" if good else "FAIL"][0]}</span>'
                    f"{esc(text)}</li>" for good, text in items)
    return f'<ul class="trust">{lines}</ul>' if lines else ""


def table(heads, rows, kind=""):
    """`rows` are [(class, [cell or (class, html)])]; cells carry their head, for narrow screens."""
    shown = "".join(f'<th scope="col" role="columnheader" class="{css}">{head}</th>' for head, css in heads)
    lines = []
    for css, cells in rows:
        shown_cells = "".join(cell_html(at, cell, heads) for at, cell in enumerate(cells))
        lines.append(f'<tr role="row" class="{css}">{shown_cells}</tr>')
    return (f'<table role="table" class="{kind}"><thead role="rowgroup"><tr role="row">{shown}</tr></thead>'
            f'<tbody role="rowgroup">{"".join(lines)}</tbody></table>')


def cell_html(at, cell, heads):
    more, inside = cell if isinstance(cell, tuple) else ("", esc(cell))
    head = heads[at][0].split("<")[0]
    if at == 0:
        return f'<th scope="row" role="rowheader" class="{more}">{inside}</th>'
    return f'<td role="cell" class="{heads[at][1]} {more}" data-label="{esc(head)}">{inside}</td>'


def anchor(scenario):
    return "s-" + "".join(letter if letter.isalnum() else "-" for letter in scenario.name)


def none_of(value):
    """A count of what must be none."""
    return ("bad", f"<strong>{count(value)}</strong>") if value else ("none", "0")


def kept_table(report):
    rows = []
    for scenario in report.scenarios:
        replicas = "bad" if scenario.replicas_bad else ""
        unsure = "" if scenario.confirmed + scenario.spoiled == len(scenario.faults) else "bad"
        rows.append(("", [("", f'<a href="#{anchor(scenario)}">{esc(scenario.name)}</a>'), ("", chip(scenario.verdict)),
                          count(scenario.rounds), (unsure, esc(confirmed_text(scenario))), count(scenario.acked),
                          none_of(scenario.lost), none_of(scenario.duplicated), none_of(scenario.reordered),
                          ("bad" if scenario.other else "none", esc(other_text(scenario))), unknown_text(scenario),
                          count(scenario.lost_acks1),
                          (replicas, esc(replicas_text(scenario)))]))
    if len(rows) > 1:
        rows.append(("total", ["All", ("", chip(report.verdict)), count(sum(s.rounds for s in report.scenarios)),
                               f"{sum(s.confirmed for s in report.scenarios)}/"
                               f"{sum(len(s.faults) for s in report.scenarios)}",
                               count(report.total("acked")),
                               *(none_of(report.total(name)) for name in ("lost", "duplicated", "reordered")),
                               none_of(sum(sum(s.other.values()) for s in report.scenarios)),
                               f"{count(report.total('unknown'))} ({count(report.total('unknown_found'))} found)",
                               count(sum(s.lost_acks1 for s in report.scenarios)), NONE]))
    return table(KEPT, rows, "cards kept")


def seen_by(profile):
    about = PROFILES.get(profile)
    return ("", f'<span title="{esc(about)}">{esc(profile)}</span>' if about else esc(profile))


def gap_table(report, axis):
    heads = [(head + report_gaps.scale(axis) if css == "picture" else head, css) for head, css in GAPS]
    rows = []
    for scenario in report.scenarios:
        lines = [(seen_by(profile), stats, scenario.latency(profile)) for profile, stats in scenario.gaps()]
        lines += [(("cluster", esc(title)), stats, {}) for title, stats in scenario.recoveries()]
        for at, (who, stats, latency) in enumerate(lines):
            name = ("again" if at else "", f'<a href="#{anchor(scenario)}">{esc(scenario.name)}</a>')
            under = [count(latency["n"]) if latency.get("n") else NONE]
            under += [duration(latency.get(key)) for key in ("p50_ms", "p99_ms", "max_ms")]
            cells = [name, who, *statistics(stats), ("", report_gaps.strip(stats, axis)), *under]
            rows.append(("first" if at == 0 else "", cells))
    if not rows:
        return "<p>No gaps were measured.</p>"
    return table(heads, rows, "cards gaps") + ('<p class="note">A dot is a round, the line their median, the diamond '
                                               'the longest; '
                                               f'a p99 needs 100 rounds, {NONE} stands where there were fewer.</p>')


def beside(reports, axis):
    """A row a scenario and client, a column a system."""
    heads = [("Scenario", ""), ("What", "")]
    heads += [(esc(report.system_and_version) + report_gaps.scale(axis), "system") for report in reports]
    verdicts = [("", chip(report.verdict)) for report in reports]
    means = [str(report.get("profile", {}).get("ack_means") or NONE) for report in reports]
    rows = [("first", [("", "The whole run"), "verdict", *verdicts]),
            ("", [("again", "The whole run"), "an ack meant", *means])]
    for name in dict.fromkeys(scenario.name for report in reports for scenario in report.scenarios):
        found = [report.scenario(name) for report in reports]
        rows.append(("first", [name, "lost, duplicated, reordered", *map(kept_cell, found)]))
        profiles = dict.fromkeys(profile for scenario in found if scenario for profile, _ in scenario.gaps())
        rows += [("", [("again", esc(name)), (f"gap, {profile} client" if profile != "metadata" else "gap, metadata"),
                       *(gap_cell(scenario, profile, axis) for scenario in found)]) for profile in profiles]
    return table(heads, rows, "cards beside")


def kept_cell(scenario):
    if scenario is None:
        return ("none", "not run")
    numbers = (scenario.lost, scenario.duplicated, scenario.reordered)
    text = f"{' / '.join(map(count, numbers))} <small>of {count(scenario.acked)}</small>"
    return ("bad", f"<strong>{text}</strong>") if any(numbers) else ("", text)


def gap_cell(scenario, profile, axis):
    stats = dict(scenario.gaps()).get(profile) if scenario else None
    if not stats:
        return ("none", NONE)
    return ("", f"{duration(stats.get('p50_ms'))}, longest {duration(stats.get('max_ms'))} "
            f"<small>n {count(stats.get('n'))}</small>"
            + report_gaps.strip(stats, axis))


def legend():
    cells = "".join(f'<svg width="18" height="12" aria-hidden="true"><rect class="field" width="18" height="12"/>'
                    f'<rect class="h{depth}" width="18" height="12"/></svg>' for depth in range(5))
    fault = ('<g class="band"><rect width="26" height="14"/></g><g class="edges"><line x1="1" x2="1" y1="0" y2="14"/>'
             '<line class="end" x1="25" x2="25" y1="0" y2="14"/></g>')
    worst = '<g class="worst"><rect x="1" y="1" width="24" height="12"/></g>'
    keys = (("a fault, until its heal", fault), ("the longest gap", worst),
            ("the host stood still", '<rect width="26" height="14" fill="url(#hatch)"/>'))
    return (f'<p class="legend"><span>{cells} nothing, little, less than usual, usual, much more</span>'
            + "".join(f'<span><svg width="26" height="14" aria-hidden="true">{drawn}</svg> {words}</span>'
                      for words, drawn in keys) + "</p>")


def scenarios(reports, axis, rows_bytes):
    own = reports[0]
    timelines = sum(len(scenario.timelines) for report in reports for scenario in report.scenarios)
    bytes_max = min(ROWS_BYTES_MAX, rows_bytes // max(1, timelines))
    unfolded = len(own.scenarios) <= OPEN_MAX
    return "".join(scenario_html(scenario, [(report, report.scenario(scenario.name)) for report in reports[1:]],
                                 axis, bytes_max, unfolded) for scenario in own.scenarios)


def scenario_html(scenario, others, axis, bytes_max, unfolded):
    longest = scenario.longest()
    facts = [f"{count(scenario.acked)} acked", f"longest gap {duration(longest[0])} ({longest[1]})" if longest else ""]
    summary = (f'<summary><span class="name">{esc(scenario.name)}</span>{chip(scenario.verdict)}'
               f'<span class="mini">{esc(", ".join(filter(None, facts)))}</span>'
               f'{report_timeline.spark(scenario)}</summary>')
    parts = [f"<p>{esc(scenario.about)}</p>" if scenario.about else "", why_box(scenario)]
    parts += [report_timeline.draw(scenario, timeline, bytes_max) for timeline in scenario.timelines]
    curves = [(name, stats) for name, stats in scenario.gaps()]
    for report, other in others:
        if other:
            parts.append(f"<h3>{esc(report.system_and_version)} {chip(other.verdict)}</h3>{why_box(other)}")
            parts += [report_timeline.draw(other, timeline, bytes_max) for timeline in other.timelines[-1:]]
            curves += [(f"{name}, {report.system}", stats) for name, stats in other.gaps() if name == "tuned"]
    picture = report_gaps.curves(curves, axis, "Rounds whose gap was at most so long.")
    parts.append(f'<div class="pair">{picture}{fault_table(scenario)}</div>')
    steady = [f"{profile} p50 {duration(found['p50_ms'])}, p99 {duration(found.get('p99_ms'))} "
              f"(n={count(found.get('n'))})"
              for profile, _ in scenario.gaps()
              for found in [scenario.latency(profile, "latency_steady")] if found.get("p50_ms") is not None]
    if steady:
        parts.append(f'<p class="note">Latency outside of faults: {esc("; ".join(steady))}.</p>')
    if scenario.gaps_of_host:
        parts.append(f'<p class="note">{count(scenario.gaps_of_host)} gaps are not counted: the host itself stood '
                     'still in them.</p>')
    parts += [f'<p class="note">{esc(note)}</p>' for note in scenario.notes]
    if scenario.history:
        files = ", ".join(map(str, scenario.history))
        parts.append(f'<p class="note">History: <code>{esc(files)}</code></p>')
    is_open = " open" if unfolded or scenario.verdict != "PASS" else ""
    return (f'<details class="scenario" id="{anchor(scenario)}"{is_open}>{summary}'
            f'<div class="body">{"".join(parts)}</div></details>')


def why_box(scenario):
    """Why it did not pass, with the operations that alone show it."""
    if scenario.verdict == "PASS" and not scenario.why:
        return ""
    parts = [f'<p class="why"><strong>{scenario.verdict}:</strong> {esc(scenario.why or "no reason was given")}</p>']
    differing = scenario.replicas.get("witness") or []
    for heading, lines in (("Witness", scenario.witness), ("Replicas that differ", differing)):
        if lines:
            parts.append(f'<p class="head">{heading}</p><pre>{esc(chr(10).join(map(str, lines)))}</pre>')
    return f'<div class="box {scenario.verdict}">{"".join(parts)}</div>'


def listed_faults(faults):
    if len(faults) <= ROWS_OF_FAULTS_MAX:
        return faults
    first = sorted(faults, key=lambda fault: fault.confirmed)[:ROWS_OF_FAULTS_MAX]
    return sorted(first, key=lambda fault: fault.number)


def fault_table(scenario):
    if not scenario.faults:
        return ""
    heads = [("Fault", ""), ("At", "n"), ("Lasted", "n"), ("Confirmed", ""), ("In flight", "n"),
             ("How it was seen", "long")]
    start = scenario.timelines[0].get("from_ns", 0) if scenario.timelines else scenario.faults[0].begin_ns
    rows = [("" if fault.confirmed else "bad", [
        f"{fault.number} {fault.text}", duration((fault.begin_ns - start) / 1e6),
        duration((fault.end_ns - fault.begin_ns) / 1e6) if fault.end_ns else NONE,
        confirmed_cell(fault), count(fault.in_flight), fault.how or NONE])
        for fault in listed_faults(scenario.faults)]
    left = len(scenario.faults) - len(rows)
    more = f'<p class="note">And {count(left)} more; all are in report.json.</p>' if left > 0 else ""
    is_open = " open" if len(scenario.faults) <= FAULTS_OPEN_MAX else ""
    return (f'<details class="faults"{is_open}>'
            f'<summary>{counted(len(scenario.faults), "fault")}, {scenario.confirmed} confirmed</summary>'
            f'{table(heads, rows, "cards")}{more}</details>')


def confirmed_cell(fault):
    if fault.confirmed:
        return "yes"
    return "bad", "<strong>no</strong>" + (", the host stood still" if fault.is_spoiled else "")


def meanings():
    lines = "".join(f"<dt>{esc(name)}</dt><dd>{esc(text)}</dd>" for name, text in MEANINGS)
    return f'<dl class="meanings">{lines}</dl>'
