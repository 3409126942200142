"""record.py -- what became of each row, a JSON line each, where the table is made from.

    {"client": ..., "version": ..., "language": ..., "engine": "Skiff", "row": ..., "result": ..., "why": ...,
     "build": "0.1.0", "date": "2026-11-22", "command": "tests/clients/run"}

A result is passed, failed, lacks (the client has no such thing), refused (the broker has no more what the client asks for) or
skipped (this machine has not the client); `why` is the reason or a remark. One file a client and engine, in which a row that is
played replaces what it said before. Of a program that has one row alone, such as a command-line tool, the row is "works".
"""
import json
import os
import time

from live import BUILD

FOLDER = os.path.join(BUILD, "test-logs", "matrix")


class Record:
    """`engine` and what is the same of each row: {"engine": ..., "build": ..., "command": ...}."""

    def __init__(self, client, rows, engine):
        self.head = {"client": client.name, "version": client.version, "language": client.language, **engine,
                     "date": time.strftime("%Y-%m-%d", time.gmtime())}
        self.results = {}
        os.makedirs(FOLDER, exist_ok=True)
        self.path = os.path.join(FOLDER, f"{client.key}-{engine['engine'].split()[0].lower()}.json")
        kept = [line for line in self.read() if json.loads(line)["row"] not in rows]
        with open(self.path, "w", encoding="utf-8") as file:
            file.writelines(kept)

    def read(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8") as file:
            return file.readlines()

    def add(self, row, result, why=None):
        self.results[row] = result
        with open(self.path, "a", encoding="utf-8") as file:
            print(json.dumps({**self.head, "row": row, "result": result, "why": why}), file=file)

    def failed(self):
        return [row for row, result in self.results.items() if result == "failed"]
