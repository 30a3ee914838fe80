"""Where a person's name or contact stands, in one list. A test walks the tables: a new column has to be entered here.

Ids of persons and accounts stay everywhere: without names behind them they are pseudonyms, and two-person rules still read them.
Columns of JSON need no entry: every stamp (`auth.stamps`) in them is found by the person's id and loses its names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from core.text import Text

Of = Literal["person", "account"]


class Name(NamedTuple):
    """A column that holds a user name or a person's name, and the column beside it that says whose. `blank`: emptied instead."""

    table: str
    column: str
    key: str
    of: Of
    blank: bool = False


class Drop(NamedTuple):
    """Rows that are about nothing but the person's account: contact data, proofs of identity, settings."""

    table: str
    key: str = "account_id"


NAMES: Final = (
    Name("auth_case_event", "actor_name", "person_id", "person"),
    Name("auth_delegation", "principal_name", "created_person", "person"),
    Name("auth_delegation", "deputy_name", "deputy_person", "person"),
    Name("auth_vouch", "username", "person_id", "person"),
    Name("auth_application_event", "for_name", "for_person", "person"),
    Name("auth_application_review", "reviewer_name", "person_id", "person"),
    Name("auth_application_review", "for_name", "for_person", "person"),
    Name("auth_application_comment", "author_name", "person_id", "person"),
    Name("auth_application_co_applicant", "username", "person_id", "person"),
    Name("auth_application_co_applicant", "added_by_name", "added_by", "account"),
    Name("auth_application_invitation", "username", "person_id", "person"),
    Name("auth_application_invitation", "invited_by_name", "invited_by", "account"),
    Name("auth_clock_receipt", "signed_by", "person_id", "person"),
    Name("auth_clock_extension", "asked_by", "asked_by_person", "person"),
    Name("auth_clock_extension", "decided_by", "decided_by_person", "person"),
    Name("auth_anomaly_setting", "set_by", "set_by_person", "person"),
    Name("auth_usage_event", "account", "person_id", "person"),
    Name("auth_session", "ip", "account_id", "account", blank=True),
    Name("auth_session", "agent", "account_id", "account", blank=True),
    Name("auth_api_key", "name", "account_id", "account", blank=True),
    Name("auth_role_change", "detail", "account_id", "account", blank=True),
    Name("catalog_import", "opened_name", "opened_by", "account"),
    Name("catalog_reuse", "made_by", "person_id", "person", blank=True),
    Name("quality_suite_version", "created_name", "created_by", "account"),
    Name("datasets_extract", "requested_name", "person_id", "person"),
    Name("datasets_enclave", "requested_name", "person_id", "person"),
    Name("datasets_enclave", "reviewed_name", "reviewer_person", "person"),
    Name("datasets_query_budget", "name", "holder", "account"),
    Name("datasets_query_cap", "set_name", "set_by", "account"),
    Name("datasets_mark_terms", "set_name", "set_by", "account"),
    Name("datasets_query_terms", "set_name", "set_by", "account"),
    Name("datasets_query_answer", "asked_name", "account_id", "account"),
    Name("datasets_query_verification", "asked_name", "account_id", "account"),
)
DROPS: Final = (
    Drop("auth_message"),
    Drop("auth_message_address"),
    Drop("auth_message_preference"),
    Drop("auth_factor"),
    Drop("auth_factor_proof"),
    Drop("auth_recovery_code"),
    Drop("auth_link"),
    Drop("catalog_saved_search"),
    Drop("datasets_follow"),
    Drop("core_once"),
)
# Places of names that stay, and why. Each is told to who decides.
KEPT: Final[Mapping[str, Text]] = {
    "auth_commitment.document": Text("已签署的文书，摘要在案", "a signed paper; its digest is on record"),
    "auth_commitment.signer_zh": Text("已签署的文书", "a signed paper"),
    "auth_commitment.signer_en": Text("已签署的文书", "a signed paper"),
    "auth_application_letter.document": Text("已签发的决定书，摘要在案", "an issued letter; its digest is on record"),
    "auth_application.assisted_for": Text("申请单位自己的说明，属于案卷", "the enterprise's own statement of who asked, part of the case file"),
    "auth_source_consent.signatory": Text("其他机关文书的签署人，属于案卷", "who signed another authority's paper, part of the case file"),
    "auth_audit_event.actor_name": Text("仅旧格式事件：写入后从不改写", "form 1 alone: written before names left the events, and never rewritten"),
    "datasets_extract.receipt": Text("已签名的回执，摘要在案", "a signed receipt; its digest is on record"),
    "catalog_dataset.contact": Text("部门公开的联系方式", "a department's public contact"),
}  # fmt: skip
# Of persons, yet ids, or words that name no person: they stay as they are.
NO_NAMES: Final = frozenset(
    {
        "auth_anomaly.is_suspended_by", "auth_audit_event.actor_account", "auth_audit_personal.is_name", "auth_delegation.deputy_account", "auth_product.name_en", "auth_revocation.confirm_by",
        "auth_product.name_zh", "catalog_dataset.replaced_by", "datasets_extract.checked_by", "auth_application.accepted_by", "auth_application.assisted_by", "auth_application_co_applicant.added_by", "auth_application.confirmed_by", "auth_application.created_by", "auth_application_handler.assigned_by", "auth_application_invitation.invited_by", "auth_disclosure.disclosed_by",
        "auth_fee.entered_by", "auth_fee_cap.set_by", "auth_grant.approved_by", "auth_paper_file.by", "auth_paper_file.name",
        "auth_pilot.marked_by", "auth_product.entered_by", "auth_revenue_cap.set_by", "auth_role_assignment.granted_by", "auth_role_change.asked_by", "auth_self_check.kept_by",
        "auth_role_change.settled_by", "auth_usage_column.name", "catalog_change_set.undone_by", "catalog_column.name", "catalog_dataset.created_by",
        "catalog_dataset.withdrawn_by", "catalog_description.name", "catalog_import.opened_by", "catalog_org_description.name", "catalog_synonym.set_by",
        "core_job.requested_by", "datasets_batch.name", "datasets_enclave.requested_by", "datasets_extract.requested_by", "datasets_output_review.requested_by", "datasets_push_result.name",
        "datasets_mark_terms.set_by", "datasets_query_cap.set_by", "datasets_query_terms.set_by", "datasets_rule_failure.followed_by", "datasets_source.name", "datasets_ticket.mended_by",
        "datasets_view.requested_by", "quality_suite_version.created_by", "quality_suite_version.name", "auth_source_consent.evidence_name",
    }
)  # fmt: skip
