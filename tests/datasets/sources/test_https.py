"""HTTPS through the guard: the connection goes to the judged address, the certificate is still the name's."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.house import House
from core.errors import InputRefused, Unavailable
from core.work import system_clock
from datasets.sources import http
from datasets.sources.asking import Ask, Catch
from datasets.sources.http import HttpConfig
from tests.datasets.parking import CLEAN
from tests.datasets.sources.places import allow

NAME = "secure.example.org"


def _certificate(folder: Path) -> Path:
    """Key and certificate of NAME, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = system_clock()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/plain":
            self.send_response(302)
            self.send_header("Location", f"http://{NAME}/lots.csv")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CLEAN)))
        self.end_headers()
        self.wfile.write(CLEAN)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that turns away at the certificate is what is wanted here."""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    path = _certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_address[1], path
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def home(sqlite_house: House) -> House:
    allow(sqlite_house)
    return sqlite_house


def fetch(house: House, url: str) -> Catch:
    ask = Ask("traffic", None, {}, house.settings, house.clock(), resolve=lambda host, port: ["127.0.0.1"])
    return http.fetch(ask, HttpConfig(kind="http", url=url), house.files)


def test_a_certificate_that_nobody_vouches_for_is_refused(home: House, secure: tuple[int, Path]) -> None:
    with pytest.raises(Unavailable, match="certificate"):
        fetch(home, f"https://{NAME}:{secure[0]}/lots.csv")


def test_the_certificate_must_be_of_the_name_and_not_of_the_address(
    home: House, secure: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, path = secure
    trusted = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(http, "trust", lambda: trusted)
    assert fetch(home, f"https://{NAME}:{port}/lots.csv").files[0].stored.size_bytes == len(CLEAN)
    for host in ("other.example.org", "127.0.0.1"):
        with pytest.raises(Unavailable, match="certificate"):
            fetch(home, f"https://{host}:{port}/lots.csv")
    with pytest.raises(InputRefused, match="without encryption"):
        fetch(home, f"https://{NAME}:{port}/plain")
