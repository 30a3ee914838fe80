"""What a signed-in caller keeps through CKAN's API: datasets that he follows, and his keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate, ApiKeyRead
from catalog.ckan import shape
from catalog.ckan.actions import Action, Call, find, seen
from catalog.ckan.errors import denied, invalid, not_found
from catalog.ckan.shape import Json, moment
from core.errors import InputRefused
from datasets.notices import service as notices


def _demand_person(call: Call) -> None:
    if not call.actor.is_signed_in:
        raise denied("sign in: send an API key in the header Authorization")


def _demand_self(call: Call, name: str = "id") -> None:
    _demand_person(call)
    wanted = call.text(name)
    if wanted and wanted not in (call.actor.account_id, call.actor.username):
        raise denied("only your own")


def follow_dataset(call: Call) -> Json:
    """Be told of a dataset's releases from now on (/me/notices)."""
    _demand_person(call)
    row = find(call, call.wanted(), *seen(call))
    if notices.is_following(call.work, call.actor, row.id):
        raise invalid(message=f"You are already following {row.id}")
    made = notices.follow(call.work, call.actor, row.id)
    return {"follower_id": call.actor.account_id, "object_id": row.id, "datetime": moment(made.since)}


def unfollow_dataset(call: Call) -> None:
    """Be told no more."""
    _demand_person(call)
    row = find(call, call.wanted(), *seen(call))
    if not notices.is_following(call.work, call.actor, row.id):
        raise not_found(f"You are not following {row.id}.")
    notices.unfollow(call.work, call.actor, row.id)


def am_following_dataset(call: Call) -> bool:
    """Whether the caller follows it."""
    _demand_person(call)
    return notices.is_following(call.work, call.actor, find(call, call.wanted(), *seen(call)).id)


def dataset_followee_list(call: Call) -> list[Json]:
    """The datasets that the caller follows; nobody sees what others follow."""
    _demand_self(call)
    return [
        {
            "id": each.dataset_id,
            "name": shape.package_name(each.dataset_id),
            "title": each.title_zh or each.title_en,
        }
        for each in notices.followed(call.work, call.actor)
    ]


def followee_list(call: Call) -> list[Json]:
    """All that the caller follows."""
    return [
        {"type": "dataset", "display_name": each["title"], "dict": each}
        for each in dataset_followee_list(call)
    ]


def _count_of_own(call: Call) -> int:
    """How many datasets the caller follows."""
    return len(dataset_followee_list(call))


def _nobody(call: Call) -> int:
    """Who follows what is not told, nor how many."""
    call.wanted()
    return 0


def _never(_call: Call) -> bool:
    """Only datasets are followed here."""
    return False


def _token(key: ApiKeyRead) -> Json:
    return {
        "id": key.id, "name": key.name, "user_id": None, "created_at": moment(key.created_at),
        "last_access": moment(key.last_used_at), "expires_at": moment(key.expires_at),
    }  # fmt: skip


def api_token_list(call: Call) -> list[Json]:
    """The caller's own keys that still count."""
    _demand_self(call, "user_id" if call.params.get("user_id") else "user")
    keys = api_keys.own(call.work, call.actor)
    return [_token(key) for key in keys if key.revoked_at is None and key.expires_at > call.work.now]


def api_token_create(call: Call) -> Json:
    """A key for oneself, shown once; 90 days, or `days`. A key makes no keys: sign in for it."""
    _demand_self(call, "user")
    name = call.wanted("name")
    if len(name) > 80:
        raise invalid(name="Name is longer than 80 characters")
    days = call.number("days", 90)
    if not 1 <= days <= 180:
        raise invalid(days="Must be 1 to 180")
    try:
        made = api_keys.create(call.work, call.actor, ApiKeyCreate(name=name, days=days))
    except InputRefused as refused:
        raise denied(refused.detail.en) from None
    return {"token": made.key}


def api_token_revoke(call: Call) -> None:
    """End one of one's own keys: `jti` is its id, or `token` the key itself."""
    _demand_person(call)
    given = (
        call.text("jti") or call.text("token").removeprefix("pda_").partition("_")[0] or call.wanted("jti")
    )
    api_keys.revoke(call.work, call.actor, given)


def _refused_elsewhere(call: Call) -> Any:  # noqa: ANN401 - never answers
    """Only datasets are followed here."""
    call.wanted()
    raise denied("only datasets can be followed here; saved searches are kept at /datasets")


READS: Final[Mapping[str, Action]] = {
    each.__name__: each for each in (am_following_dataset, dataset_followee_list, followee_list, api_token_list)
} | {
    "dataset_followee_count": _count_of_own, "followee_count": _count_of_own, "dataset_follower_count": _nobody,
    "user_follower_count": _nobody, "group_follower_count": _nobody, "organization_follower_count": _nobody,
    "user_followee_count": _nobody, "group_followee_count": _nobody, "organization_followee_count": _nobody,
    "am_following_user": _never, "am_following_group": _never, "am_following_organization": _never,
}  # fmt: skip
WRITES: Final[Mapping[str, Action]] = {
    each.__name__: each for each in (follow_dataset, unfollow_dataset, api_token_create, api_token_revoke)
} | dict.fromkeys(
    ("follow_user", "unfollow_user", "follow_group", "unfollow_group", "follow_organization", "unfollow_organization"),
    _refused_elsewhere,
)  # fmt: skip
