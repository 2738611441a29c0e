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

import base64
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

import lambdalab

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
BROWSER_OPTIONS = [
    "--no-sandbox",  # root, and most containers
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # a lecture hall without internet
]

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

ERROR, STDERR = (
    f"[data-mime-type='application/vnd.jupyter.{kind}']" for kind in ("error", "stderr")
)
# After an error no further cell runs: then the wait is over too.
ALL_CELLS_RAN = r"""error => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell')]
        .filter(cell => cell.querySelector('.cm-content')?.innerText.trim())
        .map(cell => cell.querySelector('.jp-InputPrompt').innerText.trim());
    const ran = prompts.length && prompts.every(text => /^\[\d+\]:$/.test(text));
    return ran || document.querySelector(error);
}"""

# The bytes of an <img> and how it stands on the page; decode() rejects what is no picture.
PICTURE = """async image => {
    await image.decode();
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}"""

# What is wider than the room it has, by its text.
CUT_OFF = """root => [root, ...root.querySelectorAll('.widget-label, button, .widget-readout, select')]
    .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.innerText)"""


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
        # the kernels import the package that these tests import, installed or not
        package = str(Path(lambdalab.__file__).parents[1])
        path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        return {**os.environ, **own, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}

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
        for kind in ("request", "websocket"):
            page.on(kind, lambda sent: sent.url.startswith(own) or self.outside.append(sent.url))

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
        """Run > Run All Cells, until every code cell has its number."""
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        self.page.wait_for_function(ALL_CELLS_RAN, arg=ERROR, timeout=timeout)
        return self

    def check(self, *, errors: tuple[str, ...] = (), outside: tuple[str, ...] = ()) -> None:
        """No cell raised or wrote to stderr, no script failed, nothing was asked of the internet.

        What begins with one of ``outside``, or holds one of ``errors``, is the front end's own.
        """
        assert self.page.locator(ERROR).all_inner_texts() == []
        assert self.page.locator(STDERR).all_inner_texts() == []
        assert [e for e in self.errors if not any(own in e for own in errors)] == []
        assert [url for url in self.outside if not url.startswith(outside or ("-",))] == []

    def explorer(self, heading: str) -> ExplorerView:
        """The explorer below that heading."""
        return ExplorerView(self, heading)

    def shot(self, name: str) -> None:
        """A screenshot, to be looked at: a test can pass over an ugly picture."""
        self.page.screenshot(path=self.shot_path(name), animations="disabled")

    def shot_path(self, name: str) -> Path:
        """Where the screenshot of that name goes."""
        self.shots.mkdir(parents=True, exist_ok=True)
        return self.shots / f"{name}.png"


class ExplorerView:
    """One explorer as it stands on a page: found by its heading, used by its labels."""

    def __init__(self, notebook: Notebook, heading: str) -> None:
        self.notebook, self.page = notebook, notebook.page
        named = self.page.get_by_text(heading, exact=True)
        self.root = self.page.locator(".lambdalab-explorer", has=named)
        self.status = self.root.locator(".lambdalab-status")
        self.picture = self.root.locator("img")
        self.figures = self.root.locator("table")

    def button(self, name: str) -> Any:
        """A preset, the pin, another seed."""
        return self.root.get_by_role("button", name=name, exact=True)

    def slider(self, label: str) -> Any:
        """The row of a slider, found by the label that a person reads."""
        return self.root.locator(".widget-slider", has=self.page.get_by_text(label, exact=True))

    def slide_keys(self, label: str, steps: int) -> None:
        """Arrow keys. Notebook 7 keeps them for itself: type there."""
        handle = self.slider(label).locator(".noUi-handle")
        handle.focus()
        for _ in range(abs(steps)):
            handle.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def slide_mouse(self, label: str, fraction: float) -> None:
        """Drag the handle to a fraction of the track."""
        row = self.slider(label)
        row.scroll_into_view_if_needed()
        track = row.locator(".noUi-base").bounding_box()
        handle = row.locator(".noUi-handle").bounding_box()
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

    def shown(self) -> bytes:
        """The bytes of the picture on show, which is seen and not blank nor broken."""
        box = self.picture.bounding_box()
        assert box is not None
        assert box["width"] > 300, box
        assert box["height"] > 100, box
        return base64.b64decode(self.picture.evaluate(PICTURE))

    def cut_off(self) -> list[str]:
        """The texts that have too little room."""
        texts: list[str] = self.root.evaluate(CUT_OFF)
        return texts

    def shot(self, name: str) -> None:
        """A screenshot of this explorer alone."""
        self.root.screenshot(path=self.notebook.shot_path(name), animations="disabled")


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


@contextmanager
def fresh_page(chromium: Any, server: Server, shots: Path) -> Iterator[Notebook]:
    """A page of its own, and no kernel of another test's."""
    server.stop_kernels()
    context = chromium.new_context(
        viewport={"width": 1100, "height": 1400}, reduced_motion="reduce", locale="en-US"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield Notebook(page, server, Path(os.environ.get("SHOTS", shots)))
    context.close()
    server.stop_kernels()


# chromium before server: without a browser no server is started
@pytest.fixture
def notebook(chromium: Any, server: Server, tmp_path: Path) -> Iterator[Notebook]:
    """A fresh page for one test."""
    with fresh_page(chromium, server, tmp_path) as notebook:
        yield notebook


@pytest.fixture(scope="class")
def voila(
    chromium: Any, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    """The tour in Voila: one page for all tests of a class, each of which begins with a preset."""
    with fresh_page(chromium, server, tmp_path_factory.mktemp("shots")) as notebook:
        yield notebook.open_voila("notebooks/00-tour.ipynb")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """When a test fails, its last sight is kept in `SHOTS`."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed:
        for used in item.funcargs.values():
            if isinstance(used, Notebook):
                used.shot(f"failed-{item.name}")
    return report
