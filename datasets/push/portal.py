"""Speaking to a CKAN portal: the only door to ckanapi, whose requests go through the guard of addresses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpcore2

from core.errors import Unavailable
from core.settings import Settings
from core.text import Text
from datasets.push.rules import GUID, Json
from datasets.sources.guard import Allowed, Resolve, lookup
from datasets.sources.http import FAULTS, Guarded, in_words, split, trust

MOST_BYTES: Final = 8 * 1024 * 1024
SECONDS: Final = 60.0
_DELETED: Final = "deleted"


class Refused(Exception):
    """The portal does not take this one record. `why` holds its own words."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


@dataclass(frozen=True, slots=True)
class _Said:
    status_code: int
    text: str


class _Session:
    """What ckanapi asks of a session. No redirect is followed; a line that breaks or drips ends in `Unavailable`."""

    def __init__(self, settings: Settings, resolve: Resolve) -> None:
        self._allowed, self._resolve = Allowed.parse(settings.source_allow), resolve
        self._seconds = min(SECONDS, settings.source_seconds)

    def post(self, url: str, *, data: bytes, headers: Mapping[str, str], **_: Any) -> _Said:  # noqa: ANN401
        ends = time.monotonic() + self._seconds
        where = split(url)
        sent = [("Host", where.host.decode() + (f":{where.port}" if where.port else "")), *headers.items()]
        sent += [("Content-Length", str(len(data))), ("Accept-Encoding", "identity")]
        backend = Guarded(self._allowed, self._resolve, ends)
        body = b""
        try:
            with (
                httpcore2.ConnectionPool(ssl_context=trust(), network_backend=backend) as pool,
                pool.stream("POST", where, headers=sent, content=data) as answer,
            ):
                for chunk in answer.iter_stream():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise Unavailable(Text("门户的答复过大。", "The portal's answer is too large."))
        except FAULTS as fault:
            raise in_words(fault, url) from None
        if 300 <= answer.status < 400:
            raise Unavailable(
                Text(
                    f"门户把请求转到别处（{answer.status}）；请填写其最终地址。",
                    f"The portal redirects ({answer.status}); give its final address.",
                )
            )
        return _Said(answer.status, body.decode("utf-8", "replace"))

    def close(self) -> None:
        """Nothing is kept open."""


class Portal:
    """One portal, spoken to with our credential there."""

    def __init__(self, url: str, secret: str | None, settings: Settings, resolve: Resolve = lookup) -> None:
        from ckanapi import RemoteCKAN

        self._secret = secret
        self._ckan = RemoteCKAN(
            url, apikey=secret, user_agent="datagrant", session=_Session(settings, resolve)
        )

    def _call(self, action: str, **asked: Any) -> Any:  # noqa: ANN401 - JSON
        from ckanapi import errors

        try:
            return self._ckan.call_action(action, asked)
        except errors.NotFound:
            raise
        except errors.ValidationError as fault:
            told = "; ".join(f"{k}: {_flat(v)}" for k, v in fault.error_dict.items() if k != "__type")
            said = self._discreet(told)[:500]
            raise Refused(Text(f"门户不接受：{said}", f"The portal does not take it: {said}")) from None
        except errors.NotAuthorized:
            raise Refused(
                Text(
                    "门户拒绝：令牌无权执行此操作；请更换令牌或请对方授权。",
                    "The portal refuses: the token may not do this; replace it, or ask for the right there.",
                )
            ) from None
        except errors.CKANAPIError as fault:
            said = self._discreet(str(fault))[:300]
            raise Refused(
                Text(f"门户答复无法理解：{said}", f"The portal's answer makes no sense: {said}")
            ) from None

    def _discreet(self, said: str) -> str:
        """A portal's own words, without our credential, should it send that back."""
        return said.replace(self._secret, "***") if self._secret else said

    def objection(self, org: str) -> Text | None:
        """Why we cannot put records under an organisation there; None when we can. Raises Unavailable."""
        from ckanapi import errors

        try:
            mine = self._call("organization_list_for_user", permission="create_dataset")
        except errors.NotFound:
            return Text("该地址没有 CKAN 接口。", "There is no CKAN API at this address.")
        except Refused as refused:
            return refused.why
        if not isinstance(mine, list):
            return Text("该地址没有 CKAN 接口。", "There is no CKAN API at this address.")
        if any(org in (each.get("name"), each.get("id")) for each in mine if isinstance(each, Mapping)):
            return None
        return Text(
            f"令牌不能在门户的组织“{org}”下登记数据集；请核对组织名，或请对方把令牌的用户设为该组织的编辑。",
            f"The token may not enter datasets under the portal's organisation “{org}”; check its name, or have its user made an editor there.",
        )

    def package(self, name: str) -> Json | None:
        """A dataset there by name or id; None when there is none, or it is deleted."""
        from ckanapi import errors

        try:
            found = self._call("package_show", id=name)
        except errors.NotFound:
            return None
        _demand_dataset(found)
        return None if found.get("state") == _DELETED else found

    def create(self, wanted: Json) -> Json:
        return self._written("package_create", wanted)

    def update(self, wanted: Json) -> Json:
        return self._written("package_update", wanted)

    def _written(self, action: str, wanted: Json) -> Json:
        from ckanapi import errors

        try:
            made = self._call(action, **wanted)
        except errors.NotFound as fault:
            said = self._discreet(str(fault))[:300]
            raise Refused(Text(f"门户答复：没有 {said}", f"The portal says: not found {said}")) from None
        _demand_dataset(made)
        return made  # type: ignore[no-any-return]

    def delete(self, portal_id: str) -> None:
        """Deleted there; nothing to do when it is not there any more."""
        from ckanapi import errors

        try:
            self._call("package_delete", id=portal_id)
        except errors.NotFound:
            return


_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "extras": ("key", "value"),
    "tags": ("name",),
    "resources": ("id",),
}


def _demand_dataset(told: object) -> None:
    """Raises Refused for what is not formed as CKAN's datasets are; a portal's nonsense is this one record's fault alone."""
    fits = isinstance(told, dict) and isinstance(told.get("id"), str)
    for name, wanted in _PARTS.items():
        parts = (told.get(name) if isinstance(told, dict) else None) or []
        fits = fits and isinstance(parts, list) and all(
            isinstance(each, dict) and all(isinstance(each.get(word), str) for word in wanted) for each in parts
        )  # fmt: skip
    if not fits:
        raise Refused(
            Text(
                "门户的答复不是数据集；请联系门户的管理者。",
                "The portal's answer is no dataset; ask those who keep the portal.",
            )
        )


def guid_in(package: Mapping[str, Any]) -> str:
    """Whose a package says it is."""
    return next((str(each["value"]) for each in package.get("extras") or [] if each.get("key") == GUID), "")


def _flat(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_flat(each) for each in value if each)
    return "; ".join(f"{k}: {_flat(v)}" for k, v in value.items()) if isinstance(value, dict) else str(value)
