"""Who stands at the top of an organisation, from who controls whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def top_of(known: Mapping[str, str], org_id: str) -> str:
    """The organisation at the top of the one named; itself where nobody controls it. Affiliates have one top."""
    while org_id in known:
        org_id = known[org_id]
    return org_id
