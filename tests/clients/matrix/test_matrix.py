"""test_matrix.py -- each stock client through all rows, against Skiff or, with --engine kafka, Apache Kafka."""
import contextlib
import importlib
import os
import pkgutil
import shutil
import subprocess
import tempfile
import time
import traceback

from groups.test_groups import SETS
from live import ROOT, SKIFFD, Cluster, Skip
from matrix import stock, tools
from matrix.client import Client, Lacks, Refused
from matrix.kafka_cluster import KafkaCluster
from matrix.record import Record
from matrix.rows import ROWS, Stage
from ready import ready

ENGINES = {"skiff": ("Skiff", Cluster), "kafka": (f"Kafka {tools.VERSION}", KafkaCluster)}
CLIENTS = [client for module in sorted(pkgutil.iter_modules([os.path.dirname(os.path.abspath(__file__))]))
           if module.name.startswith("clients_")
           for client in importlib.import_module(f"matrix.{module.name}").CLIENTS]
TOOL = "tool"  # In the place of a language.
options = {"engine": "skiff", "rows": (), "command": "tests/clients/run"}


def play_row(record, row, name, play):
    """One row; a failure does not keep the next one from being played. Whether it passed or is lacking."""
    began = time.monotonic()
    try:
        remark = play()
        record.add(row, "passed", remark)
        print(f"  {name}: passed ({time.monotonic() - began:.1f} s)" + (f", {remark}" if remark else ""), flush=True)
    except (Lacks, Refused) as why:
        record.add(row, "lacks" if isinstance(why, Lacks) else "refused", str(why))
        print(f"  {name}: -, {why}", flush=True)
    except Exception as error:
        record.add(row, "failed", (str(error).splitlines() or [repr(error)])[0][:200])
        print(f"  {name}: FAILED after {time.monotonic() - began:.1f} s\n{traceback.format_exc(limit=4)}", flush=True)
        return False
    return True


def engine():
    """What is the same of all that is played now."""
    build = "as published"
    if options["engine"] == "skiff":
        version = subprocess.run([SKIFFD, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        build = f"{version} {commit.stdout.strip()}".strip()
    return {"engine": ENGINES[options["engine"]][0], "build": build, "command": options["command"]}


def skip_all(record, rows, why):
    for row in rows:
        record.add(row, "skipped", str(why))


def row_of(name, stage):
    if name in stage.client.lacks:
        raise Lacks(stage.client.lacks[name])
    if options["engine"] == "kafka" and name in stage.client.not_on_kafka:
        api, version = stage.client.not_on_kafka[name]
        assert stage.cluster.closes_on(api, version), f"Kafka knows {api} {version}"
        raise Refused(f"it asks for {api} {version}, at which this Kafka closes the connection")
    return ROWS[name](stage)


def play(client):
    rows = [name for name in ROWS if not options["rows"] or name in options["rows"]]
    record = Record(client, rows, engine())
    try:
        client.command()
    except Skip as why:
        skip_all(record, rows, why)
        raise
    cluster = ENGINES[options["engine"]][1](sets=SETS)
    stage = Stage(cluster, client)
    try:
        for name in rows:
            if not play_row(record, name, name, lambda name=name: row_of(name, stage)):
                stage.start_anew()
        if stage.talk is not None:
            stage.talk.leave()
        assert not record.failed(), f"failed: {', '.join(record.failed())}"
    finally:
        stage.start_anew()
        cluster.close()


def play_programs(chosen, jars, clusters=1):
    """Programs with one row each, on the same clusters: {name: what plays it, given these}."""
    start, about = ENGINES[options["engine"]][1], engine()
    records = {name: Record(Client(name, tools.VERSION, TOOL), ("works",), about) for name in chosen}
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
