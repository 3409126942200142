"""ready.py -- each client, made ready by its own tool at its pinned version, once however many tests ask at a time.

A folder's file says what is wanted and which tool brings it; what that makes lies in target/.
"""
import fcntl
import glob
import os
import shutil
import subprocess
import sys

from live import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
PIP = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--root-user-action=ignore",
       "--target", "target", "-r", "requirements.txt")
TOOLS = {"pom.xml": ("mvn", "-B", "-q", "package"), "go.mod": ("go", "build", "-o", "target/", "./..."),
         "requirements.txt": PIP, "package.json": ("npm", "ci", "--no-progress"),
         "client.cpp": ("c++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "client.cpp", "-o", "target/client",
                        "-lrdkafka++"),
         "Cargo.toml": ("cargo", "build", "-q", "--release", "--locked", "--jobs", "2")}
MADE_FROM = (*TOOLS, "go.sum", "*.go", "*/*.go", "src/*.java", "src/*.scala", "package-lock.json", "Cargo.lock",
             "src/bin/*.rs")

# What tools say when a registry cannot be reached, or when they are too old for the pinned version.
CANNOT_BE_HAD = ("Could not transfer", "No module named pip", "Could not find a version that satisfies",
                 "requires go >=", "invalid go version", "dial tcp", "proxyconnect", "i/o timeout",
                 "failed to download", "spurious network error", "failed to load source", "requires rustc",
                 "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "EBADPLATFORM")

# Short lives: neither the last tenth of speed nor a second thread of garbage collection is worth its start.
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m")


def is_made(folder, stamp):
    sources = [path for form in MADE_FROM for path in glob.glob(os.path.join(folder, form))]
    return os.path.exists(stamp) and all(os.path.getmtime(path) <= os.path.getmtime(stamp) for path in sources)


def make(folder, tool):
    """What the tool cannot get is the machine's lack, not a failure."""
    run = subprocess.run(tool, cwd=folder, capture_output=True, text=True, timeout=600, check=False,
                         env=dict(os.environ, GOTOOLCHAIN="local"))
    if run.returncode == 0:
        return
    said = (run.stdout + run.stderr)[-2000:]
    for sign in CANNOT_BE_HAD:
        if sign in said:
            raise Skip(f"{os.path.basename(folder)} cannot be had here: {sign}")
    raise AssertionError(said)


def jars_of_version(version):
    """Maven's words for another version of the same jars, beside the one that the pom names."""
    return ("mvn", "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-Dkafka.version={version}",
            f"-DoutputDirectory=target/lib-{version}")


def ready(name, version=None):
    """The target folder of a client's; of a Java client's, with lib-VERSION in it where one is named."""
    folder = os.path.join(HERE, name)
    target = os.path.join(folder, "target")
    stamp = os.path.join(target, f"made-{version}" if version else "made")
    tool, = [jars_of_version(version) if version else words
             for file, words in TOOLS.items() if os.path.exists(os.path.join(folder, file))]
    for program in (tool[0], "java") if tool[0] == "mvn" else (tool[0],):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made(folder, stamp):
            make(folder, tool)
            with open(stamp, "w", encoding="ascii"):
                pass
    return target


def java(name, program, *words, version=None):
    """A command: a class, or a program of one file, over the jars that a folder brings."""
    target = ready(name)
    jars = os.path.join(ready(name, version), f"lib-{version}") if version else os.path.join(target, "lib")
    return [*JAVA, "-cp", os.path.join(target, "classes") + ":" + os.path.join(jars, "*"), program, *words]


def python(name, program):
    """A command: a program of ours over the packages that a folder brings."""
    return ["env", "PYTHONPATH=" + ready(name), sys.executable, os.path.join(HERE, program)]
