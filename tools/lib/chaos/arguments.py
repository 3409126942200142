"""arguments.py -- what `skiff chaos run`, `watch`, `ls` and `clean` are told."""
import argparse
import os
import random
import re

import clients
import fail_if
import scenarios
from programs import Refused

RUN_ABOUT = """Start a cluster, drive real clients, break things, check every record, and say what was kept.

Without SCENARIO the mode's own are run: --quick takes at most 4 minutes, the default at most 15, --nightly
has the repetitions that percentiles need. `skiff chaos ls` explains each scenario."""
RUN_EXAMPLES = """examples:
  skiff chaos run
  skiff chaos run kill-leader power-loss-all --rounds 20 --fail-if 'gap.max>2s'
  skiff chaos run --engine kafka-matched --quick
  skiff chaos run -b broker1:9092 --hooks ./hooks kill-leader

exit codes: 0 PASS, 1 bad input or could not run, 2 usage, 11 FAIL, 12 INCONCLUSIVE or VOID, 130 stopped"""
WATCH_EXAMPLES = """examples:
  skiff chaos watch -b broker1:9092 --for 10m
  skiff chaos watch -b broker1:9093 -F client.properties --for 1h --rate 200

It writes to topics of its own, named skiff-chaos-..., reads them, and deletes them at the end. Ctrl-C ends it
early, with a verdict."""
DURATION = re.compile(r"^([0-9]+)(s|m|h)?$")
SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}
RATE_MAX = 20000
RUN_RATE_LEAST, WATCH_RATE_LEAST = 50, 6  # With fewer, some client writes too little to see anything, or all too much.


class Parser(argparse.ArgumentParser):
    def __init__(self, **words):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **words)

    def error(self, message):
        raise Refused(f"{message} (see: {self.prog} --help)")


def seconds(text):
    match = DURATION.match(text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 90s, 10m, 1h")
    return int(match[1]) * SECONDS[match[2]]


def at_least(least, most):
    def of(text):
        try:
            value = int(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value
    return of


def a_setting(text):
    if not re.match(r"^[\w.-]+=", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not like key=value")
    return text


def a_file(text):
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"{text}: there is no such file")
    return os.path.abspath(text)


def add_json(parser, what):
    parser.add_argument("--json", action="store_true", help=f"for machines: {what} as one line on standard output")


def add_shared(parser, rate, least):
    parser.add_argument("-b", "--bootstrap", metavar="HOST:PORT", help="a cluster that runs already")
    parser.add_argument("-F", dest="client", metavar="FILE", type=a_file,
                        help="a client.properties: how clients reach it")
    parser.add_argument("--rate", type=at_least(least, RATE_MAX), default=rate,
                        help=f"records a second, of all clients together at most ({rate}; {least} or more)")
    parser.add_argument("--partitions", type=at_least(1, 1000), help="of the topic")
    parser.add_argument("--fail-if", action="append", default=[], metavar="EXPR",
                        help="FAIL when it is true: 'gap.max>2s', 'kill-leader.stock.gap.p50>300ms', 'unknown>100'")
    parser.add_argument("--dir", help="where histories, data and the report go (a new one below the temporary folder)")
    parser.add_argument("--keep", action="store_true", help="keep histories and data also of what passed")
    parser.add_argument("--beside", metavar="FILE", type=a_file, action="append", default=[],
                        help="a report.json to show beside this one")
    add_json(parser, "the verdict, and what it rests on,")


def run_parser():
    parser = Parser(prog="skiff chaos run", description=RUN_ABOUT, epilog=RUN_EXAMPLES)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="a short mix, at most 4 minutes")
    mode.add_argument("--nightly", action="store_true", help="repetitions for percentiles; hours")
    parser.add_argument("--engine", default="skiff", metavar="NAME|DIR", help="skiff, kafka, kafka-matched or a folder")
    parser.add_argument("--seed", type=int, help="replays a schedule (not its timing)")
    parser.add_argument("--rounds", type=at_least(1, 100000), help="of each scenario, whatever time they take")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", type=a_setting,
                        help="a setting of the brokers")
    parser.add_argument("-n", "--nodes", type=at_least(1, 9), default=3)
    parser.add_argument("--clients", metavar="NAMES",
                        help="writers beside librdkafka's: java,franz (both where they can be had; none with --quick)")
    parser.add_argument("--hooks", metavar="DIR", help="with -b: executables that break that cluster")
    add_shared(parser, 2800, RUN_RATE_LEAST)
    return parser


def watch_parser():
    parser = Parser(prog="skiff chaos watch", epilog=WATCH_EXAMPLES,
                    description="Write to a cluster, read and check, while you break or upgrade it.")
    parser.add_argument("--for", dest="seconds", type=seconds, default=600, metavar="TIME", help="90s, 10m, 1h (10m)")
    add_shared(parser, 500, WATCH_RATE_LEAST)
    return parser


def read_ls(words):
    parser = Parser(prog="skiff chaos ls", description="What chaos run can break: all of it, or the scenarios named.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    add_json(parser, "the scenarios")
    return parser.parse_args(words)


def read_clean(words):
    parser = Parser(prog="skiff chaos clean",
                    description="End the nodes of runs that were killed, and remove what these had recorded.")
    add_json(parser, "how many runs had left something,")
    return parser.parse_args(words)


def read_run(words):
    options = run_parser().parse_args(words)
    options.mode = "quick" if options.quick else "nightly" if options.nightly else "default"
    options.seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    if bool(options.hooks) != bool(options.bootstrap):
        raise Refused("-b and --hooks belong together: a cluster, and how it is broken "
                      "(to look on alone: skiff chaos watch)")
    if options.hooks and (options.set or options.engine != "skiff" or options.nodes != 3):
        raise Refused("--set, --engine and -n are for clusters that are started here, not for the one at -b")
    if options.hooks and not os.path.isdir(options.hooks):
        raise Refused(f"{options.hooks}: there is no such folder of hooks")
    for name in options.scenarios:
        scenarios.find(name)
    options.names_clients = options.clients is not None
    options.clients = other_clients(options)
    options.bounds = bounds(options, list(scenarios.BY_NAME))
    options.partitions = options.partitions or (6 if options.bootstrap else 30)
    return options


def other_clients(options):
    """Names of the writers to look for."""
    if options.clients is None:
        return [] if options.quick or options.client else list(clients.BUILDERS)
    names = [] if options.clients == "none" else options.clients.split(",")
    if set(names) - set(clients.BUILDERS):
        raise Refused(f"--clients {options.clients}: {', '.join(clients.BUILDERS)} or none")
    if names and options.client:
        raise Refused("--clients and -F do not go together: only librdkafka reads that file")
    return names


def read_watch(words):
    options = watch_parser().parse_args(words)
    if not options.bootstrap:
        raise Refused("watch needs a cluster: -b HOST:PORT")
    options.bounds = bounds(options, ["watch"])
    options.partitions = options.partitions or 6
    return options


def bounds(options, names):
    return [fail_if.Bound(text, names) for text in options.fail_if]
