"""report_timeline.py -- a scenario as it went: who was served when, and what was broken meanwhile.

    labels   the names of the faults, as many as fit
    rate     acknowledgements a second, all partitions together
    rows     a row a partition; the deeper the colour the nearer to its usual rate, blank is nothing
    axis     seconds since the first column

Faults are translucent bands over rate and rows, a dashed line with a mark where they were healed;
stretches in which the host itself stood still are hatched. A column is merged from as many buckets as
it takes for a partition to have some acknowledgements in it usually, since blank must mean an outage.
"""
import statistics

from report_model import count, duration
from report_svg import NARROW, WIDE, esc, percent, place_labels, stretched, text, time_ticks, title

USUAL_MIN = 4     # Acknowledgements of a partition in a column, usually: else columns are merged.
LANES, LANE, RATE, AXIS = 2, 16, 36, 22
TOP = LANES * LANE + 4
ROWS_MAX, ROW_MIN, ROW_MAX = 220, 2, 12
LABEL_MAX = 26
MARKS_MAX = 40    # More faults than these have bands, but no marks and labels of their own.


class Columns:
    """A timeline's buckets, merged into columns."""

    def __init__(self, timeline, columns_max):
        rows = timeline["partitions"]
        self.from_ns, self.label = timeline.get("from_ns") or 0, timeline.get("label") or ""
        size = max(map(len, rows))
        merge = max(1, -(-size // columns_max))
        while merge < size and usual(merged(rows, merge)) < USUAL_MIN:
            merge += 1
        self.rows = merged(rows, merge)
        self.count = len(self.rows[0]) if size else 0
        self.column_ns = timeline["bucket_ns"] * merge

    def share(self, at_ns):
        """How far across a time lies; outside of [0, 1] it is not in this timeline."""
        return (at_ns - self.from_ns) / (self.column_ns * max(1, self.count))

    def seconds(self):
        return self.column_ns * self.count / 1e9


def merged(rows, merge):
    """Each row summed over so many buckets; rows that end early are filled up with nothing."""
    size = max(map(len, rows))
    return [[sum(row[at:at + merge]) for at in range(0, size, merge)] for row in rows]


def usual(rows):
    """What a column of a partition that is served holds, in the middle of all that hold any."""
    some = [value for row in rows for value in row if value]
    return statistics.median(some) if some else USUAL_MIN


def level(value, usual_rate):
    """How deep a cell is coloured: 0 for nothing, 1 and 2 for less than usual, 3 usual, 4 twice that."""
    if value == 0:
        return 0
    share = value / usual_rate
    return 1 if share < 0.25 else 2 if share < 0.5 else 3 if share < 2 else 4


def runs(row, usual_rate):
    """[(level, first column, columns)] of neighbours of the same depth, without the blank ones."""
    found, at = [], 0
    levels = [level(value, usual_rate) for value in row]
    for end in range(1, len(levels) + 1):
        if end == len(levels) or levels[end] != levels[at]:
            if levels[at]:
                found.append((levels[at], at, end - at))
            at = end
    return found


def row_title(number, row, columns):
    blank = longest = 0
    for value in row:
        blank = 0 if value else blank + 1
        longest = max(longest, blank)
    silent = f"longest blank {duration(longest * columns.column_ns / 1e6)}" if longest else "no blank column"
    return f"partition {number}: {count(sum(row))} acknowledged, {silent}"


def heat(columns, row_height):
    """The rows, each one path a depth."""
    parts = []
    for number, row in enumerate(columns.rows):
        some = [value for value in row if value]
        paths = {}
        for depth, at, size in runs(row, statistics.median(some) if some else 1):
            paths.setdefault(depth, []).append(f"M{at} {number}h{size}v1h-{size}z")
        drawn = "".join(f'<path class="h{depth}" d="{"".join(path)}"/>' for depth, path in sorted(paths.items()))
        parts.append(f'<g class="row">{title(row_title(number, row, columns))}'
                     f'<rect class="hit" y="{number}" width="{columns.count}" height="1"/>{drawn}</g>')
    height = row_height * len(columns.rows)
    return stretched(0, TOP + RATE + 4, height, (columns.count, len(columns.rows)), "".join(parts))


def rates(columns):
    return [sum(column) * 1e9 / columns.column_ns for column in zip(*columns.rows)]


def rate_path(values):
    """An area of steps in a box of (columns, 100)."""
    most = max(values, default=0) or 1
    steps = "".join(f"V{100 - 100 * value / most:.0f}h1" for value in values)
    return f"M0 100{steps}V100z"


def band(fault, columns, height):
    """A fault over everything; nothing when it lies outside of the timeline."""
    begin = columns.share(fault.begin_ns)
    end = columns.share(fault.end_ns) if fault.end_ns else 1.0
    if end < 0 or begin > 1:
        return ""
    left, right = max(0.0, begin), min(1.0, end)
    since = (fault.begin_ns - columns.from_ns) / 1e6
    lasted = f"for {duration((fault.end_ns - fault.begin_ns) / 1e6)}" if fault.end_ns else "not healed"
    told = "confirmed" if fault.confirmed else "NOT confirmed"
    words = f"{fault.number}. {fault.text}: at {duration(since)}, {lasted}; {told}{': ' + fault.how if fault.how else ''}"
    parts = [title(words), f'<rect x="{percent(left)}" y="{TOP}" width="{percent(right - left)}" height="{height}"/>',
             line(begin, height, "begin")]
    if fault.end_ns:
        parts.append(line(end, height, "end"))
    kind = "band" if fault.confirmed else "band unconfirmed"
    return f'<g class="{kind}" data-fault="{fault.number}">{"".join(parts)}</g>'


def line(share, height, kind):
    if not 0 <= share <= 1:
        return ""
    x = percent(share)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP}" y2="{TOP + height}"/>'


def heal_mark(fault, columns):
    share = columns.share(fault.end_ns) if fault.end_ns else -1
    if not 0 <= share <= 1:
        return ""
    return (f'<svg class="heal" x="{percent(share)}" y="{TOP}">{title(f"{fault.number}. {fault.text}: healed")}'
            '<path d="M-4.5 0h9l-4.5 7z"/></svg>')


def shorten(words):
    return words if len(words) <= LABEL_MAX else words[:LABEL_MAX - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def labels(faults, columns):
    """The faults' names above their begin, once for narrow and once for wide pictures."""
    shown = [(columns.share(fault.begin_ns), fault) for fault in faults if 0 <= columns.share(fault.begin_ns) <= 1]
    words = [(share, f"{fault.number} {shorten(fault.text)}") for share, fault in shown]
    parts = []
    for kind, width in (("narrow", NARROW), ("wide", WIDE)):
        for index, (lane, anchor) in place_labels(words, width, LANES).items():
            shift = 2 if anchor == "start" else -2
            parts.append(f'<text class="label {kind}" x="{percent(words[index][0])}" dx="{shift}" '
                         f'y="{LANE * (lane + 1) - 3}" text-anchor="{anchor}">{esc(words[index][1])}</text>')
    return "".join(parts)


def stall(begin, end, columns, height):
    left, right = max(0.0, columns.share(begin)), min(1.0, columns.share(end))
    if right <= 0 or left >= 1:
        return ""
    words = f"the host itself stood still for {duration((end - begin) / 1e6)}: not the cluster's doing"
    return (f'<g class="stall">{title(words)}<rect x="{percent(left)}" y="{TOP}" width="{percent(right - left)}" '
            f'height="{height}" fill="url(#hatch)"/></g>')


def worst_gap(worst, columns, row_height):
    """A frame around the longest gap, across its row or, where that is not known, across all."""
    if not worst:
        return ""
    begin, end = columns.share(worst["from_ns"]), columns.share(worst["from_ns"] + worst["ns"])
    left, right = max(0.0, begin), min(1.0, end)
    if right <= 0 or left >= 1:
        return ""
    first, size = TOP + RATE + 4, row_height * len(columns.rows)
    partition = worst.get("partition")
    if isinstance(partition, int) and 0 <= partition < len(columns.rows):
        first, size = first + partition * row_height, row_height
    words = f"longest gap without an acknowledgement: {duration(worst['ns'] / 1e6)} ({worst['profile']} client"
    words += f", partition {partition})" if partition is not None else ")"
    return (f'<g class="worst">{title(words)}<rect x="{percent(left)}" y="{first - 1}" '
            f'width="{percent(right - left)}" height="{size + 2}"/></g>')


def axis(columns, y):
    """Ticks in seconds; every picture has those that fit a narrow one."""
    seconds = columns.seconds()
    few, parts = {round(tick, 6) for tick in time_ticks(seconds, 4)}, []
    for tick in time_ticks(seconds, 10):
        share = tick / seconds if seconds else 0
        more = "" if round(tick, 6) in few else ' class="wide"'
        x = percent(share)
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{y}" y2="{y + 4}"/>')
        if share <= 0.985:
            parts.append(text(share, y + 17, f"{tick:g} s", more))
    return "".join(parts)


def gutter(columns, row_height, height):
    """Numbers of partitions left of the rows, and what the rate's height means."""
    most, first = max(rates(columns), default=0), TOP + RATE + 4
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if step * row_height >= 13)
    parts = [f'<text x="100%" dx="-5" y="{TOP + 10}" text-anchor="end">{short(most)}/s</text>']
    for number in range(0, len(columns.rows), step):
        y = first + (number + 0.5) * row_height + 4
        parts.append(f'<text x="100%" dx="-5" y="{y:.1f}" text-anchor="end">p{number}</text>')
    return f'<svg class="gutter" width="46" height="{height}" aria-hidden="true">{"".join(parts)}</svg>'


def short(value):
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"


def draw(scenario, timeline, columns_max):
    """The picture of one timeline of a scenario, with its caption."""
    columns = Columns(timeline, columns_max)
    row_height = min(ROW_MAX, max(ROW_MIN, ROWS_MAX // len(columns.rows)))
    inner = RATE + 4 + row_height * len(columns.rows)
    height = TOP + inner + AXIS
    few = scenario.faults if len(scenario.faults) <= MARKS_MAX else []
    parts = [f'<rect class="field" x="0" y="{TOP}" width="100%" height="{inner}"/>',
             stretched(0, TOP, RATE, (columns.count, 100), f'<path class="rate" d="{rate_path(rates(columns))}"/>'),
             heat(columns, row_height)]
    parts += [stall(*times, columns, inner) for times in scenario.stalls]
    parts += [band(fault, columns, inner) for fault in scenario.faults]
    parts += [heal_mark(fault, columns) for fault in few]
    parts += [worst_gap(scenario.worst(), columns, row_height), labels(few, columns), axis(columns, TOP + inner)]
    spoken = (f"Acknowledgements of {len(columns.rows)} partitions over {columns.seconds():.1f} seconds of "
              f"{scenario.name}, with {len(scenario.faults)} faults")
    caption = (f"A column is {duration(columns.column_ns / 1e6)}; blank: nothing acknowledged."
               f"{' ' + columns.label if columns.label else ''}")
    return (f'<figure class="timeline"><div class="plot">{gutter(columns, row_height, height)}'
            f'<svg class="time" height="{height}" role="img" aria-label="{esc(spoken)}">{"".join(parts)}</svg></div>'
            f'<figcaption>{esc(caption)}</figcaption></figure>')


def spark(scenario, columns_max=120):
    """The rate alone, a few pixels high, for the line that a folded scenario leaves."""
    if not scenario.timelines:
        return ""
    columns = Columns(scenario.timelines[0], columns_max)
    bands = []
    for fault in scenario.faults[:columns_max]:
        left = max(0.0, columns.share(fault.begin_ns))
        right = min(1.0, columns.share(fault.end_ns)) if fault.end_ns else 1.0
        if right >= 0 and left <= 1:
            bands.append(f'<rect class="fault" x="{percent(left)}" width="{percent(max(0.004, right - left))}" height="20"/>')
    return (f'<svg class="spark" height="20" aria-hidden="true">{"".join(bands)}'
            + stretched(0, 0, 20, (columns.count, 100), f'<path class="rate" d="{rate_path(rates(columns))}"/>') + "</svg>")
