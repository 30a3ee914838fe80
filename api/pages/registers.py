"""The registers around grants on one page, each as far as the reader may see it."""

from __future__ import annotations

from typing import Final, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, access
from api.deps import ActorDep
from api.late import APIRouter
from api.web import page
from core.text import Text

router = APIRouter(prefix="/registers", include_in_schema=True, tags=["pages"])


class Entry(NamedTuple):
    """One register: where, its name, what it holds, and the permission to see it (None: everybody)."""

    href: str
    name: Text
    what: Text
    need: str | None = None


REGISTERS: Final = (
    Entry("/register", Text("授权公示", "Register of grants"), Text("谁获授权、为何用途、至何时", "Who is authorised, for what, until when")),
    Entry("/register/agreements", Text("协议公示", "Register of agreements"), Text("谁受托运营、哪些场景、至何时", "Who operates, which scenarios, until when")),
    Entry("/demands", Text("数据需求", "Data demands"), Text("社会与企业需要的数据及答复", "Data that people and enterprises need, and the answers")),
    Entry("/open-plan", Text("年度开放计划", "Open plan"), Text("本年度计划开放的数据及进度", "What is to be opened this year and how far it is")),
    Entry("/registrations", Text("公共数据资源登记", "Registration of data resources"), Text("已登记和公示中的数据资源", "Data registered and on public notice")),
    Entry("/reviews", Text("授权复核与评估", "Reviews of grants"), Text("逐项答复保留、收窄或撤销；授权后评估", "Keep, narrow or withdraw, grant by grant; evaluations"), "auth:review:read"),
    Entry("/campaigns", Text("定期复核批次", "Certification campaigns"), Text("每半年一次的复核及进度", "Each half year's certification and how far it is"), "auth:review:read"),
    Entry("/revenue", Text("运营收入与上限", "Revenue and caps"), Text("各运营机构每年实收与最高准许收入", "What operators take in a year against their caps"), "auth:usage:read"),
    Entry("/caps", Text("上限审定", "Proposed caps"), Text("由一人提出、另一人确认的收费与收入上限", "Caps of prices and revenue, proposed by one and confirmed by another"), "auth:fee-cap:read"),
    Entry("/commitments", Text("告知承诺", "Commitments"), Text("代替材料的承诺及履行情况", "Signed instead of papers, and how they were kept"), "auth:application:read"),
    Entry("/revocations", Text("撤销确认", "Revocations"), Text("即时生效的撤销，由第二人确认", "Grants revoked at once, confirmed by a second person"), "auth:revocation:read"),
    Entry("/suspensions", Text("暂停建议", "Proposals to suspend"), Text("违背承诺后建议暂停的授权", "Grants proposed for suspension after a broken commitment"), "auth:suspension:read"),
    Entry("/consents", Text("共享提供单位同意", "Source consents"), Text("共享取得的数据纳入授权的依据", "On which shared data enter grants"), "auth:consent:read"),
    Entry("/delegations", Text("审批代理", "Deputies"), Text("谁在何时代谁审批", "Who decides for whom, and when"), "auth:delegation:read"),
    Entry("/erasures", Text("个人信息删除", "Erasure of personal data"), Text("删除请求、办理结果与依法保存的理由", "Requests, what became of them, and what law keeps"), "auth:erasure:read"),
)  # fmt: skip


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def index(request: Request, actor: ActorDep) -> HTMLResponse:
    """The registers that the reader may open."""
    shown = [each for each in REGISTERS if each.need is None or actor.may(each.need)]
    return page(request, "register/index.html", shown=shown)
