"""Writes docs/workflow.md from the tables of the machines: `python -m tests.auth.applications.diagrams`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from auth.agreements import plan_workflow as plan
from auth.agreements import workflow as agreement
from auth.anomalies import workflow as anomaly
from auth.applications import workflow as application
from auth.caps import workflow as cap
from auth.consents import workflow as consent
from auth.delegations import workflow as delegation
from auth.demands import workflow as demand
from auth.duties import workflow as duty
from auth.erasure import workflow as erasure
from auth.grants import workflow as grant
from auth.identity import licence
from auth.incidents import workflow as incident
from auth.openplan import workflow as open_task
from auth.papers import commitment_workflow as commitment
from auth.papers import workflow as paper
from auth.policy.limits import limits
from auth.profile import workflow as profile
from auth.registrations import workflow as registration
from auth.reviews import workflow as review
from auth.revocations import workflow as revocation
from auth.roles import ROLE_NAMES
from auth.vouching import workflow as vouching
from core.text import Text

DOC = "docs/workflow.md"
HEAD = """# Applications and grants: the machines

Generated from the files `workflow.py` in `auth/`; a test compares. Regenerate with
`python -m tests.auth.applications.diagrams`.

Who may take a step in principle stands in the tables. Beyond that every step checks the object: the organisation's scope,
the version that was seen, segregation of duties (`auth/policy/separation.py`) and the rules of the step.
Validity in time is not a state: it is computed at the moment of use (`auth/policy/rules.py`); the sweeper only notes the end.
"""


NAMES: dict[object, Text] = {**ROLE_NAMES, **application.SEAT_NAMES}


def _by(machine: ModuleType, by: frozenset[object]) -> str:
    names = sorted(NAMES[part].en.lower() for part in by)
    return ", ".join(names) or "system"


def diagram(machine: ModuleType, start: str) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    for (state, step), move in machine.MOVES.items():
        lines.append(f"    {state.value} --> {move.to.value}: {step.value} ({_by(machine, move.by)})")
    lines += [f"    {state.value} --> [*]" for state in machine.State if state in machine.FINAL]
    return "\n".join([*lines, "```"])


def table(machine: ModuleType) -> str:
    lines = ["| State 状态 | Step 步骤 | To 转为 | Who 办理人 |", "|---|---|---|---|"]
    for (state, step), move in machine.MOVES.items():
        at, name, to = machine.STATE_NAMES[state], machine.STEP_NAMES[step], machine.STATE_NAMES[move.to]
        who = "、".join(sorted(NAMES[part].zh for part in move.by)) or "系统"
        lines.append(
            f"| {state.value} {at.zh} | `{step.value}` {name.zh} | {move.to.value} {to.zh} | {who} |"
        )
    return "\n".join(lines)


def numbers() -> str:
    known = limits()
    lines = [
        f"In force since {known.effective_from}; data in `auth/policy/limits.json`.",
        "",
        "| Limit | Value | Source |",
        "|---|---|---|",
    ]
    lines += [
        f"| {limit.name.zh} {limit.name.en} (`{limit.key}`) | {limit.value} {limit.unit} | {limit.source} |"
        for limit in known.numbers.values()
    ]
    lines += ["", "| Reminders | Days before | Source |", "|---|---|---|"]
    lines += [
        f"| {each.name.zh} {each.name.en} (`{each.key}`) | {', '.join(map(str, each.days))} | {each.source} |"
        for each in known.reminders.values()
    ]
    return "\n".join(lines)


def document() -> str:
    parts = [
        HEAD,
        "## Application 申请\n", diagram(application, "DRAFT"), "", table(application), "",
        "## Paper of an application 申请材料\n", diagram(paper, "MISSING"), "", table(paper), "",
        "## Commitment 告知承诺\n", diagram(commitment, "STANDING"), "", table(commitment), "",
        "## Grant 授权\n", diagram(grant, "PENDING"), "", table(grant), "",
        "## Confirmation of a revocation 撤销确认\n", diagram(revocation, "WAITS"), "", table(revocation), "",
        "## Incident 应急处置\n", diagram(incident, "FROZEN"), "", table(incident), "",
        "## Anomaly 异常\n", diagram(anomaly, "OPEN"), "", table(anomaly), "",
        "## Duty 使用报告与销毁证明\n", diagram(duty, "OPEN"), "", table(duty), "",
        "## Enterprise licence 机构资格\n", diagram(licence, "PENDING"), "", table(licence), "",
        "## Implementation plan 实施方案\n", diagram(plan, "DRAFT"), "", table(plan), "",
        "## Agreement 授权运营协议\n", diagram(agreement, "DRAFT"), "", table(agreement), "",
        "## Delegation 审批代理（可任一角色，步骤限当事人）\n", diagram(delegation, "OFFERED"), "", table(delegation), "",
        "## Erasure of personal data 个人信息删除（撤回限提出人与本人）\n", diagram(erasure, "ASKED"), "", table(erasure), "",
        "## Data demand 数据需求\n", diagram(demand, "RECEIVED"), "", table(demand), "",
        "## Source consent 共享提供单位同意\n", diagram(consent, "ENTERED"), "", table(consent), "",
        "## Vouching for a member 人员担保\n", diagram(vouching, "VOUCHED"), "", table(vouching), "",
        "## Registration 登记\n", diagram(registration, "DRAFT"), "", table(registration), "",
        "## Review of a grant 授权复核与评估\n", diagram(review, "OPEN"), "", table(review), "",
        "## Task of the open plan 开放任务\n", diagram(open_task, "DRAFT"), "", table(open_task), "",
        "## Cap of prices or revenue 收费与收入上限\n", diagram(cap, "PROPOSED"), "", table(cap), "",
        "## Policy profile 政策配置\n", diagram(profile, "PROPOSED"), "", table(profile), "",
        "## Limits and deadlines 限额与时限\n", numbers(), "",
    ]  # fmt: skip
    return "\n".join(parts)


if __name__ == "__main__":
    (Path(__file__).parents[3] / DOC).write_text(document(), encoding="utf-8")
