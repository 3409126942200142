#!/usr/bin/env python3
"""explain.py -- `skiff explain` knows every error, and says of those alone that the broker sends what to do."""
import glob
import json
import os
import re
import subprocess
import sys

from live import ROOT, SKIFF, asked_for, need_programs, run_named

NOT_FOUND = 3


def explain(*words):
    return subprocess.run([SKIFF, "explain", *words], capture_output=True, text=True, timeout=20, check=False)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def known():
    """Kafka's errors, by name, as the broker's header has them."""
    header = text_of(os.path.join(ROOT, "include", "base", "err.h"))
    return {name: int(code) for name, code in re.findall(r"ERR_(\w+) = (-?\d+)", header) if int(code) >= -1}


def sent():
    """Names of errors that the server's code uses."""
    files = [path for path in glob.glob(os.path.join(ROOT, "src", "**", "*.[ch]"), recursive=True)
             if os.path.basename(path) != "err.c"]
    return set(re.findall(r"\bERR_(\w+)\b", "".join(map(text_of, files))))


def test_every_error_is_explained():
    rows = json.loads(explain("--json").stdout)
    assert {row["name"]: row["code"] for row in rows} == known()
    assert all(row["meaning"].endswith(".") for row in rows)
    listed = explain().stdout.splitlines()
    assert len(listed) == len(rows) + 1 and listed[0].split() == ["CODE", "NAME", "CLIENTS", "MEANING"]


def test_there_is_advice_for_what_the_broker_sends_and_for_nothing_else():
    rows = json.loads(explain("--json").stdout)
    used = sent() & known().keys()
    assert len(used) > 50 and {row["name"] for row in rows if row["advice"]} == used | {"NONE"}


def test_an_error_is_found_by_number_name_and_exception():
    one = explain("19").stdout
    assert one.startswith("19 NOT_ENOUGH_REPLICAS, clients ask again\n") and "min.insync.replicas" in one
    for word in ("NOT_ENOUGH_REPLICAS", "not-enough-replicas", "NotEnoughReplicasException"):
        assert explain(word).stdout == one, word
    assert explain("InvalidTopicException").stdout.startswith("17 INVALID_TOPIC_EXCEPTION\n")
    assert explain("-1").stdout.startswith("-1 UNKNOWN_SERVER_ERROR\n")
    assert "does not send it" in explain("SHARE_SESSION_NOT_FOUND").stdout
    two = json.loads(explain("3", "36", "--json").stdout)
    assert [(row["name"], row["retriable"]) for row in two] == [
        ("UNKNOWN_TOPIC_OR_PARTITION", True), ("TOPIC_ALREADY_EXISTS", False)]


def test_what_is_no_error_is_not_found():
    for word in ("nonsense", "137", "-2", "99999999999", ""):
        run = explain("3", word)
        assert run.returncode == NOT_FOUND and "Kafka has no error" in run.stderr, word
        assert run.stdout.startswith("3 UNKNOWN_TOPIC_OR_PARTITION")


if __name__ == "__main__":
    need_programs()
    sys.exit(run_named(asked_for(globals())))
