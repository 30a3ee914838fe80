"""What a signed-in caller keeps through CKAN's API: datasets, organisations and themes that he follows, and his keys.

Who follows an organisation or a theme keeps the search for its records (/me/searches), and is told of them as of any saved search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate, ApiKeyRead
from catalog.ckan import shape
from catalog.ckan.actions import Action, Call, find, seen
from catalog.ckan.errors import SIGN_IN, CkanError, denied, invalid, not_found
from catalog.ckan.listings import group_show, groups_seen, organization_show, organizations_seen
from catalog.ckan.shape import Json, moment
from catalog.search import saved
from catalog.search.saved import SavedRead
from core.errors import InputRefused
from core.text import Text
from datasets.notices import service as notices


def _demand_person(call: Call) -> None:
    if not call.actor.is_signed_in:
        raise denied(SIGN_IN)


def _demand_self(call: Call, name: str = "id") -> None:
    _demand_person(call)
    wanted = call.text(name)
    if wanted and wanted not in (call.actor.account_id, call.actor.username):
        raise denied(Text("只能查看自己的。", "only your own."))


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


def _followed_set(call: Call, *kinds: str) -> tuple[Json, str]:
    """The organisation or theme that is meant, and the search for its records."""
    shows = {"organization": (organization_show, "publisher"), "group": (group_show, "theme")}
    for kind in kinds:
        show, facet = shows[kind]
        with suppress(CkanError):
            found = show(call)
            return found, urlencode({facet: found["id"]})
    call.wanted()
    raise not_found("Group was not found")


def _kept(call: Call, query: str) -> SavedRead | None:
    return next(
        (each for each in saved.saved(call.work, call.actor) if each.query == query and each.tells), None
    )


def follow_group(call: Call) -> Json:
    """Be told of new and changed records of an organisation or a theme from now on (/me/searches)."""
    _demand_person(call)
    shown, query = _followed_set(call, "group", "organization")
    if _kept(call, query):
        raise invalid(message=f"You are already following {shown['id']}")
    made = saved.save(call.work, call.actor, saved.SavedAsk(query=query, title=str(shown["title"])[:100]))
    if not made.tells:
        made = saved.change(call.work, call.actor, made.id, saved.SavedChange(tells=True))
    return {
        "follower_id": call.actor.account_id,
        "object_id": shown["id"],
        "datetime": moment(made.created_at),
    }


def unfollow_group(call: Call) -> None:
    """Be told no more, and keep the search no longer."""
    _demand_person(call)
    shown, query = _followed_set(call, "group", "organization")
    if (kept := _kept(call, query)) is None:
        raise not_found(f"You are not following {shown['id']}.")
    saved.remove(call.work, call.actor, kept.id)


def am_following_group(call: Call) -> bool:
    """Whether the caller follows an organisation or a theme."""
    _demand_person(call)
    return _kept(call, _followed_set(call, "group", "organization")[1]) is not None


def _sets(call: Call, kind: str) -> list[Json]:
    _demand_self(call)
    every = organizations_seen(call) if kind == "organization" else groups_seen(call)
    facet = "publisher" if kind == "organization" else "theme"
    wanted = {each.query for each in saved.saved(call.work, call.actor) if each.tells}
    return [each for each in every if urlencode({facet: each["id"]}) in wanted]


def organization_followee_list(call: Call) -> list[Json]:
    """The organisations that the caller follows."""
    return _sets(call, "organization")


def group_followee_list(call: Call) -> list[Json]:
    """The themes that the caller follows."""
    return _sets(call, "group")


def followee_list(call: Call) -> list[Json]:
    """All that the caller follows."""
    found = {
        "dataset": dataset_followee_list(call),
        "organization": _sets(call, "organization"),
        "group": _sets(call, "group"),
    }
    return [
        {"type": kind, "display_name": each["title"], "dict": each}
        for kind, listed in found.items()
        for each in listed
    ]


def _counted(listed: Callable[[Call], list[Json]]) -> Action:
    def count(call: Call) -> int:
        """How many of them the caller follows."""
        return len(listed(call))

    return count


def _nobody(call: Call) -> int:
    """Who follows what is not told, nor how many."""
    call.wanted()
    return 0


def _never(_call: Call) -> bool:
    """Nobody follows people here."""
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
        raise denied(refused.detail) from None
    return {"token": made.key}


def api_token_revoke(call: Call) -> None:
    """End one of one's own keys: `jti` is its id, or `token` the key itself."""
    _demand_person(call)
    given = (
        call.text("jti") or call.text("token").removeprefix("pda_").partition("_")[0] or call.wanted("jti")
    )
    api_keys.revoke(call.work, call.actor, given)


def _refused_elsewhere(call: Call) -> Any:  # noqa: ANN401 - never answers
    """Nobody follows people here."""
    call.wanted()
    raise denied(
        Text(
            "这里不能关注个人；可以关注数据集、机构和主题。",
            "people cannot be followed here; datasets, organisations and themes can.",
        )
    )


READS: Final[Mapping[str, Action]] = {
    each.__name__: each for each in (
        am_following_dataset, am_following_group, dataset_followee_list, organization_followee_list, group_followee_list, followee_list, api_token_list
    )
} | {
    "dataset_followee_count": _counted(dataset_followee_list), "followee_count": _counted(followee_list),
    "organization_followee_count": _counted(organization_followee_list), "group_followee_count": _counted(group_followee_list),
    "dataset_follower_count": _nobody,
    "user_follower_count": _nobody, "group_follower_count": _nobody, "organization_follower_count": _nobody,
    "user_followee_count": _nobody, "am_following_user": _never, "am_following_organization": am_following_group,
}  # fmt: skip
WRITES: Final[Mapping[str, Action]] = {
    each.__name__: each for each in (follow_dataset, unfollow_dataset, follow_group, unfollow_group, api_token_create, api_token_revoke)
} | {
    "follow_user": _refused_elsewhere, "unfollow_user": _refused_elsewhere, "follow_organization": follow_group,
    "unfollow_organization": unfollow_group,
}  # fmt: skip
