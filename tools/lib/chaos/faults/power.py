"""power.py -- power that is lost: nodes are killed, and what no sync covered is taken back from their disks."""
import json
import time

import programs
from faults.processes import Kill
from programs import Failure

LIMIT_S = 120
SYNC_TAKES, SLOW_S = "30ms", 0.15


class PowerLoss(Kill):
    """kill -9, then each victim's disk falls back to what was synced, and a seeded part of the rest.

    Its syncs take a little longer just before, so that there is something that no sync has covered.
    `keep` is how likely an operation that no sync covered is there nevertheless, in percent."""

    keep = None

    def prepare(self):
        for node in self.victims:
            self.moment.verbs.call("slow-disk", node, SYNC_TAKES)
        time.sleep(SLOW_S)

    def inject(self):
        super().inject()
        self.found = [self.cut_power(node) for node in self.victims]
        self.moment.verbs.heal()

    def cut_power(self, node):
        words = [programs.path("skiff-power"), self.cluster.chaos(node), self.cluster.data(node),
                 "--seed", str(self.moment.chance.getrandbits(32))]
        words += ["--keep", str(self.keep)] if self.keep is not None else []
        run = programs.call(words, LIMIT_S)
        if run.returncode != 0:
            raise Failure(f"skiff-power, node {node}: {run.stderr.strip() or run.stdout.strip()}")
        try:
            return json.loads(run.stdout)
        except ValueError as error:
            raise Failure(f"skiff-power, node {node}: {run.stdout[:200]!r} is no JSON") from error

    def confirm(self):
        gone, how = super().confirm()
        total = {key: sum(one.get(key, 0) for one in self.found)
                 for key in ("operations", "dropped", "kept", "torn", "bytes_dropped", "names_dropped")}
        is_told = all(one.get("confirmed", True) for one in self.found)
        return (gone and is_told and total["dropped"] + total["torn"] > 0,
                f"{how}; {total['dropped']} of {total['operations']} unsynced operations dropped "
                f"({total['bytes_dropped']} bytes, {total['names_dropped']} names), {total['torn']} torn"
                + ("" if is_told else "; a journal had been given up"))


class WholeLoss(PowerLoss):
    """Nothing that was not synced survives; for the control."""

    keep = 0


def all_nodes(moment):
    return PowerLoss(moment, moment.cluster.ids)


def all_nodes_wholly(moment):
    return WholeLoss(moment, moment.cluster.ids)
