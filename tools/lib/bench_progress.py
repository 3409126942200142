"""bench_progress.py -- how far a run of tools/bench is, and how long it will go on.

Steps are announced with the seconds that they should take; what they really took corrects the
rest. On a terminal one line overwrites itself, elsewhere each step is a line.
"""
import sys
import time

BAR_WIDTH = 24


class Progress:
    def __init__(self):
        self.planned = 0.0
        self.done = 0.0
        self.current = 0.0
        self.start = time.monotonic()
        self.is_terminal = sys.stderr.isatty()

    def plan(self, seconds):
        """More work of that length is to come."""
        self.planned += seconds

    def step(self, text, seconds=0.0):
        """A step begins, the one before has ended; `seconds` is its part of what was planned."""
        self.done += self.current
        self.current = seconds
        self.show(text)

    def left(self):
        took = time.monotonic() - self.start
        pace = took / self.done if self.done > 10 else 1.0
        return max(0.0, (self.planned - self.done) * pace)

    def show(self, text):
        share = min(1.0, self.done / self.planned) if self.planned else 0.0
        left = self.left()
        clock = f"{int(left // 60)}:{int(left % 60):02d} left"
        if self.is_terminal:
            bar = "#" * int(share * BAR_WIDTH)
            print(f"\r\033[K[{bar:<{BAR_WIDTH}}] {100 * share:3.0f} %, {clock}: {text[:60]}", end="",
                  file=sys.stderr, flush=True)
        else:
            print(f"[{100 * share:3.0f} %, {clock}] {text}", file=sys.stderr, flush=True)

    def tell(self, text):
        """A line that stays."""
        print(("\r\033[K" if self.is_terminal else "") + text, file=sys.stderr, flush=True)

    def close(self):
        if self.is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
