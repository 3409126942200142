"""links.py -- what the proxy does to connections: cuts, one way or both, delay, stall, flapping."""
from faults.fault import Fault, controller
from faults.processes import OnNodes
from proxy import CLIENT, bytes_of

ANY = "*"


class Links(Fault):
    """A list of rules (from, to, what), each in force when the proxy has answered.

    Seen are bytes that came and had to wait. Across a cut none came through meanwhile; any other kind of
    link also carried some."""

    def __init__(self, moment, rules, part="", is_part_seen=True, victims=()):
        super().__init__(moment)
        self.rules, self.part, self.is_part_seen = rules, part, is_part_seen
        self.victims = list(victims)
        self.detail = ", ".join(f"{source}>{target} {what}" for source, target, what in rules)

    def inject(self):
        for source, target, what in self.rules:
            self.moment.proxy.rule(source, target, what)
        self.first = self.moment.proxy.links()

    def heal(self):
        self.moment.proxy.heal()

    def confirm(self):
        links = self.moment.proxy.links()
        carried, delayed = (bytes_of(links, self.rules, what) - bytes_of(self.first, self.rules, what)
                            for what in ("bytes", "delayed"))
        is_cut = all(what == "cut" for _, _, what in self.rules)
        part = f"{self.part}; " if self.part else ""
        return (self.is_part_seen and delayed > 0 and (carried == 0) == is_cut,
                f"{part}the proxy made {delayed} bytes wait, {carried} came through")


class HookedCut(OnNodes):
    """Isolation by a user's own executables."""

    def inject(self):
        for node in self.victims:
            self.cluster.hook("cut", node)
        self.seen = self.seen_by_others(self.victims, self.moment.picture)

    def heal(self):
        for node in self.victims:
            self.cluster.hook("heal", node)

    def confirm(self):
        return self.with_part(*self.seen)


def isolate(choose):
    """One node from all others and from clients."""
    def make(moment):
        victim = choose(moment)
        if moment.proxy is None:
            return HookedCut(moment, [victim.node], victim.part, victim.seen)
        return Links(moment, [(victim.node, ANY, "cut"), (ANY, victim.node, "cut")], victim.part, victim.seen,
                     [victim.node])
    return make


def others(moment, node):
    return [one for one in moment.cluster.ids if one != node]


def both_ways(a, b, what="cut"):
    return [(a, b, what), (b, a, what)]


def cut_followers(choose):
    """A leader cannot reach its followers nor they it; the clients reach all."""
    def make(moment):
        victim = choose(moment)
        rules = [rule for other in others(moment, victim.node) for rule in both_ways(victim.node, other)]
        return Links(moment, rules, victim.part, victim.seen, [victim.node])
    return make


def one_way(choose, is_out):
    """Nothing from a leader reaches the other nodes, or nothing from them reaches it."""
    def make(moment):
        victim = choose(moment)
        rules = [(victim.node, other, "cut") if is_out else (other, victim.node, "cut")
                 for other in others(moment, victim.node)]
        return Links(moment, rules, victim.part, victim.seen, [victim.node])
    return make


def cut_from_controller(moment):
    """A node that leads, and the controller, do not reach each other; all else does."""
    office = controller(moment)
    leading = [node for node in moment.picture.leading() if node != office.node] or others(moment, office.node)
    node = moment.chance.choice(leading)
    led = len(moment.picture.led_by(node))
    part = f"node {office.node} was the controller, node {node} led {led} partitions"
    return Links(moment, both_ways(node, office.node), part, led > 0, [node])


def bridge(moment):
    """Two halves that meet in one node alone."""
    nodes = list(moment.cluster.ids)
    moment.chance.shuffle(nodes)
    middle, rest = nodes[0], nodes[1:]
    left, right = rest[:len(rest) // 2], rest[len(rest) // 2:]
    rules = [rule for a in left for b in right for rule in both_ways(a, b)]
    return Links(moment, rules, f"node {middle} alone reached all", True, rest)


def between_nodes(what):
    """A leader's links to other nodes, both ways, are of that kind."""
    def make_of(choose):
        def make(moment):
            victim = choose(moment)
            kind = what[moment.number % len(what)]
            rules = [rule for other in others(moment, victim.node) for rule in both_ways(victim.node, other, kind)]
            return Links(moment, rules, victim.part, victim.seen, [victim.node])
        return make
    return make_of


def clients_cut(choose):
    """The clients lose one leader; the nodes see no fault."""
    def make(moment):
        victim = choose(moment)
        return Links(moment, both_ways(CLIENT, victim.node), victim.part, victim.seen, [victim.node])
    return make
