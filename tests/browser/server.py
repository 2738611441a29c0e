"""A Jupyter server of the tests' own, on loopback."""

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
from pathlib import Path
from typing import Any

import lambdalab
from lambdalab.widgets.app import PAGE

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A Jupyter server on loopback, with its own settings; it serves copies of notebooks/ and the app."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        shutil.copytree(NOTEBOOKS, self.root / "notebooks")
        app = self.root / "lambdalab" / "widgets" / "app"  # as in a clone
        app.mkdir(parents=True)
        shutil.copy(PAGE, app)
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
            "--LabApp.expose_app_in_browser=True",  # tests ask its model what has run
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
