"""__main__.py -- the word after `skiff chaos`: run, watch, ls, clean, compare."""
import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # Until main(): nothing has begun that would have to be ended.
sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # tools/lib: progress, machine
from programs import Failure, Refused, say  # noqa: E402


def ls(words):
    import scenarios
    if words and words != ["--help"] and words != ["-h"]:
        print("\n".join([words[0], *scenarios.wrapped(scenarios.find(words[0]).about)]))
    else:
        print(scenarios.list_text())
    return 0


def clean(words):
    import run_directory
    if words:
        say("skiff chaos clean ends the nodes of runs that were killed, and removes what these had recorded.")
        return 0 if words in (["--help"], ["-h"]) else 2
    count = run_directory.sweep(True, say)
    say(f"{count} runs that were killed had left something" if count else "no run has left anything")
    return 0


def run(words):
    import run as verb
    return verb.main(words)


def watch(words):
    import watch as verb
    return verb.main(words)


def compare(words):
    import report
    return report.compare_main(words)


VERBS = {"run": run, "watch": watch, "ls": ls, "clean": clean, "compare": compare}


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Also where a shell has it ignored.
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        if verb not in VERBS:
            raise Refused(f"there is no `skiff chaos {verb}`: {', '.join(VERBS)}")
        return VERBS[verb](sys.argv[2:])
    except Refused as refused:
        say(f"skiff chaos {verb}: {refused}")
        return 2
    except Failure as failure:
        say(f"skiff chaos {verb}: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
