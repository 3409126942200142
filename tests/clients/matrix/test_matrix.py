"""test_matrix.py -- each stock client through all rows, against Skiff or, with --engine kafka, Apache Kafka."""
import contextlib
import importlib
import os
import pkgutil
import shutil
import tempfile
import time
import traceback

from groups.test_groups import SETS
from live import Cluster, Skip
from matrix import stock, tools
from matrix.client import Client, Lacks
from matrix.kafka_cluster import KafkaCluster
from matrix.record import Record
from matrix.rows import ROWS, Stage
from ready import ready

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
        print(f"  {name}: FAILED after {time.monotonic() - began:.1f} s\n{traceback.format_exc(limit=4)}", flush=True)
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
        assert not record.failed(), f"failed: {', '.join(record.failed())}"
    finally:
        stage.start_anew()
        cluster.close()
    assert "passed" in record.results.values()


def play_programs(chosen, jars, clusters=1):
    """Programs with one row each, on the same clusters: {name: what plays it, given these}."""
    title, start = ENGINES[options["engine"]]
    records = {name: Record(Client(name, tools.VERSION, TOOL), title) for name in chosen}
    try:
        ready(jars)
    except Skip as why:
        for record in records.values():
            skip_all(record, ("works",), why)
        raise
    with contextlib.ExitStack() as ends:
        running = [ends.enter_context(contextlib.closing(start())) for _ in range(clusters)]
        passed = [play_row(records[name], "works", name, lambda tool=tool: tool(*running))
                  for name, tool in chosen.items()]
    assert all(passed)


def play_tools(chosen):
    play_programs({tool.__name__.removeprefix("tool_").replace("_", "-"): tool for tool in chosen}, "dump")


def in_folder(program):
    """A program that is given a folder too, which stays when it fails."""
    def played(cluster, *others):
        folder = tempfile.mkdtemp(prefix="skiff-test-stock-")
        program(cluster, folder, *others)
        shutil.rmtree(folder)
    return played


def test_matrix_kafkas_tools_about_the_cluster():
    play_tools(tools.ABOUT_THE_CLUSTER)


def test_matrix_kafkas_tools_about_records():
    play_tools(tools.ABOUT_RECORDS)


def test_matrix_kafka_connect():
    play_programs({"Kafka Connect, distributed": in_folder(stock.kafka_connect)}, "stock")


def test_matrix_kafka_streams():
    play_programs({"Kafka Streams": in_folder(stock.kafka_streams)}, "stock")


def test_matrix_kafka_mirror_maker():
    play_programs({"MirrorMaker 2": in_folder(stock.kafka_mirror_maker)}, "stock", clusters=2)


def test_of(client):
    def test():
        play(client)
    test.__name__ = f"test_matrix_{client.key}"
    return test


def tests(is_nightly):
    programs = [test_matrix_kafkas_tools_about_the_cluster, test_matrix_kafkas_tools_about_records]
    if is_nightly:
        programs += [test_matrix_kafka_connect, test_matrix_kafka_streams, test_matrix_kafka_mirror_maker]
    return [test_of(client) for client in CLIENTS if is_nightly or not client.is_nightly] + programs
