"""A small process that speaks clamd's protocol, for tests: `INSTREAM`, `PING`, and its ways of going wrong.

    with a_clamd() as address: ...                 # TCP; `unix=path` for a socket; `way`: honest, silent, closes, limit, babble, hasty

It finds the EICAR test file anywhere in the bytes (https://www.eicar.org), and nothing else.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# In two parts, so that no scanner takes this file for the test file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Win.Test.EICAR_HDB-1"


@contextmanager
def a_clamd(way: str = "honest", unix: Path | None = None) -> Iterator[str]:
    """A process of its own that listens; gives the address to set."""
    place = [str(unix)] if unix else []
    process = subprocess.Popen([sys.executable, __file__, way, *place], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _exactly(line: socket.socket, count: int) -> bytes:
    held = b""
    while len(held) < count:
        if not (part := line.recv(count - len(held))):
            raise ConnectionError
        held += part
    return held


def _stream(line: socket.socket) -> bytes:
    content = b""
    while size := struct.unpack("!I", _exactly(line, 4))[0]:
        content += _exactly(line, size)
    return content


def _serve(line: socket.socket, way: str) -> None:
    command = b""
    while not command.endswith(b"\0"):
        command += _exactly(line, 1)
    if command == b"zPING\0":
        line.sendall(b"PONG\0")
        return
    if command != b"zINSTREAM\0":
        line.sendall(b"UNKNOWN COMMAND\0")
        return
    if way == "limit":
        _exactly(line, 4)
        line.sendall(b"INSTREAM size limit exceeded. ERROR\0")
        return
    if way == "hasty":  # answers before it has everything, and hangs up
        _exactly(line, 4)
        line.sendall(b"stream: OK\0")
        return
    content = _stream(line)
    if way == "silent":
        time.sleep(60)
    elif way == "babble":
        line.sendall(b"stream: OK, or so it seems\0")
    elif way != "closes":
        line.sendall(f"stream: {SIGNATURE} FOUND\0".encode() if EICAR in content else b"stream: OK\0")


def main(way: str, unix: str = "") -> None:
    if unix:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(unix)
        said = f"unix:{unix}"
    else:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        said = f"127.0.0.1:{listening.getsockname()[1]}"
    listening.listen(16)
    print(said, flush=True)  # noqa: T201 - how it says where it listens
    while True:
        line, _ = listening.accept()
        with line:
            try:
                _serve(line, way)
            except OSError:
                continue


if __name__ == "__main__":
    main(*sys.argv[1:])
