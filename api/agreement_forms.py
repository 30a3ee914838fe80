"""The form of an agreement: what it asks, the body it makes, and a stored agreement as the form shows it. Prices are typed in yuan."""

from __future__ import annotations

from typing import Any, Final

from api.cases import FormField
from api.money import fen_of, yuan_or_nothing
from api.pages.tickets import checked
from auth.actor import Actor
from auth.agreements import service
from auth.agreements.model import MODE_NAMES, PARTY_NAMES, SELECTION_NAMES, AgreementBody
from auth.identity import organisations
from auth.policy.limits import limits
from auth.profile.now import profile
from core.errors import InputRefused
from core.text import Text
from core.work import Work

_PRICES: Final = ("price_cap", "price")
_YUAN: Final = Text("如 1000 或 99.50", "Such as 1000 or 99.50")
_MOST_PARTIES: Final = 12

MEETING: Final = [
    FormField("meeting_name", Text("集体决策会议（三重一大）", "Meeting of the collective decision")),
    FormField("meeting_held_on", Text("会议日期", "Day of the meeting"), "date"),
    FormField("meeting_minutes_sha256", Text("会议纪要 SHA-256", "SHA-256 of the minutes"), digest="one"),
]


def fields(work: Work, actor: Actor, parties: int) -> list[FormField]:
    known, now = limits(), profile(work)
    firms = [(o.id, o.name) for o in organisations.organisations(work) if o.is_enterprise]
    approved, _ = service.plans(work, actor, state="APPROVED", limit=200)
    return [
        FormField("title", Text("协议名称", "Title"), required=True, full=True),
        FormField("plan_id", Text("实施方案", "Plan"), "select", options=[("", Text("请选择", "Choose")), *((p.id, f"{p.title} v{p.number}") for p in approved)]),
        FormField("operator_id", Text("运营机构", "Operator"), "select", True, options=[("", Text("请选择", "Choose")), *firms]),
        FormField("mode", Text("授权模式", "Mode"), "select", True, options=list(MODE_NAMES.items())),
        FormField("scenarios", Text("场景", "Scenarios"), "checkboxes", options=[(c, each.name) for c, each in known.scenarios.items()], value=[]),
        FormField("purposes", Text("用途", "Purposes"), "checkboxes", options=[(c, each.name) for c, each in known.purposes.items()], value=[]),
        FormField("starts_on", Text("首日", "First day"), "date", True), FormField("ends_on", Text("末日", "Last day"), "date", True),
        *_party_fields(work, parties),
        FormField("products", Text("产品和服务清单", "Products and services"), "textarea", rows=3, full=True),
        FormField("selection", Text("选择方式", "How the operator was selected"), "select", options=[("", Text("请选择", "Choose")), *SELECTION_NAMES.items()]),
        FormField("selection_sha256", Text("选择过程证据 SHA-256", "SHA-256 of the evidence"), digest="one"), *MEETING,
        FormField("price_cap", Text("最高限价（元）", "Price cap (yuan)"), hint=_YUAN), FormField("price", Text("价格（元）", "Price (yuan)"), hint=_YUAN),
        *(FormField(f"clause-{c.key}", Text(f"条款：{c.zh}", f"Clause: {c.en}"), "textarea", rows=2, full=True) for c in now.clauses),
    ]  # fmt: skip


def _party_fields(work: Work, number: int) -> list[FormField]:
    """A role and an organisation for each party, and room for more; what is left empty is no party."""
    roles = [("", Text("—", "—")), *((role.value, name) for role, name in PARTY_NAMES.items())]
    orgs = [("", Text("—", "—")), *((each.id, each.name) for each in organisations.organisations(work))]
    return [
        field
        for n in range(1, number + 1)
        for field in (
            FormField(f"party_role_{n}", Text(f"第 {n} 方：角色", f"Party {n}: role"), "select", options=roles),
            FormField(f"party_org_{n}", Text(f"第 {n} 方：机构", f"Party {n}: organisation"), "select", options=orgs),
        )
    ]  # fmt: skip


def _parties(typed: dict[str, Any]) -> list[dict[str, str]]:
    """The parties of the form, those of which anything was chosen."""
    pairs = [
        {"role": typed.get(f"party_role_{n}", ""), "org_id": typed.get(f"party_org_{n}", "")}
        for n in range(1, _MOST_PARTIES + 1)
    ]
    for n, pair in enumerate(pairs, 1):
        if bool(pair["role"]) != bool(pair["org_id"]):
            raise InputRefused(
                Text(f"第 {n} 方须同时选择角色与机构。", f"Choose both role and organisation of party {n}."),
                field=f"party_org_{n}" if pair["role"] else f"party_role_{n}",
            )
    return [pair for pair in pairs if pair["role"]]


def typed_of(form: Any) -> dict[str, Any]:  # noqa: ANN401 - form data
    return {
        name: form.getlist(name) if name in ("scenarios", "purposes") else str(form.get(name, "")).strip()
        for name in form
    }


def body_of(typed: dict[str, Any]) -> AgreementBody:
    plain = (
        "title",
        "plan_id",
        "operator_id",
        "mode",
        "starts_on",
        "ends_on",
        "products",
        "selection",
        "selection_sha256",
    )
    given: dict[str, Any] = {name: typed[name] for name in plain if typed.get(name)}
    given |= {f"{name}_fen": _amount(typed, name) for name in _PRICES if typed.get(name)}
    given |= {
        "scenarios": typed.get("scenarios", []),
        "purposes": typed.get("purposes", []),
        "parties": _parties(typed),
        "meeting": meeting_of(typed),
    }
    given["clauses"] = {
        name.removeprefix("clause-"): text
        for name, text in typed.items()
        if name.startswith("clause-") and text
    }
    return checked(AgreementBody, given)


def _amount(typed: dict[str, Any], name: str) -> object:
    """Yuan of the form in fen. Raises InputRefused by field."""
    if not isinstance(fen := fen_of(typed[name]), int):
        raise InputRefused(
            Text("请填写金额，单位元，至多两位小数，如 1000 或 99.50。", "Write an amount in yuan with two decimals at most, such as 1000 or 99.50."), field=name
        )  # fmt: skip
    return fen


def meeting_of(typed: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "held_on", "minutes_sha256")
    return {name: typed[f"meeting_{name}"] for name in names if typed.get(f"meeting_{name}")}


def untyped(body: AgreementBody) -> dict[str, Any]:
    """What the form shows of a stored agreement."""
    plain = body.model_dump(
        mode="json", exclude={"parties", "clauses", "meeting", "price_cap_fen", "price_fen"}
    )
    shown = {name: "" if value is None else value for name, value in plain.items()}
    shown |= {f"clause-{key}": text for key, text in body.clauses.items()} | meeting_shown(body.meeting)
    shown |= {name: yuan_or_nothing(getattr(body, f"{name}_fen")) for name in _PRICES}
    for n, party in enumerate(body.parties, 1):
        shown |= {f"party_role_{n}": party.role.value, f"party_org_{n}": party.org_id}
    return shown


def meeting_shown(meeting: Any) -> dict[str, Any]:  # noqa: ANN401 - either body's
    return {f"meeting_{name}": value or "" for name, value in meeting.model_dump(mode="json").items()}


def rows_for(typed: dict[str, Any]) -> int:
    """As many rows of parties as are filled in, and two more; four at least."""
    filled = [
        n for n in range(1, _MOST_PARTIES + 1) if typed.get(f"party_role_{n}") or typed.get(f"party_org_{n}")
    ]
    return min(max(4, max(filled, default=0) + 2), _MOST_PARTIES)
