"""test_console.py -- Kafka's console consumer in a group of three: one is killed, one comes, the coordinator's node dies.

It commits by itself and does not say what (silent.py).
"""
from dump.test_dump import kafka_tool
from groups.silent import silent_group_on
from groups.test_groups import PARTITIONS, SETS, described, fill
from live import Cluster
from ready import java

GROUP, TOPIC = "console", "read"
SETTINGS = ("auto.commit.interval.ms=200", "session.timeout.ms=6000", "heartbeat.interval.ms=500")


def console(cluster):
    words = [word for setting in SETTINGS for word in ("--command-property", setting)]
    words += ["--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true"]
    return java("dump", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", cluster.brokers(),
                "--topic", TOPIC, "--group", GROUP, "--from-beginning", *words)


def test_kafkas_console_consumer_in_a_group_loses_no_committed_offset():
    cluster = Cluster(sets=SETS)
    try:
        ends = silent_group_on(cluster, console(cluster), TOPIC, GROUP)
        assert described(cluster, GROUP) == {place: (end, 0) for place, end in ends.items()}
    finally:
        cluster.close()


def test_kafkas_console_consumer_reads_and_ends():
    cluster = Cluster(sets=SETS)
    try:
        cluster.skiff("topic", "create", TOPIC, "-p", str(PARTITIONS), "-r", "3")
        fill(cluster, TOPIC, 1200)
        said = kafka_tool("consumer.ConsoleConsumer", "--bootstrap-server", cluster.brokers(), "--topic", TOPIC,
                          "--group", GROUP, "--from-beginning", "--max-messages", "1200", "--timeout-ms", "60000")
        assert sorted(int(line) for line in said) == list(range(1200))
        assert sum(offset for offset, _ in described(cluster, GROUP).values()) == 1200
    finally:
        cluster.close()
