"""report_gaps.py -- how long a partition went without an acknowledgement: pictures of each round's gap.

All pictures of a page have one logarithmic axis, so that scenarios and systems can be held against each
other by eye. Where only statistics are known and not each round, the picture is made of these.
"""
from report_model import count, duration
from report_svg import LogAxis, esc, percent, stretched, text, thin, title

STRIP_HEIGHT = 22
CURVES_HEIGHT, CURVES_AXIS = 110, 22
DOTS_MAX = 40
DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4")  # Curves differ by more than their colour.


def axis_of(reports):
    """One axis for all that the page draws."""
    values = []
    for report in reports:
        for scenario in report.scenarios:
            for _, stats in scenario.gaps() + scenario.recoveries():
                values += samples(stats) or [stats.get("p50_ms"), stats.get("max_ms")]
    return LogAxis(values)


def samples(stats):
    return [value for value in stats.get("values_ms") or [] if value is not None]


def strip(stats, axis):
    """A dot a round, scattered up and down to be told apart, a line at the median, a diamond at the longest."""
    middle = STRIP_HEIGHT / 2
    parts = [f'<line class="grid" x1="{percent(share)}" x2="{percent(share)}" y1="0" y2="{STRIP_HEIGHT}"/>'
             for share, _ in axis.decades()]
    values = thin(samples(stats), DOTS_MAX)
    ends = [value for value in (stats.get("p50_ms"), stats.get("max_ms")) if value is not None]
    if not values and len(ends) == 2:
        left, right = sorted(map(axis.share, ends))
        parts.append(f'<rect class="range" x="{percent(left)}" y="{middle - 1}" width="{percent(right - left)}" '
                     'height="2"/>')
    dots = "".join(f"M{1000 * axis.share(value):.0f} {7 + 8 * (index * 0.618 % 1):.0f}h0"
                   for index, value in enumerate(values))
    parts.append(stretched(0, 0, STRIP_HEIGHT, (1000, STRIP_HEIGHT), f'<path class="dots" d="{dots}"/>'))
    if stats.get("p50_ms") is not None:
        x = percent(axis.share(stats["p50_ms"]))
        parts.append(f'<line class="median" x1="{x}" x2="{x}" y1="3" y2="{STRIP_HEIGHT - 3}"/>')
    if stats.get("max_ms") is not None:
        parts.append(f'<svg x="{percent(axis.share(stats["max_ms"]))}" y="{middle:g}" class="longest">'
                     '<path d="M0 -5l5 5l-5 5l-5 -5z"/></svg>')
    words = (f"n {count(stats.get('n'))}: median {duration(stats.get('p50_ms'))}, "
             f"longest {duration(stats.get('max_ms'))}")
    return (f'<svg class="strip" height="{STRIP_HEIGHT}" role="img" aria-label="{esc(words)}">{title(words)}'
            f'{"".join(parts)}</svg>')


def scale(axis):
    """The axis of the strips, for the head of their column."""
    marks = "".join(text(share, 11, words) for share, words in axis.decades())
    return f'<svg class="strip" height="14" aria-hidden="true">{marks}</svg>'


def curve_path(values, axis):
    """Steps from the shortest gap to the longest, in a box of 1000 by 100."""
    ordered = sorted(values)
    path = [f"M{1000 * axis.share(ordered[0]):.1f} 100"]
    kept = set(thin(range(len(ordered)), 2 * DOTS_MAX))
    for index, value in enumerate(ordered):
        if index in kept:
            path.append(f"H{1000 * axis.share(value):.1f}V{100 - 100 * (index + 1) / len(ordered):.1f}")
    return "".join(path)


def curves(named, axis, heading):
    """The share of rounds whose gap was at most so long, a curve for each of [(name, statistics)]."""
    drawn = [(name, samples(stats)) for name, stats in named if len(samples(stats)) >= 2]
    if not drawn:
        return ""
    parts = []
    for share, words in axis.decades():
        x = percent(share)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{CURVES_HEIGHT}"/>'
                     + text(share, CURVES_HEIGHT + 16, words))
    for height in (0, 0.5):
        y = 1 + (CURVES_HEIGHT - 1) * height
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>')
    parts.append('<text class="inside" x="3" y="13">all rounds</text>'
                 f'<text class="inside" x="3" y="{CURVES_HEIGHT / 2 + 13:g}">half</text>')
    paths = "".join(f'<path class="curve c{at % 5}" stroke-dasharray="{DASHES[at % 5]}" '
                    f'd="{curve_path(values, axis)}"/>'
                    for at, (_, values) in enumerate(drawn))
    parts.append(stretched(0, 1, CURVES_HEIGHT - 1, (1000, 100), paths))
    keys = "".join(f'<span class="key"><svg width="30" height="10" aria-hidden="true"><path class="curve c{at % 5}" '
                   f'stroke-dasharray="{DASHES[at % 5]}" d="M0 5h30"/></svg>{esc(name)} '
                   f'<small>n {len(values)}</small></span>'
                   for at, (name, values) in enumerate(drawn))
    return (f'<figure class="curves"><svg class="wide-picture" height="{CURVES_HEIGHT + CURVES_AXIS}" role="img" '
            f'aria-label="{esc(heading)}">{"".join(parts)}</svg>'
            f'<figcaption>{esc(heading)} {keys}</figcaption></figure>')
