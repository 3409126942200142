"""report_page.py -- a chaos run's page in a real browser: that it can be read, narrow and wide, light and dark.

    tests/chaos/report_page.py [--keep FOLDER]

The reports are invented from a seed (report_sample.py). With --keep the pages and pictures of them stay
in a folder, to be looked at. Without chromium all is skipped.
"""
import argparse
import contextlib
import os
import pathlib
import sys
import tempfile

import live
from browser import Browser
from report_sample import SECOND, sample

sys.path.insert(0, os.path.join(live.ROOT, "tools", "lib", "chaos"))
import report_html  # noqa: E402
from report_model import Report  # noqa: E402

NARROW, MIDDLE, WIDE, HEIGHT = 360, 1241, 1600, 900  # MIDDLE: tables have just become tables.
CONTRAST_MIN = 4.5  # WCAG 2, for text of this size.
PAGES = {
    "quick": lambda: [sample("quick")], "broken": lambda: [sample("broken")], "unsure": lambda: [sample("unsure")],
    "void": lambda: [sample("void")], "watch": lambda: [sample("watch")], "nightly": lambda: [sample("nightly-short")],
    "beside": lambda: [sample("quick", engine=engine) for engine in ("skiff", "kafka", "kafka-matched")],
}
# The least contrast of any words in HTML with what is behind them, and these words.
LEAST_CONTRAST = """
(() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = rgb => rgb.slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  let least = [99, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, words = walker.currentNode.data.trim();
    if (!words || element.closest('svg')) continue;
    const style = getComputedStyle(element);
    if (style.visibility !== 'visible' || !element.getClientRects().length) continue;
    const pair = [light(numbers(style.color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < least[0]) least = [ratio, words];
  }
  return least;
})()
"""
# Words, in HTML or in a picture, that are cut off at the window's edge.
CUT_OFF = """
[...document.querySelectorAll('td, th, p, li, dd, pre, h1, h2, summary span, svg text')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && getComputedStyle(element).visibility === 'visible'
    && (box.left < -1 || box.right > innerWidth + 1);
}).map(element => element.textContent.slice(0, 60)).slice(0, 5)
"""


class Bench:
    """One browser and the pages, written once."""

    def __init__(self, folder):
        self.folder, self.urls, self.reports = folder, {}, {}
        for name, reports in PAGES.items():
            self.reports[name] = reports()
            path = os.path.join(folder, f"{name}.html")
            with open(path, "w", encoding="utf-8") as file:
                file.write(report_html.page([Report(report) for report in self.reports[name]]))
            self.urls[name] = pathlib.Path(path).resolve().as_uri()
        self.browser = None

    def page(self, name, width=WIDE, scheme="light", unfold=True):
        if self.browser is None:
            self.browser = Browser()  # Skip, when there is none.
        page = self.browser.page(width, HEIGHT, scheme)
        page.open(self.urls[name])
        if unfold:
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        return page


def all_ways(bench):
    for name in PAGES:
        for width in (NARROW, MIDDLE, WIDE):
            for scheme in ("light", "dark"):
                with contextlib.closing(bench.page(name, width, scheme)) as page:
                    yield f"{name}, {width} pixels, {scheme}", page


def test_the_browser_complains_of_nothing_and_fetches_nothing(bench):
    for name, page in all_ways(bench):
        assert page.complaints() == [], f"{name}: {page.complaints()}"
        assert page.requests() == [page.evaluate("location.href")], f"{name}: {page.requests()}"


def test_nothing_scrolls_sideways_and_no_words_are_cut_off(bench):
    for name, page in all_ways(bench):
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.width, f"{name}: {width} pixels wide"
        assert page.evaluate(CUT_OFF) == [], f"{name}: {page.evaluate(CUT_OFF)}"


def test_words_stand_out_from_what_is_behind_them(bench):
    for name, page in all_ways(bench):
        ratio, words = page.evaluate(LEAST_CONTRAST)
        assert ratio >= CONTRAST_MIN, f"{name}: {ratio:.2f} for: {words}"


def test_the_verdict_is_seen_without_scrolling(bench):
    for name in PAGES:
        for width in (NARROW, WIDE):
            with contextlib.closing(bench.page(name, width, unfold=False)) as page:
                top, bottom, size = page.evaluate("""(() => { const h = document.getElementById('verdict');
                    const box = h.getBoundingClientRect();
                    return [box.top, box.bottom, parseFloat(getComputedStyle(h).fontSize)] })()""")
                assert 0 <= top < bottom <= HEIGHT and size >= 24, f"{name}: from {top} to {bottom}, {size} pixels"
                shown = page.evaluate("document.querySelector('.banner').innerText")
                report = bench.reports[name][0]
                assert shown.split()[1] == report["verdict"] and report["line"] in shown, shown


def test_each_fault_has_a_band_and_each_partition_a_row(bench):
    with contextlib.closing(bench.page("quick")) as page:
        for scenario in bench.reports["quick"][0]["scenarios"]:
            figure = f"document.querySelector('#s-{scenario['name']} .time')"
            bands = page.evaluate(f"[...{figure}.querySelectorAll('.band')]"
                                  ".map(band => [+band.dataset.fault, band.getBoundingClientRect().width])")
            assert [number for number, _ in bands] == [fault["id"] for fault in scenario["faults"]]
            assert all(width > 1 for _, width in bands), bands
            rows = page.evaluate(f"[...{figure}.querySelectorAll('.row')]"
                                 ".map(row => row.getBoundingClientRect().height)")
            assert len(rows) == len(scenario["timeline"]["partitions"]) and min(rows) >= 2, rows


def test_a_cell_lies_where_its_partition_and_time_are(bench):
    """What is under the middle of an outage is blank, what is under another partition at that time is not."""
    given = bench.reports["quick"][0]["scenarios"][3]
    timeline, fault = given["timeline"], given["faults"][1]
    at = (fault["begin_ns"] + SECOND - timeline["from_ns"]) // timeline["bucket_ns"]
    around = [sum(row[at - 10:at + 10]) for row in timeline["partitions"]]
    assert 0 in around and max(around) > 0
    for width in (NARROW, WIDE):
        with contextlib.closing(bench.page("quick", width)) as page:
            for partition in (around.index(0), around.index(max(around))):
                kind = page.evaluate(f"""(() => {{
                    const figure = document.querySelector('#s-{given["name"]} .time');
                    const rows = figure.querySelectorAll('.row');
                    figure.scrollIntoView({{ behavior: 'instant' }});
                    const box = figure.getBoundingClientRect(), row = rows[{partition}].getBoundingClientRect();
                    const x = box.left + box.width * {at / len(timeline["partitions"][0])};
                    return document.elementFromPoint(x, row.top + row.height * 0.4).getAttribute('class') }})()""")
                assert kind == ("hit" if around[partition] == 0 else "h3"), (width, partition, kind)


def test_labels_of_faults_do_not_lie_on_each_other(bench):
    for width in (NARROW, MIDDLE, WIDE):
        with contextlib.closing(bench.page("quick", width)) as page:
            boxes = page.evaluate("""[...document.querySelectorAll('.time')].map(figure =>
                [...figure.querySelectorAll('text.label')].map(text => text.getBoundingClientRect())
                .filter(box => box.width).map(box => [box.left, box.right, box.top]))""")
            assert all(boxes), "a timeline has no labels"
            for figure in boxes:
                for one in figure:
                    assert not [other for other in figure if other is not one and other[2] == one[2]
                                and other[0] < one[1] and one[0] < other[1]], (width, figure)


def test_narrow_tables_name_each_cell_and_wide_ones_have_heads(bench):
    with contextlib.closing(bench.page("quick", NARROW)) as page:
        assert page.evaluate("getComputedStyle(document.querySelector('.kept thead')).display") == "none"
        unnamed = page.evaluate("[...document.querySelectorAll('.cards td')]"
                                ".filter(cell => !cell.dataset.label).length")
        assert unnamed == 0
    with contextlib.closing(bench.page("quick", WIDE)) as page:
        assert page.evaluate("""[...document.querySelectorAll('table')].every(table => [...table.rows].every(row =>
            row.cells.length === table.tHead.rows[0].cells.length)
            && [...table.tHead.rows[0].cells].every(cell => cell.scope === 'col'))""")


def test_light_and_dark_are_not_the_same(bench):
    shades = []
    for scheme in ("light", "dark"):
        with contextlib.closing(bench.page("quick", WIDE, scheme)) as page:
            shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert page.screenshot(0, HEIGHT).startswith(b"\x89PNG")
    assert shades[0] != shades[1]


def keep_pictures(bench):
    for name, page in all_ways(bench):
        path = os.path.join(bench.folder, name.replace(" pixels", "").replace(", ", "-") + ".png")
        with open(path, "wb") as file:
            file.write(page.screenshot())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="FOLDER", help="leave pages and pictures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
        bench = Bench(options.keep or folder)
        try:
            code = live.run_named(live.tests_of(globals()), bench)
            if options.keep and bench.browser:
                keep_pictures(bench)
        finally:
            if bench.browser:
                bench.browser.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
