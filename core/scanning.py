"""Asking a clamd about bytes that strangers hand in, by its protocol `INSTREAM` over TCP or a Unix socket.

Where a scanner is configured nothing counts as clean without its word: one that cannot be reached, or does not answer in time, is a refusal
with advice to try again, never a pass.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Unavailable
from core.text import Text

CHUNK: Final = 64 * 1024
_MOST_ANSWER: Final = 4096
_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>\d{1,5})")
_FOUND: Final = re.compile(r"stream: (?P<name>.{1,200}) FOUND")


@dataclass(frozen=True, slots=True)
class Scanner:
    """Where a clamd listens: `host:port`, `[address]:port`, or `unix:/path`. `seconds`: how long one answer may take."""

    address: str
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if not self.address.startswith("unix:/") and not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"{self.address}: give host:port, [address]:port or unix:/path")

    def found(self, content: bytes) -> str:
        """The name of what was found in the bytes; "" when they are clean. Raises Unavailable where the scanner gives no such word."""
        return self._word(content[start : start + CHUNK] for start in range(0, len(content), CHUNK))

    def found_in(self, path: Path) -> str:
        """The same of a file, a chunk at a time."""
        with path.open("rb") as source:
            return self._word(iter(lambda: source.read(CHUNK), b""))

    def _word(self, parts: Iterable[bytes]) -> str:
        try:
            answer, is_whole = self._asked(parts)
        except OSError as fault:
            raise _no_word(str(fault) or type(fault).__name__) from fault
        if answer == "stream: OK" and is_whole:
            return ""
        if answer == "stream: OK":
            raise _no_word("it hung up before it had everything")
        if (said := _FOUND.fullmatch(answer)) is not None:
            return said["name"]
        raise _no_word(answer or "no answer")

    def _asked(self, parts: Iterable[bytes]) -> tuple[str, bool]:
        """Its answer, and whether everything had been sent by then."""
        with self._line() as line:
            line.settimeout(self.seconds)
            try:
                line.sendall(b"zINSTREAM\0")
                for part in parts:
                    line.sendall(struct.pack("!I", len(part)) + part)
                line.sendall(struct.pack("!I", 0))
            except (BrokenPipeError, ConnectionResetError):
                return _read(
                    line
                ), False  # too large for it, or found already: nothing else can be said of a part
            return _read(line), True

    def _line(self) -> socket.socket:
        if self.address.startswith("unix:"):
            line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            line.settimeout(self.seconds)
            try:
                line.connect(self.address.removeprefix("unix:"))
            except OSError:
                line.close()
                raise
            return line
        at = _ADDRESS.fullmatch(self.address)
        assert at is not None  # noqa: S101 - looked at when it was made
        return socket.create_connection((at["six"] or at["host"], int(at["port"])), timeout=self.seconds)


def _read(line: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) <= _MOST_ANSWER:
        if not (part := line.recv(1024)):
            break
        answer += part
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")


def _no_word(why: str) -> Unavailable:
    return Unavailable(
        Text(
            f"恶意软件扫描服务未给出结果（{why[:200]}），未收取任何内容；请稍后重试，仍不成功请联系系统管理员。",
            f"The malware scanner gave no verdict ({why[:200]}), so nothing was taken in; try again in a few minutes, and tell the administrator if it goes on.",
        )
    )
