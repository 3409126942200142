"""run_directory.py -- where a run keeps what it makes, and how one that was killed is found again.

A run's folder has `owner.json` (the process, its start time, the engine); a file beside the user's other
state names each folder. A folder whose owner is gone may have nodes that still run: `skiff chaos clean`,
and each new run, stops them. What such a run had recorded stays until `clean`.
"""
import json
import os
import re
import shutil
import tempfile
import time

import programs
from engine import Engine
from programs import Failure, Fatal

ROOM_BYTES = 1 << 30
STATE = os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "skiff", "chaos-runs")


def started_at(pid):
    """When a process began, in ticks since boot; None: it does not run."""
    found = programs.process_state(pid)
    return found[1] if found and found[0] not in "ZX" else None


class RunDirectory:
    def __init__(self, given, engine_folder):
        self.path = os.path.abspath(given) if given else tempfile.mkdtemp(prefix="skiff-chaos-run-")
        try:
            os.makedirs(self.path, exist_ok=True)
            if os.listdir(self.path):
                raise Failure(f"{self.path} is not empty")
            self.id = os.urandom(4).hex()
            self.write("owner.json", {"pid": os.getpid(), "start": started_at(os.getpid()), "engine": engine_folder})
            os.makedirs(STATE, exist_ok=True)
            with open(os.path.join(STATE, self.id), "w", encoding="utf-8") as file:
                file.write(self.path)
        except OSError as error:
            raise Failure(f"{error.filename}: {error.strerror}") from error
        self.is_kept = False

    def write(self, name, content):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            json.dump(content, file)

    def part(self, name):
        folder = os.path.join(self.path, name)
        os.makedirs(folder)
        return folder

    def check_room(self, bytes_needed=ROOM_BYTES):
        free = shutil.disk_usage(self.path).free
        if free < bytes_needed:
            raise Fatal(f"no room for histories and data in {self.path}: {free >> 20} MiB are free, "
                          f"{bytes_needed >> 20} MiB are needed (--dir names another place)")

    def close(self):
        """Nothing of this run is alive any more; its files may stay."""
        remove(os.path.join(self.path, "owner.json"))
        remove(os.path.join(STATE, self.id))


def leftovers():
    """(file that names it, folder, owner) of runs whose process has gone without taking its nodes along."""
    found = []
    for name in sorted(os.listdir(STATE)) if os.path.isdir(STATE) else []:
        entry = os.path.join(STATE, name)
        if not re.fullmatch(r"[0-9a-f]{8}", name):
            continue
        try:
            with open(entry, encoding="utf-8") as file:
                folder = file.read()
            with open(os.path.join(folder, "owner.json"), encoding="utf-8") as file:
                owner = json.load(file)
        except (OSError, ValueError):
            if os.path.exists(entry) and time.time() - os.path.getmtime(entry) > 60:  # Not one that is being made.
                remove(entry)
            continue
        if started_at(owner["pid"]) != owner["start"]:
            found.append((entry, folder, owner))
    return found


def clusters_in(folder):
    """Directories of clusters that a run has made."""
    for name in sorted(os.listdir(folder)):
        cluster = os.path.join(folder, name, "cluster")
        if os.path.isdir(cluster):
            yield cluster


def sweep(is_removing, tell):
    """Stop what runs that were killed have left; remove their folders too when asked. How many there were."""
    found = leftovers()
    for entry, folder, owner in found:
        try:
            if not owner.get("is_stopped"):
                stop(folder, owner["engine"])
            if is_removing:
                shutil.rmtree(folder, ignore_errors=True)
                remove(entry)
                tell(f"removed what a run that was killed had left in {folder}")
            elif not owner.get("is_stopped"):
                with open(os.path.join(folder, "owner.json"), "w", encoding="utf-8") as file:
                    json.dump({**owner, "is_stopped": True}, file)
                tell(f"stopped what a run that was killed had left in {folder} (`skiff chaos clean` removes it)")
        except (Failure, OSError) as error:  # Another run may sweep too; and a run is not kept from its own work.
            tell(f"{folder}: {error}")
    return len(found)


def stop(folder, engine):
    for cluster in clusters_in(folder):
        if engine:
            Engine(engine).stop_all(cluster)


def remove(path):
    if os.path.exists(path):
        os.remove(path)
