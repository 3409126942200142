"""record.py -- what became of each row, a JSON line each, where the table is made from.

    {"client": ..., "version": ..., "language": ..., "engine": "skiff", "row": ..., "result": ..., "why": ...}

A result is passed, failed, lacks (the client has no such thing) or skipped (this machine has not the client);
`why` is the reason or a remark. One file a client and engine, replaced by each run. Of a program that has one row alone, such as a
command-line tool, the row is "works".
"""
import json
import os

from live import BUILD

FOLDER = os.path.join(BUILD, "test-logs", "matrix")


class Record:
    def __init__(self, client, engine):
        self.head = {"client": client.name, "version": client.version, "language": client.language, "engine": engine}
        self.results = {}
        os.makedirs(FOLDER, exist_ok=True)
        self.path = os.path.join(FOLDER, f"{client.key}-{engine.split()[0].lower()}.json")
        with open(self.path, "w", encoding="utf-8"):
            pass

    def add(self, row, result, why=None):
        self.results[row] = result
        with open(self.path, "a", encoding="utf-8") as file:
            print(json.dumps({**self.head, "row": row, "result": result, "why": why}), file=file)

    def failed(self):
        return [row for row, result in self.results.items() if result == "failed"]
