"""test_matrix.py -- each stock client through all rows, against Skiff or, with --engine kafka, Apache Kafka."""
import importlib
import os
import pkgutil
import time
import traceback

from groups.test_groups import SETS
from live import Cluster, Skip
from matrix import tools
from matrix.client import Client, Lacks
from matrix.kafka_cluster import KafkaCluster
from matrix.record import Record
from matrix.rows import ROWS, Stage
from ready import java

ENGINES = {"skiff": ("Skiff", Cluster), "kafka": ("Kafka 4.3.1", KafkaCluster)}
CLIENTS = [client for module in sorted(pkgutil.iter_modules([os.path.dirname(os.path.abspath(__file__))]))
           if module.name.startswith("clients_")
           for client in importlib.import_module(f"matrix.{module.name}").CLIENTS]
TOOL = "tool"  # In the place of a language.
options = {"engine": "skiff"}


def play_row(record, row, name, play):
    """One row; a failure does not keep the next one from being played. Whether it passed or is lacking."""
    began = time.monotonic()
    try:
        remark = play()
        record.add(row, "passed", remark)
        print(f"  {name}: passed ({time.monotonic() - began:.1f} s)" + (f", {remark}" if remark else ""), flush=True)
    except Lacks as why:
        record.add(row, "lacks", str(why))
        print(f"  {name}: -, {why}", flush=True)
    except Exception as error:
        record.add(row, "failed", (str(error).splitlines() or [repr(error)])[0][:200])
        print(f"  {name}: FAILED\n{traceback.format_exc(limit=4)}", flush=True)
        return False
    return True


def skip_all(record, rows, why):
    for row in rows:
        record.add(row, "skipped", str(why))


def row_of(name, stage):
    if name in stage.client.lacks:
        raise Lacks(stage.client.lacks[name])
    return ROWS[name](stage)


def play(client):
    title, start = ENGINES[options["engine"]]
    record = Record(client, title)
    try:
        client.command()
    except Skip as why:
        skip_all(record, ROWS, why)
        raise
    cluster = start(sets=SETS)
    stage = Stage(cluster, client)
    try:
        for name in ROWS:
            if not play_row(record, name, name, lambda name=name: row_of(name, stage)):
                stage.start_anew()
        if stage.talk is not None:
            stage.talk.leave()
    finally:
        stage.start_anew()
        cluster.close()
    assert not record.failed(), f"failed: {', '.join(record.failed())}"
    assert "passed" in record.results.values()


def play_tools(chosen):
    """Programs with one row each, on one cluster."""
    title, start = ENGINES[options["engine"]]
    records = {tool: Record(Client(tool.__name__.removeprefix("tool_").replace("_", "-"), tools.VERSION, TOOL), title)
               for tool in chosen}
    try:
        java("dump", "")
    except Skip as why:
        for record in records.values():
            skip_all(record, ("works",), why)
        raise
    cluster = start()
    try:
        passed = [play_row(record, "works", record.head["client"], lambda tool=tool: tool(cluster))
                  for tool, record in records.items()]
    finally:
        cluster.close()
    assert all(passed)


def test_matrix_kafkas_tools_about_the_cluster():
    play_tools(tools.ABOUT_THE_CLUSTER)


def test_matrix_kafkas_tools_about_records():
    play_tools(tools.ABOUT_RECORDS)


def test_of(client):
    def test():
        play(client)
    test.__name__ = f"test_matrix_{client.key}"
    return test


def tests(is_nightly):
    return [test_of(client) for client in CLIENTS if is_nightly or not client.is_nightly] + \
        [test_matrix_kafkas_tools_about_the_cluster, test_matrix_kafkas_tools_about_records]
