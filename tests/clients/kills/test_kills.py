"""test_kills.py -- stock clients write and read while nodes are killed: nothing acknowledged is lost or doubled."""
import os
import random
import shutil
import subprocess
import time

from live import Cluster, Skip, until
from ready import java, python, ready

PARTITIONS = 12
RATE = 4000
SETTINGS = {"quick": (2, 5000), "all": (6, 20000), "nightly": (20, 100000)}
options = {"mode": "all", "seed": 1}


def kill_rounds(cluster, rounds, chance):
    """kill -9 of a random node, of all three now and then, started again within a second; the next one
    0 to 3 s after that, so sometimes before the in-sync sets are full."""
    for _ in range(rounds):
        nodes = (1, 2, 3) if chance.randrange(5) == 0 else (chance.randrange(1, 4),)
        for node in nodes:
            cluster.skiff("kill", str(node))
        time.sleep(chance.random())
        for node in nodes:
            cluster.skiff("restart", str(node), "--timeout", "0")
        time.sleep(3 * chance.random())


def with_cluster(test):
    cluster = Cluster()
    try:
        cluster.skiff("topic", "create", "loop", "-p", str(PARTITIONS), "-r", "3")
        test(cluster, *SETTINGS[options["mode"]], random.Random(options["seed"]))
    finally:
        cluster.close()


def test_kcat_keeps_every_line_while_nodes_are_killed():
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")

    def loop(cluster, rounds, records, chance):
        producer = subprocess.Popen(["kcat", "-P", "-E", "-b", cluster.brokers(), "-t", "loop", "-X",
                                     "enable.idempotence=true", "-X", "message.timeout.ms=120000",
                                     "-X", "reconnect.backoff.max.ms=200"],
                                    stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for start in range(0, records, records // rounds):
                for number in range(start, min(records, start + records // rounds)):
                    producer.stdin.write(f"{number}\n")
                producer.stdin.flush()
                kill_rounds(cluster, 1, chance)
            _, errors = producer.communicate(timeout=180)
        except BrokenPipeError:
            _, errors = "", producer.stderr.read()
        finally:
            producer.kill()
        assert producer.wait() == 0, f"exit {producer.returncode}: {errors[-500:]}"
        output = subprocess.run(["kcat", "-C", "-q", "-e", "-b", cluster.brokers(), "-t", "loop", "-o", "beginning",
                                 "-f", "%p line %s\n"], capture_output=True, text=True, timeout=60, check=True).stdout
        newest, found = {}, set()
        for partition, number in (map(int, line.split(" line ")) for line in output.splitlines()):
            assert newest.get(partition, -1) < number, f"partition {partition}: {number} after {newest[partition]}"
            newest[partition] = number
            found.add(number)
        lines = output.count("\n")
        assert lines == records, f"{lines} lines, {records} were acknowledged"
        assert found == set(range(records)), f"lost: {sorted(set(range(records)) - found)[:5]}"
    with_cluster(loop)


def test_kcat_lists_the_cluster_without_a_warning():
    def look(cluster, *_):
        def shows_all():
            run = subprocess.run(["kcat", "-b", f"localhost:{cluster.port()}", "-L"], capture_output=True,
                                 text=True, timeout=20, check=False)
            assert run.returncode == 0 and run.stderr == "", run.stderr
            return "3 brokers" in run.stdout and f"\"loop\" with {PARTITIONS} partitions" in run.stdout
        until("three brokers and the topic", shows_all)
    if not shutil.which("kcat"):
        raise Skip("kcat is not installed")
    with_cluster(look)


def kill_loop(client):
    """A program that writes until its standard input ends, reads all of it, and compares."""
    def loop(cluster, rounds, records, chance):
        process = subprocess.Popen([*client, cluster.brokers(), "loop", str(RATE), str(records)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        try:
            said = process.stdout.readline()
            if said == "producing\n":
                kill_rounds(cluster, rounds, chance)
            output, _ = process.communicate(timeout=240)
        finally:
            process.kill()
        print(output, end="")
        assert process.returncode == 0, f"exit {process.returncode}: {said}"
    with_cluster(loop)


def test_java_keeps_every_acknowledged_record_while_nodes_are_killed():
    kill_loop(java("java", "KillLoop"))


def test_franz_go_keeps_every_acknowledged_record_while_nodes_are_killed():
    kill_loop([os.path.join(ready("go"), "kill-loop")])


def test_kafka_python_keeps_every_acknowledged_record_while_nodes_are_killed():
    kill_loop(python("python", "python/kill_loop.py"))
