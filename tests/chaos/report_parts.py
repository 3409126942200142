"""report_parts.py -- what a chaos run's report says: the text, the JUnit file, the page as markup.

    tests/chaos/report_parts.py

The reports are invented from a seed (report_sample.py). How the page looks is seen by report_page.py.
"""
import contextlib
import html.parser
import io
import json
import os
import re
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import live
from report_sample import sample

sys.path.insert(0, os.path.join(live.ROOT, "tools", "lib", "chaos"))
import report as report_files  # noqa: E402
import report_gaps  # noqa: E402
import report_html  # noqa: E402
import report_junit  # noqa: E402
import report_model  # noqa: E402
import report_svg  # noqa: E402
import report_text  # noqa: E402
import report_timeline  # noqa: E402
from report_model import Report  # noqa: E402

LEAST = {"verdict": "PASS", "line": "PASS", "engine": {"name": "other"},
         "scenarios": [{"name": "kill", "verdict": "PASS"}]}
HOSTILE = "<script>alert('1')</script>&\"\x00\x1b\ud800"


class Markup(html.parser.HTMLParser):
    """The elements of a page, and whether each was closed by its own end."""

    VOID = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> ends {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.words.append(data)

    def of_class(self, name):
        return [attrs for _, attrs in self.elements if name in (attrs.get("class") or "").split()]


def junit(report):
    suite = ElementTree.fromstring(report_junit.xml(Report(report)).encode())
    return suite, {case.get("name"): case for case in suite.iter("testcase")}


def refusal(action, *arguments):
    try:
        action(*arguments)
    except report_model.ReportError as error:
        return str(error)
    raise AssertionError("nothing was refused")


def test_the_text_fits_80_columns_and_ends_with_the_last_line():
    for kind in ("quick", "broken", "unsure", "void", "watch"):
        report = sample(kind)
        *lines, last = report_text.text([Report(report)]).rstrip("\n").split("\n")
        assert last == report["line"], last
        for line in lines:
            assert len(line) <= report_text.WIDTH or line.startswith("  "), f"{kind}: {len(line)} columns: {line}"


def test_the_text_fits_80_columns_with_the_longest_names():
    report = sample("unsure")
    report["scenarios"][0]["name"] = "cut-from-controller"
    table = [line for line in report_text.kept(Report(report))]
    assert any("INCONCLUSIVE" in line for line in table)
    assert max(map(len, table)) <= report_text.WIDTH, table


def test_the_text_shows_the_witness_and_the_reason():
    text = report_text.text([Report(sample("broken"))])
    assert ("FAIL kill-leader: lost (acks=all): 2 acknowledged records are not in the final\n    read\n"
            "FAIL kill-leader: inconsistent_offsets") in text
    assert "  w-1.txt:20150: a 3 1841 88123 81010133120000" in text
    assert "limit passed: gap.max>2s: it was 4.8 s" in text


def test_losses_of_acks_1_are_told_and_are_no_violation():
    given = sample("quick")
    given["scenarios"][2]["other"].update(repeated=5, disordered=4, watermark_dips=3)
    report = Report(given)
    scenario = report.scenario("power-loss-all")
    assert (scenario.lost_acks1, scenario.other) == (7, {})
    assert "acks=1, to which nothing is promised: 7 lost" in report_text.text([report])


def test_what_a_run_did_not_come_to_is_told():
    report = Report(sample("unsure"))
    for shown in (report_text.text([report]), report_html.page([report])):
        assert "Left out, no time was left: random." in shown
        assert "Went wrong: bit-rot: could not be run: no room" in shown


def test_a_version_with_its_systems_name_in_front_is_not_told_twice():
    for name, version, shown in (("skiff", "skiff 0.1", "Skiff 0.1"),
                                 ("kafka", "Apache Kafka 4.3.1", "Apache Kafka, as it comes 4.3.1"),
                                 ("mine", "2", "mine 2"), ("mine", None, "mine")):
        assert Report({**LEAST, "engine": {"name": name, "version": version}}).system_and_version == shown


def test_junit_has_a_case_for_each_scenario_and_the_control():
    report = sample("quick")
    suite, cases = junit(report)
    assert set(cases) == {scenario["name"] for scenario in report["scenarios"]} | {"control"}
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("7", "0", "0")
    assert abs(float(cases["slow-disk"].get("time")) - report["scenarios"][5]["seconds"]) < 0.001


def test_junit_tells_a_violation_as_a_failure_with_its_witness():
    suite, cases = junit(sample("broken"))
    failure = cases["kill-leader"].find("failure")
    assert failure.get("message").startswith("lost (acks=all): 2 acknowledged records are not in the final read")
    assert len(failure.text.split("\n")) == 4 and "w-1.txt:20114: w 3 1841" in failure.text
    assert cases["limit: gap.max>2s: it was 4.8 s"].find("failure") is not None
    assert suite.get("failures") == "2"


def test_junit_skips_what_is_inconclusive():
    suite, cases = junit(sample("unsure"))
    assert cases["cut-from-controller"].find("skipped").get("message").startswith("INCONCLUSIVE: fault 2 was not seen")
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")


def test_junit_fails_a_control_that_found_nothing():
    suite, cases = junit(sample("void"))
    assert "no violation was found" in cases["control"].find("failure").get("message")
    assert suite.get("failures") == "1"


def test_text_from_outside_breaks_neither_the_page_nor_the_junit_file():
    report = sample("broken")
    first = report["scenarios"][0]
    first.update(name=HOSTILE, about=HOSTILE, why=HOSTILE, witness=[HOSTILE], history=[HOSTILE], other={HOSTILE: 1})
    first["faults"][0].update(name=HOSTILE, detail=HOSTILE, how=HOSTILE)
    first["gaps"][HOSTILE] = first["gaps"]["stock"]
    report.update(title=HOSTILE, command=HOSTILE, line=HOSTILE)
    _, cases = junit(report)
    assert any("alert" in name for name in cases)
    page = report_html.page([Report(report)] * 2)
    markup = Markup(page)
    assert not [tag for tag, _ in markup.elements if tag == "script"]
    assert "alert('1')" in "".join(markup.words)


def test_the_files_are_written_whatever_letters_are_in_them():
    report = sample("broken")
    report["scenarios"][0]["witness"] = [HOSTILE]
    with tempfile.TemporaryDirectory() as folder:
        report_files.write(folder, report)
        ElementTree.parse(os.path.join(folder, "junit.xml"))


def test_a_page_needs_nothing_beside_itself():
    page = report_html.page([Report(sample("broken"))])
    markup = Markup(page)
    assert not [tag for tag, _ in markup.elements if tag in ("script", "link", "img", "iframe")]
    for tag, attrs in markup.elements:
        for name, value in attrs.items():
            assert name not in ("src", "srcset", "data", "xlink:href") and not name.startswith("on"), (tag, attrs)
            assert name != "href" or value.startswith("#"), (tag, attrs)
    assert not re.search(r"@import|url\((?!#)", page)


def test_each_link_leads_to_a_place_on_the_page():
    markup = Markup(report_html.page([Report(sample("nightly-short"))]))
    ids = [attrs["id"] for _, attrs in markup.elements if "id" in attrs]
    assert len(ids) == len(set(ids)), "an id stands twice"
    links = [attrs["href"] for tag, attrs in markup.elements if tag == "a"]
    assert links and all(link[1:] in ids for link in links)


def test_a_page_has_a_band_for_each_fault_and_a_row_for_each_partition():
    report = sample("quick")
    markup = Markup(report_html.page([Report(report)]))
    bands = sum(len(scenario["faults"]) for scenario in report["scenarios"])
    assert len(markup.of_class("band")) == bands + 1  # One is the legend's.
    assert len(markup.of_class("row")) == sum(len(s["timeline"]["partitions"]) for s in report["scenarios"])


def test_a_nightly_page_is_under_3_megabytes_also_beside_two_others():
    report = Report(sample("nightly"))
    for reports in ([report], [report] * 3):
        page = report_html.page(reports)
        assert len(page.encode()) < 3_000_000, len(page.encode())
    Markup(page)


def test_a_p99_of_fewer_than_100_rounds_is_not_told():
    few, many = ({"n": n, "p50_ms": 10, "p90_ms": 20, "p99_ms": p99, "max_ms": 40}
                 for n, p99 in ((99, None), (100, 30)))
    assert report_model.statistics(few) == ["99", "10.0 ms", "20.0 ms", report_model.NONE, "40.0 ms"]
    assert report_model.statistics(many)[3] == "30.0 ms"


def test_durations_have_three_digits_that_count():
    told = {0: "0 ms", 0.0834: "0.08 ms", 84.04: "84.0 ms", 100: "0.10 s", 714: "0.71 s", 12_340: "12.3 s",
            250_000: "4 min 10 s"}
    for ms, words in told.items():
        assert report_model.duration(ms) == words, (ms, report_model.duration(ms))


def test_merged_columns_lose_no_acknowledgement():
    rows = [[number % 7 for number in range(1001)], [3] * 500]
    for columns_max in (960, 100, 7, 1):
        columns = report_timeline.Columns({"bucket_ns": 10, "from_ns": 0, "partitions": rows}, columns_max)
        assert [sum(row) for row in columns.rows] == [sum(row) for row in rows]
        assert len(columns.rows[0]) == len(columns.rows[1]) <= columns_max


def test_a_cell_is_blank_exactly_where_nothing_was_acknowledged():
    row = [9, 9, 0, 0, 1, 4, 9, 30, 0]
    drawn = {at for _, first, size in report_timeline.runs(row, 9) for at in range(first, first + size)}
    assert drawn == {at for at, value in enumerate(row) if value}
    assert [depth for depth, _, _ in report_timeline.runs(row, 9)] == [3, 1, 2, 3, 4]


def test_columns_are_merged_until_a_served_partition_has_some_in_each():
    sparse = {"bucket_ns": 10 ** 7, "from_ns": 0, "partitions": [[1, 0, 0, 0] * 100]}
    columns = report_timeline.Columns(sparse, 960)
    assert 0 not in columns.rows[0] and columns.column_ns == 4 * sparse["bucket_ns"]


def test_an_outage_stays_blank_among_bursts():
    row = [3, 0, 0] * 60 + [0] * 30 + [3, 0, 0] * 60
    columns = report_timeline.Columns({"bucket_ns": 10 ** 7, "from_ns": 0, "partitions": [row] * 3}, 960)
    assert columns.column_ns == 3 * 10 ** 7
    assert [at for at, value in enumerate(columns.rows[0]) if not value] == list(range(60, 70))


def test_the_summary_tells_the_gap_that_the_last_line_tells():
    scenario = Report(sample("quick")).scenario("kill-leader")
    assert scenario.longest() == (dict(scenario.gaps())["tuned"]["max_ms"], "tuned")


def test_labels_do_not_lie_on_each_other():
    labels = [(share / 50, f"{share} a fault") for share in range(50)]
    placed = report_svg.place_labels(labels, 640, 2)
    assert 4 <= len(placed) < 50
    for lane in (0, 1):
        spans = []
        for index, (own, anchor) in placed.items():
            size, at = len(labels[index][1]) * report_svg.LETTER, labels[index][0] * 640
            spans += [(at, at + size) if anchor == "start" else (at - size, at)] if own == lane else []
        assert all(left[1] <= right[0] for left, right in zip(sorted(spans), sorted(spans)[1:]))


def test_a_logarithmic_axis_holds_whole_decades():
    axis = report_svg.LogAxis([70, 3200])
    assert [words for _, words in axis.decades()] == ["10 ms", "100 ms", "1 s", "10 s"]
    assert axis.share(10) == 0 and axis.share(10_000) == 1 and abs(axis.share(1000) - 2 / 3) < 1e-9


def test_the_curve_of_gaps_goes_from_the_shortest_to_all_rounds():
    axis = report_svg.LogAxis([10, 1000])
    assert report_gaps.curve_path([1000, 10], axis) == "M0.0 100H0.0V50.0H1000.0V0.0"


def test_a_report_with_nothing_but_the_necessary_is_shown():
    report = Report(LEAST)
    Markup(report_html.page([report]))
    Markup(report_html.page([report, Report(sample("quick"))]))
    assert report_text.text([report]).endswith("\nPASS\n")
    assert junit(LEAST)[0].get("tests") == "1"


def test_what_is_no_report_is_refused_with_the_reason():
    assert refusal(Report, {"verdict": "PASS"}, "a.json") == \
        "a.json: not a report of a chaos run: 'line' is missing or of a wrong kind"
    assert refusal(Report, {**LEAST, "verdict": "FINE"}, "a.json") == "a.json: no such verdict: FINE"
    assert refusal(Report, {**LEAST, "scenarios": [{}]}, "a.json") == "a.json: scenario 0: it has no name"
    assert refusal(report_model.load, "/nowhere/a.json") == "/nowhere/a.json: No such file or directory"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write("{")
        file.flush()
        assert refusal(report_model.load, file.name).startswith(f"{file.name}: not JSON")


def test_write_leaves_four_files_that_agree():
    given = sample("quick")
    with tempfile.TemporaryDirectory() as folder:
        text = report_files.write(folder, given, [Report(sample("quick", engine="kafka"))])
        assert sorted(os.listdir(folder)) == ["junit.xml", "report.html", "report.json", "report.txt"]
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            assert json.load(file) == given
        with open(os.path.join(folder, "report.txt"), encoding="utf-8") as file:
            assert file.read() == text and "Apache Kafka, as it comes" in text


def test_compare_holds_several_runs_side_by_side():
    engines = {"skiff": "Skiff", "kafka": "Apache Kafka, as it comes", "kafka-matched": "Apache Kafka, matched"}
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for engine in engines:
            paths.append(os.path.join(folder, f"{engine}.json"))
            report_files.put(paths[-1], json.dumps(sample("quick", engine=engine)))
        page, out = os.path.join(folder, "page.html"), io.StringIO()
        with contextlib.redirect_stdout(out):
            assert report_files.compare_main([*paths, "--html", page]) == 0
        with open(page, encoding="utf-8") as file:
            heads = "".join(Markup(file.read()).words)
    for title in engines.values():
        assert title in heads and title in out.getvalue()


def test_compare_of_a_file_that_is_not_there_ends_with_1_and_says_so():
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        assert report_files.compare_main(["/nowhere/a.json"]) == 1
    assert err.getvalue() == "skiff chaos compare: /nowhere/a.json: No such file or directory\n"


if __name__ == "__main__":
    sys.exit(live.run_named(live.tests_of(globals())))
