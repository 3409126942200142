"""engine.py -- the system under test: a folder of executables, or the hooks of somebody's own cluster.

An engine can start clusters, whose processes can be ended and stopped; `abilities` says what else can be
done to them. Hooks break a cluster that runs already: what they offer are the executables that the folder
has, each called with a node id.
"""
import ctypes
import os

import programs
from programs import Failure, Fatal, Refused

ENGINES = os.path.join(programs.HERE, "engines")
VERBS = ("start", "stop", "kill", "restart", "pause", "resume", "pid", "bootstrap", "version")
HOOKS = ("kill", "restart", "pause", "resume", "cut", "heal")
PROCESSES = frozenset(("kill", "restart", "pause", "resume", "stop"))
ABILITIES = {"links": ("links", "cut", "heal"), "disk": ("disk",), "power": ("power",), "clock": ("clock",),
             "limits": ("limits",)}  # What `abilities` may print, and what scenarios call it.
PREPARED = frozenset(ABILITIES)  # What needs nodes that were prepared for it, by the proxy or the preloaded library.
EVERYTHING = PROCESSES.union(("files",), *ABILITIES.values())
START_LIMIT_S, STOP_LIMIT_S, CALL_LIMIT_S = 180, 120, 60
HOOK_LIMIT_S, HOOK_LIMIT_NAME = 300, "SKIFF_CHAOS_HOOK_LIMIT"  # A hook may wait until a machine is up.
BREAKS = {"restart": "kill", "resume": "pause", "heal": "cut"}  # Which hook undoes which.
MENDS = {broken: mend for mend, broken in BREAKS.items()}
PR_SET_CHILD_SUBREAPER = 36


def adopt_nodes():
    """Nodes outlive the program that started them; from now on they become our children, and tell us how they end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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

    is_ours = True

    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(folder.rstrip("/"))
        self.can = self.abilities()

    def abilities(self):
        words = self.call("abilities").split() if is_executable(self.folder, "abilities") else []
        unknown = [word for word in words if word not in ABILITIES]
        if unknown:
            raise Refused(f"{self.name}: abilities: {' '.join(unknown)} is none of {', '.join(ABILITIES)}")
        files = ("files",) if is_executable(self.folder, "data") else ()
        return PROCESSES.union(files, *(ABILITIES[word] for word in words))

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
        adopt_nodes()
        return Cluster(self, folder, nodes, settings)

    def stop_all(self, folder):
        """Whatever of a cluster still runs there; for those whose run is gone."""
        self.call("stop", folder, limit_s=STOP_LIMIT_S)


class Cluster:
    """A running cluster of an engine, in a directory of its own."""

    has_pids = True

    def __init__(self, engine, folder, nodes, settings):
        self.engine, self.dir = engine, folder
        self.living, self.codes = set(), {}  # Pids that were nodes when they were asked for; how they ended.
        self.can = engine.can
        self.ids = list(range(1, nodes + 1))
        try:
            engine.call("start", folder, nodes, *settings, limit_s=START_LIMIT_S)
            self.bootstrap = engine.call("bootstrap", folder)
            if not self.bootstrap:
                raise Failure(f"{engine.name}: bootstrap: it printed no address")
        except Failure as failure:
            raise Fatal(f"{failure}{self.log_ends()}") from failure

    def log_ends(self):
        """The last lines of each node's output."""
        ends = [(node, programs.last_lines(os.path.join(self.dir, f"node-{node}", "log"))) for node in self.ids]
        return "".join(f"\n  node {node} said last:\n{text}" for node, text in ends if text)

    def kill(self, *nodes):
        self.engine.call("kill", self.dir, *nodes)

    def restart(self, *nodes):
        self.reap()
        self.engine.call("restart", self.dir, *nodes)

    def reap(self):
        for pid in list(self.living):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:  # An engine whose nodes are no processes of this session.
                self.living.discard(pid)
                continue
            if ended:
                self.living.discard(pid)
                self.codes[pid] = os.waitstatus_to_exitcode(status)

    def exit_code(self, pid):
        """Of a node's process that has ended, negative for a signal; None: nobody told us."""
        self.reap()
        return self.codes.get(pid)

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
            pid = int(self.engine.call("pid", self.dir, node))
        except (Failure, ValueError):
            return 0
        self.living.add(pid)
        return pid

    def data(self, node):
        return self.engine.call("data", self.dir, node)

    def chaos(self, node):
        return os.path.join(self.dir, "chaos", f"node-{node}")

    def close(self):
        self.engine.call("stop", self.dir, limit_s=STOP_LIMIT_S)


def hook_limit_s():
    text = os.environ.get(HOOK_LIMIT_NAME) or str(HOOK_LIMIT_S)
    if not text.isdigit() or int(text) == 0:
        raise Refused(f"{HOOK_LIMIT_NAME} is seconds, as 600: {text!r}")
    return int(text)


class HookedCluster:
    """Somebody's own cluster: it was there before the run, and stays."""

    has_pids = False

    def __init__(self, folder, bootstrap, ids):
        self.dir, self.bootstrap, self.ids = None, bootstrap, ids
        self.folder = folder
        self.can = frozenset(hook for hook in HOOKS if is_executable(folder, hook)) if folder else frozenset()
        self.limit_s = hook_limit_s()
        self.changed = set()  # (hook, node): what a hook may have broken and none has mended yet.

    def hook(self, name, node):
        """A hook that fails, or that we do not wait for, may have broken something all the same."""
        if name in MENDS:
            self.changed.add((name, node))
        run = programs.call([os.path.join(self.folder, name), str(node)], self.limit_s)
        if run.returncode != 0:
            text = (run.stderr.strip() or run.stdout.strip() or "it said nothing").split("\n")[-1]
            raise Failure(f"the hook `{name} {node}` failed with exit code {run.returncode}: {text}")
        if name in BREAKS:
            self.changed.discard((BREAKS[name], node))

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
        """Mend all that may be broken still, as far as the hooks can; then one Failure tells what they could not."""
        failed = []
        for broken, node in sorted(self.changed):
            try:
                self.hook(MENDS[broken], node)
            except Failure as failure:
                failed.append(str(failure))
        if failed:
            raise Failure("this is broken still: " + "; ".join(failed))
