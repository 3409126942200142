#!/usr/bin/env python3
"""completion.py -- what `skiff completion` makes, in a real bash and a real zsh, beside a live node."""
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from live import SKIFF, Skip, run_in_cluster

cluster = None
USAGE = 2
BY_BASH = """
source <({skiff} completion bash)
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_skiff
((${{#COMPREPLY[@]}})) && printf '%s\\n' "${{COMPREPLY[@]}}"
exit 0
"""


def bash(*words):
    """What bash offers for the last word."""
    typed = " ".join(shlex.quote(word) for word in (SKIFF, *words))
    run = subprocess.run(["bash", "--norc", "-uc", BY_BASH.format(skiff=shlex.quote(SKIFF), words=typed)],
                         capture_output=True, text=True, timeout=20, env=cluster.env, check=False)
    assert run.returncode == 0 and not run.stderr, run.stderr
    return run.stdout.splitlines()


class Shell:
    """An interactive shell on a terminal of its own, with the script loaded."""

    def __init__(self, name, words, settings):
        if not shutil.which(name):
            raise Skip(f"there is no {name}")
        self.home = tempfile.mkdtemp(prefix="skiff-test-")
        self.script = os.path.join(self.home, "skiff.sh")
        with open(self.script, "w", encoding="utf-8") as file:
            subprocess.run([SKIFF, "completion", name], stdout=file, check=True)
        env = dict(cluster.env, HOME=self.home, ZDOTDIR=self.home, TERM="dumb", COLUMNS="500",
                   PATH=os.path.dirname(SKIFF) + os.pathsep + os.environ["PATH"])
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(name, [name, *words], env)
        self.seen = ""
        self.say(settings + "\n")
        self.say(f"source {self.script}; echo loaded-$((40+2))\n")
        self.wait("loaded-42")

    def say(self, text):
        os.write(self.terminal, text.encode())

    def wait(self, pattern, limit_s=20.0):
        deadline = time.monotonic() + limit_s
        while not re.search(pattern, self.seen):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.seen!r}"
            if select.select([self.terminal], [], [], left)[0]:
                self.seen += os.read(self.terminal, 65536).decode(errors="replace")

    def shows(self, typed, pattern):
        """Type it and Tab, wait for the pattern, and throw the line away."""
        self.seen = ""
        self.say(typed + "\t")
        self.wait(pattern)
        self.say("\x15")

    def close(self):
        os.write(self.terminal, b"\x15exit\n")
        os.close(self.terminal)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.home, ignore_errors=True)


class Zsh(Shell):
    def __init__(self):
        super().__init__("zsh", ["-f", "-i"], "PS1='ready> '; autoload -U compinit; compinit -u -D; LISTMAX=9999")


class Bash(Shell):
    def __init__(self):
        super().__init__("bash", ["--norc", "-i"], "PS1='ready> '; bind 'set show-all-if-ambiguous on'; "
                         "bind 'set page-completions off'; bind 'set completion-query-items 0'; "
                         "bind 'set enable-bracketed-paste off'")


def verbs_of_help():
    """(first word, second word or None) of every line of `skiff --help`."""
    text = subprocess.run([SKIFF, "--help"], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        words = line.split()
        if line.startswith("  skiff ") and len(words) > 2:
            two = re.match(r"  skiff (\S+) ([a-z-]+) ", line)
            found.append((words[1], two.group(2) if two else None))
    return found


def test_bash_offers_every_verb_that_the_help_shows():
    verbs = verbs_of_help()
    assert len(verbs) > 40
    first = bash("")
    for one, _ in verbs:
        assert one in first, one
    for group in ("topic", "partition", "group", "cluster", "chaos"):
        wanted = {second for one, second in verbs if one == group}
        assert set(bash(group, "")) == wanted, group
    assert bash("topic", "cr") == ["create"]
    assert bash("compl") == ["completion"]


def test_bash_offers_the_flags_of_a_verb():
    assert "--partitions" in bash("topic", "create", "-") and "--brokers" in bash("topic", "create", "--b")
    assert bash("topic", "create", "--if") == ["--if-not-exists"]
    assert bash("up", "--no") == ["--nodes"]
    assert bash("ps", "-w", "--j") == ["--json"]
    assert bash("up", "--brok") == []


def test_bash_offers_what_stands_for_an_argument():
    place = ["--dir", cluster.dir]
    cluster.skiff("topic", "create", "orders", "order-lines", "payments", "-p", "1", "-r", "1")
    cluster.skiff("produce", "orders", "-q", stdin="one\n")
    cluster.skiff("consume", "orders", "-g", "billing", "-n", "1", "-o", "beginning")
    assert sorted(bash("topic", "describe", *place, "ord")) == ["order-lines", "orders"]
    assert sorted(bash("topic", "delete", *place, "orders", "")) == ["order-lines", "orders", "payments"]
    assert bash("topic", "set", *place, "orders", "pay") == []
    assert bash("group", "describe", *place, "") == ["billing"]
    assert bash("group", "seek", *place, "billing", "pay") == ["payments"]
    assert bash("kill", "con") == ["controller"]
    assert bash("completion", "") == ["bash", "zsh"]
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "inside"))
        assert bash("up", "--dir", folder + "/") == [folder + "/inside"]
        assert bash("dump", folder + "/in") == [folder + "/inside"]


def test_bash_completes_after_aliases_too():
    place = ["--dir", cluster.dir]
    cluster.skiff("topic", "create", "aliased", "-p", "1", "-r", "1")
    assert "aliased" in bash("topic", "rm", *place, "")
    assert bash("topic", "list", "--int") == ["--internal"]
    assert bash("group", "rm", "--off") == ["--offsets"]


def test_bash_offers_configs():
    of_topics = bash("topic", "set", "orders", "")
    assert "retention.ms=" in of_topics and "cleanup.policy=" in of_topics and "log.retention.ms=" not in of_topics
    assert "follower.replication.throttled.replicas=" not in of_topics, "it has no effect"
    assert bash("topic", "set", "orders", "cleanup.p") == ["cleanup.policy="]
    assert bash("topic", "set", "orders", "cleanup.policy=d") == ["cleanup.policy=delete"]
    assert "zstd" in " ".join(bash("topic", "create", "x", "-c", "compression.type="))
    assert bash("topic", "create", "x", "--config", "unclean.leader.election.enable=") == [
        "unclean.leader.election.enable=true", "unclean.leader.election.enable=false"]
    assert bash("topic", "create", "x", "--config=min.in") == ["--config=min.insync.replicas="]
    assert bash("topic", "set", "orders", "-u", "retention.m") == ["retention.ms"]
    assert bash("cluster", "config", "--unset", "log.retention.m") == ["log.retention.ms"]
    of_nodes = bash("cluster", "config", "")
    assert "log.retention.ms=" in of_nodes and "node.id=" not in of_nodes
    assert "node.id=" in bash("up", "--set", "") and "log.dirs=" in bash("with", "--set", "")
    assert bash("produce", "-k", "reten") == bash("consume", "-X", "reten") == []


def test_bash_offers_errors():
    assert bash("explain", "NOT_LEADER") == bash("explain", "NONE", "NOT_LEADER") == ["NOT_LEADER_OR_FOLLOWER"]


def test_a_real_bash_completes_words_that_it_cuts():
    cluster.skiff("topic", "create", "bashful", "-p", "1", "-r", "1")
    shell = Bash()
    try:
        shell.shows("skiff topic cr", "skiff topic create ")
        shell.shows(f"skiff topic rm --dir {cluster.dir} bash", "bashful ")
        shell.shows("skiff topic set bashful cleanup.pol", "cleanup[.]policy=(?! )")
        shell.shows("skiff topic set bashful cleanup.policy=comp", "bashful cleanup[.]policy=compact ")
        shell.shows("skiff topic set bashful cleanup.policy=", "compact +delete")
        shell.shows("skiff topic create x --config=cleanup.policy=d", "--config=cleanup[.]policy=delete ")
        shell.shows("skiff topic set a retention.ms=5 -u min.ins", "-u min[.]insync[.]replicas ")
        shell.shows("skiff produce x -K : --qui", "-K : --quiet ")
    finally:
        shell.close()


ODD_GROUPS = ("two words", "it's", 'x"y', "*", "a:b=c@d", "~", "nl\nx", "\x1b[31mred")


def commit_as(*groups):
    cluster.skiff("topic", "create", "committed", "-p", "1", "-r", "1", "--if-not-exists")
    for name in groups:
        cluster.skiff("group", "seek", name, "committed", "--to", "0")


def of_bash(quoted):
    """What bash makes of a word that it was offered."""
    return subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, text=True, check=True).stdout


def test_bash_offers_names_of_groups_as_they_are():
    place = ["--dir", cluster.dir]
    proof = os.path.join(cluster.home, "proof")
    runs = "$(touch${IFS}" + proof + ")"
    commit_as(runs, *ODD_GROUPS)
    offered = bash("group", "describe", *place, "")
    assert not os.path.exists(proof), "a group's name ran"
    assert {runs, *ODD_GROUPS} <= {of_bash(word) for word in offered}, offered
    assert bash("group", "describe", *place, "two\\ w") == ["two\\ words"]
    assert bash("group", "describe", *place, "'two w") == bash("group", "describe", *place, '"two w') == ["two words"]
    assert bash("group", "describe", *place, "'$(") == bash("group", "describe", *place, '"x') == []
    assert bash("consume", *place, "committed", f"--group={runs[:2]}") == []
    assert not os.path.exists(proof), "a group's name ran"


def test_a_real_bash_quotes_names_of_groups():
    proof = os.path.join(cluster.home, "bash-proof")
    commit_as(*ODD_GROUPS, "run$(touch${IFS}" + proof + ")")
    shell = Bash()
    try:
        typed = f"skiff group describe --dir {cluster.dir} "
        shell.shows(typed + "two", r"two\\ words ")
        shell.shows(typed + "'two", "'two words' ")
        shell.shows(typed + "a:", "a:b=c@d ")
        shell.shows(typed + "a:b=c@", "a:b=c@d ")
        shell.shows(typed + "run", r"run\\[$]\\\(touch\\[$]\\{IFS\\}")
        shell.shows(typed, "two")
        assert "\x1b[31m" not in shell.seen, shell.seen
        assert not os.path.exists(proof), "a group's name ran"
    finally:
        shell.close()


def test_zsh_quotes_names_of_groups():
    proof = os.path.join(cluster.home, "zsh-proof")
    commit_as(*ODD_GROUPS, "run$(touch${IFS}" + proof + ")")
    zsh = Zsh()
    try:
        typed = f"skiff group describe --dir {cluster.dir} "
        zsh.shows(typed + "two", r"two\\ words ")
        zsh.shows(typed + "run", r"run\\[$]\\\(touch\\[$]\\{IFS\\}")
        zsh.shows(typed + "a:", "a:b=c@d")
        zsh.shows(typed, "two")
        assert "\x1b[31m" not in zsh.seen, zsh.seen
        assert not os.path.exists(proof), "a group's name ran"
    finally:
        zsh.close()


def test_bash_offers_no_names_without_a_cluster():
    started = time.monotonic()
    assert bash("topic", "describe", "-b", "127.0.0.1:1", "") == []
    assert time.monotonic() - started < 10


def test_zsh_completes_verbs_flags_and_names():
    cluster.skiff("topic", "create", "zebras", "-p", "1", "-r", "1")
    zsh = Zsh()
    try:
        zsh.shows("skiff topic cr", "skiff topic create")
        zsh.shows("skiff parti", "skiff partition")
        zsh.shows("skiff topic create --repl", "--replication-factor")
        zsh.shows("skiff up --no", "--nodes")
        zsh.shows("skiff kill contr", "controller")
        zsh.shows(f"skiff topic describe --dir {cluster.dir} zeb", "zebras")
        zsh.shows(f"skiff topic rm --dir {cluster.dir} zeb", "zebras")
        zsh.shows("skiff topic set zebras cleanup.pol", "cleanup[.]policy=(?! )")
        zsh.shows("skiff topic set zebras cleanup.policy=comp", "cleanup[.]policy=compact")
        zsh.shows("skiff topic create x -c unclean.leader.election.enable=t", "enable=true")
        zsh.shows("skiff topic set zebras --unset min.ins", "min[.]insync[.]replicas")
        zsh.shows("skiff cluster config log.retention.m", "log[.]retention[.]ms=")
        zsh.shows("skiff explain NOT_LEADER", "NOT_LEADER_OR_FOLLOWER")
        zsh.shows("skiff partition elect -", "where nobody leads, whoever lives: acknowledged")
    finally:
        zsh.close()


def test_other_shells_are_refused():
    run = cluster.call("completion", "csh")
    assert run.returncode == USAGE and "bash and zsh" in run.stderr
    assert cluster.call("completion").returncode == USAGE


if __name__ == "__main__":
    sys.exit(run_in_cluster(globals(), nodes=1))
