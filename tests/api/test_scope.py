"""Whoever is outside an object's scope learns nothing of it, not even that it is there: every route with an id, real objects.

For each route and each stranger the answer must be the one that an id of nothing gets, and never one that lets in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from auth import audit
from auth.actor import SYSTEM
from auth.agreements import service as agreements
from auth.agreements.model import AgreementBody, PlanBody
from auth.anomalies.tables import AnomalyRow
from auth.applications.tables import (
    ApplicationCoApplicantRow,
    ApplicationCommentRow,
    ApplicationInvitationRow,
)
from auth.clocks.tables import ExtensionRow
from auth.consents import service as consents
from auth.consents.service import ConsentCreate
from auth.delegations import service as delegations
from auth.delegations.service import DelegationCreate
from auth.demands import service as demands
from auth.demands.service import DemandCreate
from auth.duties import service as duties
from auth.duties.service import DutyAnswer
from auth.erasure import service as erasures
from auth.erasure.service import ErasureCreate
from auth.identity import api_keys, refresh, sessions
from auth.identity.api_keys import ApiKeyCreate
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.openplan import service as openplan
from auth.openplan.service import TaskCreate
from auth.papers.tables import CommitmentRow, PaperRow
from auth.products.tables import ProductRow
from auth.profile import service as profiles
from auth.profile.model import shipped
from auth.profile.service import ProfileProposal
from auth.registrations import service as registrations
from auth.registrations.service import RegistrationCreate
from auth.reviews import service as reviews
from auth.reviews.service import CampaignOpen
from auth.revocations.tables import RevocationRow
from auth.selfcheck.tables import SelfCheckRow
from auth.suspensions.tables import SuspensionProposalRow
from auth.vouching import service as vouching
from auth.vouching.service import VouchGive
from auth.webhooks.tables import DeliveryRow, EndpointRow
from catalog.changes import service as changes
from catalog.changes.models import Wish, Wishes
from catalog.discussions.tables import PostRow
from catalog.proposals import service as proposals
from catalog.reuses.tables import ReuseRow
from catalog.search import saved
from catalog.search.saved import SavedAsk
from datasets.batches import service as batches
from datasets.enclave.tables import EnclaveRow
from datasets.extracts.tables import ExtractRow
from datasets.harvest.tables import HarvestRunRow, HarvestSourceRow
from datasets.outputs.tables import OutputReviewRow
from datasets.people import stamp
from datasets.push.tables import PushRunRow, PushTargetRow
from datasets.queries.tables import AnswerRow
from datasets.releases.tables import ReleaseRow
from datasets.sources.tables import SourceRow
from datasets.tickets.tables import TicketRow, UpstreamFixRow
from datasets.waivers.tables import WaiverRow
from quality.schemes import service as schemes
from quality.schemes.model import shipped as shipped_scheme
from quality.schemes.service import SchemeProposal
from tests.api.bodies import request_of
from tests.api.route_matrix import METHODS
from tests.catalog.records import a_dataset
from tests.datasets.parking import CLEAN, COLUMNS, DATASET, save_suite
from tests.desk import a_desk, a_grant
from tests.people import a_person, actor_of, app_of

NOTHING = "00000000-0000-7000-8000-000000000000"
STRANGERS = {
    "outsider": ("mapper", ["org_officer", "applicant", "analyst"]),
    "neighbour": ("roads", ["steward", "reviewer_business"]),
}
# Seen by everybody who signs in, or named by whoever administers them: no scope to be outside of.
OPEN = {
    "action", "after", "assignment_id", "before", "change_id", "day", "form", "kind", "month", "name", "number", "org_id", "resource_id", "schema", "share", "table", "token", "user", "year", "publisher_id", "theme_code", "group_id", "region_code",
}  # fmt: skip


@pytest.fixture
def things(sqlite_house: House) -> dict[str, str]:
    """One existing object for each kind of id, all of the insurer or of department `parks`."""
    desk = a_desk(sqlite_house)
    grant = a_grant(desk)
    with sqlite_house.write() as work:
        for username, (org, roles) in STRANGERS.items():
            a_person(work, username, org, roles)
        a_dataset(work, DATASET, "parks", draft=True, columns=COLUMNS)
        save_suite(work)
        stored = sqlite_house.files.put([CLEAN])
        batch = batches.receive(work, actor_of(work, "steward_a"), DATASET, "lots.csv", stored)
        analyst = actor_of(work, "analyst")
        session = sessions.open_session(work, analyst, ip="", agent="")
        key = api_keys.create(work, analyst, ApiKeyCreate(name="nightly"))
        family, _ = refresh.start(work, analyst, sqlite_house.settings)
        words = PostRow(
            id=work.new_id(), thread_id="", dataset_id=DATASET, kind="question", body="words", author=stamp(actor_of(work, "steward_a")),
            person_id="p", posted_at=work.now,
        )  # fmt: skip
        words.thread_id = words.id
        reuse = ReuseRow(
            id=work.new_id(), dataset_id=DATASET, kind="other", title="t", summary="s", made_by="m", author=stamp(actor_of(work, "steward_a")),
            person_id="p", posted_at=work.now, state="suggested",
        )  # fmt: skip
        remark = ApplicationCommentRow(
            id=work.new_id(), application_id=grant.application_id, turn=1, audience="internal", body="words", by_bureau=True, person_id="p",
            account_id="a", author_name="screener", at=work.now,
        )  # fmt: skip
        seat = ApplicationInvitationRow(
            id=work.new_id(), application_id=grant.application_id, turn=1, stage="business:parks", account_id="reviewer", person_id="reviewer",
            username="reviewer", invited_by="reviewer", invited_by_name="reviewer", at=work.now,
        )  # fmt: skip
        helper = ApplicationCoApplicantRow(
            id=work.new_id(), application_id=grant.application_id, account_id="analyst", person_id="analyst", username="analyst",
            added_by="analyst", added_by_name="analyst", at=work.now,
        )  # fmt: skip
        work.db.add_all([words, reuse, remark, seat, helper])
        wish = Wish(dataset_id=DATASET, fields={"contact": "0755-1"})
        changed = changes.carry_out(work, actor_of(work, "steward_a"), Wishes(changes=[wish]))
        proposal = proposals.ask_publication(work, actor_of(work, "steward_a"), DATASET)
        release = ReleaseRow(
            id=work.new_id(), dataset_id=DATASET, org_id="parks", number=1, batch_id=batch.id, content_sha256="0" * 64,
            batch_sha256="0" * 64, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", prepared={},
            publisher={}, requested_at=work.now,
        )  # fmt: skip
        work.db.add(release)
        work.db.flush()
        extract = ExtractRow(
            id=work.new_id(), grant_id=grant.id, application_id=grant.application_id, dataset_id=grant.dataset_id,
            release_id=release.id, release_number=1, org_id="insurer", requested_by=analyst.account_id,
            requested_name="analyst", person_id=analyst.person_id, state="ready", columns="[]", purpose="risk-pricing",
            scenario_id="safety", form="extract_parquet", policy_hash="0" * 64, requested_at=work.now, receipt="{}",
        )  # fmt: skip
        work.db.add(extract)
        told = AnswerRow(
            id=work.new_id(), form="query_agg", state="answered", grant_id=grant.id, application_id=grant.application_id,
            dataset_id=grant.dataset_id, release_id=release.id, release_number=1, org_id="insurer",
            account_id=analyst.account_id, person_id=analyst.person_id, asked_name="analyst", asked_at=work.now,
            purpose="risk-pricing", scenario_id="safety", query="{}", query_hash="0" * 64,
        )  # fmt: skip
        work.db.add(told)
        output = OutputReviewRow(
            id=work.new_id(), kind="extract", subject_id=extract.id, dataset_id=grant.dataset_id, department_id="parks",
            org_id="insurer", grant_id=grant.id, application_id=grant.application_id, release_id=release.id, release_number=1,
            form="extract_parquet", level=2, purpose="risk-pricing", needed=1, sha256="0" * 64, rows=1, size_bytes=1,
            requested_by=analyst.account_id, person_id=analyst.person_id, opened_at=work.now, due_on=work.now.date(),
        )  # fmt: skip
        work.db.add(output)
        inside = EnclaveRow(
            id=work.new_id(), grant_id=grant.id, application_id=grant.application_id, dataset_id=grant.dataset_id,
            department_id="parks", org_id="insurer", requested_by=analyst.account_id, requested_name="analyst",
            person_id=analyst.person_id, purpose="risk-pricing", scenario_id="safety", spec="{}", spec_hash="0" * 64,
            because="a reason", submitted_at=work.now,
        )  # fmt: skip
        work.db.add(inside)
        source = SourceRow(
            id=work.new_id(), dataset_id=DATASET, org_id="parks", name="lots", kind="http", schedule="manual",
            config={"kind": "http", "url": "http://example.org/lots.csv", "header": None}, created_at=work.now,
            owner=stamp(actor_of(work, "steward_a")), state="paused",
        )  # fmt: skip
        work.db.add(source)
        ticket = TicketRow(
            id=work.new_id(), number=1, dataset_id=DATASET, org_id="parks", rule_key="K1", rule_digest="", rule_zh="规则",
            rule_en="rule", severity="critical", opened_at=work.now, batch_id=batch.id, due_on=work.now.date(),
            assignee_org="parks",
        )  # fmt: skip
        waiver = WaiverRow(
            id=work.new_id(), dataset_id=DATASET, org_id="parks", rule_key="K1", rule_digest="", rule_type="", rule_zh="规则",
            rule_en="rule", severity="critical", reason="a reason", valid_to=work.now.date(), signed=stamp(analyst),
            signed_at=work.now,
        )  # fmt: skip
        fix = UpstreamFixRow(
            id=work.new_id(), dataset_id=DATASET, org_id="parks", rule_key="K1", rule_zh="规则", rule_en="rule", failed=3,
            of=5, seen_number=1, proposed_at=work.now,
        )  # fmt: skip
        work.db.add_all([ticket, waiver, fix])
        anomaly = AnomalyRow(
            id=work.new_id(), state="OPEN", created_by="system", created_person="", created_at=work.now, grant_id=grant.id,
            org_id="insurer", dataset_id=DATASET, department_id="parks", rule="volume", action="alert", seen=9, threshold=5,
            text_zh="突增", text_en="more",
        )  # fmt: skip
        work.db.add(anomaly)
        paper = PaperRow(
            id=work.new_id(), state="PROMISED", created_by="system", created_person="", created_at=work.now, application_id=grant.application_id,
            org_id="insurer", key="plan", title_zh="方案", title_en="Plan",
        )  # fmt: skip
        work.db.add(paper)
        work.db.flush()
        promise = CommitmentRow(
            id=work.new_id(), state="BROKEN", created_by="system", created_person="", created_at=work.now, paper_id=paper.id,
            application_id=grant.application_id, org_id="insurer", title_zh="方案", title_en="Plan", document="{}", sha256="0" * 64,
            signer_zh="负责人", signer_en="Officer",
        )  # fmt: skip
        work.db.add(promise)
        work.db.flush()
        suspension = SuspensionProposalRow(
            id=work.new_id(), state="OPEN", created_by="system", created_person="", created_at=work.now, grant_id=grant.id,
            commitment_id=promise.id, application_id=grant.application_id, org_id="insurer", dataset_id=DATASET, department_id="parks", found="not so",
        )  # fmt: skip
        work.db.add(suspension)
        revocation = RevocationRow(
            id=work.new_id(), state="WAITS", created_by="system", created_person="", created_at=work.now, grant_id=grant.id,
            application_id=grant.application_id, org_id="insurer", dataset_id=DATASET, department_id="parks", reason="beyond its purpose",
            confirm_by=work.now,
        )  # fmt: skip
        work.db.add(revocation)
        incident = incidents.freeze(
            work, actor_of(work, "watch"), IncidentCreate(target_kind=Target.GRANT, target_id=grant.id, reason="核查使用范围"),
            assets=desk.assets,
        )  # fmt: skip
        answer = DutyAnswer(text="用于旅游风险评估，未对外提供")
        duty = duties.report_early(work, actor_of(work, "officer"), grant.id, answer)
        drafter = SYSTEM
        plan = agreements.draft_plan(work, drafter, PlanBody(title="方案"))
        agreement = agreements.draft(
            work,
            drafter,
            AgreementBody(
                title="协议", operator_id="insurer", starts_on=work.now.date(), ends_on=work.now.date()
            ),
        )
        weights = schemes.propose(
            work, drafter, SchemeProposal(scheme=shipped_scheme(), reason="按上级文件执行")
        )
        version = profiles.propose(
            work, drafter, ProfileProposal(profile=shipped()["generic-open-data"], reason="按上级文件执行")
        )
        demand = demands.state_need(
            work,
            actor_of(work, "applicant"),
            DemandCreate(title="充电桩分布", need="全区公共充电桩的位置与功率"),
        )
        paper = ConsentCreate(
            dataset_id=grant.dataset_id, provider="市局", signatory="李", consented_on=work.now.date(), starts_on=work.now.date(),
            ends_on=work.now.date(), evidence_name="函", evidence_sha256="0" * 64,
        )  # fmt: skip
        consent = consents.enter(work, actor_of(work, "steward_a"), paper, assets=desk.assets)
        word = vouching.give(
            work,
            actor_of(work, "officer"),
            VouchGive(username="analyst", until=work.now.date() + timedelta(days=30)),
        )
        act = registrations.draft(
            work,
            actor_of(work, "steward_a"),
            RegistrationCreate(dataset_id=grant.dataset_id),
            assets=desk.assets,
        )
        cover = delegations.offer(
            work, actor_of(work, "approver"),
            DelegationCreate(deputy="steward_a", scope="*", starts_on=work.now.date(), ends_on=work.now.date(), reason="年假"),
        )  # fmt: skip
        gone = erasures.ask(work, actor_of(work, "analyst"), ErasureCreate())
        look = reviews.evaluate(work, actor_of(work, "watch"), grant.id)
        campaign = reviews.open_campaign(work, actor_of(work, "watch"), CampaignOpen())
        task = openplan.enter(
            work,
            SYSTEM,
            TaskCreate(year=2026, title="开放停车数据", department_id="parks", due_on=date(2026, 6, 30)),
        )
        asked = ExtensionRow(
            id=work.new_id(), application_id=grant.application_id, turn=1, stage="decide", working_days=3, reason="a reason",
            asked_by="screener", asked_by_person="p", asked_at=work.now,
        )  # fmt: skip
        product = ProductRow(
            id=work.new_id(), org_id="insurer", name_zh="指数", name_en="Index", kind="report", summary="s",
            scenario_id="safety", purpose="risk-pricing", unit="times", price_fen=0, entered_by="officer", entered_at=work.now,
        )  # fmt: skip
        endpoint = EndpointRow(
            id=work.new_id(), org_id="insurer", account_id=analyst.account_id, url="https://example.org/", secret="s",
            created_at=work.now,
        )  # fmt: skip
        harvest = HarvestSourceRow(
            id=work.new_id(), title="portal", org_id="parks", form="ckan", config={"url": "https://example.org/"},
            schedule="manual", proposed=stamp(actor_of(work, "steward_a")), created_at=work.now,
        )  # fmt: skip
        need = PaperRow(
            id=work.new_id(), state="PROMISED", created_by="officer", created_person="p", created_at=work.now,
            application_id=grant.application_id, org_id="insurer", key="record", title_zh="证明", title_en="Record", departments='["parks"]',
        )  # fmt: skip
        work.db.add(need)
        work.db.flush()
        pledge = CommitmentRow(
            id=work.new_id(), state="STANDING", created_by="officer", created_person="p", created_at=work.now, paper_id=need.id,
            application_id=grant.application_id, org_id="insurer", departments='["parks"]', title_zh="证明", title_en="Record",
            document="{}", sha256="0" * 64, signer_zh="某", signer_en="Somebody",
        )  # fmt: skip
        portal = PushTargetRow(
            id=work.new_id(), title="portal", org_id="parks", url="https://example.org", portal_org="o", reach="department",
            schedule="manual", proposed=stamp(actor_of(work, "steward_a")), created_at=work.now,
        )  # fmt: skip
        looked = SelfCheckRow(
            id=work.new_id(), subject="insurer", document="{}", sha256="0" * 64, passed=0, failed=0, not_applicable=0, kept_by="officer",
            kept_at=work.now,
        )  # fmt: skip
        work.db.add_all([asked, product, endpoint, harvest, portal, pledge, looked])
        work.db.flush()
        delivery = DeliveryRow(
            id=work.new_id(), endpoint_id=endpoint.id, event_id="e", kind="grant.revoked", ordering="o", body="{}",
            due_at=work.now, created_at=work.now,
        )  # fmt: skip
        run = HarvestRunRow(id=work.new_id(), source_id=harvest.id, asked_at=work.now)
        sent = PushRunRow(id=work.new_id(), target_id=portal.id, mode="all", asked_at=work.now)
        work.db.add_all([delivery, run, sent])
        search = saved.save(work, analyst, SavedAsk(query="q=parking"))
        event = audit.record(work, analyst, "extract.delivered", subject=extract.id, grant_id=grant.id)
    return {
        "application_id": grant.application_id, "grant_id": grant.id, "batch_id": batch.id, "job_id": str(batch.job_id),
        "dataset_id": DATASET, "release_id": release.id, "extract_id": extract.id, "answer_id": told.id, "session_id": session.session_id, "family_id": family,
        "source_id": source.id, "search_id": search.id, "key_id": key.id, "event_id": event.id, "ticket_id": ticket.id, "waiver_id": waiver.id, "fix_id": fix.id,
        "incident_id": incident.id, "duty_id": duty.id, "plan_id": plan.id, "agreement_id": agreement.id,
        "profile_id": version.id, "scheme_id": weights.id, "view_id": "0" * 64, "extension_id": asked.id, "product_id": product.id,
        "endpoint_id": endpoint.id, "delivery_id": delivery.id, "harvest_id": harvest.id, "run_id": run.id,
        "target_id": portal.id, "push_run_id": sent.id,
        "share": "safety", "schema": "PK", "table": grant.dataset_id, "which": "renew", "address": "0/000.p/1",
        "output_id": output.id, "enclave_id": inside.id, "self_check_id": looked.id,
        "anomaly_id": anomaly.id, "suspension_id": suspension.id, "revocation_id": revocation.id, "demand_id": demand.id, "consent_id": consent.id, "vouch_id": word.id, "delegation_id": cover.id, "erasure_id": gone.id, "task_id": task.id, "review_id": look.id,
        "paper_key": need.key, "commitment_id": pledge.id, "campaign_id": campaign.id, "registration_id": act.id, "rule": "volume", "record_proposal_id": proposal.id,
        "record_change_id": changed.id, "thread_id": words.id, "reuse_id": reuse.id, "comment_id": remark.id, "invitation_id": seat.id, "entry_id": helper.id, "step": "reply",
    }  # fmt: skip


@pytest.fixture
def client(sqlite_house: House, things: dict[str, str]) -> Iterator[TestClient]:
    with TestClient(app_of(sqlite_house), raise_server_exceptions=False, follow_redirects=False) as opened:
        yield opened


def _operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and arguments of every route whose path names an object."""
    document = client.app.openapi()  # type: ignore[attr-defined]
    for path, item in sorted(document["paths"].items()):
        if not set(re.findall(r"\{(\w+)\}", path)) - OPEN:
            continue
        for method in METHODS:
            if method in item:
                yield method.upper(), path, request_of(item[method], document)


def _filled(path: str, ids: dict[str, str]) -> str:
    if "/harvests/" in path:
        path = path.replace("{source_id}", "{harvest_id}")
    if "/pushes/" in path:
        path = path.replace("{run_id}", "{push_run_id}")
    for name in re.findall(r"\{(\w+)\}", path):
        assert name in ids or name in OPEN, f"{path}: tell tests/api/test_scope.py what {{{name}}} is"
        path = path.replace(f"{{{name}}}", ids.get(name, "1"))
    return path


def test_stranger_gets_the_answer_of_an_id_of_nothing(
    client: TestClient, sqlite_house: House, things: dict[str, str]
) -> None:
    """Each operation by one of the strangers, in turn."""
    operations, strangers = list(_operations(client)), [*STRANGERS, None]
    assert len(operations) > 400
    assert [
        fault
        for at, who in enumerate(strangers)
        for fault in _tells(client, sqlite_house, things, who, operations[at :: len(strangers)])
    ] == []


@pytest.mark.long
@pytest.mark.parametrize("who", [*STRANGERS, None])
def test_any_stranger_gets_the_answer_of_an_id_of_nothing(
    client: TestClient, sqlite_house: House, things: dict[str, str], who: str | None
) -> None:
    """Each operation by each of the strangers."""
    assert _tells(client, sqlite_house, things, who, _operations(client)) == []


def _tells(
    client: TestClient,
    house: House,
    things: dict[str, str],
    who: str | None,
    operations: Iterable[tuple[str, str, dict[str, Any]]],
) -> list[str]:
    """Where the answer differs from that of an object that is not there."""
    nothing = dict.fromkeys(things, NOTHING) | {"which": things["which"]}
    faults = []
    for method, path, how in operations:
        headers = how.pop("headers") | ({"authorization": f"Bearer {local_token(house, who)}"} if who else {})
        if method == "POST" and not path.startswith("/api/") and not {"json", "content"} & how.keys():
            how["data"] = {"version": "1"} | (how.get("data") or {})  # as the page's form says it
        real = client.request(method, _filled(path, things), headers=headers, **how)
        none = client.request(method, _filled(path, nothing), headers=headers, **how)
        allowed = (401, 403, 404) if none.status_code != 422 else (422,)
        if real.status_code != none.status_code or real.status_code not in allowed:
            faults.append(
                f"{method} {path}: {real.status_code}, of nothing {none.status_code}: {real.text[:200]}"
            )
        elif real.status_code == 403 and "role-lacks-permission" not in real.text and method != "HEAD":
            faults.append(f"{method} {path}: 403 tells that it is there: {real.text[:200]}")
    return faults


def test_the_objects_are_really_there(
    client: TestClient, sqlite_house: House, things: dict[str, str]
) -> None:
    """The counter-check: their own people do see them, so that a 404 above means what it says."""
    seen = {
        "applicant": ["/api/v1/applications/{application_id}", "/api/v1/grants/{grant_id}"],
        "analyst": ["/api/v1/extracts/{extract_id}", "/extracts/{extract_id}"],
        "steward_a": [
            "/api/v1/batches/{batch_id}", "/api/v1/jobs/{job_id}", "/api/v1/datasets/{dataset_id}",
            "/api/v1/datasets/{dataset_id}/suite", "/batches/{batch_id}", "/api/v1/sources/{source_id}",
            "/sources/{source_id}",
        ],
    }  # fmt: skip
    for username, paths in seen.items():
        headers = {"authorization": f"Bearer {local_token(sqlite_house, username)}"}
        for path in paths:
            answer = client.get(_filled(path, things), headers=headers)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
