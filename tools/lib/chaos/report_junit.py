"""report_junit.py -- a run as JUnit XML, which build servers read: a test case a scenario.

A broken promise is a failure with its witness, what could not be confirmed is skipped with the reason,
a control that ended without a violation is a failure of its own, and so is each limit that was passed.
What kept the run from being whole is an error of the case "run".
"""
import xml.etree.ElementTree as ElementTree

from report_model import clean


def xml(report):
    """The report as a document, with its declaration."""
    suite = ElementTree.Element("testsuite", name=clean(f"skiff chaos: {report.system_and_version}"))
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in [("verdict", report.verdict), ("line", report.line), ("seed", report.get("seed")),
                        ("command", report.get("command"))]:
        if value is not None:
            ElementTree.SubElement(properties, "property", name=name, value=clean(value))
    for scenario in report.scenarios:
        add_scenario(suite, report, scenario)
    if report.control():
        add_control(suite, report)
    for limit in report.broken_limits():
        case = add_case(suite, report, f"limit: {limit}", 0)
        ElementTree.SubElement(case, "failure", message=clean(limit), type="limit")
    add_run(suite, report)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))
    suite.set("time", f"{report.get('seconds', 0):.3f}")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def add_case(suite, report, name, seconds):
    return ElementTree.SubElement(suite, "testcase", name=clean(name), time=f"{seconds:.3f}",
                                  classname=clean(f"chaos.{report.raw['engine'].get('name', 'engine')}"))


def add_scenario(suite, report, scenario):
    case = add_case(suite, report, scenario.name, scenario.seconds())
    if scenario.verdict == "FAIL":
        failure = ElementTree.SubElement(case, "failure", message=clean(scenario.why or "a promise was broken"),
                                         type="violation")
        witness = scenario.witness + [str(line) for line in scenario.replicas.get("witness") or []]
        failure.text = clean("\n".join(witness))
    elif scenario.verdict != "PASS":
        ElementTree.SubElement(case, "skipped", message=clean(f"{scenario.verdict}: {scenario.why}"))
    longest = scenario.longest()
    out = [f"{scenario.acked} acked, {scenario.lost} lost, {scenario.duplicated} duplicated, "
           f"{scenario.reordered} reordered, "
           f"{scenario.unknown} unknown ({scenario.unknown_found} found)"]
    out += [f"{scenario.spoiled} faults were not confirmed while the host stood still, and were played again"] \
        if scenario.spoiled else []
    out += [f"longest gap {longest[0]:.0f} ms ({longest[1]})"] if longest else []
    ElementTree.SubElement(case, "system-out").text = clean("\n".join(out))


def add_control(suite, report):
    violated, text = report.control()
    case = add_case(suite, report, "control", 0)
    if not violated:
        ElementTree.SubElement(case, "failure", message=clean(text), type="control")


def add_run(suite, report):
    """What could not be run, or was not, is no test that passed."""
    errors = [str(error) for error in report.get("errors") or []]
    errors += ["stopped before it was done"] if report.get("stopped") else []
    errors += [f"left out, no time was left: {name}" for name in report.get("skipped") or []]
    if not errors:
        return
    case = add_case(suite, report, "run", 0)
    for error in errors:
        ElementTree.SubElement(case, "error", message=clean(error.split("\n")[0]), type="run").text = clean(error)
