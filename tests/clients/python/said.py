"""said.py -- the conversation of a client program of the matrix, as matrix/client.py has it.

    PROGRAM BROKERS                                  verbs come on standard input, a line each
    PROGRAM member BROKERS TOPIC GROUP [PROTOCOL]    a member of a group, until standard input ends
"""
import sys
import traceback

ASK_LIMIT_S = 60


class Lacks(Exception):
    """The client has no such thing."""


def line(*words):
    print(*words, flush=True)


def tell_record(partition, offset, key, value):
    line("record", partition, offset, key.decode(), value.decode())


def tell_offset(partition, offset):
    line("offset", partition, -1 if offset is None or offset < 0 else offset)


def pairs(first, count):
    """What `produce` is to send."""
    return [(b"k%d" % number, b"v%d" % number) for number in range(first, first + count)]


def converse(verbs, finish=lambda result: result):
    """`verbs` has a method for each; `finish` waits for what it returns, where that is not its end."""
    for text in sys.stdin:
        verb, *words = text.split()
        try:
            method = getattr(verbs, verb, None)
            if method is None:
                raise Lacks("no such call")
            finish(method(*(int(word) if word.lstrip("-").isdigit() else word for word in words)))
            line("ok")
        except Lacks as why:
            line("lacks", why)
        except Exception as error:
            traceback.print_exc()
            line("error", " ".join((str(error) or repr(error)).split()))
