"""planted.py -- the control where no power can be cut: a loss is planted in a copy of the history.

Every read of one acknowledged value is left out. A checker that does not miss it would not have missed a
real one.
"""
import os
import shutil

from workloads import VIOLATION


def an_acknowledged(files):
    """(client, value) as bytes, of a write that was acknowledged and that somebody read."""
    acked, read = set(), set()
    for path in files:
        with open(path, "rb") as lines:
            for line in lines:
                words = line.split()
                if words[:1] == [b"a"] and len(words) >= 5:
                    acked.add((words[1], words[2]))
                elif words[:1] == [b"r"] and len(words) >= 7:
                    read.add((words[4], words[5]))
                if len(acked) > 5000 and acked & read:  # Enough: the first that both know.
                    return min(acked & read)
    return min(acked & read, default=None)


def without_reads_of(files, chosen, folder):
    """Copies of the files in which nobody read that value. Their paths."""
    copies = []
    for path in files:
        copy = os.path.join(folder, os.path.basename(path))
        copies.append(copy)
        with open(path, "rb") as lines, open(copy, "wb") as out:
            for line in lines:
                words = line.split(b" ")
                if words[0] == b"r" and len(words) >= 7 and (words[4], words[5]) == chosen:
                    continue
                out.write(line)
    return copies


def control(workloads, folder):
    """The `control` of a report, from the histories that have just been checked."""
    chosen = an_acknowledged(workloads.files)
    if chosen is None:
        return {"name": "planted loss", "violated": False, "classes": {}, "text": "nothing was acknowledged and read"}
    copies = os.path.join(folder, "planted")
    os.makedirs(copies)
    try:
        checked = workloads.check(without_reads_of(workloads.files, chosen, copies))
    finally:
        shutil.rmtree(copies)
    classes = {"lost": checked.found.get("lost", 0), **checked.found.get("other", {})}
    classes = {name: count for name, count in classes.items() if count}
    return {"name": "planted loss", "violated": checked.code == VIOLATION and bool({"lost", "unseen"} & set(classes)),
            "classes": classes,
            "text": f"every read of value {chosen[1].decode()} of client {chosen[0].decode()} was left out of a copy "
                    "of the history: the checker found "
                    f"{', '.join(f'{count} {name}' for name, count in classes.items()) or 'nothing'}"}
