"""E-mail: messages that wait in the outbox, handed to the installation's SMTP server in their reader's language.

At least once: a server that breaks after it took a mail gets it again, with the same Message-ID. A refused mail is tried
later and later, twelve times; a server that does not answer at all holds up nothing else.
"""

from __future__ import annotations

import html
import json
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from api.house import House
from auth.identity.tables import AccountRow
from auth.messages.models import MessageRead
from auth.messages.service import MAIL, read
from auth.messages.tables import MessageAddressRow, MessageRow
from core import outbox
from core.outbox import OutboxRow
from core.settings import Settings
from core.text import Lang, Text
from core.work import Work

TIMEOUT_S: Final = 15.0
MOST_TRIES: Final = 12


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent to whom."""

    to: str
    lang: Lang
    message: MessageRead


def send_mail(house: House, limit: int = 50) -> int:
    """Send what is due; returns how many the server took. Each answer is written down before the next mail is sent."""
    settings = house.settings
    if not settings.mail_host:
        return 0
    with house.read() as work:
        waiting = [(row.id, _letter(work, row)) for row in outbox.due(work, limit, topic=MAIL)]
    if not waiting:
        return 0
    taken = 0
    server: smtplib.SMTP | None = None
    try:
        for row_id, letter in waiting:
            fault = None
            if letter is not None:
                try:
                    server = server or _server(settings)
                    server.send_message(compose(letter, settings))
                    taken += 1
                except (smtplib.SMTPException, OSError) as broken:
                    fault = f"{type(broken).__name__}: {broken}"
            _note(house, row_id, fault)
            if fault is not None and not _is_about_this_mail(fault):
                break  # the server itself is in trouble: the rest waits for the next look
    finally:
        if server is not None:
            server.close()
    return taken


def _is_about_this_mail(fault: str) -> bool:
    return fault.startswith(("SMTPRecipientsRefused", "SMTPDataError", "SMTPSenderRefused"))


def _note(house: House, row_id: str, fault: str | None) -> None:
    with house.write() as work:
        row = work.db.get_one(OutboxRow, row_id)
        if fault is None:
            outbox.sent(work, row)
        else:
            outbox.failed(work, row, fault)
            if row.attempts >= MOST_TRIES:
                outbox.sent(work, row)  # given up; `last_error` says why, and the inbox has it anyway


def _letter(work: Work, row: OutboxRow) -> Letter | None:
    """None when there is nothing to send any more: message, address or account are gone."""
    message = work.db.get(MessageRow, json.loads(row.body)["message_id"])
    address = work.db.get(MessageAddressRow, message.account_id) if message else None
    account = work.db.get(AccountRow, message.account_id) if message else None
    if message is None or address is None or account is None or account.disabled:
        return None
    return Letter(address.email, "en" if address.lang == "en" else "zh", read(message))


def _server(settings: Settings) -> smtplib.SMTP:
    trust = ssl.create_default_context()
    if settings.mail_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.mail_host, settings.mail_port, timeout=TIMEOUT_S, context=trust
        )
    else:
        server = smtplib.SMTP(settings.mail_host, settings.mail_port, timeout=TIMEOUT_S)
        if settings.mail_security == "starttls":
            server.starttls(context=trust)
    if settings.mail_user:
        server.login(settings.mail_user, settings.mail_password)
    return server


def compose(letter: Letter, settings: Settings) -> EmailMessage:
    """The mail as plain text and as HTML. Every line break is taken out of what goes into a header."""
    found, lang = letter.message, letter.lang
    name, said = (found.name_zh, found.zh) if lang == "zh" else (found.name_en, found.en)
    link = settings.public_url.rstrip("/") + found.href
    foot = Text(
        "您收到此邮件，是因为您在数授中选择了邮件通知；可在“通知设置”中更改。",
        "You get this mail because you chose e-mail in Datagrant; change it under “How I am told”.",
    ).in_(lang)
    mail = EmailMessage()
    local, _, domain = letter.to.rpartition("@")
    mail["To"] = Address(username=local, domain=domain)
    mail["From"] = settings.mail_from
    mail["Subject"] = " ".join(f"{Text('【数授】', '[Datagrant] ').in_(lang)}{name}".split())
    mail["Date"] = format_datetime(found.at)
    mail["Message-ID"] = f"<{found.id}@datagrant>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(f"{said}\n\n{link}\n\n-- \n{foot}\n")
    mail.add_alternative(
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><body><p>{html.escape(said)}</p>'
        f'<p><a href="{html.escape(link, quote=True)}">{html.escape(link)}</a></p><hr><p><small>{html.escape(foot)}</small></p></body></html>',
        subtype="html",
    )
    return mail
