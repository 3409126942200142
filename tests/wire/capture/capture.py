#!/usr/bin/env python3
"""Stand between Kafka programs and real brokers, and keep one frame of each kind.

    capture.py OUT_DIR NAME_FILE LISTEN=BROKER...

Listens on each port LISTEN of 127.0.0.1 and passes everything on to port BROKER.
Every request and reply of an API that has a schema goes to OUT_DIR/KEY_name, a
line a frame: version, direction, who, and the bytes after the size field in hex.
Who is "node" for what brokers say among themselves, told by their client ids, else
what NAME_FILE holds at that moment (the runner changes it from client to client). For each version, direction and who, the first frames of different sizes
are kept. Standard library only. Ends at SIGTERM, having written everything.
"""
import os
import re
import signal
import socket
import struct
import sys
import threading

EACH_MAX = 2          # Frames kept of one API, version, direction and who.
FRAME_MAX = 8 * 1024  # Bytes; larger ones show nothing new.
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../src/net/wire/schema")


class Keeper:
    def __init__(self, out, name_file):
        self.out = out
        self.name_file = name_file
        self.names = {int(name.split("_")[0]): name for name in os.listdir(SCHEMA)
                      if re.match(r"\d+_", name)}
        self.kept = {}
        self.lock = threading.Lock()

    def who(self, request):
        size = struct.unpack(">h", request[8:10])[0]
        client_id = request[10:10 + max(size, 0)].decode()
        if re.fullmatch(r"\d+|raft-client-\d+|broker-\d+-fetcher-\d+", client_id):
            return "node"
        with open(self.name_file, encoding="utf-8") as file:
            return file.read().strip()

    def keep(self, key, version, direction, who, frame):
        if key not in self.names or len(frame) > FRAME_MAX:
            return
        with self.lock:
            frames = self.kept.setdefault((key, version, direction, who), {})
            if len(frames) < EACH_MAX:
                frames.setdefault(len(frame), frame)

    def write(self):
        os.makedirs(self.out, exist_ok=True)
        lines = {}
        with self.lock:
            for (key, version, direction, who), frames in sorted(self.kept.items()):
                for frame in frames.values():
                    lines.setdefault(key, []).append(f"{version} {direction} {who} {frame.hex()}\n")
        for key, text in lines.items():
            with open(os.path.join(self.out, self.names[key]), "w", encoding="utf-8") as file:
                file.writelines(text)


def read_exactly(connection, size):
    parts = []
    while size > 0:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def pump(source, target, judge):
    """Pass frames on, each to `judge` first."""
    try:
        while True:
            prefix = read_exactly(source, 4)
            frame = prefix and read_exactly(source, struct.unpack(">i", prefix)[0])
            if not frame:
                break
            judge(frame)
            target.sendall(prefix + frame)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, port, keeper):
    try:
        broker = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    for end in (client, broker):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = {}

    def request(frame):
        key, version, correlation_id = struct.unpack(">hhi", frame[:8])
        who = keeper.who(frame)
        waiting[correlation_id] = (key, version, who)
        keeper.keep(key, version, "request", who, frame)

    def reply(frame):
        key, version, who = waiting.pop(struct.unpack(">i", frame[:4])[0])
        keeper.keep(key, version, "response", who, frame)

    threading.Thread(target=pump, args=(client, broker, request), daemon=True).start()
    threading.Thread(target=pump, args=(broker, client, reply), daemon=True).start()


def accept(listener, port, keeper):
    while True:
        client, _ = listener.accept()
        serve(client, port, keeper)


def main(out, name_file, *routes):
    keeper = Keeper(out, name_file)
    for route in routes:
        listen, broker = map(int, route.split("="))
        listener = socket.create_server(("127.0.0.1", listen))
        threading.Thread(target=accept, args=(listener, broker, keeper), daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    keeper.write()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(*sys.argv[1:])
