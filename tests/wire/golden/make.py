#!/usr/bin/env python3
"""Write the golden bodies of every API anew: what kafka-clients 4.4.0 has, and of the versions that it dropped what
3.9.1 had. They are the same whenever nothing has changed. Java 17 and Maven; half a minute.
"""
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "clients"), os.path.join(ROOT, "tests", "chaos")]

from ready import java  # noqa: E402

SCHEMA = os.path.join(ROOT, "src", "net", "wire", "schema")
CLIENTS = ("java", "formats")  # Folders of tests/clients that bring 4.4.0 and 3.9.1.


def wanted():
    """File -> (key, first version, last version)."""
    apis = {}
    for path in sorted(glob.glob(os.path.join(SCHEMA, "[0-9]*"))):
        with open(path, encoding="utf-8") as file:
            key, first, last = re.search(r"^api .* key (\d+) versions (\d+)(?:-(\d+))?", file.read(), re.M).groups()
        apis[os.path.basename(path)] = (int(key), int(first), int(last or first))
    return apis


def ask(client, ranges):
    """(key, version) -> lines."""
    words = [f"{key}:{first}-{last}" for key, first, last in ranges]
    run = subprocess.run(java(client, os.path.join(HERE, "Golden.java"), *words), capture_output=True, text=True,
                         timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found = {}
    for line in run.stdout.splitlines():
        key, version, rest = line.split(" ", 2)
        found.setdefault((int(key), int(version)), []).append(f"{version} {rest}")
    return found


def main():
    apis = wanted()
    newest, older = CLIENTS
    found = ask(newest, apis.values())
    dropped = [(key, version, version) for key, first, last in apis.values() for version in range(first, last + 1)
               if (key, version) not in found]
    found.update(ask(older, dropped))
    for name, (key, first, last) in apis.items():
        with open(os.path.join(HERE, name), "w", encoding="ascii") as out:
            for version in range(first, last + 1):
                out.writelines(line + "\n" for line in found[key, version])


if __name__ == "__main__":
    main()
