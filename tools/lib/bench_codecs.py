"""bench_codecs.py -- what the broker costs beside the codecs themselves, in one process without a node.

    codecs    bytes a CPU second when a batch is checked as it comes, and when it is brought into
              another codec; beside the codec's own library on the same bytes, in turn
"""
import json
import os
import subprocess

import live
from bench_rows import Row

SPEED = os.path.join(live.BUILD, "codec_speed")
TURN_MS = 100
ROUNDS, ROUNDS_QUICK = 10, 5
FIGURES = 16  # Codecs, kinds of work, sizes of batch.
SHARE_LEAST = 85.0  # Of the library's own speed, in percent.


def rounds_of(runs):
    return ROUNDS if runs > 5 else ROUNDS_QUICK


def seconds(runs):
    return FIGURES * 2.3 * TURN_MS / 1000 * (rounds_of(runs) + 1)


def rows_of(lines):
    """A row a line of codec_speed: the share of each round, ours over the library's."""
    rows = []
    for line in lines:
        found = json.loads(line)
        shares = [100 * ours / library for ours, library in
                  zip(found["ours_mb_per_cpu_s"], found["library_mb_per_cpu_s"])]
        what = "checked" if found["work"] == "check" else f"recompressed from {found['source']}"
        rows.append(Row("codecs", f"{found['codec']}, {found['size'] // 1000} KB batches {what}",
                        "% of the library's speed", shares, better="more", targets={"p50": SHARE_LEAST}))
    return rows


def bench_codecs(runs, progress, _):
    progress.step("codecs beside their libraries", seconds(runs))
    run = subprocess.run([SPEED, str(rounds_of(runs)), str(TURN_MS)], capture_output=True, text=True,
                         timeout=900, check=False)
    assert run.returncode == 0, f"codec_speed: exit {run.returncode}: {run.stderr.strip()}"
    return rows_of(run.stdout.splitlines())


BENCHES = {"codecs": (bench_codecs, seconds)}
