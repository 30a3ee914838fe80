"""A foreign portal on this machine, and harvests of it carried out."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from api.durable import drain
from api.house import House
from datasets.harvest import queries, service
from datasets.harvest.models import HarvestCreate, HarvestItemRead, HarvestRead, HarvestRunRead, RunAsk
from tests.datasets.sources.places import Web
from tests.people import a_person, actor_of, an_org

PAGE = 100


class Portal:
    """CKAN's package_search as a portal answers it. `packages` may change between harvests; `breaks_at` fails that page."""

    def __init__(self, web: Web, packages: list[Any]) -> None:
        self.web, self.packages, self.breaks_at = web, packages, -1
        for start in range(0, 5000, PAGE):
            web.pages[f"/api/3/action/package_search?rows=100&start={start}&sort=id+asc"] = self._answer(
                start
            )

    def _answer(self, start: int) -> Any:
        def answer(_asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
            if start == self.breaks_at:
                return 500, {}, b"broken"
            page = self.packages[start : start + PAGE]
            return (
                200,
                {},
                json.dumps(
                    {"success": True, "result": {"count": len(self.packages), "results": page}}
                ).encode(),
            )

        return answer

    def starts(self) -> list[int]:
        return [int(parse_qs(urlsplit(path).query)["start"][0]) for path, _ in self.web.asked]


def package(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number:04}", "name": f"set-{number}", "title": f"外地停车场 {number}", "notes": "说明", "state": "active",
        "license_title": "CC BY", "tags": [{"name": "停车"}], "organization": {"title": "外地交通局"},
        "resources": [{"name": "清单", "url": f"https://portal.example/{number}.csv", "format": "CSV"}],
    } | more  # fmt: skip


def people(house: House) -> None:
    """ada proposes, bea and the security officer approve, eve watches, ann of a department may not."""
    with house.write() as work:
        an_org(work, "hall", kind="implementing_body")
        an_org(work, "traffic", kind="source_department")
        a_person(work, "ada", "hall", ["catalog_admin"])
        a_person(work, "bea", "hall", ["catalog_admin"])
        a_person(work, "eve", "hall", ["auditor"])
        a_person(work, "ann", "traffic", ["steward"])


def a_catalogue(
    house: House, url: str, form: str = "ckan", *, approved: bool = True, **more: Any
) -> HarvestRead:
    body = HarvestCreate.model_validate(
        {"title": "邻市门户", "org_id": "traffic", "form": form, "url": url} | more
    )
    with house.write() as work:
        made = service.add(work, actor_of(work, "ada"), body, house.settings.keys_dir)
        return service.approve(work, actor_of(work, "bea"), made.id) if approved else made


def harvest(house: House, source_id: str, **ask: bool) -> tuple[HarvestRunRead, list[HarvestItemRead]]:
    """One harvest, carried out, with its report."""
    with house.write() as work:
        asked = service.run(work, actor_of(work, "ada"), source_id, RunAsk(**ask))
    drain(house)
    with house.read() as work:
        run = queries.run(work, actor_of(work, "eve"), source_id, asked.id)
        return run, queries.items(work, run.id, size=10_000)[0]
