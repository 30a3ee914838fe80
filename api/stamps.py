"""Asking a time-stamp authority (RFC 3161) for a stamp on the newest checkpoint: from the command, the page, and the worker."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2

from api.house import House
from api.oidc import trusted
from auth import audit
from auth.actor import SYSTEM, Actor
from auth.proof import service, stamped, stamping
from auth.proof.checkpoint import Place
from auth.proof.stamped import StampRead
from auth.proof.stamping import StampRefused
from core.errors import AppError, Conflict, Unavailable
from core.settings import Settings
from core.text import Text
from datasets.sources.guard import Allowed, vetted

TIMEOUT_S: Final = 10
AGAIN_S: Final = 900
_log = logging.getLogger("datagrant.audit")


def stamp_now(house: House, actor: Actor) -> StampRead:
    """Have the newest checkpoint stamped, and keep the stamp beside it. Unavailable where the authority gives none that holds.

    Conflict where none is set, or that checkpoint has one already. The checkpoint's SHA-256 is all that leaves.
    """
    settings, place = house.settings, Place.of(house.settings)
    if not settings.tsa_url:
        raise Conflict(
            Text(
                "未配置时间戳机构；请设置 DATAGRANT_TSA_URL。",
                "No time-stamp authority is set; set DATAGRANT_TSA_URL.",
            )
        )
    pinned, signed = stamped.known(settings), service.newest(place)
    if place.stamp_path(signed.size).exists():
        raise Conflict(
            Text(
                "最新检查点已有时间戳；审计记录增长后再申请。",
                "The newest checkpoint bears a stamp already; ask again when the record has grown.",
            )
        )
    asked = stamping.query(signed.note.encode())
    answer = _answer(settings, asked.body)
    try:
        said = stamping.held(answer, signed.note.encode(), pinned, asked.nonce)
        place.keep_stamp(signed.size, answer)
    except StampRefused as fault:
        raise stamped.refused(fault) from fault
    except FileExistsError:
        raise Conflict(Text("已由他人加盖。", "Somebody else had it stamped just now.")) from None
    with house.write() as work:
        audit.record(
            work, actor, "audit.stamped", subject="audit",
            payload={
                "size": signed.size, "at": said.at.isoformat(), "authority": said.authority, "serial": said.serial,
                "sha256": hashlib.sha256(answer).hexdigest(),
            },
        )  # fmt: skip
    return stamped.read(signed, said, pinned[0], answer)


class Stamper:
    """Has the worker ask once in `tsa_hours` where an authority is set; after a fault again in a quarter of an hour."""

    def __init__(self, house: House) -> None:
        self._house, self._not_before = house, float("-inf")

    def look(self, now: float) -> bool:
        """Ask when it is time; `now`: seconds of a clock that never goes back. Whether a stamp came."""
        settings = self._house.settings
        if now < self._not_before or not stamped.is_due(Place.of(settings), settings, self._house.clock()):
            return False
        try:
            stamp_now(self._house, SYSTEM)
        except AppError as fault:
            self._not_before = now + AGAIN_S
            _log.warning("no time stamp of the checkpoint: %s", fault.detail.en)
            return False
        return True


def _answer(settings: Settings, body: bytes) -> bytes:
    parts = urlsplit(settings.tsa_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise _unavailable("DATAGRANT_TSA_URL is no address of a web service")
    told = {
        "Host": parts.netloc, "Content-Type": stamping.MEDIA_ASKED, "Accept": stamping.MEDIA_TOLD, "Accept-Encoding": "identity",
        "User-Agent": "datagrant",
    }  # fmt: skip
    ends = time.monotonic() + TIMEOUT_S
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=trusted(), network_backend=_Guarded(settings)) as pool,
            pool.stream(
                "POST", settings.tsa_url, headers=[*told.items()], content=body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)},
            ) as answer,
        ):  # fmt: skip
            got = b""
            for chunk in answer.iter_stream():
                got += chunk
                if len(got) > stamping.MOST_BYTES or time.monotonic() > ends:
                    raise _unavailable("too much, or too slow")
            status = answer.status
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as fault:
        raise _unavailable(type(fault).__name__) from None
    if status != 200:
        raise _unavailable(f"HTTP {status}")
    return got


class _Guarded(httpcore2.NetworkBackend):
    """Connects to what the name stands for at this moment, if the guard lets every address of it through. Redirects are not followed."""

    def __init__(self, settings: Settings) -> None:
        self._allowed, self._plain = Allowed.parse(settings.tsa_allow), httpcore2.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ARG002
        socket_options: Any = None,  # noqa: ANN401, ARG002 - the shape of the parent
    ) -> httpcore2.NetworkStream:  # fmt: skip
        return self._plain.connect_tcp(vetted(host.strip("[]"), port, self._allowed)[0], port, timeout)


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        Text(
            f"时间戳机构暂不可用（{why}）；请稍后再试，检查点本身不受影响。",
            f"The time-stamp authority cannot be used right now ({why}); try later, the checkpoint itself is as it was.",
        )
    )
