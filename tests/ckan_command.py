"""ckanapi's own command line, run against a server, and what it said: its exit status alone tells little.

With `-q` it ends with 3 and no word when the server refused a line; what was refused stands in its log alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

CKANAPI: Final = Path(sys.executable).with_name("ckanapi")
LOGS: Final = frozenset({"load", "delete", "batch"})  # these write down what became of each line
MEANING: Final[Mapping[int, str]] = {
    0: "done", 1: "an error of the command, or its worker ended with a trace", 2: "interrupted", 3: "lines were refused"
}  # fmt: skip
_TAIL: Final = 2000


@dataclass(frozen=True, slots=True)
class Said:
    """How a run of the command ended. `refused`: the log's entries with an error: time, line number, action (not of `delete`), error, response."""

    status: int
    out: bytes
    err: str
    lines: int = 0
    refused: list[list[Any]] = field(default_factory=list)

    def report(self, most: int = 5) -> str:
        """Exit status, what it wrote, how many lines were refused for what, and the first of them."""
        meaning = MEANING.get(self.status, "ended by a signal" if self.status < 0 else "unknown")
        kinds = Counter(": ".join(map(str, each[2:-1])) for each in self.refused)
        told = [
            f"exit status {self.status} ({meaning}); {self.lines} lines in its log, {len(self.refused)} refused"
        ]
        told += [f"  {kind} × {count}" for kind, count in kinds.most_common()]
        told += [f"  {json.dumps(each, ensure_ascii=False)[:500]}" for each in self.refused[:most]]
        if self.err.strip():
            told.append(f"standard error ends:\n{self.err[-_TAIL:]}")
        return "\n".join(told)


def run(address: str, *words: str, key: str = "", given: bytes = b"", seconds: int = 240) -> Said:
    """`ckanapi WORDS` on a server. `key`: an access token or an API key."""
    env = {
        **os.environ,
        "PATH": f"{CKANAPI.parent}:{os.environ['PATH']}",
    }  # it starts itself again as its own worker
    with TemporaryDirectory() as room:
        log = Path(room) / "log"
        more = ["-l", str(log)] if words[0] in LOGS and not {"-l", "--log"} & set(words) else []
        wanted = [str(CKANAPI), *words, *more, "-r", address, *(("-a", f"Bearer {key}") if key else ())]
        done = subprocess.run(wanted, input=given, capture_output=True, timeout=seconds, env=env, check=False)
        told = [json.loads(line) for line in log.read_bytes().splitlines()] if log.exists() else []
    refused = [each for each in told if each[-2]]
    return Said(done.returncode, done.stdout, done.stderr.decode(errors="replace"), len(told), refused)


def ckanapi(address: str, *words: str, key: str = "", given: bytes = b"", seconds: int = 240) -> bytes:
    """What the command wrote; it must have ended well."""
    said = run(address, *words, key=key, given=given, seconds=seconds)
    assert said.status == 0, f"ckanapi {' '.join(words[:3])}: {said.report()}"
    return said.out
