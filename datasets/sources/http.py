"""A file at an HTTP or HTTPS address: asked for only when it changed, through the guard of addresses.

The only door to the HTTP engine for sources. Redirects are followed by hand, three at most; every hop is a connection of
its own and passes the guard again. The bytes are stored as they come over the wire; nothing is unpacked here.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpcore2

from core.errors import AppError, InputRefused, Unavailable
from core.files import FileStore
from core.text import Text, number_of
from datasets.sources.addresses import PLACE, HttpConfig, address_fault
from datasets.sources.asking import Ask, Catch, Found, Probe, bounded, too_large
from datasets.sources.guard import Allowed, Resolve, vetted

REDIRECTS: Final = 3
_CONNECT_S: Final = 10.0
_SILENCE_S: Final = 60.0
_MOVED: Final = frozenset({301, 302, 303, 307, 308})


class _Line(httpcore2.NetworkStream):
    """A connection that ends at a deadline, however slowly the other side drips."""

    def __init__(self, inner: httpcore2.NetworkStream, ends: float) -> None:
        self._inner, self._ends = inner, ends

    def _left(self, timeout: float | None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("out of time")
        return min(left, _SILENCE_S if timeout is None else timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Line(self._inner.start_tls(ssl_context, server_hostname, self._left(timeout)), self._ends)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the shape of the parent
        return self._inner.get_extra_info(info)


class Guarded(httpcore2.NetworkBackend):
    """Connects to addresses that the guard let through, and to those alone."""

    def __init__(self, allowed: Allowed, resolve: Resolve, ends: float) -> None:
        self._allowed, self._resolve, self._ends = allowed, resolve, ends
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ARG002
        socket_options: Any = None,  # noqa: ANN401, ARG002 - the shape of the parent
    ) -> httpcore2.NetworkStream:  # fmt: skip
        fault: httpcore2.NetworkError | httpcore2.TimeoutException | None = None
        for address in vetted(host.strip("[]"), port, self._allowed, self._resolve):
            left = self._ends - time.monotonic()
            try:
                line = self._plain.connect_tcp(address, port, max(0.1, min(_CONNECT_S, left)))
            except (httpcore2.NetworkError, httpcore2.TimeoutException) as failed:
                fault = failed
                continue
            return _Line(line, self._ends)
        raise fault or httpcore2.ConnectError("no address")


@cache
def trust() -> ssl.SSLContext:
    """The system's certificate authorities; names are checked."""
    return ssl.create_default_context()


@contextmanager
def _answer(ask: Ask, config: HttpConfig) -> Iterator[tuple[str, httpcore2.Response]]:
    """The answer at the end of the redirects, with the address that gave it; its body is not read yet."""
    ends = time.monotonic() + ask.settings.source_seconds
    start = url = _with_secret(config, ask.secret)
    try:
        for hop in range(REDIRECTS + 1):
            with (
                httpcore2.ConnectionPool(
                    ssl_context=trust(), network_backend=Guarded(ask.allowed, ask.resolve, ends)
                ) as pool,
                pool.stream("GET", split(url), headers=_headers(ask, config, start, url)) as answer,
            ):
                if answer.status not in _MOVED:
                    yield url, answer
                    return
                where = _header(answer, "location")
            if hop < REDIRECTS:
                url = _next(url, where)
        raise Unavailable(
            Text(
                f"地址转来转去超过 {REDIRECTS} 次；请改用最终地址。",
                f"The address redirects more than {REDIRECTS} times; name the final address.",
            )
        )
    except FAULTS as fault:
        raise in_words(fault, url) from None


FAULTS: Final = (httpcore2.TimeoutException, TimeoutError, httpcore2.NetworkError, httpcore2.ProtocolError)


def in_words(fault: Exception, url: str) -> AppError:
    """What went wrong between us and another machine (one of `FAULTS`), as a person is told."""
    if isinstance(fault, (httpcore2.TimeoutException, TimeoutError)):
        return Unavailable(
            Text(
                f"{_host(url)} 没有在时限内答复；稍后会再试，或请管理员放宽 DATAGRANT_SOURCE_SECONDS。",
                f"{_host(url)} did not answer in time; it is tried again later, or the administrator raises DATAGRANT_SOURCE_SECONDS.",
            )
        )
    if not isinstance(fault, httpcore2.ConnectError):
        return Unavailable(
            Text(
                f"{_host(url)} 的答复中断或不合 HTTP 规范（{type(fault).__name__}）；没有接收任何内容。",
                f"The answer of {_host(url)} broke off or is no proper HTTP ({type(fault).__name__}); nothing was taken.",
            )
        )
    if "certificate" in str(fault).lower() or "ssl" in str(fault).lower():
        return Unavailable(
            Text(
                f"{_host(url)} 的证书无法验证；请让对方更换证书。",
                f"The certificate of {_host(url)} cannot be verified; its owner must replace it.",
            )
        )
    return Unavailable(
        Text(
            f"无法连接 {_host(url)}；请核对地址与端口，或稍后再试。",
            f"{_host(url)} cannot be reached; check address and port, or try again later.",
        )
    )


def split(url: str) -> httpcore2.URL:
    """An address as the engine takes it, its path and query as written."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(
        scheme=parts.scheme.encode(),
        host=str(parts.hostname).encode(),
        port=parts.port,
        target=target.encode(),
    )


def _with_secret(config: HttpConfig, secret: str | None) -> str:
    return config.url.replace(PLACE, quote(secret or "", safe=""))


def _headers(ask: Ask, config: HttpConfig, start: str, url: str) -> list[tuple[str, str]]:
    """The credential goes to the address that was configured and to no other."""
    made = [
        ("Host", urlsplit(url).netloc),
        ("User-Agent", "datagrant"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
    ]
    for name, key in (("If-None-Match", "etag"), ("If-Modified-Since", "last_modified")):
        if value := ask.memory.get(key):
            made.append((name, str(value)))
    if config.header and ask.secret and _origin(url) == _origin(start):
        made.append((config.header, ask.secret))
    return made


def _next(url: str, where: str | None) -> str:
    """The address that a redirect leads to; refused where it is none, or leaves HTTPS."""
    to = urljoin(url, where or "").partition("#")[0]
    if not where or address_fault(to) or PLACE in to:
        raise InputRefused(
            Text(
                f"{_host(url)} 转向一个无法使用的地址；请改用最终地址。",
                f"{_host(url)} redirects to an address that cannot be used; name the final address.",
            )
        )
    if url.startswith("https:") and not to.startswith("https:"):
        raise InputRefused(
            Text(
                f"{_host(url)} 从 HTTPS 转向不加密的 {_host(to)}，已拒绝。",
                f"{_host(url)} redirects from HTTPS to {_host(to)} without encryption; refused.",
            )
        )
    return to


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]


def _host(url: str) -> str:
    return str(urlsplit(url).hostname)


def _header(answer: httpcore2.Response, name: str) -> str | None:
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in answer.headers if key.lower() == wanted), None)


def _demand_success(url: str, status: int) -> None:
    if status == 200:
        return
    hint = {
        401: Text("凭据不被接受，请更换凭据", "the credential is not accepted; replace it"),
        403: Text("对方拒绝访问，请核对凭据与权限", "access is refused; check the credential and its rights"),
        404: Text("地址上没有文件，请核对地址", "nothing is there; check the address"),
        429: Text("请求过于频繁，请放宽计划", "it is asked too often; use a longer interval"),
    }.get(status, Text("请稍后再试或联系对方", "try again later, or ask its owner"))
    raise Unavailable(
        Text(f"{_host(url)} 答复 {status}：{hint.zh}。", f"{_host(url)} answered {status}: {hint.en}.")
    )


def fetch(ask: Ask, config: HttpConfig, files: FileStore) -> Catch:
    """Ask for the file unless it is the one of the former look; store what comes, byte for byte."""
    limit = ask.settings.upload_max_bytes
    with _answer(ask, config) as (url, answer):
        if answer.status == 304 and (ask.memory.get("etag") or ask.memory.get("last_modified")):
            said = Text("来源报告内容未变（304）。", "The source says that nothing has changed (304).")
            return Catch((), dict(ask.memory), said)
        _demand_success(url, answer.status)
        name = _name(answer, url)
        announced = _header(answer, "content-length")
        total = int(announced) if announced and announced.isdecimal() and len(announced) < 19 else 0
        if total > limit:
            raise too_large(name, limit)
        stored = bounded(ask.settings, files, name, _told(answer, total, ask))
        facts = {"etag": _header(answer, "etag"), "last_modified": _header(answer, "last-modified")}
        kept = {key: value for key, value in facts.items() if value and _can_be_said_back(value)}
    provenance = {"address": shown(config), **kept, "fetched_at": ask.now.isoformat()}
    if _origin(url) != _origin(config.url):
        provenance["answered_by"] = _host(url)
    said = Text(
        f"取得 {name}（{stored.size_bytes} 字节）。",
        f"Fetched {name} ({number_of(stored.size_bytes, 'bytes')}).",
    )
    return Catch((Found(name, stored, provenance),), dict(kept), said)


def _can_be_said_back(value: str) -> bool:
    """Whether a validator can stand in a header of ours; one that cannot is forgotten, and the file asked for whole."""
    return value.isascii() and value.isprintable() and len(value) <= 500


def _told(answer: httpcore2.Response, total: int, ask: Ask) -> Iterator[bytes]:
    size = 0
    for chunk in answer.iter_stream():
        size += len(chunk)
        ask.progress(
            size / total if total else 0.5, Text(f"已取得 {size} 字节", f"{number_of(size, 'bytes')} fetched")
        )
        yield chunk


def _name(answer: httpcore2.Response, url: str) -> str:
    """The file's own name: as the answer says, else the end of the path."""
    told = Message()
    told["content-disposition"] = _header(answer, "content-disposition") or "attachment"
    return told.get_filename() or unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]) or "download"


def probe(ask: Ask, config: HttpConfig) -> Probe:
    """Ask for the file and read none of it."""
    fresh = Ask(ask.org_id, ask.secret, {}, ask.settings, ask.now, resolve=ask.resolve)
    with _answer(fresh, config) as (url, answer):
        _demand_success(url, answer.status)
        wanted = ("content-type", "content-length", "etag", "last-modified")
        facts = [{"name": name, "value": value[:500]} for name in wanted if (value := _header(answer, name))]
    return Probe(Text(f"{_host(url)} 已答复。", f"{_host(url)} answered."), facts)


def shown(config: HttpConfig) -> str:
    """The address without credential."""
    return config.url
