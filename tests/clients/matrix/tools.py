"""tools.py -- Kafka's own command-line tools, each asked what it is for and held against what `skiff` says.

A tool is a function of a cluster; its name is that of the script which Kafka ships for it.
"""
import glob
import json
import os
import re
import subprocess
import tempfile

from live import until
from ready import java

VERSION = "4.3.1"
PACKAGE = "org.apache.kafka.tools."
RECORDS = 1000


def said(name, *words, stdin=None, code=0):
    """Lines of one of them."""
    name = name if name.startswith("kafka.") else PACKAGE + name
    run = subprocess.run(java("dump", name, *words), input=stdin, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == code, f"exit {run.returncode}: {run.stdout[-700:]}{run.stderr[-700:]}"
    return run.stdout.splitlines()


def asked(cluster, name, *words, **more):
    return said(name, "--bootstrap-server", cluster.brokers(), *words, **more)


def found(pattern, lines):
    """Every match of a pattern in these lines, and at least one."""
    matches = [match.groups() for match in map(re.compile(pattern).search, lines) if match]
    assert matches, f"no {pattern!r} in {lines[-20:]}"
    return matches


def partitions(cluster, topic):
    """{partition: (leader, replicas)}"""
    one, = json.loads(cluster.skiff("topic", "describe", topic, "--json"))
    return {place["partition"]: (place["leader"], place["replicas"]) for place in one["partitions"]}


def is_whole(cluster, topic):
    one, = json.loads(cluster.skiff("topic", "describe", topic, "--json"))
    return all(place["leader"] > 0 and len(place["isr"]) == 3 for place in one["partitions"])


def filled(cluster, topic, count=RECORDS):
    """A topic of one partition with so many records."""
    cluster.skiff("topic", "create", topic, "-p", "1", "-r", "3")
    cluster.skiff("produce", topic, stdin="".join(f"{number}\n" for number in range(count)))
    return topic


def values(cluster, topic):
    return cluster.skiff("consume", topic, "-e", "-f", "%s\\n").split("\n")[:-1]


def tool_kafka_topics(cluster):
    asked(cluster, "TopicCommand", "--create", "--topic", "tool", "--partitions", "2", "--replication-factor", "3",
          "--config", "retention.ms=100000")
    assert "tool" in asked(cluster, "TopicCommand", "--list")
    asked(cluster, "TopicCommand", "--alter", "--topic", "tool", "--partitions", "4")
    lines = asked(cluster, "TopicCommand", "--describe", "--topic", "tool")
    assert found(r"PartitionCount: (\d+)\s+ReplicationFactor: (\d+)\s+Configs: .*(retention.ms=\d+)", lines) == \
        [("4", "3", "retention.ms=100000")]
    shown = {int(place): (int(leader), [int(node) for node in nodes.split(",")])
             for place, leader, nodes in found(r"Partition: (\d+)\s+Leader: (\d+)\s+Replicas: ([\d,]+)", lines)}
    assert shown == partitions(cluster, "tool"), shown
    asked(cluster, "TopicCommand", "--delete", "--topic", "tool")
    until("the topic has gone", lambda: "tool" not in cluster.skiff("topic", "ls"))


def tool_kafka_configs(cluster):
    cluster.skiff("topic", "create", "set", "-p", "1", "-r", "3")
    of_topic = ("--entity-type", "topics", "--entity-name", "set")
    asked(cluster, "kafka.admin.ConfigCommand", *of_topic, "--alter", "--add-config", "retention.ms=200000")
    lines = asked(cluster, "kafka.admin.ConfigCommand", *of_topic, "--describe")
    assert found(r"^\s+(retention.ms=\d+) ", lines) == [("retention.ms=200000",)]
    asked(cluster, "kafka.admin.ConfigCommand", *of_topic, "--alter", "--delete-config", "retention.ms")
    assert not any("retention.ms" in line for line in asked(cluster, "kafka.admin.ConfigCommand", *of_topic, "--describe"))
    lines = asked(cluster, "kafka.admin.ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--describe", "--all")
    assert len(found(r"^\s+([a-z.]+)=", lines)) > 200, len(lines)


def tool_kafka_metadata_quorum(cluster):
    lines = asked(cluster, "MetadataQuorumCommand", "describe", "--status")
    leader, = found(r"LeaderId:\s+(\d+)", lines)
    found(r"CurrentVoters:\s+(\[.*\"id\": 3.*)", lines)
    lines = asked(cluster, "MetadataQuorumCommand", "describe", "--replication")
    nodes = found(r"^(\d)\s+\S+\s+\d+\s+\d+\s+.*(Leader|Follower)", lines)
    assert sorted(node for node, _ in nodes) == ["1", "2", "3"] and (leader[0], "Leader") in nodes, nodes


def tool_kafka_leader_election(cluster):
    cluster.skiff("topic", "create", "led", "-p", "3", "-r", "3")
    lost = partitions(cluster, "led")[0][0]
    cluster.skiff("kill", str(lost))
    until("others lead", lambda: all(leader not in (lost, -1) for leader, _ in partitions(cluster, "led").values()))
    cluster.skiff("restart", str(lost))
    until("all are in sync", lambda: is_whole(cluster, "led"))
    assert any(leader != replicas[0] for leader, replicas in partitions(cluster, "led").values())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"partitions": [{"topic": "led", "partition": place} for place in range(3)]}, file)
        file.flush()
        lines = asked(cluster, "LeaderElectionCommand", "--election-type", "preferred", "--path-to-json-file", file.name)
    found(r"(Successfully completed leader election \(PREFERRED\)).*led-0", lines)
    until("the first replicas lead", lambda: all(leader == replicas[0]
                                                 for leader, replicas in partitions(cluster, "led").values()))


def tool_kafka_log_dirs(cluster):
    filled(cluster, "sized")
    line = asked(cluster, "LogDirsCommand", "--describe", "--topic-list", "sized")[-1]
    brokers = json.loads(line)["brokers"]
    assert sorted(broker["broker"] for broker in brokers) == [1, 2, 3]
    for broker in brokers:
        place, = [place for folder in broker["logDirs"] for place in folder["partitions"]]
        path, = glob.glob(os.path.join(cluster.dir, f"node-{broker['broker']}", "data", "sized-0", "*.log"))
        assert place["partition"] == "sized-0" and 0 < place["size"] <= os.path.getsize(path), (place, path)


def tool_kafka_cluster(cluster):
    identity, = found(r"Cluster ID: (\S+)", said("ClusterTool", "cluster-id", "--bootstrap-server",
                                                    cluster.brokers()))
    assert identity[0] in cluster.skiff("cluster", "info", "--json")


def tool_kafka_broker_api_versions(cluster):
    lines = asked(cluster, "BrokerApiVersionsCommand")
    assert len(found(r"\(id: (\d) ", lines)) == 3
    assert len(found(r"Produce\(0\): 0 to (\d+)|Produce\(0\): 3 to (\d+)", lines)) == 3


def tool_kafka_groups(cluster):
    filled(cluster, "grouped")
    cluster.skiff("consume", "grouped", "-g", "seen", "-e")
    assert found(r"^(seen)\s+Classic", asked(cluster, "GroupsCommand", "--list"))


def tool_kafka_delete_records(cluster):
    filled(cluster, "trimmed")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"version": 1, "partitions": [{"topic": "trimmed", "partition": 0, "offset": 400}]}, file)
        file.flush()
        lines = asked(cluster, "DeleteRecordsCommand", "--offset-json-file", file.name)
    assert found(r"trimmed-0\s+low_watermark: (\d+)", lines) == [("400",)]
    assert values(cluster, "trimmed") == [str(number) for number in range(400, RECORDS)]


def tool_kafka_get_offsets(cluster):
    filled(cluster, "ends")
    cluster.skiff("topic", "trim", "ends/0", "10")
    for words, offset in ((), RECORDS), (("--time", "earliest"), 10), (("--time", "max-timestamp"), None):
        (shown,), = found(r"^ends:0:(\d+)$", asked(cluster, "GetOffsetShell", "--topic", "ends", *words))
        assert int(shown) == offset or offset is None and int(shown) < RECORDS, (words, shown)


def tool_kafka_console_producer(cluster):
    cluster.skiff("topic", "create", "typed", "-p", "1", "-r", "3")
    lines = [f"line {number}" for number in range(RECORDS)]
    asked(cluster, "ConsoleProducer", "--topic", "typed", stdin="\n".join(lines) + "\n")
    assert values(cluster, "typed") == lines


def tool_kafka_console_consumer(cluster):
    filled(cluster, "shown")
    lines = asked(cluster, "consumer.ConsoleConsumer", "--topic", "shown", "--from-beginning", "--max-messages", str(RECORDS))
    assert lines == [str(number) for number in range(RECORDS)]


def tool_kafka_consumer_groups(cluster):
    filled(cluster, "read")
    cluster.skiff("consume", "read", "-g", "readers", "-e")
    group = ("--group", "readers")
    assert found(r"^readers\s+read\s+0\s+(\d+)\s+(\d+)\s+(\d+)", asked(
        cluster, "consumer.group.ConsumerGroupCommand", "--describe", *group)) == [(str(RECORDS), str(RECORDS), "0")]
    asked(cluster, "consumer.group.ConsumerGroupCommand", "--reset-offsets", *group, "--topic", "read", "--shift-by", "-30",
          "--execute")
    assert found(r"^readers\s+read\s+0\s+(\d+)\s+\d+\s+(\d+)", asked(
        cluster, "consumer.group.ConsumerGroupCommand", "--describe", *group)) == [(str(RECORDS - 30), "30")]
    asked(cluster, "consumer.group.ConsumerGroupCommand", "--delete", *group)
    assert "readers" not in asked(cluster, "consumer.group.ConsumerGroupCommand", "--list")


def tool_kafka_dump_log(cluster):
    filled(cluster, "dumped")
    for path in glob.glob(os.path.join(cluster.dir, "node-*", "data", "dumped-0", "*.log")):
        lines = said("DumpLogSegments", "--deep-iteration", "--print-data-log", "--files", path)
        shown = found(r"\| offset: (\d+) .* payload: (\d+)$", lines)
        assert shown == [(str(number), str(number)) for number in range(RECORDS)][:len(shown)], path
    assert len(shown) == RECORDS  # All are in sync: what is acknowledged, stands everywhere.


def tool_kafka_verifiable_producer(cluster):
    cluster.skiff("topic", "create", "verified", "-p", "1", "-r", "3")
    lines = asked(cluster, "VerifiableProducer", "--topic", "verified", "--max-messages", str(RECORDS), "--acks", "-1")
    assert found(r'"sent":(\d+),"acked":(\d+)', lines) == [(str(RECORDS), str(RECORDS))]
    assert values(cluster, "verified") == [str(number) for number in range(RECORDS)]


def tool_kafka_verifiable_consumer(cluster):
    filled(cluster, "checked")
    for protocol in ("classic", "consumer"):
        lines = asked(cluster, "VerifiableConsumer", "--topic", "checked", "--group-id", protocol, "--group-protocol", protocol,
                      "--reset-policy", "earliest", "--max-messages", str(RECORDS))
        assert found(r'"offsets_committed".*"offset":(\d+)\}\],"success":(\w+)', lines)[-1] == (str(RECORDS), "true")


def tool_kafka_producer_perf_test(cluster):
    cluster.skiff("topic", "create", "quick", "-p", "1", "-r", "3")
    lines = said("ProducerPerformance", "--topic", "quick", "--num-records", "5000", "--record-size", "100", "--throughput",
                 "-1", "--command-property", f"bootstrap.servers={cluster.brokers()}", "acks=all")
    assert found(r"^(\d+) records sent, .* 99.9th", lines)[-1] == ("5000",)
    assert len(values(cluster, "quick")) == 5000


def tool_kafka_consumer_perf_test(cluster):
    filled(cluster, "slow")
    lines = asked(cluster, "ConsumerPerformance", "--topic", "slow", "--num-records", str(RECORDS),
                  "--timeout", "120000")
    count = lines[-1].split(", ")[4]
    assert int(count) >= RECORDS, lines


def tool_kafka_e2e_latency(cluster):
    cluster.skiff("topic", "create", "there-and-back", "-p", "1", "-r", "3")
    lines = asked(cluster, "EndToEndLatency", "--topic", "there-and-back", "--num-records", "100", "--producer-acks", "all",
                  "--record-size", "100")
    found(r"99th = (\d+)", lines)


ABOUT_THE_CLUSTER = (tool_kafka_topics, tool_kafka_configs, tool_kafka_metadata_quorum, tool_kafka_leader_election,
                     tool_kafka_log_dirs, tool_kafka_cluster, tool_kafka_broker_api_versions, tool_kafka_delete_records,
                     tool_kafka_dump_log, tool_kafka_get_offsets)
ABOUT_RECORDS = (tool_kafka_console_producer, tool_kafka_console_consumer, tool_kafka_consumer_groups, tool_kafka_groups,
                 tool_kafka_verifiable_producer, tool_kafka_verifiable_consumer, tool_kafka_producer_perf_test,
                 tool_kafka_consumer_perf_test, tool_kafka_e2e_latency)
