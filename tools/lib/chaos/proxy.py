"""proxy.py -- the rules of the proxy between nodes and clients, by its control socket."""
import json
import os
import socket

from programs import Failure

CLIENT = "client"
LIMIT_S = 5


class Proxy:
    """Requests are lines, each answered by one line."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "chaos", "proxy.sock")

    def ask(self, line):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.settimeout(LIMIT_S)
                self.connect(control)
                control.sendall(line.encode() + b"\n")
                answer = b""
                while not answer.endswith(b"\n"):
                    part = control.recv(65536)
                    if not part:
                        raise Failure(f"the proxy closed its control socket at {line!r}")
                    answer += part
        except OSError as error:
            raise Failure(f"{self.path}: {error}") from error
        word, _, text = answer.decode().strip().partition(" ")
        if word != "ok":
            raise Failure(f"the proxy refused {line!r}: {text}")
        return text

    def connect(self, control):
        """A path of a socket has at most 107 bytes; through its folder's descriptor it is short."""
        folder = os.open(os.path.dirname(self.path), os.O_PATH | os.O_DIRECTORY)
        try:
            control.connect(f"/proc/self/fd/{folder}/proxy.sock")
        finally:
            os.close(folder)

    def rule(self, source, target, what):
        self.ask(f"rule {source} {target} {what}")

    def heal(self):
        self.ask("heal")

    def links(self):
        """{(from, to): {"bytes", "delayed", "connections", "rule"}}"""
        found = json.loads(self.ask("stats"))
        return {(link["from"], link["to"]): link for link in found["links"]}


def meets(link, rule):
    """Whether a rule is about that link."""
    return all(wanted in ("*", str(end)) for wanted, end in zip(map(str, rule[:2]), link))


def bytes_of(links, rules, what="bytes"):
    """What the links that the rules are about have carried so far, or "delayed"."""
    return sum(entry[what] for link, entry in links.items() if any(meets(link, rule) for rule in rules))
