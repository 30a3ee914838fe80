"""What plans and agreements say, as values."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from auth.policy.model import Prose
from core.text import Text

Digest = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
Words = Annotated[Prose, Field(max_length=5000)]


class Party(StrEnum):
    """Who may be party to an agreement."""

    IMPLEMENTING_BODY = "implementing_body"
    OPERATOR = "operator"
    SOURCE_DEPARTMENT = "source_department"
    DEVELOPER = "developer"
    SUPERVISOR = "supervisor"
    EXCHANGE = "exchange"


PARTY_NAMES: Final = {
    Party.IMPLEMENTING_BODY: Text("实施机构", "Implementing body"),
    Party.OPERATOR: Text("运营机构", "Operating body"),
    Party.SOURCE_DEPARTMENT: Text("数源部门", "Source department"),
    Party.DEVELOPER: Text("开发主体", "Developer"),
    Party.SUPERVISOR: Text("监管方", "Supervisor"),
    Party.EXCHANGE: Text("交易场所", "Exchange"),
}


class Mode(StrEnum):
    WHOLE = "whole"
    BY_FIELD = "by_field"
    BY_SCENARIO = "by_scenario"


MODE_NAMES: Final = {
    Mode.WHOLE: Text("整体授权", "Whole"),
    Mode.BY_FIELD: Text("分领域授权", "By field"),
    Mode.BY_SCENARIO: Text("依场景授权", "By scenario"),
}


class Selection(StrEnum):
    OPEN_TENDER = "open_tender"
    INVITED_TENDER = "invited_tender"
    NEGOTIATION = "negotiation"
    OTHER = "other"


SELECTION_NAMES: Final = {
    Selection.OPEN_TENDER: Text("公开招标", "Open tender"),
    Selection.INVITED_TENDER: Text("邀请招标", "Invited tender"),
    Selection.NEGOTIATION: Text("谈判", "Negotiation"),
    Selection.OTHER: Text("其他公平竞争方式", "Another fair procedure"),
}


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Meeting(_Frozen):
    """The collective decision (三重一大): which meeting, when, and the hash of its minutes."""

    name: Annotated[Prose, Field(max_length=200)] = ""
    held_on: date | None = None
    minutes_sha256: Digest = ""


PLAN_SECTIONS: Final = {
    "necessity": Text("必要性和可行性论证", "Necessity and feasibility"),
    "scope": Text("授权数据范围", "Data scope"),
    "selection": Text("运营机构选择条件", "Conditions for the operator"),
    "products": Text("预期产品和服务", "Expected products"),
    "platform": Text("运营平台", "Platform"),
    "security": Text("安全措施", "Security"),
    "supervision": Text("监督管理", "Supervision"),
    "exit": Text("退出机制", "Exit"),
}


class PlanBody(_Frozen):
    """An implementation plan (实施方案): its chapters in words, and the meeting that decided on it."""

    title: Annotated[Prose, Field(min_length=1, max_length=200)]
    sections: dict[Annotated[str, Field(max_length=40)], Words] = {}
    meeting: Meeting = Meeting()


class PartyTo(_Frozen):
    """A party in its role; `org_id` is an organisation here, or a name for one outside (an exchange)."""

    role: Party
    org_id: Annotated[Prose, Field(min_length=1, max_length=120)]


class AgreementBody(_Frozen):
    """An authorised-operation agreement. Prices in fen; `purposes` as in the list of purposes."""

    title: Annotated[Prose, Field(min_length=1, max_length=200)]
    plan_id: Annotated[str, Field(max_length=40)] = ""
    operator_id: Annotated[str, Field(min_length=1, max_length=60)]
    mode: Mode = Mode.BY_SCENARIO
    scenarios: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    purposes: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    starts_on: date
    ends_on: date
    parties: Annotated[tuple[PartyTo, ...], Field(max_length=50)] = ()
    clauses: dict[Annotated[str, Field(max_length=40)], Words] = {}
    products: Words = ""
    selection: Selection | None = None
    selection_sha256: Digest = ""
    meeting: Meeting = Meeting()
    price_cap_fen: Annotated[int, Field(ge=0, le=10**12)] | None = None
    price_fen: Annotated[int, Field(ge=0, le=10**12)] | None = None
