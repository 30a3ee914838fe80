"""Fetching the file that holds the rows: the grant's view of the release, or an extract where the filter reads what must not leave."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from api.client import Api
from api.reader.cache import Cache, digest
from api.reader.choosing import Choice
from api.reader.faults import NotReady, Refusal

TRIES: Final = 5


def file_of(api: Api, choice: Choice, cache: Cache, *, progress: bool | None = None) -> Path:
    """The file, from the cache if it is there. NotReady where it waits for people; Refusal where it cannot be made."""
    shown = sys.stderr.isatty() if progress is None else progress
    if choice.can_be_filtered_here:
        asked = {"purpose": choice.purpose, "release_id": choice.release_id}
        made = _made(api, api.post(f"/grants/{choice.grant_id}/views", asked), shown=shown)
        if (held := cache.find(choice.grant_id, made["sha256"])) is not None:
            return held
        url = urlsplit(api.post(f"/grants/{choice.grant_id}/links", asked)["url"])
        return _fetch(api, f"{url.path}?{url.query}", cache, choice.grant_id, made, shown=shown)
    made = _made(api, _extract(api, choice), shown=shown)
    if (held := cache.find(choice.grant_id, made["sha256"])) is not None:
        return held
    return _fetch(api, f"/api/v1/extracts/{made['id']}/file", cache, choice.grant_id, made, shown=shown)


def _extract(api: Api, choice: Choice) -> dict[str, Any]:
    """One that was made of the very same request before, or a new one."""
    body = {
        "grant_id": choice.grant_id, "columns": list(choice.columns), "filter": choice.row_filter,
        "purpose": choice.purpose, "scenario_id": choice.grant["policy"]["scenario_id"],
        "release_id": choice.release_id, "form": "extract_parquet",
    }  # fmt: skip
    for each in api.get("/extracts", grant_id=choice.grant_id, limit=200)["items"]:
        is_same = all(each[name] == body[name] for name in ("columns", "release_id", "purpose", "form"))
        if (
            is_same
            and each["row_filter"] == body["filter"]
            and each["state"] in ("ready", "building", "in_review")
        ):
            return dict(each)
    return dict(api.post("/extracts", body))


def _made(api: Api, asked: dict[str, Any], *, shown: bool) -> dict[str, Any]:
    """The view or extract once it is made."""
    found = asked
    if found["state"] == "building":
        api.wait(found["job_id"], quiet=not shown)
        found = _again(api, asked)
    if found["state"] == "ready":
        return found
    if found["state"] == "in_review":
        raise NotReady(
            "The file is made and waits for its output review; read again after its release. 文件已生成，待出域审核放行后再读。"
        )
    raise Refusal(
        f"The file was not made: {found['failed_en'] or found['state']} 文件未生成：{found['failed_zh']}"
    )


def _again(api: Api, asked: dict[str, Any]) -> dict[str, Any]:
    if "columns" in asked:
        return dict(api.get(f"/extracts/{asked['id']}"))
    views = api.get(f"/grants/{asked['grant_id']}/views")
    return next(dict(each) for each in views if each["id"] == asked["id"])


def _fetch(api: Api, path: str, cache: Cache, grant_id: str, made: dict[str, Any], *, shown: bool) -> Path:
    """Download beside its place, going on where a connection broke, check the digest, and move it into place."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    place = cache.place(grant_id, made["sha256"])
    part = place.with_name(f".{secrets.token_hex(8)}.part")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as bar:
            task = bar.add_task("", total=made["size_bytes"])
            for turn in range(TRIES):
                try:
                    _append(api, path, part, made["sha256"], lambda done: bar.update(task, completed=done))
                    break
                except httpx2.TransportError as fault:
                    if turn == TRIES - 1:
                        raise ConnectionError(f"{type(fault).__name__}: {fault}") from None
        if digest(part) != made["sha256"]:
            raise ConnectionError(
                "what arrived is not the recorded file; read again 收到的内容与记录的摘要不符，请重试"
            )
        part.chmod(0o600)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return place


def _append(api: Api, path: str, part: Path, sha256: str, say: Any) -> None:  # noqa: ANN401 - a callback
    held = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={held}-", "If-Range": f'"{sha256}"'} if held else {}
    with api.http.stream("GET", path, headers=headers) as answer:
        if answer.status_code == 416:  # all of it was there
            return
        if answer.status_code >= 400:
            answer.read()
            raise Refusal.of(answer.json())
        goes_on = answer.status_code == 206
        with part.open("ab" if goes_on else "wb") as out:
            done = held if goes_on else 0
            for chunk in answer.iter_bytes():
                out.write(chunk)
                done += len(chunk)
                say(done)
