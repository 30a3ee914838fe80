"""A time-stamp authority for tests: a small process of its own that answers HTTP by `openssl ts -reply`, with a root and a certificate made anew.

    with an_authority(folder) as tsa: tsa.url, tsa.pem         # tsa.pem: its certificate, then its root

`way`: honest, broken (HTTP 500), other (signs what it was not asked for), huge, moved (a redirect).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HAS_OPENSSL = shutil.which("openssl") is not None
CONFIG = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.crt
certs = {folder}/ca.crt
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
tsa_name = yes
ess_cert_id_alg = sha256
"""
PURPOSE = (
    "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\nbasicConstraints=CA:FALSE\n"
)


@dataclass(frozen=True)
class Authority:
    url: str
    pem: Path


def _run(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)


def certificates(folder: Path, name: str = "Test TSA", days: int = 3650) -> Path:
    """A root and the authority's certificate in `folder`; gives the PEM of both, its own first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serial").write_text("01")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "purpose").write_text(PURPOSE)
    new = ("-newkey", "rsa:2048", "-nodes")
    _run(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=Test Root", "-days", "3650", "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip
    _run(folder, "req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name}")
    _run(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days), "-extfile", "purpose", "-out", "tsa.crt")  # fmt: skip
    pem = folder / "tsa.pem"
    pem.write_bytes((folder / "tsa.crt").read_bytes() + (folder / "ca.crt").read_bytes())
    return pem


@contextmanager
def an_authority(folder: Path, way: str = "honest") -> Iterator[Authority]:
    pem = folder / "tsa.pem" if (folder / "tsa.pem").exists() else certificates(folder)
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder), way], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Authority(process.stdout.readline().strip(), pem)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _serve(folder: Path, way: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            if way == "moved":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/")
                self.end_headers()
                return
            if way == "broken":
                self.send_error(500)
                return
            query, reply = folder / "asked.tsq", folder / "told.tsr"
            query.write_bytes(asked)
            if way == "other":
                (folder / "other").write_text("something else")
                _run(folder, "ts", "-query", "-data", "other", "-sha256", "-out", "asked.tsq")
            _run(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", query.name, "-out", reply.name)
            body = reply.read_bytes() + (b"\0" * 200_000 if way == "huge" else b"")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    print(f"http://127.0.0.1:{server.server_port}/tsa", flush=True)  # noqa: T201 - read by the test
    server.serve_forever()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
