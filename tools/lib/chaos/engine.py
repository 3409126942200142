"""engine.py -- the system under test: a folder of executables, or the hooks of somebody's own cluster.

An engine can start clusters, and everything can be done to them. Hooks break a cluster that runs
already: what they offer are the executables that the folder has, each called with a node id.
"""
import os

import programs
from programs import Failure, Fatal, Refused

ENGINES = os.path.join(programs.HERE, "engines")
VERBS = ("start", "stop", "kill", "restart", "pause", "resume", "pid", "bootstrap", "version", "data")
HOOKS = ("kill", "restart", "pause", "resume", "cut", "heal")
EVERYTHING = frozenset(("kill", "restart", "pause", "resume", "cut", "heal", "stop", "links", "disk", "power", "files",
                        "clock", "limits"))
START_LIMIT_S, STOP_LIMIT_S, CALL_LIMIT_S = 180, 120, 60


def is_executable(folder, name):
    return os.access(os.path.join(folder, name), os.X_OK)


def find_engine(name):
    """The folder of an engine that is shipped, or the one that the user names."""
    shipped = os.path.join(ENGINES, name)
    if "/" not in name and is_executable(shipped, "start"):
        return shipped
    if os.path.isdir(name):
        missing = [verb for verb in VERBS if not is_executable(name, verb)]
        if missing:
            raise Refused(f"{name} is no engine: no executable named {', '.join(missing)}")
        return os.path.abspath(name)
    known = sorted(entry for entry in os.listdir(ENGINES) if is_executable(os.path.join(ENGINES, entry), "start"))
    raise Refused(f"there is no engine {name!r}: {', '.join(known)}, or a folder of executables")


class Engine:
    """One kind of cluster, by its executables."""

    can = EVERYTHING
    is_ours = True

    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(folder.rstrip("/"))

    def call(self, verb, *words, limit_s=CALL_LIMIT_S):
        run = programs.call([os.path.join(self.folder, verb), *map(str, words)], limit_s)
        if run.returncode != 0:
            lines = (run.stderr.strip() or run.stdout.strip() or f"exit {run.returncode}").split("\n")
            raise Failure(f"{self.name}: {verb}: " + "\n    ".join(lines[-6:]))
        return run.stdout.strip()

    def version(self):
        return self.call("version").split("\n")[0]

    def settings(self):
        """{key: value} that this engine adds to what its broker does by itself."""
        if not is_executable(self.folder, "settings"):
            return {}
        pairs = (line.partition("=") for line in self.call("settings").split("\n") if "=" in line)
        return {key.strip(): value.strip() for key, _, value in pairs}

    def start(self, folder, nodes, settings):
        return Cluster(self, folder, nodes, settings)

    def stop_all(self, folder):
        """Whatever of a cluster still runs there; for those whose run is gone."""
        self.call("stop", folder, limit_s=STOP_LIMIT_S)


class Cluster:
    """A running cluster of an engine, in a directory of its own."""

    def __init__(self, engine, folder, nodes, settings):
        self.engine, self.dir = engine, folder
        self.can = engine.can
        self.ids = list(range(1, nodes + 1))
        try:
            engine.call("start", folder, nodes, *settings, limit_s=START_LIMIT_S)
            self.bootstrap = engine.call("bootstrap", folder)
        except Failure as failure:
            raise Fatal(f"{failure}{self.log_ends()}") from failure

    def log_ends(self):
        """The last lines of each node's output."""
        ends = [(node, programs.last_lines(os.path.join(self.dir, f"node-{node}", "log"))) for node in self.ids]
        return "".join(f"\n  node {node} said last:\n{text}" for node, text in ends if text)

    def kill(self, *nodes):
        self.engine.call("kill", self.dir, *nodes)

    def restart(self, *nodes):
        self.engine.call("restart", self.dir, *nodes)

    def shut_down(self, *nodes):
        """As an operator does it: SIGTERM, and the node leaves in order."""
        self.engine.call("stop", self.dir, *nodes, limit_s=STOP_LIMIT_S)

    def pause(self, node):
        self.engine.call("pause", self.dir, node)

    def resume(self, node):
        self.engine.call("resume", self.dir, node)

    def pid(self, node):
        """0 when the node does not run."""
        try:
            return int(self.engine.call("pid", self.dir, node))
        except (Failure, ValueError):
            return 0

    def data(self, node):
        return self.engine.call("data", self.dir, node)

    def chaos(self, node):
        return os.path.join(self.dir, "chaos", f"node-{node}")

    def close(self):
        self.engine.call("stop", self.dir, limit_s=STOP_LIMIT_S)


class HookedCluster:
    """Somebody's own cluster: it was there before the run, and stays."""

    def __init__(self, folder, bootstrap, ids):
        self.dir, self.bootstrap, self.ids = None, bootstrap, ids
        self.folder = folder
        self.can = frozenset(hook for hook in HOOKS if is_executable(folder, hook)) if folder else frozenset()
        self.paused = set()
        self.changed = set()  # Nodes that a hook has broken and none has mended yet.

    def hook(self, name, node):
        run = programs.call([os.path.join(self.folder, name), str(node)], CALL_LIMIT_S)
        if run.returncode != 0:
            text = (run.stderr.strip() or run.stdout.strip() or "it said nothing").split("\n")[-1]
            raise Failure(f"the hook `{name} {node}` failed with exit code {run.returncode}: {text}")
        if name in ("restart", "resume", "heal"):
            self.changed.discard((BREAKS[name], node))
        else:
            self.changed.add((name, node))

    def kill(self, *nodes):
        for node in nodes:
            self.hook("kill", node)

    def restart(self, *nodes):
        for node in nodes:
            self.hook("restart", node)

    def pause(self, node):
        self.hook("pause", node)

    def resume(self, node):
        self.hook("resume", node)

    def pid(self, node):
        return 0

    def log_ends(self):
        return ""

    def close(self):
        """Mend what is still broken, as far as the hooks can."""
        mends = {broken: mend for mend, broken in BREAKS.items()}
        for broken, node in sorted(self.changed):
            self.hook(mends[broken], node)


BREAKS = {"restart": "kill", "resume": "pause", "heal": "cut"}  # Which hook undoes which.
