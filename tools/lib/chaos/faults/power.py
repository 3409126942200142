"""power.py -- power that is lost: nodes are killed, and what no sync covered is taken back from their disks."""
import json
import time

import programs
from faults.processes import Kill
from programs import Failure

LIMIT_S = 120
LEAST_WAITING, WAIT_S = 5, 0.5  # Operations that no sync has covered, of each victim; so long it waits for them.
LOOK_EVERY_S = 0.01


class PowerLoss(Kill):
    """No disk syncs any more, kill -9, then each disk falls back to what was synced, and a seeded part of the rest.

    Syncs stop on all victims at once, so that nothing is durable on one that was written after another's
    power had gone. `keep` is how likely an operation that no sync covered is there nevertheless, in percent."""

    keep = None

    def stop_syncs(self):
        """No sync of a victim comes back from now on, as of a disk whose power is going."""
        is_all = len(self.victims) == len(self.cluster.ids)
        for node in ["all"] if is_all else self.victims:
            self.moment.verbs.call("hang-disk", node)

    def wait_for_writes(self):
        """Until each victim has written something since: there is nothing to lose otherwise."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            rules = self.moment.verbs.rules()
            if all(rules[node]["unsynced_operations"] >= LEAST_WAITING for node in self.victims):
                return
            time.sleep(LOOK_EVERY_S)

    def inject(self):
        self.stop_syncs()
        self.wait_for_writes()
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
        is_told = all(one.get("confirmed") for one in self.found)
        changes = sum(one["dropped"] - one["names_dropped"] + one["torn"] for one in self.found)
        return gone and is_told and changes > 0, "; ".join([how, *map(self.text, self.victims, self.found)])

    @staticmethod
    def text(node, found):
        if not found.get("confirmed"):
            return f"node {node}: {found.get('why') or 'the power loss was not confirmed'}"
        return (f"node {node}: {found['dropped']} of {found['operations']} unsynced operations dropped "
                f"({found['bytes_dropped']} bytes, {found['names_dropped']} names), {found['torn']} torn")


class WholeLoss(PowerLoss):
    """Nothing that was not synced survives; for the control."""

    keep = 0


def all_nodes(moment):
    return PowerLoss(moment, moment.cluster.ids)


def all_nodes_wholly(moment):
    return WholeLoss(moment, moment.cluster.ids)
