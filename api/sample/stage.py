"""The demo's stage: one running service, people who speak to it over HTTP, and a printed line for each thing they do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.client import Api, in_process
from api.house import House
from api.sample.actors import PEOPLE
from api.sample.model import SampleFile
from core.text import Text

if TYPE_CHECKING:
    import httpx2

_BY_NAME = {person.username: person for person in PEOPLE}
VISITOR = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the journeys play on. `tell(who, what)` is called for each step."""

    house: House
    client: Callable[[str], httpx2.Client]
    tell: Callable[[Text, Text], None]
    folder: Path

    @contextmanager
    def as_(self, username: str) -> Iterator[Api]:
        """Speak as this person (`VISITOR`: nobody in particular)."""
        with self.client(username) as http:
            yield Api(http, self.house.settings.data_dir)

    def says(self, username: str, zh: str, en: str) -> None:
        """Tell what somebody has just done."""
        person = _BY_NAME.get(username)
        who = (
            Text(f"{person.name_zh}（{username}）", f"{person.name_en} ({username})")
            if person
            else Text("公众", "The public")
        )
        self.tell(who, Text(zh, en))

    def hand_in(self, api: Api, dataset_id: str, file: SampleFile, **how: object) -> dict[str, Any]:
        """Upload one sample batch and wait for its check; gives the batch."""
        path = self.folder / file.name
        path.write_bytes(file.make())
        batch: dict[str, Any] = api.upload("/batches", path, dataset_id=dataset_id, **how)
        done(api, batch["job_id"])
        checked: dict[str, Any] = api.get(f"/batches/{batch['id']}")
        return checked

    def publish(self, api: Api, batch_id: str) -> dict[str, Any]:
        """Publish a checked batch and wait; gives the release."""
        release: dict[str, Any] = api.step("/releases", {"batch_id": batch_id}, of=f"/batches/{batch_id}")
        done(api, release["job_id"])
        made: dict[str, Any] = api.get(f"/releases/{release['id']}")
        return made


def done(api: Api, job_id: str) -> None:
    """Wait for a job; the play stops with the job's own words when it did not succeed."""
    job = api.wait(job_id, quiet=True)
    if job["state"] != "done":
        raise RuntimeError(
            f"job {job_id} ({job['kind']}) {job['state']}: {job['message_zh']} {job['message_en']}"
        )


@contextmanager
def stage(house: House, tell: Callable[[Text, Text], None]) -> Iterator[Stage]:
    """Open the service for the length of the play."""
    with in_process(house) as client, tempfile.TemporaryDirectory(prefix="dg-demo-") as folder:
        yield Stage(house, client, tell, Path(folder))
