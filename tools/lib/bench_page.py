"""bench_page.py -- the figures of tools/bench as one HTML page that needs nothing beside itself.

Bars show medians and dots each run; where latency was measured, a curve shows all of it: how long
the slowest tenth, hundredth, thousandth of the requests took.
"""
import html
import math
import statistics

from bench_rows import HEADS, number

BAR_WIDTH, BAR_HEIGHT = 420, 18
PLOT_WIDTH, PLOT_HEIGHT, MARGIN = 640, 260, 72
SIDES = (("skiff", "Skiff", "#0b6e99"), ("kafka", "Apache Kafka", "#c7622b"))
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2530 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: 1.2rem 0 .2rem }
table { border-collapse: collapse; font-size: 13px } td, th { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #dde3e8 }
.met { color: #1d7a3d } .MISSED { color: #b3261e; font-weight: 600 } .key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em }
svg text { font: 12px system-ui, sans-serif; fill: #1c2530 } .scroll { overflow-x: auto } pre { background: #f2f5f7; padding: .6rem }
"""


def esc(text):
    return html.escape(str(text), quote=True)


def bars(row):
    """A bar for each side, its median written beside it, a dot for each run."""
    sides = [(name, colour, values) for key, name, colour in SIDES for values in [getattr(row, key)] if values]
    most = max(max(values) for _, _, values in sides) or 1
    height = len(sides) * (BAR_HEIGHT + 8) + 4
    parts = [f'<svg role="img" width="{BAR_WIDTH + 280}" height="{height}" aria-label="{esc(row.name)}">']
    for at, (name, colour, values) in enumerate(sides):
        y = at * (BAR_HEIGHT + 8) + 2
        width = BAR_WIDTH * statistics.median(values) / most
        parts.append(f'<text x="0" y="{y + 13}">{esc(name)}</text>'
                     f'<rect x="100" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" fill="{colour}" opacity=".45"/>')
        parts += [f'<circle cx="{100 + BAR_WIDTH * value / most:.1f}" cy="{y + BAR_HEIGHT / 2}" r="3" fill="{colour}"/>'
                  for value in values]
        parts.append(f'<text x="{108 + BAR_WIDTH * max(values) / most:.1f}" y="{y + 13}">'
                     f'{number(statistics.median(values))} {esc(row.unit)}</text>')
    return "".join(parts) + "</svg>"


def tail_points(buckets):
    """(share of requests that took longer, microseconds) from the half down to the last one."""
    total = sum(count for _, count in buckets)
    slower, points = total, []
    for upper, count in buckets:
        slower -= count
        share = max(slower, 0.5) / total
        if share <= 0.5:
            points.append((share, upper))
    return points


def decades(least, most):
    return range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)


def curve(row):
    """Latency against the share of requests that took longer, both logarithmic."""
    lines = {key: tail_points(row.curves[key]) for key, _, _ in SIDES if row.curves.get(key)}
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    across = decades(min(share for share, _ in points), 0.5)
    up = decades(max(1, min(micros for _, micros in points)), max(micros for _, micros in points))

    def place(share, micros):
        x = MARGIN + (PLOT_WIDTH - MARGIN - 10) * (math.log10(share) - across[-1]) / (across[0] - across[-1] or 1)
        y = PLOT_HEIGHT - 36 - (PLOT_HEIGHT - 46) * (math.log10(max(micros, 1)) - up[0]) / (up[-1] - up[0] or 1)
        return f"{x:.1f},{y:.1f}"

    parts = [f'<svg role="img" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" aria-label="{esc(row.name)}">']
    for decade in up:
        x, y = place(10.0 ** across[-1], 10.0 ** decade).split(",")
        parts.append(f'<line x1="{x}" y1="{y}" x2="{PLOT_WIDTH - 10}" y2="{y}" stroke="#dde3e8"/>'
                     f'<text x="{MARGIN - 6}" y="{float(y) + 4}" text-anchor="end">{10.0 ** (decade - 3):g} ms</text>')
    for decade in across:
        x, _ = place(10.0 ** decade, 1).split(",")
        label = f"p{100 - 100 * 10.0 ** decade:g}" if across[0] < decade < 0 else ""
        parts.append(f'<text x="{x}" y="{PLOT_HEIGHT - 16}" text-anchor="middle">{label}</text>')
    for key, _, colour in SIDES:
        if key in lines:
            path = " ".join(place(share, micros) for share, micros in lines[key])
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "".join(parts) + "</svg>"


def table(rows):
    heads = "".join(f"<th>{esc(head)}</th>" for head in HEADS)
    lines = []
    for row in rows:
        cells = "".join(f"<td>{esc(cell)}</td>" for cell in row.cells()[:-1])
        verdict = row.verdict()
        why = esc("; ".join(row.misses()))
        lines.append(f'<tr>{cells}<td class="{verdict}" title="{why}">{verdict}</td></tr>')
    return f'<div class="scroll"><table><tr>{heads}</tr>{"".join(lines)}</table></div>'


def facts(mapping):
    return "<table>" + "".join(f"<tr><td>{esc(name)}</td><td>{esc(value)}</td></tr>"
                               for name, value in mapping.items()) + "</table>"


def page(rows, run):
    """The whole page; `run` is what the JSON says of the run itself."""
    keys = "".join(f'<span class="key" style="background:{colour}"></span>{name}' for _, name, colour in SIDES)
    parts = ['<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
             f"<title>Skiff: tools/bench</title><style>{STYLE}</style><h1>Skiff, measured</h1>",
             f"<p>{esc(run['machine']['date'])}, revision {esc(run['machine']['revision'])}. A dot is a run, "
             f"a bar their median.{keys}</p><pre>{esc(run['command'])}</pre>"]
    parts += [f"<p>{esc(note)}</p>" for note in run["notes"]]
    parts += ["<h2>All figures</h2>", table(rows)]
    bench = None
    for row in rows:
        if row.bench != bench:
            bench = row.bench
            parts.append(f"<h2>{esc(bench)}</h2>")
        parts.append(f"<h3>{esc(row.name)}</h3>{bars(row)}")
        if row.curves:
            parts.append(curve(row))
    parts += ["<h2>The machine</h2>", facts(run["machine"])]
    if run["limits"]:
        parts += ["<h2>Its limits, measured in the same run</h2>",
                  facts({name: number(value) for name, value in run["limits"].items()})]
    return "\n".join(parts) + "</html>\n"
