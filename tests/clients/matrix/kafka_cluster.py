"""kafka_cluster.py -- Apache Kafka in the place of a Cluster: the engine of tools/chaos, the same verbs."""
import os
import shutil
import subprocess
import tempfile

from live import BUILD, ROOT, SKIFF, Skip

# Kafka takes no shorter session of a consumer than it is told.
SETS = ("group.consumer.min.session.timeout.ms=6000", "group.consumer.min.heartbeat.interval.ms=500")
ENGINE = os.path.join(ROOT, "tools", "lib", "chaos", "engines", "kafka")


class KafkaCluster:
    """Three nodes; `skiff` verbs that are for clusters of its own go to the engine."""

    def __init__(self, sets=()):
        for program in ("java", "mvn"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.home = tempfile.mkdtemp(prefix="skiff-test-kafka-")
        self.dir = os.path.join(self.home, "cluster")
        self.env = dict(os.environ, SKIFF_BUILD=BUILD)
        try:
            os.mkdir(self.dir)
            self.engine("start", "3", *SETS, *sets, limit_s=300)
            self.hosts = self.engine("bootstrap").strip()
        except BaseException:
            self.close()
            raise

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
        return run.stdout

    def close(self):
        subprocess.run([os.path.join(ENGINE, "stop"), self.dir], env=self.env, capture_output=True, timeout=120,
                       check=False)
        shutil.rmtree(self.home, ignore_errors=True)
