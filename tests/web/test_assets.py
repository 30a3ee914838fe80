"""The sources of the page assets: typed, locked, and without addresses of anybody's registry."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from api.assets import npm

ROOT = Path(__file__).parents[2]


def test_the_lock_file_names_versions_and_hashes_but_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    assert "://" not in text
    locked = {name: entry for name, entry in packages.items() if name}
    assert all(entry.get("integrity", "").startswith("sha512-") for entry in locked.values())
    assert not [name for name, entry in locked.items() if "resolved" in entry]


def test_the_scripts_type_check() -> None:
    if not (ROOT / "node_modules" / "typescript").exists():
        pytest.skip("the packages are not installed: run `make assets`")
    _, path = npm()
    node = shutil.which("node", path=path)
    assert node
    checked = subprocess.run(
        [node, "node_modules/typescript/bin/tsc", "--noEmit", "-p", "api/static/src"],
        cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_the_bundle_asks_nobody_outside() -> None:
    dist = ROOT / "api" / "static" / "dist"
    if not (dist / "app.css").exists():
        pytest.skip("the assets are not built: run `make assets`")
    styles = (dist / "app.css").read_text()
    assert "url(" not in styles
    assert "@import" not in styles


def test_every_class_that_a_template_names_has_a_style() -> None:
    styles = "".join(path.read_text() for path in (ROOT / "api" / "static" / "src" / "css").glob("*.css"))
    known = set(re.findall(r"\.([A-Za-z][\w-]*)", styles))
    named: dict[str, str] = {}
    for path in (ROOT / "api" / "templates").rglob("*.html"):
        for value in re.findall(r'\bclass="([^"{}]*)"', path.read_text(encoding="utf-8")):
            named |= {name: str(path.relative_to(ROOT)) for name in value.split()}
    assert {name: where for name, where in named.items() if name not in known} == {}
