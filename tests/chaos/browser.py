"""browser.py -- Debian's chromium without a window, for tests that look at a page.

Spoken to over a pair of pipes, not over a port. The browser has an empty profile of its own, asks
nothing of the network, and ends with the test. Python's standard library only.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from live import Skip

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 60
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--proxy-server=127.0.0.1:9", "--remote-debugging-pipe")


class Browser:
    """One process; close() ends it. Skip where there is none."""

    def __init__(self):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if not program:
            raise Skip("no chromium here")
        self.home = tempfile.mkdtemp(prefix="skiff-browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, self.out = os.pipe()
        self.input, self.data, self.number = ours_in, b"", 0
        self.events = []
        # The browser reads from its descriptor 3 and writes to 4; the shell puts the pipes there.
        command = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        words = ["/bin/sh", "-c", command, "sh", program, *FLAGS, f"--user-data-dir={self.home}"]
        self.process = subprocess.Popen(words, pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for end in (self.out, self.input):
            os.close(end)
        self.process.terminate()  # It ended by itself when the pipes were closed, or does so now.
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def call(self, method, session=None, **params):
        """The result of one command; events that come meanwhile are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.receive()
            if reply.get("id") == self.number:
                assert "error" not in reply, f"{method}: {reply['error']}"
                return reply["result"]

    def receive(self):
        deadline = time.monotonic() + LIMIT_S
        while b"\0" not in self.data:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.input], [], [], left)[0], "the browser does not answer"
            part = os.read(self.input, 1 << 20)
            assert part, "the browser has ended"
            self.data += part
        text, self.data = self.data.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def wait_for(self, session, method):
        while not any(event["method"] == method and event.get("sessionId") == session for event in self.events):
            self.receive()

    def page(self, width, height, scheme="light"):
        return Page(self, width, height, scheme)


class Page:
    """A tab of a given width and colour scheme."""

    def __init__(self, browser, width, height, scheme):
        self.browser, self.width = browser, width
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.browser.wait_for(self.session, "Page.loadEventFired")

    def evaluate(self, expression):
        """What an expression of the page's own language gives."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def complaints(self):
        """Errors and warnings that the browser would show in its console, and exceptions."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Log.entryAdded":
                found.append(event["params"]["entry"]["text"])
            elif event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                found.append(json.dumps(event["params"])[:300])
        return found

    def requests(self):
        """Addresses of everything that the page asked for."""
        return [event["params"]["request"]["url"] for event in self.browser.events
                if event["method"] == "Network.requestWillBeSent" and event.get("sessionId") == self.session]

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.events.clear()

    def screenshot(self, top=0, height=None):
        """A PNG of the page from `top` on, all of it when no height is given."""
        size = self.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": top, "width": self.width, "height": height or size[1] - top, "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])
