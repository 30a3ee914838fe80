"""Who may do what in principle. Roles and permissions are tables; whether an object allows it now is another question."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.text import Text


class Role(StrEnum):
    """The roles people hold. Each assignment carries a scope: an organisation id, or `*` for the platform."""

    SYSADMIN = "sysadmin"
    AUDITOR = "auditor"
    SECURITY_OFFICER = "security_officer"
    CATALOG_ADMIN = "catalog_admin"
    STEWARD = "steward"
    REVIEWER_BUSINESS = "reviewer_business"
    REVIEWER_SECURITY = "reviewer_security"
    APPROVER = "approver"
    OUTPUT_CHECKER = "output_checker"
    ORG_OFFICER = "org_officer"
    APPLICANT = "applicant"
    ANALYST = "analyst"
    CLERK = "clerk"


ROLE_NAMES: Final[Mapping[Role, Text]] = {
    Role.SYSADMIN: Text("系统管理员", "System administrator"),
    Role.AUDITOR: Text("审计员", "Auditor"),
    Role.SECURITY_OFFICER: Text("安全管理员", "Security officer"),
    Role.CATALOG_ADMIN: Text("目录管理员", "Catalogue administrator"),
    Role.STEWARD: Text("数据专员", "Data steward"),
    Role.REVIEWER_BUSINESS: Text("业务审核", "Business reviewer"),
    Role.REVIEWER_SECURITY: Text("安全审核", "Security reviewer"),
    Role.APPROVER: Text("审批人", "Approver"),
    Role.OUTPUT_CHECKER: Text("出域审核", "Output checker"),
    Role.ORG_OFFICER: Text("机构负责人", "Organisation officer"),
    Role.APPLICANT: Text("申请人", "Applicant"),
    Role.ANALYST: Text("分析员", "Analyst"),
    Role.CLERK: Text("帮代办专员", "Station clerk"),
}

_BUREAU: Final = frozenset(
    {
        Role.AUDITOR,
        Role.SECURITY_OFFICER,
        Role.CATALOG_ADMIN,
        Role.STEWARD,
        Role.REVIEWER_BUSINESS,
        Role.REVIEWER_SECURITY,
        Role.APPROVER,
    }
)
_ENTERPRISE: Final = frozenset({Role.ORG_OFFICER, Role.APPLICANT, Role.ANALYST})

PERMISSIONS: Final[Mapping[str, frozenset[Role]]] = {
    "catalog:dataset:write": frozenset({Role.CATALOG_ADMIN, Role.STEWARD}),
    "catalog:dataset:review": frozenset({Role.CATALOG_ADMIN, Role.STEWARD}),
    "catalog:dataset:read-drafts": frozenset({Role.CATALOG_ADMIN, Role.STEWARD, Role.AUDITOR}),
    "catalog:import:open": frozenset({Role.CATALOG_ADMIN}),
    "catalog:import:read": frozenset({Role.CATALOG_ADMIN, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "catalog:harvest:read": frozenset(
        {Role.CATALOG_ADMIN, Role.STEWARD, Role.AUDITOR, Role.SECURITY_OFFICER}
    ),
    "catalog:harvest:write": frozenset({Role.CATALOG_ADMIN}),
    "catalog:harvest:approve": frozenset({Role.CATALOG_ADMIN, Role.SECURITY_OFFICER}),
    "catalog:push:read": frozenset({Role.CATALOG_ADMIN, Role.STEWARD, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "catalog:push:write": frozenset({Role.CATALOG_ADMIN}),
    "catalog:push:approve": frozenset({Role.CATALOG_ADMIN, Role.SECURITY_OFFICER}),
    "catalog:synonym:write": frozenset({Role.CATALOG_ADMIN}),
    "quality:suite:read": frozenset({Role.STEWARD, Role.CATALOG_ADMIN, Role.AUDITOR, Role.REVIEWER_BUSINESS}),
    "quality:suite:write": frozenset({Role.STEWARD, Role.CATALOG_ADMIN}),
    "quality:scheme:read": _BUREAU,
    "quality:scheme:propose": frozenset({Role.CATALOG_ADMIN, Role.APPROVER, Role.SECURITY_OFFICER}),
    "quality:scheme:confirm": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "datasets:batch:read": frozenset({Role.STEWARD, Role.CATALOG_ADMIN, Role.AUDITOR}),
    "datasets:batch:take": frozenset({Role.STEWARD}),
    "datasets:batch:submit": frozenset({Role.STEWARD}),
    "datasets:batch:confirm": frozenset({Role.STEWARD}),
    "datasets:ticket:read": frozenset({Role.STEWARD, Role.CATALOG_ADMIN, Role.AUDITOR}),
    "datasets:ticket:assign": frozenset({Role.STEWARD, Role.CATALOG_ADMIN}),
    "datasets:ticket:work": frozenset({Role.STEWARD}),
    "datasets:ticket:confirm": frozenset({Role.STEWARD}),
    "datasets:waiver:read": frozenset(
        {Role.STEWARD, Role.CATALOG_ADMIN, Role.AUDITOR, Role.APPROVER, Role.SECURITY_OFFICER}
    ),
    "datasets:waiver:sign": frozenset({Role.STEWARD}),
    "datasets:waiver:second": frozenset({Role.APPROVER}),
    "datasets:waiver:revoke": frozenset({Role.STEWARD, Role.APPROVER, Role.SECURITY_OFFICER}),
    "datasets:source:read": frozenset({Role.STEWARD, Role.CATALOG_ADMIN, Role.AUDITOR}),
    "datasets:source:write": frozenset({Role.STEWARD}),
    "datasets:release:publish": frozenset({Role.STEWARD}),
    "datasets:release:withdraw": frozenset({Role.STEWARD, Role.SECURITY_OFFICER}),
    "datasets:release:retire": frozenset({Role.CATALOG_ADMIN}),
    "auth:application:read": _BUREAU | _ENTERPRISE | frozenset({Role.CLERK}),
    "auth:application:write": frozenset({Role.APPLICANT, Role.CLERK}),
    "auth:application:edit": frozenset({Role.APPLICANT, Role.CLERK, Role.ORG_OFFICER, Role.ANALYST}),
    "auth:application:name": frozenset({Role.APPLICANT, Role.ORG_OFFICER, Role.ANALYST}),
    "auth:application:comment": (_BUREAU - {Role.AUDITOR}) | {Role.ORG_OFFICER, Role.APPLICANT, Role.CLERK},
    "auth:application:assign": frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.APPROVER}),
    "auth:application:invite": frozenset({Role.STEWARD, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    "auth:application:assist": frozenset({Role.CLERK}),
    "auth:application:confirm": frozenset({Role.APPLICANT}),
    "auth:paper:supply": frozenset({Role.APPLICANT, Role.CLERK}),
    "auth:paper:return": frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    "auth:commitment:sign": frozenset({Role.ORG_OFFICER}),
    "auth:commitment:break": frozenset({Role.STEWARD}),
    "auth:application:screen": frozenset({Role.REVIEWER_BUSINESS}),
    "auth:application:review": frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    "auth:application:return": frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.APPROVER}),
    "auth:application:decide": frozenset({Role.APPROVER}),
    "auth:policy:read": _BUREAU,
    "auth:policy:simulate": frozenset(
        {Role.APPROVER, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.SECURITY_OFFICER}
    ),
    "auth:application:withdraw": frozenset({Role.APPLICANT, Role.ORG_OFFICER}),
    "auth:application:accept": frozenset({Role.ORG_OFFICER}),
    "auth:delegation:read": _BUREAU | {Role.OUTPUT_CHECKER},
    "auth:delegation:name": frozenset({Role.APPROVER, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    "auth:delegation:answer": (_BUREAU - {Role.AUDITOR}) | {Role.OUTPUT_CHECKER},
    "auth:all-delegations:read": frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:erasure:read": frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:erasure:decide": frozenset({Role.SYSADMIN}),
    "auth:clock:read": _BUREAU,
    "auth:clock:sign": frozenset({Role.REVIEWER_BUSINESS}),
    "auth:clock:extend": frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.APPROVER}),
    "auth:clock:approve-extension": frozenset({Role.APPROVER}),
    "auth:webhook:manage": frozenset({Role.ORG_OFFICER, Role.STEWARD, Role.SECURITY_OFFICER}),
    "auth:calendar:write": frozenset({Role.SYSADMIN}),
    "auth:grant:read": _BUREAU | _ENTERPRISE | frozenset({Role.OUTPUT_CHECKER}),
    "auth:grant:activate": frozenset({Role.STEWARD}),
    "auth:grant:suspend": frozenset({Role.SECURITY_OFFICER}),
    "auth:suspension:read": frozenset({Role.SECURITY_OFFICER, Role.STEWARD, Role.AUDITOR, Role.APPROVER}),
    "auth:grant:resume": frozenset({Role.SECURITY_OFFICER}),
    "auth:grant:ask-resume": frozenset({Role.ORG_OFFICER, Role.APPLICANT}),
    "auth:grant:wake": frozenset({Role.STEWARD}),
    "auth:grant:revoke": frozenset({Role.SECURITY_OFFICER, Role.APPROVER}),
    "auth:revocation:read": frozenset({Role.SECURITY_OFFICER, Role.STEWARD, Role.AUDITOR, Role.APPROVER}),
    "auth:revocation:confirm": frozenset({Role.SECURITY_OFFICER, Role.APPROVER}),
    "auth:grant:relinquish": frozenset({Role.ORG_OFFICER}),
    "datasets:extract:read": _ENTERPRISE | frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "datasets:extract:request": frozenset({Role.ANALYST}),
    "datasets:output:read": frozenset({Role.OUTPUT_CHECKER, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "datasets:output:check": frozenset({Role.OUTPUT_CHECKER}),
    "datasets:leak:trace": frozenset({Role.SECURITY_OFFICER}),
    "datasets:share:read": frozenset({Role.ANALYST}),
    "datasets:query:read": _ENTERPRISE | frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "datasets:query:ask": frozenset({Role.ANALYST}),
    "datasets:enclave:read": _ENTERPRISE
    | frozenset({Role.STEWARD, Role.OUTPUT_CHECKER, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "datasets:mark:write": frozenset({Role.STEWARD}),
    "datasets:enclave:review": frozenset({Role.STEWARD}),
    "datasets:store:read": frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "datasets:store:check": frozenset({Role.SYSADMIN, Role.SECURITY_OFFICER}),
    "datasets:store:collect": frozenset({Role.SYSADMIN}),
    "datasets:query:terms": frozenset({Role.STEWARD}),
    "datasets:query:cap": frozenset({Role.APPROVER}),
    "auth:product:read": _ENTERPRISE | frozenset({Role.AUDITOR, Role.SECURITY_OFFICER, Role.APPROVER}),
    "auth:product:write": frozenset({Role.ORG_OFFICER, Role.APPLICANT}),
    "auth:fee-cap:read": frozenset({Role.APPROVER, Role.SECURITY_OFFICER, Role.AUDITOR}),
    "auth:fee-cap:write": frozenset({Role.APPROVER}),
    "auth:fee-cap:confirm": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:disclosure:publish": frozenset({Role.APPROVER}),
    "auth:disclosure:read": frozenset({Role.APPROVER, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:anomaly:read": frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:anomaly:answer": frozenset({Role.SECURITY_OFFICER}),
    "auth:anomaly:configure": frozenset({Role.SECURITY_OFFICER}),
    "auth:usage:read": frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:selfcheck:read": _BUREAU | _ENTERPRISE | frozenset({Role.SYSADMIN}),
    "auth:selfcheck:keep": frozenset({Role.ORG_OFFICER, Role.SYSADMIN, Role.SECURITY_OFFICER}),
    "auth:duty:read": _BUREAU | _ENTERPRISE,
    "auth:duty:fulfil": frozenset({Role.ORG_OFFICER}),
    "auth:duty:return": frozenset({Role.APPROVER, Role.REVIEWER_BUSINESS}),
    "auth:duty:waive": frozenset({Role.APPROVER}),
    "auth:agreement:read": _BUREAU | _ENTERPRISE,
    "auth:agreement:draft": frozenset({Role.REVIEWER_BUSINESS, Role.APPROVER}),
    "auth:agreement:approve": frozenset({Role.APPROVER}),
    "auth:demand:read": _BUREAU,
    "auth:demand:answer": frozenset({Role.CATALOG_ADMIN, Role.REVIEWER_BUSINESS}),
    "auth:demand:handle": frozenset({Role.STEWARD}),
    "auth:consent:read": _BUREAU,
    "auth:consent:enter": frozenset({Role.STEWARD, Role.REVIEWER_BUSINESS}),
    "auth:consent:check": frozenset({Role.REVIEWER_BUSINESS, Role.APPROVER}),
    "auth:consent:withdraw": frozenset({Role.STEWARD, Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:vouch:read": _BUREAU | _ENTERPRISE,
    "auth:vouch:give": frozenset({Role.ORG_OFFICER}),
    "auth:vouch:end": frozenset({Role.ORG_OFFICER, Role.SECURITY_OFFICER}),
    "auth:registration:read": _BUREAU,
    "auth:registration:write": frozenset({Role.STEWARD}),
    "auth:registration:review": frozenset({Role.CATALOG_ADMIN, Role.REVIEWER_BUSINESS}),
    "auth:registration:certify": frozenset({Role.APPROVER}),
    "auth:review:read": _BUREAU,
    "auth:review:open": frozenset({Role.SECURITY_OFFICER, Role.APPROVER}),
    "auth:review:answer": frozenset({Role.STEWARD}),
    "auth:review:decide": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:campaign:open": frozenset({Role.SECURITY_OFFICER}),
    "auth:pilot:mark": frozenset({Role.APPROVER}),
    "auth:openplan:read": _BUREAU,
    "auth:openplan:plan": frozenset({Role.CATALOG_ADMIN}),
    "auth:openplan:finish": frozenset({Role.CATALOG_ADMIN, Role.STEWARD}),
    "auth:profile:read": _BUREAU,
    "auth:profile:propose": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:profile:confirm": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:incident:read": _BUREAU,
    "auth:incident:freeze": frozenset({Role.SECURITY_OFFICER}),
    "auth:audit:read": frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:audit:acknowledge": frozenset({Role.SECURITY_OFFICER}),
    "auth:user:read": frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:user:admin": frozenset({Role.SYSADMIN}),
    "auth:org:read": frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER, Role.APPROVER}),
    "auth:org:admin": frozenset({Role.SYSADMIN}),
    "auth:org:licence": frozenset({Role.APPROVER, Role.SECURITY_OFFICER}),
    "auth:key:admin": frozenset({Role.SYSADMIN}),
    "auth:key:read": frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER}),
    "auth:key:end": frozenset({Role.SYSADMIN, Role.SECURITY_OFFICER}),
    "auth:glass:use": frozenset({Role.SYSADMIN, Role.SECURITY_OFFICER}),
}

# What each of these may have a deputy do; nothing else comes with a lent role, and no other role can be lent.
_LENT_BY_ALL: Final = frozenset(
    {
        "auth:application:read",
        "auth:application:comment",
        "auth:application:return",
        "auth:policy:read",
        "auth:policy:simulate",
    }
)
LENDABLE: Final[Mapping[Role, frozenset[str]]] = {
    Role.APPROVER: _LENT_BY_ALL | {"auth:application:decide"},
    Role.REVIEWER_BUSINESS: _LENT_BY_ALL | {"auth:application:screen", "auth:application:review"},
    Role.REVIEWER_SECURITY: _LENT_BY_ALL | {"auth:application:review"},
}

# What cannot be taken back lightly asks for a second factor given a moment ago.
FRESH_FACTOR: Final[frozenset[str]] = frozenset(
    {
        "auth:application:decide",
        "auth:application:accept",
        "auth:commitment:sign",
        "auth:grant:revoke",
        "auth:grant:resume",
        "auth:revocation:confirm",
        "auth:glass:use",
        "auth:profile:confirm",
        "auth:fee-cap:confirm",
        "auth:disclosure:publish",
        "auth:audit:acknowledge",
        "auth:key:admin",
        "auth:org:licence",
        "auth:agreement:approve",
        "datasets:output:check",
    }
)
# Whoever decides, or prepares what leaves, acts only once a second factor is enrolled.
FACTOR_ROLES: Final[frozenset[Role]] = frozenset(
    {Role.STEWARD, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.OUTPUT_CHECKER, Role.CATALOG_ADMIN}
).union(*(PERMISSIONS[name] for name in FRESH_FACTOR))


def lends(role: Role, permission: str) -> bool:
    """Whether a lent role of this kind still permits this."""
    return permission in LENDABLE.get(role, frozenset())


def permitted(roles: frozenset[Role], permission: str) -> bool:
    """Whether any of `roles` may do this at all. An unknown permission is refused to everybody."""
    return not roles.isdisjoint(PERMISSIONS.get(permission, frozenset()))
