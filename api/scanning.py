"""Papers on their way in, shown to the malware scanner where one is configured: outside every transaction, since it may take its time."""

from __future__ import annotations

from api.house import House
from auth.actor import Actor
from auth.papers import files, reading, service
from auth.papers.files import Scan
from auth.papers.reading import PaperRead
from core.ids import ApplicationId
from core.scanning import Scanner


def looked_at(house: House, content: bytes) -> Scan:
    """What the scanner says of the bytes. Raises Unavailable where one is configured and gives no word."""
    if not house.settings.clamd:
        return Scan()
    found = Scanner(house.settings.clamd, house.settings.clamd_seconds).found(content)
    return Scan(was_asked=True, found=found)


def hand_in(
    house: House, actor: Actor, application_id: ApplicationId, key: str, name: str, content: bytes, version: int | None
) -> PaperRead:  # fmt: skip
    """Hand a paper in, once the scanner has seen it. That infected bytes were offered stays on record; they do not."""
    with house.read() as work:
        reading.papers(work, actor, application_id)  # NotFound for whoever may not see the application
    files.media_type(content)
    scan = looked_at(house, content)
    if scan.found:
        with house.write() as work:
            files.note_infected(work, actor, application_id, key, content, scan)
    with house.write() as work:
        return service.hand_in(work, actor, application_id, key, name, content, version, scan)


def look_at_papers(house: House, actor: Actor, application_id: ApplicationId) -> None:
    """Before an application is submitted: show the scanner what was handed in before there was one. Raises Unavailable without its word."""
    if not house.settings.clamd:
        return
    with house.read() as work:
        waiting = files.unscanned(work, actor, application_id)
    for file_id, content in waiting:
        scan = looked_at(house, content)
        with house.write() as work:
            files.note_scan(work, actor, application_id, file_id, scan)
