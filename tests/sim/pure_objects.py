#!/usr/bin/env python3
"""pure_objects.py -- the objects that the simulator runs reach the world through env.h alone.

    pure_objects.py ARCHIVE... --impure ARCHIVE

What the archives leave undefined must be defined in one of them or stand in ALLOWED: no clock,
file, socket, thread, randomness, libuv. The archive behind --impure, the platform, must not pass:
so the test would tell.
"""
import os
import re
import subprocess
import sys

# The C library's pure parts, the codecs and the regular expressions. Sanitizers add calls of their own.
ALLOWED = re.compile(r"""
    mem(chr|cmp|cpy|mem|move|set) | str(chr|cmp|cspn|len|ncmp|ncasecmp|rchr|spn|str) |
    strto(l|ul|ll|ull) | v?snprintf | qsort | bcmp | isoc23_strto(l|ul|ll|ull) |
    __isoc23_strto(l|ul|ll|ull) | bsearch | pcre2_\w+ | __ctype_(b|tolower|toupper)_loc | tolower | toupper |
    __\w+_chk | __stack_chk_fail | __assert_fail | _GLOBAL_OFFSET_TABLE_ | __tls_get_addr |
    protobuf_c_\w+ | crc32_iscsi | crc32 | (in|de)flate\w* | snappy_\w+ | LZ4F_\w+ | ZSTD_\w+ |
    __(asan|ubsan|sanitizer|sancov|gcov|llvm)_\w+
    """, re.VERBOSE)
# check() ends the process with a word on stderr, mem_* is where memory comes from, and crc32c() asks which processor
# this is (libgcc's __cpu_model) to leave its registers as they were.
ALLOWED_IN = {"libbase.a": re.compile(r"malloc|calloc|realloc|free|abort|fprintf|fwrite|stderr|"
                                      r"__cpu_(model|indicator_init)")}


def symbols(archive):
    """(defined, undefined) global names of an archive."""
    done = subprocess.run(["nm", "-g", archive], capture_output=True, text=True, check=True)
    defined, undefined = set(), set()
    for line in done.stdout.splitlines():
        match = re.match(r"[0-9a-f ]{16} (\w) (\S+)$", line)
        if match:
            (undefined if match[1] in "Uw" else defined).add(match[2])
    return defined, undefined


def strangers(archives):
    """Pairs of an archive's name and what it calls that is none of ours and not allowed."""
    tables = {archive: symbols(archive) for archive in archives}
    ours = set().union(*(defined for defined, _ in tables.values()))
    for archive, (_, undefined) in tables.items():
        name = os.path.basename(archive)
        for symbol in sorted(undefined - ours):
            more = ALLOWED_IN.get(name)
            if not ALLOWED.fullmatch(symbol) and not (more and more.fullmatch(symbol)):
                yield name, symbol


def main():
    at = sys.argv.index("--impure")
    archives, impure = sys.argv[1:at], sys.argv[at + 1]
    found = list(strangers(archives))
    for name, symbol in found:
        print(f"{name} calls {symbol}")
    blind = not any(name == os.path.basename(impure) for name, _ in strangers(archives + [impure]))
    if blind:
        print(f"{os.path.basename(impure)} passes, so this test sees nothing")
    print(f"{len(archives) + 1 - len(set(name for name, _ in found)) - blind} passed, "
          f"{len(set(name for name, _ in found)) + blind} failed")
    return 1 if found or blind else 0


if __name__ == "__main__":
    sys.exit(main())
