"""test_matrix.py -- each stock client through all rows, against Skiff or, with --engine kafka, Apache Kafka."""
import importlib
import os
import pkgutil
import time
import traceback

from groups.test_groups import SETS
from live import Cluster, Skip
from matrix.client import Lacks
from matrix.kafka_cluster import KafkaCluster
from matrix.record import Record
from matrix.rows import ROWS, Stage

ENGINES = {"skiff": ("Skiff", Cluster), "kafka": ("Kafka 4.3.1", KafkaCluster)}
CLIENTS = [client for module in sorted(pkgutil.iter_modules([os.path.dirname(os.path.abspath(__file__))]))
           if module.name.startswith("clients_")
           for client in importlib.import_module(f"matrix.{module.name}").CLIENTS]
options = {"engine": "skiff"}


def play_row(name, stage, record):
    """One row; a failure does not keep the next one from being played."""
    began = time.monotonic()
    try:
        if name in stage.client.lacks:
            raise Lacks(stage.client.lacks[name])
        remark = ROWS[name](stage)
        record.add(name, "passed", remark)
        print(f"  {name}: passed ({time.monotonic() - began:.1f} s)" + (f", {remark}" if remark else ""), flush=True)
    except Lacks as why:
        record.add(name, "lacks", str(why))
        print(f"  {name}: -, {why}", flush=True)
    except Exception as error:
        record.add(name, "failed", (str(error).splitlines() or [repr(error)])[0][:200])
        print(f"  {name}: FAILED\n{traceback.format_exc(limit=4)}", flush=True)
        stage.start_anew()


def skip_all(record, why):
    for name in ROWS:
        record.add(name, "skipped", str(why))
    raise Skip(why)


def play(client):
    title, start = ENGINES[options["engine"]]
    record = Record(client, title)
    try:
        client.command()
    except Skip as why:
        skip_all(record, why)
    cluster = start(sets=SETS)
    stage = Stage(cluster, client)
    try:
        for name in ROWS:
            play_row(name, stage, record)
        if stage.talk is not None:
            stage.talk.leave()
    finally:
        stage.start_anew()
        cluster.close()
    assert not record.failed(), f"failed: {', '.join(record.failed())}"
    assert "passed" in record.results.values()


def test_of(client):
    def test():
        play(client)
    test.__name__ = f"test_matrix_{client.key}"
    return test


def tests(is_nightly):
    return [test_of(client) for client in CLIENTS if is_nightly or not client.is_nightly]
