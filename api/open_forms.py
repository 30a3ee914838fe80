"""Having open data made in a further form, and taking it: what the route and the page have in common."""

from __future__ import annotations

from api.house import House
from auth.actor import Actor
from core.errors import refuse_if
from datasets.releases import access, forms
from datasets.releases.tables import OpenFileRow


def wanted(house: House, actor: Actor, release_id: str, form: str) -> OpenFileRow:
    """The file in that form, ready or being made. AccessRefused with every reason, also for what the form cannot hold."""
    with house.read() as work:
        row = access.open_to_all(work, actor, release_id)
        found = forms.row_of(work, release_id, form)
    if found is not None:
        return found
    refuse_if(forms.objections(row, form, house.files.path(row.sha256 or "")))
    with house.write() as work:
        return forms.want(work, actor, access.open_to_all(work, actor, release_id), form)


def demand(house: House, actor: Actor, release_id: str, form: str) -> None:
    """Nothing for a form that every open release has, or one that is ready; else what the taker hears: ask again shortly, or it cannot be."""
    if form in forms.FORMS and (found := wanted(house, actor, release_id, form)).state != forms.READY:
        raise forms.not_there(found)
