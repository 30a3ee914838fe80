"""Demo organisations and people. Each source department has two stewards, because two people publish a release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from api.sample.credit import credit_code
from core.text import Text


@dataclass(frozen=True, slots=True)
class Organisation:
    """kind: implementing_body, source_department, operator or developer. Public bodies need no licence."""

    id: str
    name: Text
    kind: str
    credit_code: str
    licence_valid_to: date | None = None

    @property
    def is_enterprise(self) -> bool:
        return self.kind in ("operator", "developer")


@dataclass(frozen=True, slots=True)
class Person:
    """A demo account; `roles` are those of `auth.roles`, counted where the organisation says."""

    username: str
    name_zh: str
    name_en: str
    org: str
    roles: tuple[str, ...]
    does: Text


ORGANISATIONS: Final = (
    Organisation("org-bureau", Text("政务服务和数据管理局（示例）", "Government Services and Data Bureau (sample)"), "implementing_body", credit_code("11", 1)),
    Organisation("org-transport", Text("交通运输部门（示例）", "Transport Department (sample)"), "source_department", credit_code("11", 2)),
    Organisation("org-parking", Text("城市管理停车部门（示例）", "City Parking Office (sample)"), "source_department", credit_code("11", 3)),
    Organisation("org-tourism", Text("文化旅游部门（示例）", "Culture and Tourism Department (sample)"), "source_department", credit_code("11", 4)),
    Organisation("org-weather", Text("气象部门（示例）", "Weather Service (sample)"), "source_department", credit_code("11", 5)),
    Organisation("org-emergency", Text("应急管理部门（示例）", "Emergency Department (sample)"), "source_department", credit_code("11", 6)),
    Organisation("org-insurer", Text("海湾示例财产保险有限公司", "Haiwan Sample Insurance"), "operator", credit_code("91", 9001), date(2028, 12, 31)),
    Organisation("org-map", Text("鹏图示例地图科技有限公司", "Pengtu Sample Maps"), "operator", credit_code("91", 9002), date(2028, 6, 30)),
    Organisation("org-lapsed", Text("旧港示例数据服务有限公司", "Jiugang Sample Data Services"), "developer", credit_code("91", 9003), date(2025, 12, 31)),
)  # fmt: skip


def _department(
    org: str, stem: str, zh: str, en: str, names: tuple[tuple[str, str], ...]
) -> tuple[Person, ...]:
    """The three people of a source department: who prepares, who publishes, who reviews applications."""
    (prepares, publishes, reviews) = names
    return (
        Person(f"{stem}-prepare", *prepares, org, ("steward",), Text(f"{zh}：交批次、改错", f"{en}: hands in and corrects batches")),
        Person(f"{stem}-publish", *publishes, org, ("steward",), Text(f"{zh}：复核发布、激活授权", f"{en}: publishes releases, activates grants")),
        Person(f"{stem}-review", *reviews, org, ("reviewer_business",), Text(f"{zh}：受理并审核申请", f"{en}: screens and reviews applications")),
    )  # fmt: skip


def _enterprise(org: str, stem: str, names: tuple[tuple[str, str], ...]) -> tuple[Person, ...]:
    officer, applicant, analyst = names
    return (
        Person(f"{stem}-officer", *officer, org, ("org_officer",), Text("签署授权条款", "Signs the terms")),
        Person(f"{stem}-applicant", *applicant, org, ("applicant",), Text("提出申请", "Files applications")),
        Person(f"{stem}-analyst", *analyst, org, ("analyst",), Text("提取数据", "Takes extracts")),
    )


PEOPLE: Final = (
    Person("admin", "赵示例", "Zhao Sample", "org-bureau", ("sysadmin",), Text("人员、机构与密钥", "People, organisations and keys")),
    Person("admin2", "胡示例", "Hu Sample", "org-bureau", ("sysadmin",), Text("复核角色变更", "Confirms changes of roles")),
    Person("catalog", "钱示例", "Qian Sample", "org-bureau", ("catalog_admin",), Text("管理目录", "Keeps the catalogue")),
    Person("security", "孙示例", "Sun Sample", "org-bureau", ("reviewer_security",), Text("安全审核", "Reviews security")),
    Person("security-second", "邹示例", "Zou Sample", "org-bureau", ("reviewer_security",), Text("安全审核（四级数据的第二人）", "Reviews security, as the second person on level 4")),
    Person("approver", "李示例", "Li Sample", "org-bureau", ("approver",), Text("作出授权决定", "Decides on grants")),
    Person("planner", "田示例", "Tian Sample", "org-bureau", ("reviewer_business",), Text("草拟实施方案与协议", "Drafts plans and agreements")),
    Person("officer", "周示例", "Zhou Sample", "org-bureau", ("security_officer",), Text("暂停与撤销授权", "Suspends and revokes grants")),
    Person("officer-second", "云示例", "Yun Sample", "org-bureau", ("security_officer",), Text("恢复与确认撤销（第二人）", "Resumes and confirms revocations, as the second person")),
    Person("checker", "金审例", "Jin Checker", "org-bureau", ("output_checker",), Text("出域审核", "Reviews what is to leave")),
    Person("checker2", "魏审例", "Wei Checker", "org-bureau", ("output_checker",), Text("出域审核（第二人）", "Reviews what is to leave, as the second person")),
    Person("clerk", "柳示例", "Liu Sample", "org-bureau", ("clerk",), Text("帮代办：为企业起草", "Drafts for enterprises")),
    Person("auditor", "吴示例", "Wu Sample", "org-bureau", ("auditor",), Text("查阅全部记录", "Reads every record")),
    *_department("org-transport", "transport", "交通", "Transport", (("郑示例", "Zheng Sample"), ("王示例", "Wang Sample"), ("冯示例", "Feng Sample"))),
    *_department("org-parking", "parking", "停车", "Parking", (("陈示例", "Chen Sample"), ("褚示例", "Chu Sample"), ("卫示例", "Wei Sample"))),
    *_department("org-tourism", "tourism", "文旅", "Tourism", (("蒋示例", "Jiang Sample"), ("沈示例", "Shen Sample"), ("韩示例", "Han Sample"))),
    *_department("org-weather", "weather", "气象", "Weather", (("杨示例", "Yang Sample"), ("朱示例", "Zhu Sample"), ("秦示例", "Qin Sample"))),
    *_department("org-emergency", "emergency", "应急", "Emergency", (("尤示例", "You Sample"), ("许示例", "Xu Sample"), ("何示例", "He Sample"))),
    Person("emergency-second", "喻示例", "Yu Sample", "org-emergency", ("reviewer_business",), Text("应急：审核申请（四级数据的第二人）", "Emergency: reviews applications, as the second person on level 4")),
    Person("emergency-approve", "郎示例", "Lang Sample", "org-emergency", ("approver",), Text("敏感数据的第二审批人", "Second approver of sensitive data")),
    *_enterprise("org-insurer", "insurer", (("吕示例", "Lü Sample"), ("施示例", "Shi Sample"), ("张示例", "Zhang Sample"))),
    *_enterprise("org-map", "map", (("孔示例", "Kong Sample"), ("曹示例", "Cao Sample"), ("严示例", "Yan Sample"))),
    *_enterprise("org-lapsed", "lapsed", (("华示例", "Hua Sample"), ("金示例", "Jin Sample"), ("陶示例", "Tao Sample"))),
)  # fmt: skip
