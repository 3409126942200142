"""report_timeline.py -- a scenario as it went: who was served when, and what was broken meanwhile.

    labels   the names of the faults, as many as fit
    rate     acknowledgements a second, all partitions together
    rows     a row a partition; the deeper the colour the nearer to its usual rate, blank is nothing
    axis     seconds since the first column

A column is wide enough that a partition that is served has something in nearly each, however its
acknowledgements come in bursts: blank must mean an outage. Faults are translucent bands behind rate and
rows, with a dashed line and a mark where they were healed; stretches in which the host itself stood
still are hatched.
"""
import statistics

from report_model import count, duration, sentence
from report_svg import WIDTHS, esc, percent, place_labels, stretched, text, time_ticks, title

COLUMNS, COLUMNS_MIN = (960, 480, 240, 120, 60, 30), 40  # At most, the finest first.
BURSTS = 0.97     # So many of the pauses between a partition's acknowledgements are shorter than a column,
BURSTS_MIN = 0.8  # or so many, where the gaps that are to be seen ask for narrow columns:
GAP_COLUMNS = 8   # so many in a gap.
RATE_TOP = 4      # The rate's picture ends at so many times the usual rate: what waited comes back in a peak.
LANES, LANE, RATE, AXIS = 2, 16, 36, 22
ROWS_MAX, ROW_MIN, ROW_MAX = 220, 2, 12
LABEL_MAX = 26
SPARK_COLUMNS = 120
MARKS_MAX = 20    # More faults than these have bands, but no edges, marks and labels.


class Columns:
    """A timeline's buckets, merged into columns, and where they are drawn."""

    def __init__(self, timeline, columns_max, gap_ns=None):
        rows = timeline["partitions"]
        self.from_ns, self.label = timeline.get("from_ns") or 0, timeline.get("label") or ""
        size = max(map(len, rows))
        pauses = pauses_of(rows)
        wide, narrow = (pauses[int(share * (len(pauses) - 1))] for share in (BURSTS, BURSTS_MIN))
        if gap_ns:
            wide = min(wide, max(narrow, int(gap_ns / GAP_COLUMNS / timeline["bucket_ns"])))
        merge = max(1, -(-size // columns_max), min(wide, size // COLUMNS_MIN))
        self.rows = merged(rows, merge)
        self.count = max(1, len(self.rows[0]))
        self.column_ns = timeline["bucket_ns"] * merge
        self.row_height = min(ROW_MAX, max(ROW_MIN, ROWS_MAX // len(rows)))
        self.height = RATE + 4 + self.row_height * len(rows)
        self.place(labelled=True)

    def place(self, labelled):
        """Where all begins from above, with room for labels or without."""
        self.top = LANES * LANE + 4 if labelled else 4
        self.first_row = self.top + RATE + 4

    def share(self, at_ns):
        """How far across a time lies; outside of [0, 1] it is not in this timeline."""
        return (at_ns - self.from_ns) / (self.column_ns * self.count)

    def seconds(self):
        return self.column_ns * self.count / 1e9

    def across(self, begin_ns, end_ns):
        """A rectangle's x and width from one time to another, None where they lie outside."""
        left, right = max(0.0, self.share(begin_ns)), min(1.0, self.share(end_ns))
        return f'x="{percent(left)}" width="{percent(right - left)}"' if left <= right else None


def merged(rows, merge):
    """Each row summed over so many buckets; rows that end early are filled up with nothing."""
    size = max(map(len, rows))
    return [[sum(row[at:at + merge]) for at in range(0, size, merge)] for row in rows]


def pauses_of(rows):
    """How many buckets lie from one with acknowledgements of a partition to the next such, the least first."""
    pauses = []
    for row in rows:
        served = [at for at, value in enumerate(row) if value]
        pauses += [after - before for before, after in zip(served, served[1:])]
    return sorted(pauses) or [1]


def usual(values):
    """The middle of those that are not zero."""
    some = [value for value in values if value]
    return statistics.median(some) if some else 1


def level(value, usual_rate):
    """How deep a cell is coloured: 0 for nothing, 1 and 2 for less than usual, 3 usual, 4 twice that."""
    if value == 0:
        return 0
    share = value / usual_rate
    return 1 if share < 0.25 else 2 if share < 0.5 else 3 if share < 2.5 else 4


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
    silent = f", blank for {duration(longest * columns.column_ns / 1e6)} at most" if longest else ""
    return f"p{number}: {count(sum(row))} acked{silent}"


def heat_rows(columns):
    """The rows, each one path a depth, in a box of columns and rows."""
    parts = []
    for number, row in enumerate(columns.rows):
        paths = {}
        for depth, at, size in runs(row, usual(row)):
            paths.setdefault(depth, []).append(f"M{at} {number}h{size}v.86h-{size}z")
        drawn = "".join(f'<path class="h{depth}" d="{"".join(path)}"/>' for depth, path in sorted(paths.items()))
        parts.append(f'<g class="row">{title(row_title(number, row, columns))}'
                     f'<rect class="hit" y="{number}"/>{drawn}</g>')
    return "".join(parts)


def rates(columns):
    return [sum(column) * 1e9 / columns.column_ns for column in zip(*columns.rows)]


def rate_top(values):
    """What the height of the rate's picture stands for."""
    return min(max(values), RATE_TOP * usual(values)) or 1


def rate_path(values):
    """An area of steps in a box of (columns, 100)."""
    top = rate_top(values)
    steps = "".join(f"V{100 - 100 * min(value, top) / top:.0f}h1" for value in values)
    return f"M0 100{steps}V100z"


def in_sight(faults, columns):
    """The faults that lie in this timeline, wholly or in part."""
    return [fault for fault in faults if columns.across(fault.begin_ns, end_of(fault, columns))]


def end_of(fault, columns):
    """Where a fault's band ends: with its heal, else with the timeline."""
    return fault.end_ns or columns.from_ns + columns.column_ns * columns.count


def fault_title(fault, columns, whole):
    if not whole:
        return title(f"{fault.number}. {fault.text}{'' if fault.confirmed else ': NOT confirmed'}")
    since = (fault.begin_ns - columns.from_ns) / 1e6
    lasted = f"for {duration((fault.end_ns - fault.begin_ns) / 1e6)}" if fault.end_ns else "not healed"
    told = "confirmed" if fault.confirmed else "NOT confirmed"
    how = f": {fault.how}" if fault.how else ""
    return title(f"{fault.number}. {fault.text}: at {duration(since)}, {lasted}; {told}{how}")


def band(fault, columns, marked):
    """A fault from its begin to its heal; rows are drawn over it, so that it shows where they are blank."""
    across = columns.across(fault.begin_ns, end_of(fault, columns))
    kind = "band" if fault.confirmed else "band unconfirmed"
    return (f'<g class="{kind}" data-fault="{fault.number}">{fault_title(fault, columns, marked)}'
            f'<rect {across} y="{columns.top}" height="{columns.height}"/></g>')


def edges(fault, columns):
    """The lines at both ends of a band, over everything."""
    lines = line(fault.begin_ns, columns, "begin")
    if fault.end_ns:
        lines += line(fault.end_ns, columns, "end")
    return f'<g class="edges">{lines}</g>'


def line(at_ns, columns, kind):
    share = columns.share(at_ns)
    if not 0 <= share <= 1:
        return ""
    x = percent(share)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{columns.top}" y2="{columns.top + columns.height}"/>'


def heal_mark(fault, columns):
    share = columns.share(fault.end_ns) if fault.end_ns else -1
    if not 0 <= share <= 1:
        return ""
    return (f'<svg class="heal" x="{percent(share)}" y="{columns.top}">{title(f"{fault.number}. {fault.text}: healed")}'
            '<path d="M-4.5 0h9l-4.5 7z"/></svg>')


def shorten(words):
    return words if len(words) <= LABEL_MAX else words[:LABEL_MAX - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def labels(scenario, faults, columns):
    """The faults' names above their begin, once for each width that a picture may have."""
    starts = [(columns.share(fault.begin_ns), fault) for fault in faults if 0 <= columns.share(fault.begin_ns) <= 1]
    whole = [(share, f"{fault.number} {shorten(fault.label(scenario))}") for share, fault in starts]
    parts = []
    for kind, width in WIDTHS.items():
        words, placed = whole, place_labels(whole, width, LANES)
        if len(placed) < len(whole):  # The numbers alone then.
            words = [(share, str(fault.number)) for share, fault in starts]
            placed = place_labels(words, width, LANES)
        for index, (lane, anchor) in placed.items():
            shift = 2 if anchor == "start" else -2
            parts.append(f'<text class="label {kind}" x="{percent(words[index][0])}" dx="{shift}" '
                         f'y="{LANE * (lane + 1) - 3}" text-anchor="{anchor}">{title(starts[index][1].text)}'
                         f'{esc(words[index][1])}</text>')
    return "".join(parts)


def stall(begin, end, columns):
    across = columns.across(begin, end)
    if not across:
        return ""
    words = f"the host itself stood still for {duration((end - begin) / 1e6)}: not the cluster's doing"
    return (f'<g class="stall">{title(words)}<rect {across} y="{columns.top}" height="{columns.height}" '
            'fill="url(#hatch)"/></g>')


def worst_gap(worst, columns):
    """A frame around the longest gap, on its row or, where that is not known, on all."""
    across = worst and columns.across(worst["from_ns"], worst["from_ns"] + worst["ns"])
    if not across:
        return ""
    first, rows, partition = columns.first_row, len(columns.rows), worst.get("partition")
    known = isinstance(partition, int) and 0 <= partition < rows
    if known:
        first, rows = first + partition * columns.row_height, 1
    words = f"longest gap without an acknowledgement: {duration(worst['ns'] / 1e6)}, {worst['profile']} client"
    words += f", partition {partition}" if known else ""
    return (f'<g class="worst">{title(words)}<rect {across} y="{first - 1}" '
            f'height="{rows * columns.row_height + 2}"/></g>')


def axis(columns, y):
    """Ticks in seconds; every picture has those that fit a narrow one."""
    seconds = columns.seconds()
    few, parts = {round(tick, 6) for tick in time_ticks(seconds, 4)}, []
    for tick in time_ticks(seconds, 10):
        share = tick / seconds if seconds else 0
        more = "" if round(tick, 6) in few else ' class="more"'
        x = percent(share)
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{y}" y2="{y + 4}"/>')
        if share <= 0.985:
            parts.append(text(share, y + 17, f"{tick:g} s", more))
    return "".join(parts)


def gutter(columns):
    """Numbers of partitions left of the rows, and what the rate's height means."""
    height = columns.row_height
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if step * height >= 13)
    top = short(rate_top(rates(columns)))
    parts = [f'<text x="100%" dx="-5" y="{columns.top + 10}" text-anchor="end">{top}/s</text>']
    for number in range(0, len(columns.rows), step):
        y = columns.first_row + (number + 0.5) * height + 4
        parts.append(f'<text x="100%" dx="-5" y="{y:.1f}" text-anchor="end">p{number}</text>')
    whole = columns.top + columns.height + AXIS
    return f'<svg class="gutter" width="46" height="{whole}" aria-hidden="true">{"".join(parts)}</svg>'


def short(value):
    return f"{value / 1000:.2g}k" if 1000 <= value < 100_000 else f"{value:.3g}"


def finest(timeline, bytes_max, gap_ns):
    """(columns, rows): as fine as the bytes for its rows allow."""
    for columns_max in COLUMNS:
        columns = Columns(timeline, columns_max, gap_ns)
        rows = heat_rows(columns)
        if len(rows) <= bytes_max:
            break
    return columns, rows


def draw(scenario, timeline, bytes_max):
    """The picture of one timeline, with its caption; its rows take no more than so many bytes."""
    columns, rows = finest(timeline, bytes_max, scenario.shortest_ns())
    shown = in_sight(scenario.faults, columns)
    marked = 0 < len(shown) <= MARKS_MAX
    columns.place(labelled=marked)
    parts = [f'<rect class="field" x="0" y="{columns.top}" width="100%" height="{columns.height}"/>']
    parts += [band(fault, columns, marked) for fault in shown]
    rate = f'<path class="rate" d="{rate_path(rates(columns))}"/>'
    parts += [stretched(0, columns.top, RATE, (columns.count, 100), rate),
              stretched(0, columns.first_row, columns.row_height * len(columns.rows),
                        (columns.count, len(columns.rows)), rows)]
    parts += [stall(*times, columns) for times in scenario.stalls]
    if marked:
        parts += [edges(fault, columns) + heal_mark(fault, columns) for fault in shown]
        parts.append(labels(scenario, shown, columns))
    parts += [worst_gap(scenario.worst(), columns), axis(columns, columns.top + columns.height)]
    spoken = (f"Acknowledgements of {len(columns.rows)} partitions over {columns.seconds():.1f} seconds of "
              f"{scenario.name}, with {len(shown)} faults")
    caption = f"{sentence(columns.label)} A column is {duration(columns.column_ns / 1e6)}; blank: nothing acknowledged."
    if scenario.longest() and scenario.longest()[0] * 1e6 < 2 * columns.column_ns:
        caption += " Gaps are shorter than that, and are not to be seen here."
    return (f'<figure class="timeline"><div class="plot">{gutter(columns)}'
            f'<svg class="time" height="{columns.top + columns.height + AXIS}" role="img" aria-label="{esc(spoken)}">'
            f'{"".join(parts)}</svg></div><figcaption>{esc(caption.strip())}</figcaption></figure>')


def spark(scenario):
    """The rate alone, a few pixels high, for the line that a folded scenario leaves."""
    if not scenario.timelines:
        return ""
    columns = Columns(scenario.timelines[-1], SPARK_COLUMNS)
    bands = [f'<rect class="fault" {columns.across(fault.begin_ns, end_of(fault, columns))} height="20"/>'
             for fault in in_sight(scenario.faults, columns)[:SPARK_COLUMNS]]
    area = stretched(0, 0, 20, (columns.count, 100), f'<path class="rate" d="{rate_path(rates(columns))}"/>')
    return f'<svg class="spark" height="20" aria-hidden="true">{"".join(bands)}{area}</svg>'
