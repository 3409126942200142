"""__main__.py -- the word after `skiff chaos`: run, watch, ls, clean, compare."""
import json
import os
import signal
import sys

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # tools/lib: progress, machine
from programs import Failure, Refused, error_json, say  # noqa: E402


def ls(words):
    import arguments
    import scenarios
    options = arguments.read_ls(words)
    found = [scenarios.find(name) for name in options.scenarios] or scenarios.SCENARIOS
    print(scenarios.list_json(found) if options.json else scenarios.list_text(found))
    return 0


def clean(words):
    import arguments
    import run_directory
    options = arguments.read_clean(words)
    count = run_directory.sweep(True, say)
    if options.json:
        print(json.dumps({"runs": count}))
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


def could_not(verb, error, code):
    """It did not begin: one line for the user, and for a machine that asked for one."""
    say(f"skiff chaos {verb}: {error}")
    if "--json" in sys.argv[2:]:
        print(error_json([error], code))
    return code


VERBS = {"run": run, "watch": watch, "ls": ls, "clean": clean, "compare": compare}


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # Also where a shell has it ignored.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # `skiff` has held it until now.
        if verb not in VERBS:
            raise Refused(f"there is no `skiff chaos {verb}`: {', '.join(VERBS)}")
        return VERBS[verb](sys.argv[2:])
    except Refused as refused:
        return could_not(verb, refused, 2)
    except Failure as failure:
        return could_not(verb, failure, 1)
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # It is over, whoever asks.


if __name__ == "__main__":
    sys.exit(main())
