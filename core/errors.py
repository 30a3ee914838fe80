"""The error tree. Errors know no HTTP; `api.errors` gives each its status, once.

AppError
├── InputRefused        the payload or file cannot be taken; says where and what to do
├── NotSignedIn         no identity, or one that no longer counts
├── AccessRefused       identity known, answer no; lists every reason
│   └── SecondFactorNeeded  yes, once a second factor is given
├── NotFound            no such object within the caller's scope
│   └── Gone            it was there; a tombstone says why it left
├── Conflict            the object's state does not allow this now
│   ├── TransitionRefused   no such edge in the state machine for this caller
│   ├── Stale           somebody else changed it first
│   └── QuotaExceeded   nothing left to charge
├── TooMany             slow down
└── Unavailable         a part of the service is not ready
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from core import bases
from core.text import Lang, Text


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule's refusal. `code` is stable and kebab-case, `basis` names the rule and its source."""

    code: str
    text: Text
    basis: str
    facts: dict[str, object] = field(default_factory=dict)

    def as_json(self, lang: Lang) -> dict[str, object]:
        return {
            "code": self.code,
            "text": self.text.in_(lang),
            "basis": bases.said(self.basis, lang),
            **self.facts,
        }


class AppError(Exception):
    """Base of all errors that a person is told about.

    `detail` is one clear sentence: what, where, and what to do next. `facts` go into the answer as they are.
    """

    slug: ClassVar[str] = "error"
    title: ClassVar[Text] = Text("出错了", "Something went wrong")

    def __init__(self, detail: Text, *, reasons: Sequence[Reason] = (), **facts: object) -> None:
        super().__init__(detail.en)
        self.detail = detail
        self.reasons = tuple(reasons)
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Said again by another process as it was said here."""
        return partial(type(self), self.detail, reasons=self.reasons, **self.facts), ()


class InputRefused(AppError):
    slug = "input-refused"
    title = Text("输入无法接受", "Input refused")


class NotSignedIn(AppError):
    slug = "not-signed-in"
    title = Text("请先登录", "Sign in first")


class AccessRefused(AppError):
    slug = "access-refused"
    title = Text("不予许可", "Not permitted")


class SecondFactorNeeded(AccessRefused):
    slug = "second-factor-needed"
    title = Text("需要动态验证码", "A second factor is needed")


class NotFound(AppError):
    slug = "not-found"
    title = Text("未找到", "Not found")


class Gone(NotFound):
    slug = "gone"
    title = Text("已撤回", "Withdrawn")


class Conflict(AppError):
    slug = "conflict"
    title = Text("当前状态不允许", "Not possible in the present state")


class TransitionRefused(Conflict):
    slug = "transition-refused"
    title = Text("当前步骤不可用", "This step is not open")


class Stale(Conflict):
    slug = "stale"
    title = Text("内容已被他人修改", "Changed by somebody else")


class QuotaExceeded(Conflict):
    slug = "quota-exceeded"
    title = Text("额度不足", "Quota exceeded")


class TooMany(AppError):
    slug = "too-many"
    title = Text("请求过于频繁", "Too many requests")


class Unavailable(AppError):
    slug = "unavailable"
    title = Text("服务暂不可用", "Not available right now")


def refuse_if(reasons: Sequence[Reason]) -> None:
    """Raise AccessRefused with every reason; do nothing when there are none."""
    if reasons:
        raise AccessRefused(
            Text(
                "；".join(reason.text.zh for reason in reasons),
                " ".join(reason.text.en for reason in reasons),
            ),
            reasons=reasons,
        )
