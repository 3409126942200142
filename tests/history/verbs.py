#!/usr/bin/env python3
"""verbs.py -- `skiff chaos check` and `skiff chaos replicas` as a user types them; no node runs."""
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

BUILD = os.environ.get("SKIFF_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
HEAD = "# skiff-history 1 run=c0ffee topic=orders partitions=2\n"
CLIENTS = "c 1 writer tuned w\nc 9 reader final f\n"
WRITES = "w 1 0 0 10\na 1 0 0 11\nw 1 1 0 12\na 1 1 1 13\n"
VALID = HEAD + CLIENTS + WRITES + "! 12 begin f1 kill node 1\ns 9 0 0 20\nr 9 0 0 1 0 21\nr 9 0 1 1 1 22\nz 9 0 2 23\n. 24\n"
LOST = HEAD + CLIENTS + WRITES + "s 9 0 0 20\nr 9 0 1 1 1 22\nz 9 0 2 23\n. 24\n"
COUNTS = ("lines ops writes reads acked failed unknown unknown_found lost unseen duplicated reordered inconsistent_offsets "
          "never_written aborted_read poll_skip nonmonotonic_poll nonmonotonic_send beyond_watermark dirty_read corrupt "
          "lost_acks1").split()
passed, failed = [], []


def expect(what, condition, told=""):
    (passed if condition else failed).append(what)
    print(f"{'ok   ' if condition else 'FAIL '} {what}{'' if condition else ': ' + str(told)}")


def skiff(*words):
    return subprocess.run([os.path.join(BUILD, "skiff"), "chaos", *words], capture_output=True, text=True, timeout=60,
                          check=False)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def check_codes(folder):
    valid = write(folder, "valid", VALID)
    lost = write(folder, "lost", LOST)
    cut = write(folder, "cut", VALID[:-5])
    bad = write(folder, "bad", VALID.replace("w 1 1 0 12", "w 1 1 zero 12"))
    run = skiff("check", valid)
    expect("a valid history ends with 0", run.returncode == 0 and run.stdout.startswith("VALID: 2 acked"), run)
    run = skiff("check", lost)
    expect("a violation ends with 11 and its lines", run.returncode == 11 and f"  {lost}:5: a 1 0 0 11\n" in run.stdout, run)
    run = skiff("check", cut)
    expect("a history cut short ends with 1, and says so", run.returncode == 1 and
           run.stderr == f"skiff: {cut} was cut short: it has no last line\n", run)
    expect("it is still told what was found", run.stdout.endswith("INCONCLUSIVE: 2 acked, 0 failed, 0 unknown (0 found), 2 read; "
                                                                  "0 lost, 0 duplicated, 0 reordered\n"), run)
    run = skiff("check", cut, "--json")
    found = json.loads(run.stdout)
    expect("and in JSON", (run.returncode, found["verdict"], found["acked"], len(found["inconclusive"])) == (
        1, "INCONCLUSIVE", 2, 1), run)
    run = skiff("check", write(folder, "cut", LOST[:-5]))
    expect("a violation counts more", run.returncode == 11 and "was cut short" in run.stderr, run)
    run = skiff("check", write(folder, "open", LOST.replace("r 9 0 1 1 1 22\nz 9 0 2 23\n", "")))
    expect("a history that says too little ends with 12", run.returncode == 12 and run.stderr == "", run)
    run = skiff("check", bad)
    expect("a malformed line ends with 1, by file, line and field", run.returncode == 1 and
           run.stderr == f"skiff: {bad}:6: field 4 (partition): `zero` is no number\n", run)
    run = skiff("check", os.path.join(folder, "none"))
    expect("a missing file ends with 1", run.returncode == 1 and "No such file" in run.stderr, run)
    run = skiff("check", folder)
    expect("a folder is no history", run.returncode == 1 and "cannot be read" in run.stderr, run)
    run = skiff("check")
    expect("no file is a usage error", run.returncode == 2, run)
    run = skiff("check", valid, "--timeline", "7")
    expect("a timeline without end is a usage error", run.returncode == 2, run)


def check_json(folder):
    run = skiff("check", write(folder, "lost", LOST), "--json")
    verdict = json.loads(run.stdout)
    expect("JSON of a violation ends with 11 too", run.returncode == 11 and verdict["verdict"] == "VIOLATION", run)
    expect("it has every count", all(isinstance(verdict[name], int) for name in COUNTS), verdict)
    expect("a lost write is counted", (verdict["lost"], verdict["acked"], sum(verdict["other"].values())) == (1, 2, 0), verdict)
    witness = verdict["violations"][0]["witness"]
    expect("its witness has three to ten lines", 3 <= len(witness) <= 10, witness)
    verdict = json.loads(skiff("check", write(folder, "valid", VALID), "--json", "--timeline", "10:20").stdout)
    expect("gaps name fault, profile and partition", verdict["gaps"] == [
        {"fault": "f1", "profile": "tuned", "partition": 0, "gap_ns": 2, "from_ns": 11}] == verdict["longest"], verdict)
    expect("latency has the fault that a write began in",
           [(one["fault"], one["n"]) for one in verdict["latency"]] == [("f1", 1), (None, 1)], verdict)
    expect("the timeline has a row for each partition", len(verdict["timeline"]["partitions"]) == 2 and
           sum(verdict["timeline"]["partitions"][0]) == 2 and verdict["timeline"]["from_ns"] == 10, verdict)


def check_files(folder):
    valid = write(folder, "valid", VALID)
    ends, edn = os.path.join(folder, "ends"), os.path.join(folder, "edn")
    run = skiff("check", valid, "--replica-ends", ends, "--edn", edn)
    expect("what the final reads went through is written", run.returncode == 0 and open(ends, encoding="utf-8").read() == "0 0 2\n", run)
    expect("an operation is a line of EDN", open(edn, encoding="utf-8").read().count("\n") == 7, run)
    run = skiff("check", valid, "--edn", os.path.join(folder, "none", "edn"))
    expect("a file that cannot be written ends with 1", run.returncode == 1, run)
    run = skiff("check", valid, "--replica-ends", "/dev/full")
    expect("no room ends with 1", run.returncode == 1 and "No space" in run.stderr and run.stdout.startswith("VALID: "), run)
    for flag in ("--edn", "--junit", "--replica-ends"):
        run = skiff("check", write(folder, "lost", LOST), flag, "/dev/full")
        expect(f"a violation is told without room for {flag}, and counts more", run.returncode == 11 and
               "\nVIOLATION: " in run.stdout and "No space" in run.stderr, run)


def check_junit(folder):
    """What a build server reads of each verdict: its counts, and the text of what is not well."""
    path, strange = os.path.join(folder, "junit"), VALID.replace("node 1", 'node "<1>" \u00e9')
    broken = LOST.replace("topic=orders", "topic=or-ders").replace("final f", "final <f>&\u00e9")
    for name, text, wanted, said in (
            ("valid", strange, (0, 0, 0), []), ("lost", broken, (1, 0, 0), ["lost-write"]),
            ("cut", VALID[:-5], (0, 1, 0), ["whole"]), ("open", HEAD + CLIENTS + WRITES + ". 24\n", (0, 0, 1), ["whole"])):
        run = skiff("check", write(folder, name, text), "--junit", path)
        suite = ElementTree.parse(path).getroot()
        counts = tuple(int(suite.get(kind)) for kind in ("failures", "errors", "skipped"))
        cases = list(suite.iter("testcase"))
        expect(f"the verdict of a {name} history for build servers", counts == wanted and
               [case.get("name") for case in cases if len(case)] == said and len(cases) == int(suite.get("tests")) > 13,
               (run, counts))
        if name == "lost":
            shown, = suite.iter("failure")
            expect("what is broken stands there with its lines", shown.get("message") == "1 found" and
                   "value 0 of client 1 was acknowledged" in shown.text and ":5: a 1 0 0 11" in shown.text, shown.text)
    run = skiff("check", write(folder, "refused", "no history\n"), "--junit", path)  # There is one of before.
    suite = ElementTree.parse(path).getroot()
    shown, = suite.iter("error")
    expect("a refused history is an error for build servers", run.returncode == 1 and suite.get("errors") == "1" and
           shown.get("message") in run.stderr, (run, shown.attrib))


def check_replicas(folder):
    ends = write(folder, "ends", "0 0 2\n")
    run = skiff("replicas", "--topic", "orders", "--ends", ends, folder, folder)
    expect("no copy is inconclusive", run.returncode == 12 and "\nINCONCLUSIVE: 1 partitions" in run.stdout, run)
    expect("a missing copy is told with its directory", run.stdout.startswith(f"partition 0: no copy in {folder}\n"), run)
    for name in ("node", "late"):
        os.makedirs(os.path.join(folder, name, "orders-0"))
    write(os.path.join(folder, "node", "orders-0"), "0" * 20 + ".log", "")
    node = os.path.join(folder, "node")
    run = skiff("replicas", "--topic", "orders", "--ends", ends, node, folder, "--may-miss", folder)
    expect("an emptied copy is told with its end", run.returncode == 12 and
           f"partition 0: the copy in {node} ends at offset 0, below 2\n" in run.stdout and
           f"partition 0: no copy in {folder} (it may)\n" in run.stdout, run)
    found = json.loads(skiff("replicas", "--topic", "orders", "--ends", ends, node, folder, "--may-miss", folder, "--json").stdout)
    expect("JSON lists what is missing and what is behind", (found["missing"], found["behind"], found["excused"]) == (
        [{"partition": 0, "dir": folder, "start": 0, "from": 0, "end": 0, "wanted": 2, "may_miss": True}],
        [{"partition": 0, "dir": node, "start": 0, "from": 0, "end": 0, "wanted": 2, "may_miss": False}], 1), found)
    found = json.loads(skiff("replicas", "--topic", "orders", "--ends", ends, node, folder, "--copies", "1", "--json").stdout)
    expect("no more copies are wanted than there are", found["missing"] == [] and len(found["behind"]) == 1, found)
    write(os.path.join(folder, "late", "orders-0"), "0" * 19 + "1.log", "")
    late = os.path.join(folder, "late")
    run = skiff("replicas", "--topic", "orders", "--ends", ends, late)
    expect("a copy that begins late is told with its beginning", run.returncode == 12 and
           run.stdout.startswith(f"partition 0: the copy in {late} begins at offset 1, above 0\n"), run)
    run = skiff("replicas", "--topic", "orders", "--ends", ends, folder, "--may-miss", node)
    expect("only a directory that is compared may miss", run.returncode == 2 and "none of the directories" in run.stderr, run)
    run = skiff("replicas", "--ends", ends, folder)
    expect("a topic is needed", run.returncode == 2, run)
    run = skiff("replicas", "--topic", "orders", "--ends", write(folder, "ends", "0 0 2\n0 2\n"), folder)
    expect("a malformed line of ends is told", run.returncode == 1 and "ends:2: a partition and two offsets" in run.stderr, run)
    run = skiff("replicas", "--topic", "orders", "--ends", write(folder, "ends", ""), folder)
    expect("nothing to compare is inconclusive", run.returncode == 12, run)


def main():
    for one in (check_codes, check_json, check_files, check_junit, check_replicas):
        with tempfile.TemporaryDirectory(prefix="skiff-history-") as folder:
            one(folder)
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
