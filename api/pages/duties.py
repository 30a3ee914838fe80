"""Pages of duties: what is owed and overdue, handing in, returning, waiving."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.routes.duties import show_certificate, show_certificate_pdf
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.duties import service
from auth.duties.service import DutyAnswer, DutyRead
from auth.duties.workflow import KIND_NAMES, STANDING_NAMES, STEP_NAMES, Kind, Step
from auth.grants import queries as grants
from core.errors import AppError, InputRefused
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.deletions import service as deletions

router = APIRouter(prefix="/duties", include_in_schema=True, tags=["pages"])
_READ = "auth:duty:read"
_FORMS: Final = {"extract": Text("提取文件", "Extract"), "view": Text("就地读取的视图", "View read in place")}
_FIELDS: Final = {
    "attachments": Text("附件", "attachments"),
    "deleted": Text("已删除的文件", "deleted files"),
}
_TITLE: Final = Text("使用报告与销毁证明", "Use reports and deletion certificates")
_LINE: Final = re.compile(r"([0-9a-f]{64})\s+\*?(.+)")
_DIGEST: Final = re.compile(r"([0-9a-f]{64})(\s+.*)?")
ANSWER: Final = [
    FormField("text", Text("正文", "Text"), "textarea", True, rows=6, full=True),
    FormField(
        "attachments", Text("附件摘要", "Hashes of attachments"), "textarea", rows=3, full=True,
        hint=Text("每行一个：SHA-256、空格、文件名（sha256sum 的输出）。销毁证明必须附文件。", "One a line: SHA-256, a space, the file's name (as sha256sum prints). A deletion certificate needs its document."), digest="{sha} {name}",
    ),
]  # fmt: skip
DELETED: Final = FormField(
    "deleted", Text("已删除的文件", "Files that were deleted"), "textarea", rows=4, full=True,
    hint=Text("每行一个 SHA-256（删除前 sha256sum 的输出亦可）。未列出的已交付文件记为缺失。", "A SHA-256 a line, or what sha256sum printed before. A delivered file that is not named counts as missing."), digest="{sha} {name}",
)  # fmt: skip
STEPS: Final = {
    Step.FULFIL: StepForm(ANSWER),
    Step.RETURN: StepForm([NOTE]),
    Step.WAIVE: StepForm(
        [NOTE], Text("确定免除该义务吗？", "Let the organisation off this duty?"), danger=True
    ),
}


def _badge(row: DutyRead) -> Cell:
    return Cell(STANDING_NAMES[row.standing], badge=row.standing.value)


def _period(row: DutyRead) -> Text:
    if row.period == "end":
        return Text("授权终止", "End of the grant")
    if row.period.startswith("R"):
        return Text("提前提交", "Handed in early")
    return Text(f"第 {row.period[1:]} 期", f"Period {row.period[1:]}")


def attached(written: str) -> list[dict[str, str]]:
    """Lines such as sha256sum prints. InputRefused names the first line that is none."""
    return [{"sha256": digest, "name": name} for digest, name in _lines(written, "attachments", _LINE)]


def _lines(written: str, field: str, form: re.Pattern[str]) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(written.splitlines(), 1):
        if not line.strip():
            continue
        if (said := form.fullmatch(line.strip())) is None:
            raise InputRefused(
                Text(
                    f"{_FIELDS[field].zh}第 {number} 行应为 64 位 SHA-256、空格和文件名。",
                    f"Line {number} of the {_FIELDS[field].en} must be a SHA-256 of 64 digits, a space and a name.",
                ),
                field=field,
            )
        found.append((said[1], said[2] or ""))
    return found


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, standing: str = "", grant: str = "", org: str = ""
) -> HTMLResponse:
    """What is owed, those due first at the top."""
    found, total = service.duties(
        work, actor, standing=standing if standing in STANDING_NAMES else "", grant_id=grant.strip()[:60], org_id=org.strip()[:60],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(KIND_NAMES[row.kind], f"/duties/{row.id}"), Cell(Text(row.title_zh, row.title_en)), Cell(names.get(row.org_id, row.org_id)),
         Cell(_period(row)), Cell(str(row.due_on)), _badge(row), Cell(row.grant_id[:13], f"/grants/{row.grant_id}", mono=True)]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("授权终止后及每一周期，持有方提交使用报告和销毁证明。逾期未交的，该机构不得提出新的申请。", "After a grant ends, and each period, its holder reports the use and certifies the deletion. While one is overdue, the organisation files no new application."),
        heads=[Text("义务", "Duty"), Text("数据集", "Dataset"), Text("机构", "Organisation"), Text("周期", "Period"), Text("到期日", "Due"), Text("状态", "Standing"), Text("授权", "Grant")],
        filters=[
            FormField("standing", Text("状态", "Standing"), "select", options=[("", Text("全部", "All")), *STANDING_NAMES.items()], value=standing),
            FormField("grant", Text("授权编号", "Grant id"), "search", value=grant), FormField("org", Text("机构标识", "Organisation id"), "search", value=org),
        ],
        empty=Text("没有义务", "No duties"),
    )  # fmt: skip


@router.get("/report", response_class=HTMLResponse, **access("auth:duty:fulfil"))
def report_page(request: Request, work: ReadDep, actor: ActorDep, grant: str = "") -> HTMLResponse:
    """The form to report the use of a grant before it is due."""
    grants.row(work, GrantId(grant), actor)
    return _report_form(request, {"grant": grant})


def _report_form(request: Request, typed: dict[str, Any], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("提交使用报告", "Report the use"), crumb=(_TITLE, "/duties"), action="/duties/report", typed=typed,
        lead=Text("续期前须先提交使用报告。", "A renewal needs a use report first."),
        fields=[FormField("grant", Text("授权编号", "Grant id"), required=True), *ANSWER], submit=STEP_NAMES[Step.FULFIL], refusal=refusal,
    )  # fmt: skip


@router.post("/report", response_class=HTMLResponse, **access("auth:duty:fulfil"))
def report(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Report the use of a grant now."""
    typed = {name: str(form.get(name, "")).strip() for name in ("grant", "text", "attachments")}
    made = tried(house, lambda work: service.report_early(work, actor, typed["grant"], _answer(typed)))
    if isinstance(made, AppError):
        return _report_form(request, typed, made)
    return go(f"/duties/{made.id}", Text("已提交。", "Handed in."))


def _answer(typed: dict[str, Any], version: int | None = None) -> DutyAnswer:
    given = {"text": typed["text"], "attachments": attached(typed["attachments"]), "version": version}
    if typed.get("deleted"):
        given["deleted"] = [digest for digest, _ in _lines(typed["deleted"], "deleted", _DIGEST)]
    return checked(DutyAnswer, given)


@router.get("/{duty_id}", response_class=HTMLResponse, **access(_READ))
def show_page(
    request: Request, house: HouseDep, work: ReadDep, actor: ActorDep, duty_id: str
) -> HTMLResponse:
    """One duty."""
    return _show(request, house, work, actor, duty_id)


@router.get("/{duty_id}/certificate.json", **access(_READ), response_model=None)
def certificate_json(house: HouseDep, work: ReadDep, actor: ActorDep, duty_id: str) -> Response:
    """The signed certificate."""
    return show_certificate(house, work, actor, duty_id)


@router.get("/{duty_id}/certificate.pdf", response_class=Response, **access(_READ))
def certificate_pdf(house: HouseDep, work: ReadDep, actor: ActorDep, duty_id: str) -> Response:
    """The certificate on paper."""
    return show_certificate_pdf(house, work, actor, duty_id)


def _show(
    request: Request,
    house: House,
    work: Work,
    actor: Actor,
    duty_id: str,
    refusal: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:
    row = service.duty(work, actor, duty_id)
    is_certificate = row.kind == Kind.DELETION_CERTIFICATE
    record = Record(
        title=Text(f"{KIND_NAMES[row.kind].zh}：{row.title_zh}", f"{KIND_NAMES[row.kind].en}: {row.title_en}"), lead=org_names(work).get(row.org_id, Text(row.org_id, row.org_id)),
        crumb=_TITLE, base="/duties", id=row.id, version=row.version, badge=_badge(row),
        facts=[
            (Text("授权", "Grant"), Cell(row.grant_id, f"/grants/{row.grant_id}", mono=True)), (Text("周期", "Period"), Cell(_period(row))),
            (Text("到期日", "Due"), Cell(str(row.due_on))), (Text("提交时间", "Handed in"), Cell(row.fulfilled_at)), (Text("正文", "Text"), Cell(row.text)),
            (Text("免除理由", "Why it was waived"), Cell(row.waiver)),
        ],
        steps=STEPS | ({Step.FULFIL: StepForm([*ANSWER, DELETED])} if is_certificate else {}),
        actions=_papers(row.id) if is_certificate else (),
        sections=[*([_files(house, work, actor, row.id)] if is_certificate else []), Section(Text("附件", "Attachments"), [Text("文件", "File"), Text("摘要", "Hash")], [[Cell(each["name"]), Cell(each["sha256"], mono=True)] for each in row.attachments])],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, duty_id), service.BOOK.events(work, duty_id), STEP_NAMES, refusal=refusal, typed=typed,
    )  # fmt: skip


def _papers(duty_id: str) -> list[Action]:
    return [
        Action(Text("下载证明（PDF）", "Certificate (PDF)"), f"/duties/{duty_id}/certificate.pdf"),
        Action(Text("下载签名文件（JSON）", "Signed document (JSON)"), f"/duties/{duty_id}/certificate.json"),
    ]


def _files(house: House, work: Work, actor: Actor, duty_id: str) -> Section:
    """Every file that left under the grant, those that are missing first."""
    found = deletions.certificate(work, actor, duty_id, house.settings.keys_dir)
    rows = sorted(found["files"], key=lambda each: each["deleted"])
    gone, missing = Text("已证明删除", "Certified as deleted"), Text("缺失", "Missing")
    note = Text(
        f"共 {len(rows)} 个文件，{len(found['missing'])} 个未列入证明；证明中有 {len(found['unknown'])} 个摘要不属于本授权的交付。",
        f"Files: {len(rows)}; not certified: {len(found['missing'])}; digests in the certificate that were never delivered under this grant: {len(found['unknown'])}.",
    )
    return Section(
        Text("已交付的文件", "Files that were delivered"),
        [Text("文件", "File"), Text("摘要", "Hash"), Text("行数", "Rows"), Text("最近交付", "Last delivered"), Text("回执摘要", "Receipt's hash"), Text("状态", "Standing")],
        [
            [Cell(_FORMS[each["form"]], f"/extracts/{each['id']}" if each["form"] == "extract" else ""), Cell(each["sha256"], mono=True), Cell(str(each.get("rows", ""))),
             Cell(datetime.fromisoformat(each["last_delivered_at"])), Cell((each.get("receipt_sha256") or "—")[:16], mono=True),
             Cell(gone if each["deleted"] else missing, badge="fulfilled" if each["deleted"] else "overdue")]
            for each in rows
        ],
        empty=Text("该授权未交付过文件", "No file was delivered under this grant"), note=note if rows else None,
    )  # fmt: skip


def _step(
    request: Request,
    house: House,
    actor: Actor,
    duty_id: str,
    form: FormData,
    step: Step,
    act: Callable[[Work, dict[str, Any]], DutyRead],
) -> Response:
    typed = {name: str(form.get(name, "")).strip() for name in ("text", "attachments", "deleted", "note")} | {
        "step": step.value
    }
    made = tried(house, lambda work: act(work, typed))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, house, work, actor, duty_id, made, typed)
    return go(f"/duties/{duty_id}", Text("已办理。", "Done."))


@router.post("/{duty_id}/fulfil", response_class=HTMLResponse, **access("auth:duty:fulfil"))
def fulfil(request: Request, house: HouseDep, actor: ActorDep, duty_id: str, form: Typed) -> Response:
    """Hand it in."""
    version = cases.version_of(form)
    return _step(
        request, house, actor, duty_id, form, Step.FULFIL,
        lambda work, typed: service.fulfil(work, actor, duty_id, _answer(typed, version)),
    )  # fmt: skip


@router.post("/{duty_id}/return", response_class=HTMLResponse, **access("auth:duty:return"))
def send_back(request: Request, house: HouseDep, actor: ActorDep, duty_id: str, form: Typed) -> Response:
    """It does not do: open again."""
    version = cases.version_of(form)
    return _step(
        request, house, actor, duty_id, form, Step.RETURN,
        lambda work, typed: service.send_back(work, actor, duty_id, CaseStep(version=version, note=typed["note"][:2000])),
    )  # fmt: skip


@router.post("/{duty_id}/waive", response_class=HTMLResponse, **access("auth:duty:waive"))
def waive(request: Request, house: HouseDep, actor: ActorDep, duty_id: str, form: Typed) -> Response:
    """Let the organisation off."""
    version = cases.version_of(form)
    return _step(
        request, house, actor, duty_id, form, Step.WAIVE,
        lambda work, typed: service.waive(work, actor, duty_id, CaseStep(version=version, note=typed["note"][:2000])),
    )  # fmt: skip
