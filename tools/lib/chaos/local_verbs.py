"""local_verbs.py -- faults inside a node's process, by the same verbs that a user types.

They write the rules that the preloaded library reads, so they work on any engine's cluster.
"""
import json

import programs
from programs import Failure

LIMIT_S = 20


class LocalVerbs:
    def __init__(self, folder):
        self.folder = folder

    def call(self, *words):
        """What `skiff chaos WORDS --json` says."""
        words = list(map(str, words))
        run = programs.call([programs.path("skiff"), "chaos", *words, "--dir", self.folder, "--json"], LIMIT_S)
        if run.returncode != 0:
            raise Failure(f"skiff chaos {' '.join(words)}: {run.stderr.strip()}")
        try:
            return json.loads(run.stdout)
        except ValueError as error:
            raise Failure(f"skiff chaos {words[0]}: {run.stdout[:200]!r} is no JSON") from error

    def heal(self):
        """Links, disks and clocks; not processes."""
        return self.call("heal")

    def rules(self):
        """{node: {field or counter: value}}"""
        return {entry["node"]: entry["rules"] for entry in self.call("status")["nodes"]}
