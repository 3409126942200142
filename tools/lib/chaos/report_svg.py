"""report_svg.py -- what the pictures of the page share: escaping, places along an axis, ticks, labels.

Pictures have no viewBox: lengths across are percentages and lengths up are pixels, so that a picture
is as wide as its place and its letters keep their size on a telephone. What has to be one path lies in
an inner svg that is stretched.
"""
import html
import math

from report_model import clean

# Pixels that a picture has at least where labels of this class are shown (report.css).
WIDTHS = {"narrow": 250, "wide": 640, "widest": 1100}
LETTER = 6.8  # Of an average letter at 12 pixels, fat.


def esc(text):
    return html.escape(clean(text), quote=True)


def percent(share):
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


def title(text):
    return f"<title>{esc(text)}</title>"


def stretched(x, y, height, box, inside):
    """An inner picture of `box` (columns, rows) that fills the width."""
    return (f'<svg x="{x}" y="{y}" width="100%" height="{height}" viewBox="0 0 {box[0]} {box[1]}" '
            f'preserveAspectRatio="none">{inside}</svg>')


def text(share, y, words, more=""):
    """Words at a place across, which run to the left where they would leave the picture."""
    anchor = "end" if share > 0.97 else "middle" if share > 0.03 else "start"
    return f'<text x="{percent(share)}" y="{y}" text-anchor="{anchor}"{more}>{esc(words)}</text>'


def place_labels(labels, width, lanes):
    """Which of [(share, words)] fit beside each other on so many pixels: {index: (lane, anchor)}."""
    ends, placed = [-1.0] * lanes, {}
    for index, (share, words) in enumerate(labels):
        size, at = len(words) * LETTER + 10, share * width
        anchor = "start" if at + size <= width else "end"
        left, right = (at, at + size) if anchor == "start" else (at - size, at)
        for lane in range(lanes):
            if left >= 0 and ends[lane] <= left:
                ends[lane], placed[index] = right, (lane, anchor)
                break
    return placed


def time_ticks(seconds, most):
    """At most so many round places on an axis from 0 to `seconds`."""
    if seconds <= 0:
        return [0.0]
    for step in (scale * 10.0 ** power for power in range(-3, 6) for scale in (1, 2, 5)):
        if seconds / step <= most:
            return [number * step for number in range(math.floor(seconds / step + 1e-9) + 1)]
    return [0.0]


class LogAxis:
    """Milliseconds on a logarithmic axis, whole decades from the least to the most."""

    def __init__(self, values):
        found = [max(10.0, value) for value in values if value is not None]
        self.first = math.floor(math.log10(min(found, default=10)))
        self.last = max(self.first + 1, math.ceil(math.log10(max(found, default=1000))))

    def share(self, ms):
        place = (math.log10(max(ms, 10.0 ** self.first)) - self.first) / (self.last - self.first)
        return min(1.0, max(0.0, place))

    def decades(self):
        """[(share, words)] of the lines of the axis."""
        return [((power - self.first) / (self.last - self.first), decade_text(power))
                for power in range(self.first, self.last + 1)]


def decade_text(power):
    return f"{10 ** power} ms" if power < 3 else f"{10 ** (power - 3)} s"


def thin(values, most):
    """At most so many of the values, the least and the greatest among them."""
    ordered = sorted(values)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(index * (len(ordered) - 1) / (most - 1))] for index in range(most)]
