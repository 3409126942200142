"""fault.py -- the shape of a fault, who its victim is, and what it knows of the cluster when it begins."""
from programs import Failure


class Moment:
    """What a fault has at hand: the cluster, how it stood just before, and chance of its own."""

    def __init__(self, cluster, picture, chance, number):
        self.cluster, self.picture, self.chance, self.number = cluster, picture, chance, number
        self.proxy = self.verbs = self.workloads = self.topic = None


class Fault:
    """One thing that is broken, is mended, and was seen to be broken.

    inject() and heal() do it; confirm() is asked between the two as a last thing, and again
    after heal() by confirm_after() for what shows only then. Both return (seen, how).
    """

    victims = ()  # Node ids whose partitions are hit.
    detail = ""

    def __init__(self, moment):
        self.moment = moment
        self.cluster = moment.cluster
        self.wrong = []  # What the system did meanwhile that it must not, whatever the histories say.

    def prepare(self):
        """What has to be before the fault, and is none itself."""

    def inject(self):
        raise NotImplementedError

    def is_met(self):
        """Whether what was set up has been met; a round waits a while for that."""
        return True

    def heal(self):
        raise NotImplementedError

    def confirm(self):
        raise NotImplementedError

    def confirm_after(self):
        return True, ""

    def stop(self):
        """End what of ours runs beside it, when the round ends early. Again is no harm."""


class Victim:
    """A node and the part that it had at the moment of the fault, by the cluster's own view."""

    def __init__(self, node, seen, part):
        self.node, self.seen, self.part = node, seen, part


def leader(moment):
    """Any node that leads something."""
    return leader_of(moment, moment.picture.leading())


def plain_leader(moment):
    """A node that leads something and is not the controller, where there is one."""
    others = [node for node in moment.picture.leading() if node != moment.picture.controller]
    return leader_of(moment, others or moment.picture.leading())


def leader_of(moment, nodes):
    if not nodes:
        raise Failure("no partition has a leader")
    node = moment.chance.choice(nodes)
    led = len(moment.picture.led_by(node))
    office = " and was the controller" if node == moment.picture.controller else ""
    return Victim(node, led > 0, f"node {node} led {led} partitions{office}")


def follower(moment):
    """The node that leads least; it was seen as a follower when it led nothing and was in sync."""
    victim = quietest(moment)
    return Victim(victim.node, victim.seen and not moment.picture.led_by(victim.node), victim.part)


def quietest(moment):
    """The node that leads least, if it follows something."""
    picture = moment.picture
    node = min(picture.brokers, key=lambda one: (len(picture.led_by(one)), one == picture.controller, one))
    follows = sum(1 for partition, isr in picture.isr.items() if node in isr and picture.leaders[partition] != node)
    led = len(picture.led_by(node))
    return Victim(node, follows > 0, f"node {node} followed {follows} partitions and led {led}")


def controller(moment):
    node = moment.picture.controller
    if node is None or node not in moment.cluster.ids:
        raise Failure("the cluster does not say which node is its controller")
    return Victim(node, True, f"node {node} was the controller and led {len(moment.picture.led_by(node))} partitions")
