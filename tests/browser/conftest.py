"""Notebooks in a real browser: JupyterLab, Notebook 7 and Voila, as a person uses them.

Needs the Python package playwright (no `playwright install`) and a Chromium or Chrome on PATH.

| variable           |                                                                          |
|--------------------|--------------------------------------------------------------------------|
| `CHROMIUM`         | the browser, where it is not on PATH                                     |
| `BROWSER_REQUIRED` | `1`: without a browser the tests fail; otherwise they are skipped        |
| `SHOTS`            | folder for screenshots (else pytest's temporary one)                     |

Wait with `expect(...)`, which retries; never sleep. A widget sets its picture first and its status
text last, so wait for the text and then look at the picture.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# --no-sandbox: root and most containers; --disable-dev-shm-usage: a small /dev/shm in containers
BROWSER_OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"]

# With its defaults JupyterLab takes cells out of the page when they are scrolled away, and asks
# about news in a pop-up that lies over the lower right corner.
LAB_SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}

ALL_CELLS_RAN = r"""() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell')]
        .filter(cell => cell.querySelector('.cm-content')?.innerText.trim())
        .map(cell => cell.querySelector('.jp-InputPrompt').innerText.trim());
    return prompts.length && prompts.every(text => /^\[\d+\]:$/.test(text));
}"""


def cannot_run(why: str) -> NoReturn:
    """Fail where a browser is required, skip elsewhere."""
    if os.environ.get("BROWSER_REQUIRED") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A Jupyter server on loopback, with its own settings, that serves a copy of notebooks/."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        shutil.copytree(NOTEBOOKS, self.root / "notebooks")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self._command(),
                env=self._environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_up()

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={self.url.rpartition(':')[2]}"),
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",  # loopback, and gone in a minute
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={self.root}",
            "--VoilaConfiguration.show_tracebacks=True",
        ]

    def _environment(self, folder: Path) -> dict[str, str]:
        """Nothing of the user's own Jupyter is read or written."""
        config = folder / "config"
        (config / "labconfig").mkdir(parents=True)
        overrides = config / "labconfig" / "default_setting_overrides.json"
        overrides.write_text(json.dumps(LAB_SETTINGS))
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "run",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        own = {name: str(folder / place) for name, place in places.items()}
        return {**os.environ, **own, "PYTHONWARNINGS": "ignore"}

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.get("api/status")
                return
            except OSError:
                if self.process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                self.stop()
                said = self.log.read_text()[-4000:]
                raise RuntimeError(f"Jupyter did not start:\n{said}") from None

    def get(self, path: str) -> Any:
        """Ask the server's API."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:
            return json.load(answer)

    def wait_for_the_kernel(self, timeout: float = 60) -> None:
        """Until a kernel is idle and a page is connected to it.

        The page itself says "idle" before it has one, and a "Run All" given then is lost.
        """
        deadline = time.monotonic() + timeout
        kernels = []
        while time.monotonic() < deadline:
            try:
                kernels = self.get("api/kernels")
            except OSError:  # while a kernel is being made it answers 500 for an instant
                kernels = []
            if kernels and all(
                k["execution_state"] == "idle" and k["connections"] for k in kernels
            ):
                return
            time.sleep(0.1)
        raise TimeoutError(f"no idle kernel: {kernels}")

    def stop_kernels(self) -> None:
        """So that the next test starts afresh."""
        for kind in ("sessions", "kernels"):
            for item in self.get(f"api/{kind}"):
                address = f"{self.url}/api/{kind}/{item['id']}"
                try:
                    request = urllib.request.Request(address, method="DELETE")
                    urllib.request.urlopen(request, timeout=20).close()
                except urllib.error.HTTPError as error:
                    error.close()
                    if error.code != 404:
                        raise

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Notebook:
    """A page with a notebook in it, and what a person does there."""

    def __init__(self, page: Any, server: Server, shots: Path) -> None:
        self.page, self.server, self.shots = page, server, shots
        self.errors: list[str] = []  # of the page's own JavaScript
        self.outside: list[str] = []  # addresses beyond this server: there should be none
        own = (server.url, server.url.replace("http", "ws"), "data:", "blob:", "about:")
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith(own) or self.outside.append(sent.url))

    def open_lab(self, path: str) -> Notebook:
        return self._open(f"lab/tree/{path}?reset")

    def open_notebook7(self, path: str) -> Notebook:
        return self._open(f"notebooks/{path}")

    def _open(self, address: str) -> Notebook:
        self.page.goto(f"{self.server.url}/{address}")
        self.page.locator(".jp-Notebook").wait_for(timeout=60_000)
        self.server.wait_for_the_kernel()
        return self

    def open_voila(self, path: str) -> Notebook:
        """Voila runs the notebook itself and shows only what it shows."""
        self.page.goto(f"{self.server.url}/voila/render/{path}")
        self.page.locator("body.jp-Notebook, .jp-Cell").first.wait_for(timeout=60_000)
        self.page.locator("#loading").wait_for(state="hidden", timeout=60_000)
        return self

    def run_all(self, timeout: float = 120_000) -> Notebook:
        """Run > Run All Cells, until every code cell has its number; none may write to stderr."""
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        self.page.wait_for_function(ALL_CELLS_RAN, timeout=timeout)
        stderr = self.page.locator("[data-mime-type='application/vnd.jupyter.stderr']")
        assert stderr.all_inner_texts() == []
        return self

    def slider(self, label: str) -> Any:
        """The row of a slider, found by the label that a person reads."""
        named = self.page.get_by_text(label, exact=True)
        return self.page.locator(".widget-slider", has=named).first

    def slide_keys(self, label: str, steps: int) -> None:
        """Arrow keys. Notebook 7 keeps them for itself: type there."""
        handle = self.slider(label).locator(".noUi-handle").first
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def slide_mouse(self, label: str, fraction: float) -> None:
        """Drag the handle to a fraction of the track."""
        row = self.slider(label)
        row.scroll_into_view_if_needed()
        track = row.locator(".noUi-base").bounding_box()
        handle = row.locator(".noUi-handle").first.bounding_box()
        height = track["y"] + track["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, height)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + track["width"] * fraction, height, steps=8)
        self.page.mouse.up()

    def slide_type(self, label: str, value: float) -> None:
        """Type into the number beside the slider: the exact way."""
        self.slider(label).locator(".widget-readout").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(str(value))
        self.page.keyboard.press("Enter")

    def shot(self, name: str) -> None:
        """A screenshot, to be looked at: a test can pass over an ugly picture."""
        self.shots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.shots / f"{name}.png", animations="disabled")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        cannot_run("playwright is not installed")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        cannot_run("no Chromium on PATH (install it, or name it in CHROMIUM)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


# chromium before server: without a browser no server is started
@pytest.fixture
def notebook(
    request: pytest.FixtureRequest, chromium: Any, server: Server, tmp_path: Path
) -> Iterator[Notebook]:
    """A fresh page; when the test fails, its last sight is kept in `SHOTS`."""
    server.stop_kernels()
    context = chromium.new_context(
        viewport={"width": 1100, "height": 1400}, reduced_motion="reduce", locale="en-US"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    notebook = Notebook(page, server, Path(os.environ.get("SHOTS", tmp_path)))
    yield notebook
    if getattr(request.node, "call_failed", False):
        notebook.shot(f"failed-{request.node.name}")
    context.close()
    server.stop_kernels()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    if report.when == "call":
        item.call_failed = report.failed  # type: ignore[attr-defined]
    return report
