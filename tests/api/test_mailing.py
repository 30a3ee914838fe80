"""E-mail through a real SMTP server process: both languages, retry, giving up, no header that somebody else writes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlmodel import select

from api.house import House
from api.mailing import MOST_TRIES, send_mail
from api.outflow import send_due
from auth.messages import service as messages
from auth.messages.models import Choices
from core.outbox import OutboxRow
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application
from tests.people import actor_of


class Postbox:
    """Keeps what it is given; refuses while `answer` says so."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Any]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.mails.append(
                (envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default))
            )
        return self.answer


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, int]]:
    box = Postbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture
def desk(sqlite_house: House, postbox: tuple[Postbox, int]) -> Desk:
    settings = sqlite_house.settings.model_copy(
        update={"mail_host": "127.0.0.1", "mail_port": postbox[1], "mail_security": "none", "mail_from": "dg@bureau.example"}
    )  # fmt: skip
    made = a_desk(replace(sqlite_house, settings=settings))
    with made.house.write() as work:
        for who, lang in (("screener", "zh"), ("screener2", "en")):
            messages.choose(work, actor_of(work, who), Choices.model_validate({"email": f"{who}@example.org", "lang": lang}))  # fmt: skip
    return made


def test_a_mail_arrives_in_its_readers_language(desk: Desk, postbox: tuple[Postbox, int]) -> None:
    found = an_application(desk)
    assert send_mail(desk.house) == 2
    assert send_mail(desk.house) == 0
    mails = {to[0]: mail for to, mail in postbox[0].mails}
    zh, en = mails["screener@example.org"], mails["screener2@example.org"]
    assert (zh["Subject"], en["Subject"]) == ("【数授】待办申请", "[Datagrant] Application to handle")
    assert "等您办理" in zh.get_body(("plain",)).get_content()
    text, page = (en.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert f"/applications/{found.id}" in text
    assert 'lang="en"' in page
    assert (en["From"], en["Auto-Submitted"]) == ("dg@bureau.example", "auto-generated")
    assert send_due(desk.house) == 0  # mail is no event: nothing of it goes to the events' address


def test_a_refused_mail_is_tried_later_and_given_up_at_last(
    desk: Desk, postbox: tuple[Postbox, int], clock: TestClock
) -> None:
    an_application(desk)
    postbox[0].answer = "451 try later"
    assert send_mail(desk.house) == 0
    with desk.house.read() as work:
        rows = list(work.db.exec(select(OutboxRow).where(OutboxRow.topic == "mail")))
        assert [(row.attempts, row.sent_at) for row in rows] == [(1, None)] * 2
        assert "451" in rows[0].last_error
    assert send_mail(desk.house) == 0
    clock.forward(minutes=3)
    postbox[0].answer = "250 OK"
    assert send_mail(desk.house) == 2
    an_application(desk, scenario_id="weather")
    postbox[0].answer = "554 never"
    for _ in range(MOST_TRIES + 1):
        send_mail(desk.house)
        clock.forward(hours=7)
    with desk.house.read() as work:
        given_up = [row for row in work.db.exec(select(OutboxRow).where(OutboxRow.topic == "mail")) if row.last_error and row.attempts > 1]  # fmt: skip
        assert [row.attempts for row in given_up] == [MOST_TRIES] * 2
        assert all(row.sent_at is not None for row in given_up)


def test_nothing_goes_to_who_has_left(desk: Desk, postbox: tuple[Postbox, int]) -> None:
    an_application(desk)
    with desk.house.write() as work:
        messages.choose(work, actor_of(work, "screener"), Choices())
        from auth.identity import accounts

        accounts.account_row(work, "screener2").disabled = True
    assert send_mail(desk.house) == 0
    assert postbox[0].mails == []


def test_a_server_that_is_away_holds_up_nothing(desk: Desk) -> None:
    house = replace(desk.house, settings=desk.house.settings.model_copy(update={"mail_port": 9}))
    an_application(desk)
    assert send_mail(house) == 0
    with house.read() as work:
        tried = [row.attempts for row in work.db.exec(select(OutboxRow).where(OutboxRow.topic == "mail"))]
        assert sorted(tried) == [0, 1]


def test_no_header_is_written_by_somebody_else(desk: Desk, postbox: tuple[Postbox, int]) -> None:
    from api.mailing import Letter, compose
    from auth.messages.models import MessageRead

    nasty = "x\r\nBcc: victim@example.org"
    said = MessageRead(
        id="m1", kind="k", topic="task", name_zh=nasty, name_en=nasty, zh="<script>", en="<script>", subject="s",
        href='/x"><b>', facts={}, at=desk.house.clock(), is_read=False,
    )  # fmt: skip
    mail = compose(Letter("a@example.org", "en", said), desk.house.settings)
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    body = mail.get_body(("html",))
    assert body is not None
    assert "<script>" not in body.get_content()
    with pytest.raises((ValueError, IndexError)):
        compose(Letter("a@example.org\r\nBcc: victim@example.org", "en", said), desk.house.settings)
