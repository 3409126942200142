"""kafka_program.py -- Apache Kafka as published: its jars, its command lines, a node's settings.

The jars come from their registry once, through maven, and are kept in build/. What tools/bench and
tools/chaos start differs in addresses and in what they set beside Kafka's own defaults.
"""
import fcntl
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERSION = "4.3.1"
POM = os.path.join(ROOT, "tools", "lib", "kafka", "pom.xml")
JARS = os.path.join(ROOT, "build", f"kafka-{VERSION}")
# What its own start scripts choose.
JVM = ["-server", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
       "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]
CLUSTER_ID = "c2tpZmYtYmVuY2gtcnVuIQ"


class Missing(Exception):
    """Why there is no Apache Kafka here."""


def fetch():
    """Bring the jars, once, whoever else wants them at the same time. Raises Missing."""
    for program in ("java", "mvn"):
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")
    os.makedirs(os.path.dirname(JARS), exist_ok=True)
    with open(JARS + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(JARS, f"kafka_2.13-{VERSION}.jar")):
            fetch_now()


def fetch_now():
    try:
        run = subprocess.run(["mvn", "-B", "-q", "-f", POM, "dependency:copy-dependencies",
                              "-DincludeScope=runtime", f"-DoutputDirectory={JARS}.new"], capture_output=True,
                             text=True, timeout=900, check=False)
    except subprocess.TimeoutExpired as slow:
        raise Missing("maven did not fetch the jars in 15 minutes") from slow
    if run.returncode != 0:
        lines = [line for line in (run.stdout + run.stderr).split("\n") if "ERROR" in line]
        raise Missing(f"maven could not fetch the jars: {(lines or ['no reason given'])[0][:160]}")
    os.rename(JARS + ".new", JARS)


def java(heap, main, *words):
    return ["java", *heap, "-cp", os.path.join(JARS, "*"), main, *words]


def broker(properties):
    """The command of a node."""
    return java(JVM, "kafka.Kafka", properties)


def addresses(listeners):
    return ",".join(f"{name}://{address}" for name, address in listeners.items())


def write_properties(path, node, voters, listeners, advertised, more=()):
    """A combined broker and controller. Voters: {node: address}; listeners, advertised: {name: address}."""
    lines = ["process.roles=broker,controller", f"node.id={node}",
             "controller.quorum.voters=" + ",".join(f"{voter}@{address}" for voter, address in voters.items()),
             f"listeners={addresses(listeners)}", f"advertised.listeners={addresses(advertised)}",
             "controller.listener.names=CONTROLLER",
             "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", *more]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def format_storage(properties):
    """Make the directories that these settings name a node's. Raises AssertionError."""
    run = subprocess.run(java(["-Xmx256m"], "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties),
                         capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, f"Kafka's storage tool: {run.stdout[-300:]}{run.stderr[-700:]}"
