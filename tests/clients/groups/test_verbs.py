"""test_verbs.py -- `skiff group` beside Kafka's own tool, on a group with members of both protocols."""
import json

from groups.history import LIMIT_S, History
from groups.test_groups import PARTITIONS, SETS, described, fill
from groups.test_members import java_member
from live import Cluster, until

RECORDS = 600
GROUP = "readers"


def group(cluster):
    run = cluster.call("group", "describe", GROUP, "--json")
    return json.loads(run.stdout)[0] if run.returncode == 0 else None


def is_settled(cluster):
    """Both members have three partitions each, and have committed all."""
    found = group(cluster)
    shares = sorted(member["partitions"] for member in found["members"]) if found else []
    return shares == [PARTITIONS // 2] * 2 and found["lag"] == 0 and found["state"] == "Stable" and all(
        place["committed"] == RECORDS // PARTITIONS for place in found["partitions"])


def look_while_it_is_live(cluster):
    found = group(cluster)
    assert found["type"] == "consumer" and found["assignor"] == "uniform" and found["epoch"] > 0, found
    assert {member["host"] for member in found["members"]} == {"/127.0.0.1"}, found
    listed, = json.loads(cluster.skiff("group", "ls", "-t", "consumer", "--json"))
    assert listed == {"group": GROUP, "type": "consumer", "state": "Stable", "protocol_type": "consumer",
                      "coordinator": found["coordinator"]}, listed
    for words in (("seek", GROUP, "--to", "start"), ("delete", GROUP), ("delete", GROUP, "--offsets", "read")):
        run = cluster.call("group", *words)
        assert run.returncode == 1 and "stop them first" in run.stderr, run


def look_when_it_is_empty(cluster):
    ends = {place: RECORDS // PARTITIONS for place in range(PARTITIONS)}
    assert described(cluster, GROUP) == {place: (end, 0) for place, end in ends.items()}
    cluster.skiff("group", "seek", GROUP, "read/0", "--to", "-30")
    cluster.skiff("group", "seek", GROUP, "read/1", "--to", "start")
    moved = {**{place: (end, 0) for place, end in ends.items()}, 0: (ends[0] - 30, 30), 1: (0, ends[1])}
    assert described(cluster, GROUP) == moved
    assert {p["partition"]: (p["committed"], p["lag"]) for p in group(cluster)["partitions"]} == moved
    cluster.skiff("group", "delete", GROUP, "--offsets", "read/1")
    assert sorted(described(cluster, GROUP)) == [0, 2, 3, 4, 5]
    cluster.skiff("group", "delete", GROUP)
    assert group(cluster) is None


def test_skiffs_group_verbs_and_kafkas_tool_say_the_same_of_both_protocols():
    command = java_member()
    cluster = Cluster(sets=SETS)
    history = History()
    try:
        cluster.skiff("topic", "create", "read", "-p", str(PARTITIONS), "-r", "3")
        fill(cluster, "read", RECORDS)
        for protocol in ("consumer", "classic"):
            history.add([*command, cluster.brokers(), "read", GROUP, protocol])
        until("two members share and have committed", lambda: is_settled(cluster), LIMIT_S)
        look_while_it_is_live(cluster)
        assert [member.leave() for member in history.members] == [0, 0]
        look_when_it_is_empty(cluster)
    finally:
        for member in history.members:
            member.process.kill()
        cluster.close()
