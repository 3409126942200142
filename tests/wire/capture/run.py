#!/usr/bin/env python3
"""Capture frames between stock programs and three nodes of Apache Kafka 4.3.1.

    run.py KAFKA_LIBS CLIENT_LIBS PYTHON WORK_DIR OUT_DIR [FIRST_PORT]

KAFKA_LIBS has the jars of kafka_2.13 and kafka-tools 4.3.1, CLIENT_LIBS those of
kafka-clients 4.4.0 (mvn dependency:copy-dependencies), PYTHON is an interpreter
with confluent-kafka 2.16.1 and kafka-python 2.0.2; kcat is Debian's. Every
listener is advertised at a port of capture.py, the controllers' too, so that
what the nodes say to each other is captured as well. Standard library only.
"""
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NODES = (1, 2, 3)
DIRECTORIES = {1: "Z3JlZW4tZmlzaC1maXJzdA", 2: "Z3JlZW4tZmlzaC1zZWNvbg", 3: "Z3JlZW4tZmlzaC10aGlyZA"}

PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.bootstrap.servers=127.0.0.1:{controller_proxy}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker_proxy},CONTROLLER://127.0.0.1:{controller_proxy}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
broker.rack=rack-{node}
controlled.shutdown.enable=true
"""


class Run:
    def __init__(self, kafka, clients, python, work, out, first="29100"):
        self.kafka, self.clients, self.python, self.work, self.out = kafka, clients, python, work, out
        self.first = int(first)
        self.nodes = {}
        self.name_file = f"{work}/name"
        os.makedirs(work, exist_ok=True)
        self.name("broker")

    def name(self, who):
        with open(f"{self.name_file}.new", "w", encoding="utf-8") as file:
            file.write(who)
        os.replace(f"{self.name_file}.new", self.name_file)

    def ports(self, node):
        return {"broker": self.first + node, "controller": self.first + 10 + node,
                "broker_proxy": self.first + 20 + node, "controller_proxy": self.first + 30 + node}

    def start_proxy(self):
        routes = []
        for node in NODES:
            ports = self.ports(node)
            routes += [f"{ports['broker_proxy']}={ports['broker']}",
                       f"{ports['controller_proxy']}={ports['controller']}"]
        self.proxy = subprocess.Popen([sys.executable, f"{HERE}/capture.py", self.out, self.name_file, *routes])

    def java(self, *arguments, libs=None):
        return ["java", "-Xmx400m", "-cp", f"{libs or self.kafka}/*", *arguments]

    def format(self):
        voters = ",".join(f"{node}@127.0.0.1:{self.ports(node)['controller_proxy']}:{DIRECTORIES[node]}"
                          for node in NODES)
        for node in NODES:
            folder = f"{self.work}/node-{node}"
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/server.properties", "w", encoding="utf-8") as file:
                file.write(PROPERTIES.format(node=node, folder=folder, **self.ports(node)))
            subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", "c2tpZmYtY2FwdHVyZS0xIQ",
                                     "--initial-controllers", voters, "-c", f"{folder}/server.properties"),
                           check=True, capture_output=True)

    def start(self, node):
        folder = f"{self.work}/node-{node}"
        with open(f"{folder}/log", "a", encoding="utf-8") as log:
            self.nodes[node] = subprocess.Popen(self.java("kafka.Kafka", f"{folder}/server.properties"),
                                                stdout=log, stderr=log)

    def stop(self, node, how=signal.SIGTERM):
        process = self.nodes.pop(node)
        process.send_signal(how)
        process.wait()

    def bootstrap(self):
        return ",".join(f"127.0.0.1:{self.ports(node)['broker_proxy']}" for node in NODES)

    def client(self, who, command, text=None, wait=True):
        self.name(who)
        print("client", who, flush=True)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        if not wait:
            process.stdin.close()
            return process
        process.communicate(text or "", timeout=120)
        self.name("broker")
        return process

    def clients_run(self):
        brokers = self.bootstrap()
        kcat = ["kcat", "-b", brokers]
        self.client("kcat", kcat + ["-L"])
        self.client("kcat", kcat + ["-P", "-t", "kcat", "-X", "enable.idempotence=true"], "one\ntwo\n")
        self.client("kcat", kcat + ["-P", "-t", "kcat", "-z", "gzip", "-X", "acks=1"], "three\n")
        self.client("kcat", kcat + ["-C", "-t", "kcat", "-o", "beginning", "-e"])
        self.client("kcat", kcat + ["-Q", "-t", "kcat:0:-1"])
        self.client("confluent-kafka", [self.python, f"{HERE}/confluent.py", brokers])
        self.client("kafka-python", [self.python, f"{HERE}/old_python.py", brokers])
        self.client("java", self.java(f"{HERE}/Capture.java", brokers, "all", libs=self.clients))

    def failures(self):
        reader = self.client("java", self.java(f"{HERE}/Capture.java", self.bootstrap(), "follow",
                                               libs=self.clients), wait=False)
        time.sleep(6)
        for node in NODES:
            how = signal.SIGKILL if node == 2 else signal.SIGTERM
            self.stop(node, how)
            time.sleep(12 if how == signal.SIGKILL else 4)
            self.start(node)
            time.sleep(10)
        reader.wait()

    def end(self):
        for node in list(self.nodes):
            self.stop(node, signal.SIGKILL)
        self.proxy.terminate()
        self.proxy.wait()


def main(*arguments):
    run = Run(*arguments)
    run.start_proxy()
    try:
        run.format()
        for node in NODES:
            run.start(node)
        time.sleep(20)
        run.clients_run()
        run.failures()
    finally:
        run.end()


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
