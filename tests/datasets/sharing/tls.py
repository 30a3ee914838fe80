"""TLS before a plain server, as a reverse proxy brings it, and a count of what it hands to readers."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PIECE = 65_536


@dataclass
class Counter:
    """Plain bytes that left to readers, and requests that came; `certificate`: what readers must trust."""

    address: str
    certificate: Path
    sent: int = 0
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self) -> tuple[int, int]:
        """Bytes and requests since the last time."""
        with self.lock:
            found = self.sent, self.requests
            self.sent = self.requests = 0
        return found


@contextmanager
def behind_tls(port: int, room: Path) -> Iterator[Counter]:
    """A door that speaks TLS and hands everything on to the plain server at `port`."""
    authority, certificate, key = _certificate(room)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        counter = Counter(f"https://127.0.0.1:{door.getsockname()[1]}", authority)
        threading.Thread(target=_opens, args=(door, context, port, counter), daemon=True).start()
        yield counter


def _opens(door: socket.socket, context: ssl.SSLContext, port: int, counter: Counter) -> None:
    with suppress(OSError):
        while True:
            line, _ = door.accept()
            threading.Thread(target=_serves, args=(line, context, port, counter), daemon=True).start()


def _serves(line: socket.socket, context: ssl.SSLContext, port: int, counter: Counter) -> None:
    with (
        suppress(OSError, ssl.SSLError),
        context.wrap_socket(line, server_side=True) as reader,
        socket.create_connection(("127.0.0.1", port)) as server,
    ):
        back = threading.Thread(target=_back, args=(server, reader, counter), daemon=True)
        back.start()
        while data := reader.recv(PIECE):
            with counter.lock:
                counter.requests += data.count(b" HTTP/1.1\r\n")
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)
        back.join(30)


def _back(server: socket.socket, reader: ssl.SSLSocket, counter: Counter) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := server.recv(PIECE):
            with counter.lock:
                counter.sent += len(data)
            reader.sendall(data)
        reader.shutdown(socket.SHUT_RDWR)


def _certificate(room: Path) -> tuple[Path, Path, Path]:
    """What readers trust; and a certificate under it for this machine's own address, with its key."""
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    paths = room / "ca.pem", room / "tls.pem", room / "tls.key"
    paths[0].write_bytes(_signed("tests", root, "tests", root))
    paths[1].write_bytes(_signed("127.0.0.1", own, "tests", root))
    paths[2].write_bytes(
        own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def _signed(
    whose: str, key: ec.EllipticCurvePrivateKey, by: str, signer: ec.EllipticCurvePrivateKey
) -> bytes:
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (whose, by)]
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - readers judge it by the machine's clock
    made = (
        x509.CertificateBuilder()
        .subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(hours=12))
        .add_extension(x509.BasicConstraints(ca=key is signer, path_length=None), critical=True)
    )  # fmt: skip
    if key is not signer:
        address = x509.IPAddress(ipaddress.ip_address(whose))
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
