"""clients.py -- writers in other languages, where their tool chains are there: the same flags, the same history."""
import os

import programs
from programs import Failure

BUILDERS = {"java": "build-java", "franz": "build-go"}
BUILD_LIMIT_S = 600


def command(name):
    """The words that start a writer, built where it is missing. Raises Failure with the reason why not."""
    builder = os.path.join(programs.ROOT, "tools", "workload", BUILDERS[name])
    run = programs.call([builder], BUILD_LIMIT_S)
    if run.returncode != 0:
        raise Failure((run.stderr.strip() or f"{BUILDERS[name]} failed").split("\n")[-1])
    return run.stdout.split("\n")[:-1]


def find(names, tell):
    """{name: words} of those that can be had; who else was asked for is told, with the reason."""
    found = {}
    for name in names:
        try:
            found[name] = command(name)
        except Failure as failure:
            tell(f"no writer {name!r}: {failure}")
    return found
