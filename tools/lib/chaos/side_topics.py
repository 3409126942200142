"""side_topics.py -- the workloads that have a topic and a history of their own beside the main one.

    groups   an idempotent writer, and a group (two, where librdkafka knows both protocols) whose members read what it
             writes, commit by hand, leave, die and are replaced; at the end everything is read and committed
    keys     an idempotent writer of keys and tombstones, to a compacted topic with small segments; at the end its last
             values are there, and records that they replaced are not, or the check has shown nothing

Both write little, so that what others see of an outage is not theirs.
"""
import os
import re

import programs

GROUPS, KEYS = "groups", "keys"
PARTITIONS = {GROUPS: 6, KEYS: 3}
KEYS_EACH = 8  # In a partition.
# Of nodes that we start: rounds are shorter than the defaults of 15, 6 and 3 s.
SOON = {"log.cleaner.backoff.ms": "500", "group.min.session.timeout.ms": "1000",
        "group.initial.rebalance.delay.ms": "200"}
SESSION_MS = 1500
TOMBSTONES_S = 20
COMPACTED = ["cleanup.policy=compact", "segment.ms=1000", "min.cleanable.dirty.ratio=0.01",
             f"delete.retention.ms={TOMBSTONES_S * 1000}"]
SETTINGS = {GROUPS: [], KEYS: COMPACTED}
# Who reads a compacted topic for longer than tombstones are kept may see a value and miss its tombstone.
WITHIN = {KEYS: f"{TOMBSTONES_S - 1}s"}
TRIES = {KEYS: 3}
VIOLATIONS = ("lost", "duplicated", "reordered")
INCONCLUSIVE = 12
NOT_COMPACTED = "nothing was compacted"  # In the one reason of the checker that may be a note.
READER = "reader-groups"
# In the last line of `skiff-workload churn`.
CHURNED = re.compile(r"(\d+) died;.* whole again after (\d+) deaths, and last (\d+) ms before the end; (\d+) late")
STILL_MS = 20000  # A fault, a session and a rebalance take less.


def settings(given):
    """k=v for brokers that we start, with those that were asked for."""
    return [f"{key}={value}" for key, value in SOON.items() if not any(line.startswith(key + "=") for line in given)] + given


class SideTopics:
    """Those of one cluster, once they are started. `files`: name -> histories."""

    def __init__(self, workloads):
        self.workloads, self.files = workloads, {}
        self.churned = None  # died, survived, still for ms, late commits

    def topic(self, name):
        return f"{self.workloads.topic}-{name}"

    def create(self):
        for name in (GROUPS, KEYS):
            topic = self.topic(name)
            self.workloads.create(topic, SETTINGS[name], PARTITIONS[name])
            self.files[name] = self.workloads.files_of[topic] = []

    def start(self, is_ours, rates):
        for name in self.files:
            topic = self.topic(name)
            more = ["--keys", KEYS_EACH] if name == KEYS else []
            self.workloads.start(name, "write", "--rate", rates[name], *more, topic=topic)
        # A reader, which ends after the writers.
        session = ["--session-ms", SESSION_MS] if is_ours else []
        self.workloads.start(READER, "churn", *session, topic=self.topic(GROUPS))

    def hear(self, name, said):
        """The last line of a process that ended."""
        found = CHURNED.search(said) if name == READER else None
        if found:
            self.churned = tuple(map(int, found.groups()))

    def check(self, is_ours, ends):
        """[(name, what the checker says)], and what there is to note of them. `ends`: of files that it writes."""
        checked = [(name, self.workloads.check(files, f"{ends}-{name}")) for name, files in self.files.items() if files]
        notes = []
        for name, one in checked:
            found = one.found
            if name == GROUPS:
                notes.append(f"groups: {found.get('members', 0)} members, {found.get('member_commits', 0):,} commits "
                             f"acknowledged, {found.get('member_asked', 0):,} times told where to begin")
                died, survived, _, late = self.churned or (0, 0, 0, 0)
                notes.append(f"groups: whole again by themselves after {survived} of {died} deaths; {late} commits of an "
                             f"old generation were tried, {found.get('member_fenced', 0)} refusals counted")
                self.weigh_churn(one)
            else:
                notes.append(f"keys: {found.get('keys', 0)} with {found.get('acked', 0):,} records acknowledged, "
                             f"{found.get('keys_judged', 0)} judged, {found.get('keys_compacted', 0):,} of them compacted away")
        return [(name, self.weighed(name, one, is_ours)) for name, one in checked], notes

    def weigh_churn(self, checked):
        """A group that stood still from its first death on has shown nothing of what comes after one."""
        _, survived, still_ms, _ = self.churned or (0, 0, 0, 0)
        if survived == 0 and still_ms > STILL_MS:
            checked.found.setdefault("inconclusive", []).append(
                f"the group got over no death, and did not have all partitions for {still_ms // 1000} s before the end")
            checked.code = checked.code or INCONCLUSIVE

    @staticmethod
    def weighed(name, checked, is_ours):
        """How soon the nodes of somebody else compact is not for us to say: the note tells that they did not."""
        reasons = checked.found.setdefault("inconclusive", [])
        if name == KEYS and not is_ours and checked.code == INCONCLUSIVE and checked.found.get("keys") and \
                len(reasons) == 1 and NOT_COMPACTED in reasons[0]:
            checked.code = 0
        if name == GROUPS and not checked.found.get("member_commits") and checked.code == 0:
            checked.code = INCONCLUSIVE
            reasons.append("no member of a group committed anything")
        return checked


def read_to_the_end(workloads, topic, files):
    """The final read of one topic, started: a function that waits for it, and says what was wrong or ""."""
    side = topic.removeprefix(workloads.topic).removeprefix("-")
    tries = TRIES.get(side, 1)
    within = ["--within", WITHIN[side]] if side in WITHIN else []

    def start(number):
        history = os.path.join(workloads.folder, "-".join(["final", *filter(None, [side]), *["again"] * number]))
        history += ".history"
        words = ["-t", topic, "--timeout", workloads.ANSWERS_WITHIN, "--run", workloads.run, "--history", history,
                 "-p", PARTITIONS.get(side, workloads.setting.partitions)]  # A topic that is gone: all of it is lost.
        return history, programs.Spawned(
            workloads.program("final", *words, *within, "--first-client", workloads.take_clients()), history + ".log")

    first = start(0)

    def wait():
        history, process = first
        for number in range(1, tries + 1):
            code = programs.end(process, 0, workloads.FINAL_LIMIT_S)
            said = process.said(1).strip()
            process.keep_log()
            if os.path.exists(history) and os.path.getsize(history) > 0:  # Empty where the disk is full.
                files.append(history)
            if code == 0:
                return ""
            if number < tries:
                history, process = start(number)
        return f"final read of {topic}: {said or 'failed'}; "

    return wait
