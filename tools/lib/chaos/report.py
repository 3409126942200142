"""report.py -- writes what a run came to, and holds several runs against each other.

    skiff chaos compare A.json B.json... [--html FILE]

The first report is the page's own; the text goes to standard output.
"""
import argparse
import json
import os
import sys

import report_html
import report_junit
import report_text
from programs import error_json
from report_model import Report, ReportError, load


def write(folder, report, beside=()):
    """Write report.json, .html, .txt and junit.xml of `report` (what report.json holds, or a Report)
    into the folder, with what other Reports found beside it; the text."""
    shown = report if isinstance(report, Report) else Report(report)
    reports = [shown, *beside]
    text = report_text.text(reports)
    put(os.path.join(folder, "report.json"), json.dumps(shown.raw, indent=1) + "\n")
    put(os.path.join(folder, "report.txt"), text)
    put(os.path.join(folder, "junit.xml"), report_junit.xml(shown))
    put(os.path.join(folder, "report.html"), report_html.page(reports))
    return text


PICTURES = ("timeline", "stalls", "values_ms")  # What only pictures need: most of a report's bytes.


def summary(report, **more):
    """One line of JSON: what report.json holds, but for what only pictures need."""
    return json.dumps({**without(report, PICTURES), **more})


def without(value, names):
    if isinstance(value, dict):
        return {key: without(one, names) for key, one in value.items() if key not in names}
    return [without(one, names) for one in value] if isinstance(value, list) else value


def put(path, text):
    """A reader never sees half of a file."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def compare_main(words):
    """The exit code of `skiff chaos compare`."""
    parser = argparse.ArgumentParser(prog="skiff chaos compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", metavar="REPORT.json")
    parser.add_argument("--html", metavar="FILE", help="the page, with all of them side by side")
    parser.add_argument("--json", action="store_true", help="for machines: a line for each, without timelines")
    options = parser.parse_args(words)
    try:
        reports = [load(path) for path in options.reports]
        if options.html:
            put(options.html, report_html.page(reports))
    except (ReportError, OSError) as error:
        print(f"skiff chaos compare: {error}", file=sys.stderr)
        if options.json:
            print(error_json([error], 1))
        return 1
    for line in [summary(report.raw) for report in reports] if options.json else [report_text.text(reports)]:
        print(line, end="\n" if options.json else "")
    return 0


if __name__ == "__main__":
    sys.exit(compare_main(sys.argv[1:]))
