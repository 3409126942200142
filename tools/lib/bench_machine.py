"""bench_machine.py -- the machine under tools/bench: what it is, what it can do, whether it is quiet.

A figure is only worth something beside the machine's own limits, taken in the same run; and a
run counts as disturbed when processes of others took more than a tenth of a core meanwhile.
"""
import fcntl
import json
import mmap
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"
INSIDE = "SKIFF_BENCH_NAMESPACE"
QUIET_SHARE = 0.1
KERNEL_THREAD = 0x00200000


def read(path, default=""):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return default


def enter_network_namespace():
    """Start again in a network of our own, where both systems get the same congestion control.

    The machine's default may be one that halves the rate of loopback; and no port can meet another's.
    """
    if os.environ.get(INSIDE) or not shutil.which("unshare"):
        return
    flags = "-n" if os.geteuid() == 0 else "-rn"
    if subprocess.run(["unshare", flags, "true"], capture_output=True, check=False).returncode == 0:
        os.environ[INSIDE] = read(CONGESTION) or "unknown"
        os.execvp("unshare", ["unshare", flags, sys.executable, *sys.argv])


def bring_loopback_up():
    if not os.environ.get(INSIDE):
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("H", fcntl.ioctl(any_socket, 0x8913, request), 16)[0]  # SIOCGIFFLAGS
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))  # SIOCSIFFLAGS, up
    set_congestion("reno")


def set_congestion(name):
    """Of sockets that are opened from now on. False: this machine does not let us."""
    try:
        with open(CONGESTION, "w", encoding="ascii") as file:
            file.write(name)
        return True
    except OSError:
        return False


def default_congestion():
    """The machine's own, or None when it is what we use anyway."""
    name = os.environ.get(INSIDE)
    return name if name not in (None, "unknown", read(CONGESTION)) else None


def filesystem(folder):
    """The kind of the deepest mount that holds the folder."""
    folder = os.path.realpath(folder) + "/"
    mounts = [line.split()[1:3] for line in read("/proc/mounts").split("\n")]
    above = [(len(path), kind) for path, kind in mounts if folder.startswith(path.rstrip("/") + "/")]
    return max(above)[1] if above else "unknown"


def fingerprint(root, folder):
    model = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").split("\n")
                  if line.startswith("model name")), platform.machine())
    memory = int(read("/proc/meminfo").split("\n")[0].split()[1]) // 1024
    system = next((line.split("=", 1)[1].strip('"') for line in read("/etc/os-release").split("\n")
                   if line.startswith("PRETTY_NAME=")), platform.system())
    revision = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True,
                              text=True, check=False).stdout.strip()
    return {"processors": os.cpu_count(), "model": model, "memory_mb": memory, "system": system,
            "kernel": platform.release(), "filesystem": filesystem(folder), "congestion": read(CONGESTION),
            "own_network": bool(os.environ.get(INSIDE)), "revision": revision or "unknown",
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}


def limits(load, folder):
    """What skiff-load measures of the machine itself."""
    run = subprocess.run([load, "machine", folder], capture_output=True, text=True, timeout=120, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"skiff-load machine: {run.stderr.strip()}")
    return json.loads(run.stdout)


def touch_memory(size):
    """Take and give back that much memory: the first touch of a guest's page costs microseconds."""
    available = next((int(line.split()[1]) * 1024 for line in read("/proc/meminfo").split("\n")
                      if line.startswith("MemAvailable")), 0)
    size = min(int(size), available // 3)
    if size > 0:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def cpu_of(pid):
    """Seconds of processor time of a process, user and system."""
    words = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS if len(words) > 12 else 0.0


def peak_memory(pid):
    """The most bytes that were resident since the process started."""
    for line in read(f"/proc/{pid}/status").split("\n"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


class Noise:
    """Processor time that others took, from its making to share()."""

    def __init__(self, ours):
        self.ours = ours
        self.start = time.monotonic()
        self.busy, self.known = self.look()

    def look(self):
        words = [int(word) for word in read("/proc/stat").split("\n")[0].split()[1:]]
        busy = sum(words[:3]) + sum(words[5:8])  # All but idle and waiting for a disk; steal counts.
        known = sum(cpu_of(pid) for pid in self.ours) + cpu_of(os.getpid())
        for name in os.listdir("/proc"):
            if name.isdigit():
                stat = read(f"/proc/{name}/stat").rpartition(")")[2].split()
                if len(stat) > 12 and int(stat[6]) & KERNEL_THREAD:
                    known += (int(stat[11]) + int(stat[12])) / TICKS
        return busy / TICKS, known

    def share(self, more_known=0.0):
        """In cores. `more_known` seconds were taken by processes of ours that are gone."""
        busy, known = self.look()
        return max(0.0, busy - self.busy - (known - self.known) - more_known) / (time.monotonic() - self.start)


def wait_until_quiet(ours, limit_s):
    """Until others leave the machine alone for a second, but not for ever."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        noise = Noise(ours)
        time.sleep(1)
        if noise.share() < QUIET_SHARE:
            return
