"""A headless Chromium, spoken to through chromedriver (W3C WebDriver), with its network closed but for this machine."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE_SECONDS = 90.0

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
FLAGS += ["--window-size=1000,1500", "--force-color-profile=srgb"]
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--no-proxy-server"]


class Browser:
    """One page of a browser."""

    def __init__(self, driver: str, profile: Path) -> None:
        self.driver = driver
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        found = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{found['sessionId']}"

    def open(self, address: str) -> None:
        self._send("POST", f"{self.session}/url", {"url": address})

    def run(self, script: str) -> Any:
        return self._send("POST", f"{self.session}/execute/sync", {"script": script, "args": []})

    def wait(self, script: str) -> Any:
        """The value of a script, as soon as it is true."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (value := self.run(script)):
            assert time.monotonic() < give_up, f"{script}: not true after {PATIENCE_SECONDS} s on {self.text()!r}"
            time.sleep(0.1)
        return value

    def text(self, selector: str = "body") -> str:
        return str(self.run(f"return (document.querySelector({selector!r}) || {{innerText: ''}}).innerText"))

    def choose_files(self, *paths: Path) -> None:
        found = self._send("POST", f"{self.session}/element", {"using": "css selector", "value": "input[type=file]"})
        text = "\n".join(map(str, paths))
        self._send("POST", f"{self.session}/element/{found[ELEMENT]}/value", {"text": text})

    def devtools(self, command: str, **parameters: Any) -> Any:
        body = {"cmd": command, "params": parameters}
        return self._send("POST", f"{self.session}/goog/cdp/execute", body)

    def log(self, kind: str) -> list[dict[str, Any]]:
        return list(self._send("POST", f"{self.session}/se/log", {"type": kind}))

    def asked_for(self) -> list[str]:
        """Every address that the page asked for since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._send("GET", f"{self.session}/screenshot")))

    def close(self) -> None:
        self._send("DELETE", self.session)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.driver + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as reply:
            return json.load(reply)["value"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser; the test is skipped where Debian's chromium and chromium-driver are not installed."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        pytest.skip("no chromium and chromedriver here ('make test' installs them where it may: as root, with apt-get)")
    place = tmp_path_factory.mktemp("browser")
    log = (place / "driver.log").open("w")
    command = ["chromedriver", "--port=0"]
    environment = {**os.environ, "HOME": str(place)}
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert driver.stdout is not None
    started = ""
    while "on port" not in started or "successfully" not in started:
        started = driver.stdout.readline()
        assert started, "chromedriver ended before it listened"
    try:
        opened = Browser(f"http://127.0.0.1:{started.rsplit(' ', 1)[1].strip().rstrip('.')}", place / "profile")
        yield opened
        opened.close()
    finally:
        driver.terminate()
        driver.wait(timeout=20)
        driver.stdout.close()
        log.close()
