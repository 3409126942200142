"""kafka_cluster.py -- Apache Kafka in the place of a Cluster: the engine of tools/chaos, the same verbs."""
import json
import os
import shutil
import struct
import subprocess
import tempfile

from live import BUILD, ROOT, SKIFF, CREATE_TOPICS, FETCH, PRODUCE, Closed, Skip, Wire, until

# Kafka takes no shorter session of a consumer than it is told. Three JVMs on a busy machine do not answer each other within
# the two seconds of its default, and a quorum that goes on electing creates no topics.
SETS = ("group.consumer.min.session.timeout.ms=6000", "group.consumer.min.heartbeat.interval.ms=500",
        "controller.quorum.fetch.timeout.ms=10000", "controller.quorum.request.timeout.ms=10000",
        "controller.quorum.election.timeout.ms=4000")
# Brokers live for a minute or two, in which the better compiler never earns what it takes.
SHORT_LIFE = "-XX:TieredStopAtLevel=1"
# A request about nothing, as the oldest versions have it.
EMPTY = {"Produce": (PRODUCE, struct.pack(">hii", -1, 1000, 0)), "Fetch": (FETCH, struct.pack(">iiiii", -1, 0, 0, 1024, 0)),
         "CreateTopics": (CREATE_TOPICS, struct.pack(">iib", 0, 1000, 0))}
ENGINE = os.path.join(ROOT, "tools", "lib", "chaos", "engines", "kafka")


def wait_for_leaders(cluster, topic):
    """Created is what the controller knows; every broker is to name the same leaders before a client asks one."""
    def views():
        runs = [subprocess.run([SKIFF, "topic", "describe", topic, "--json", "-b", host], capture_output=True, text=True,
                               timeout=60, check=False) for host in cluster.brokers().split(",")]
        if any(run.returncode for run in runs):
            return False
        found = [[place["leader"] for place in json.loads(run.stdout)[0]["partitions"]] for run in runs]
        return min(found[0]) > 0 and all(view == found[0] for view in found)
    until(f"leaders of {topic}", views, 300)  # A broker that is started again takes its time.


class KafkaCluster:
    """Three nodes; `skiff` verbs that are for clusters of its own go to the engine."""

    def __init__(self, sets=()):
        for program in ("java", "mvn"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.home = tempfile.mkdtemp(prefix="skiff-test-kafka-")
        self.dir = os.path.join(self.home, "cluster")
        self.env = dict(os.environ, SKIFF_BUILD=BUILD, JDK_JAVA_OPTIONS=SHORT_LIFE)
        try:
            os.mkdir(self.dir)
            self.engine("start", "3", *SETS, *sets, limit_s=900)
            self.hosts = self.engine("bootstrap").strip()
            self.wait_for_coordinators()
        except BaseException:
            self.close()
            raise

    def wait_for_coordinators(self):
        """The first group makes the topic of all groups, which takes Kafka longer than some clients ask."""
        self.call("group", "describe", "nobody")
        until("the coordinators' topic", lambda: self.call("topic", "describe", "__consumer_offsets").returncode == 0)
        wait_for_leaders(self, "__consumer_offsets")

    def closes_on(self, api, version):
        """Whether it ends the connection of a client that sends this, as it does with versions that it has no more."""
        host, port = self.hosts.split(",")[0].rsplit(":", 1)
        wire = Wire(int(port), 30.0, host)
        try:
            key, body = EMPTY[api]
            wire.call(key, version, body)
        except Closed:
            return True
        finally:
            wire.close()
        return False

    def engine(self, verb, *words, limit_s=120):
        run = subprocess.run([os.path.join(ENGINE, verb), self.dir, *words], env=self.env, capture_output=True,
                             text=True, timeout=limit_s, check=False)
        assert run.returncode == 0, f"{verb}: {run.stderr[-800:]}"
        return run.stdout

    def brokers(self):
        return self.hosts

    def call(self, *words, stdin=None, timeout=60):
        hosts = () if words[0] == "dump" else ("-b", self.hosts)
        return subprocess.run([SKIFF, *words, *hosts], input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def skiff(self, *words, stdin=None, timeout=60):
        if words[0] in ("kill", "restart"):
            return self.engine(words[0], *words[1:])
        run = self.call(*words, stdin=stdin, timeout=timeout)
        assert run.returncode == 0, f"skiff {' '.join(words)}: exit {run.returncode}: {run.stderr}"
        if words[:2] == ("topic", "create"):
            wait_for_leaders(self, words[2])
        return run.stdout

    def close(self):
        for words in (("kill", self.dir, "1", "2", "3"), ("stop", self.dir)):  # Nobody reads what they would tidy up.
            subprocess.run([os.path.join(ENGINE, words[0]), *words[1:]], env=self.env, capture_output=True, timeout=120,
                           check=False)
        shutil.rmtree(self.home, ignore_errors=True)
