"""One existing object for each kind of id, all of the insurer or of department `parks`; and people who have no part in them."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from api.house import House
from api.routes.selfchecks import around
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
from auth.caps import service as caps
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
from auth.grants import reading
from auth.identity import api_keys, refresh, sessions
from auth.identity.api_keys import ApiKeyCreate
from auth.incidents import service as incidents
from auth.incidents.service import IncidentCreate
from auth.incidents.workflow import Target
from auth.openplan import service as openplan
from auth.openplan.service import TaskCreate
from auth.papers.tables import CommitmentRow, PaperRow
from auth.products.service import CapCreate
from auth.products.tables import ProductRow
from auth.profile import service as profiles
from auth.profile.model import shipped
from auth.profile.service import ProfileProposal
from auth.registrations import service as registrations
from auth.registrations.service import RegistrationCreate
from auth.reviews import service as reviews
from auth.reviews.service import CampaignOpen
from auth.revocations.tables import RevocationRow
from auth.selfcheck import service as selfchecks
from auth.suspensions.tables import SuspensionProposalRow
from auth.vouching import service as vouching
from auth.vouching.service import VouchGive
from auth.webhooks.tables import DeliveryRow, EndpointRow
from catalog.assets import asset
from catalog.changes import service as changes
from catalog.changes.models import Wish, Wishes
from catalog.discussions.tables import PostRow
from catalog.proposals import service as proposals
from catalog.reuses.tables import ReuseRow
from catalog.search import saved
from catalog.search.saved import SavedAsk
from core.ids import DatasetId
from datasets.batches import service as batches
from datasets.enclave.model import EnclaveSpec
from datasets.enclave.tables import EnclaveRow
from datasets.harvest.tables import HarvestRunRow, HarvestSourceRow
from datasets.outputs.tables import OutputReviewRow
from datasets.people import stamp
from datasets.push.tables import PushRunRow, PushTargetRow
from datasets.queries.model import QueryAsk
from datasets.queries.tables import AnswerRow
from datasets.releases.tables import ReleaseRow
from datasets.sources.tables import SourceRow
from datasets.tickets.tables import TicketRow, UpstreamFixRow
from datasets.waivers.tables import WaiverRow
from quality.schemes import service as schemes
from quality.schemes.model import shipped as shipped_scheme
from quality.schemes.service import SchemeProposal
from tests.catalog.records import a_dataset
from tests.datasets.extracts.scene import VENUES, a_scene
from tests.datasets.parking import CLEAN, COLUMNS, DATASET, save_suite
from tests.people import a_person, actor_of

NOTHING = "00000000-0000-7000-8000-000000000000"
STRANGERS = {
    "outsider": ("mapper", ["org_officer", "applicant", "analyst"]),
    "neighbour": ("roads", ["steward", "reviewer_business"]),
}
# Seen by everybody who signs in, or named by whoever administers them: no scope to be outside of.
OPEN = {
    "action", "after", "assignment_id", "before", "change_id", "day", "form", "kind", "month", "name", "number", "org_id", "resource_id", "schema", "share", "table", "token", "user", "year", "publisher_id", "theme_code", "group_id", "region_code",
}  # fmt: skip


PLEDGE = json.dumps({"text": {"zh": "承诺", "en": "I promise"}, "paper": {"source": "依据"}})


def spec_of(grant_id: str) -> dict[str, Any]:
    """A question under the grant: how many venues each district has."""
    return {
        "grant_id": grant_id, "dataset_id": VENUES, "purpose": "risk-pricing", "scenario_id": "safety", "select": [{"kind": "count"}],
        "group_by": [{"column": "district"}],
    }  # fmt: skip


def objects_of(house: House) -> dict[str, str]:
    """One existing object for each kind of id, all of the insurer or of department `parks`."""
    scene = a_scene(house, forms=["extract_parquet", "extract_csv", "enclave"])
    desk = scene.desk
    with desk.read("officer") as (work, actor):
        grant = reading.grant(work, actor, scene.grant_id)
    extract = scene.delivered(columns=["venue_id"])
    with house.write() as work:
        for username, (org, roles) in STRANGERS.items():
            a_person(work, username, org, roles)
        a_dataset(work, DATASET, "parks", draft=True, columns=COLUMNS)
        save_suite(work)
        stored = house.files.put([CLEAN])
        batch = batches.receive(work, actor_of(work, "steward_a"), DATASET, "lots.csv", stored)
        analyst = actor_of(work, "analyst")
        session = sessions.open_session(work, analyst, ip="", agent="")
        key = api_keys.create(work, analyst, ApiKeyCreate(name="nightly"))
        family, _ = refresh.start(work, analyst, house.settings)
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
            id=work.new_id(), dataset_id=DATASET, org_id="parks", number=1, state="superseded", batch_id=batch.id, content_sha256="0" * 64,
            batch_sha256="0" * 64, suite_version_id="s", suite_number=1, verdict_id="v", verdict="passed", prepared=stamp(analyst), publisher=stamp(analyst), requested_at=work.now,
        )  # fmt: skip
        work.db.add(release)
        work.db.flush()
        told = AnswerRow(
            id=work.new_id(), form="query_agg", state="answered", grant_id=grant.id, application_id=grant.application_id,
            dataset_id=grant.dataset_id, release_id=release.id, release_number=1, org_id="insurer",
            account_id=analyst.account_id, person_id=analyst.person_id, asked_name="analyst", asked_at=work.now,
            purpose="risk-pricing", scenario_id="safety", query=QueryAsk.model_validate(spec_of(grant.id)).model_dump_json(), query_hash="0" * 64,
            answer=json.dumps({"groups": ["district"], "measures": ["count"], "rows": [], "notes": {"round_to": 5, "min_group": 10, "digits": 3}}),
        )  # fmt: skip
        work.db.add(told)
        output = OutputReviewRow(
            id=work.new_id(), kind="extract", subject_id=extract.id, dataset_id=grant.dataset_id, department_id="parks",
            org_id="insurer", grant_id=grant.id, application_id=grant.application_id, release_id=release.id, release_number=1,
            form="extract_parquet", level=2, purpose="risk-pricing", needed=1, sha256="0" * 64, rows=1, size_bytes=1,
            requested_by=analyst.account_id, person_id=analyst.person_id, opened_at=work.now, due_on=work.now.date(),
        )  # fmt: skip
        work.db.add(output)
        spec = EnclaveSpec.model_validate(spec_of(grant.id))
        inside = EnclaveRow(
            id=work.new_id(), grant_id=grant.id, application_id=grant.application_id, dataset_id=grant.dataset_id,
            department_id="parks", org_id="insurer", requested_by=analyst.account_id, requested_name="analyst",
            person_id=analyst.person_id, purpose="risk-pricing", scenario_id="safety", spec=spec.model_dump_json(), spec_hash=spec.hash,
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
            application_id=grant.application_id, org_id="insurer", title_zh="方案", title_en="Plan", document=PLEDGE, sha256="0" * 64,
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
        desk.known[DatasetId(DATASET)] = asset(work, DATASET)
        incident = incidents.freeze(
            work, actor_of(work, "watch"), IncidentCreate(target_kind=Target.DATASET, target_id=DATASET, reason="核查使用范围"),
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
        price = CapCreate(
            scenario_id="safety",
            unit="times",
            cap_fen=5000,
            source="价格通知",
            effective_from=date(2026, 1, 1),
        )
        ceiling = caps.propose_fee(work, actor_of(work, "approver"), price)
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
            scenario_id="safety", purpose="risk-pricing", unit="times", price_fen=0, checks="[]", entered_by="officer", entered_at=work.now,
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
            document=PLEDGE, sha256="0" * 64, signer_zh="某", signer_en="Somebody",
        )  # fmt: skip
        portal = PushTargetRow(
            id=work.new_id(), title="portal", org_id="parks", url="https://example.org", portal_org="o", reach="department",
            schedule="manual", proposed=stamp(actor_of(work, "steward_a")), created_at=work.now,
        )  # fmt: skip
        looked = selfchecks.keep(work, actor_of(work, "officer"), "insurer", around(house))
        work.db.add_all([asked, product, endpoint, harvest, portal, pledge])
        work.db.flush()
        delivery = DeliveryRow(
            id=work.new_id(), endpoint_id=endpoint.id, event_id="e", kind="grant.revoked", ordering="o", body="{}",
            due_at=work.now, created_at=work.now,
        )  # fmt: skip
        run = HarvestRunRow(id=work.new_id(), source_id=harvest.id, asked_at=work.now)
        sent = PushRunRow(id=work.new_id(), target_id=portal.id, mode="all", asked_at=work.now)
        work.db.add_all([delivery, run, sent])
        search = saved.save(work, analyst, SavedAsk(query="q=parking"))
        event = audit.record(
            work,
            analyst,
            "extract.delivered",
            subject=extract.id,
            grant_id=grant.id,
            payload={"sha256": "0" * 64},
        )
    return {
        "application_id": grant.application_id, "grant_id": grant.id, "batch_id": batch.id, "job_id": str(batch.job_id),
        "dataset_id": DATASET, "release_id": release.id, "extract_id": extract.id, "answer_id": told.id, "session_id": session.session_id, "family_id": family,
        "source_id": source.id, "search_id": search.id, "key_id": key.id, "event_id": event.id, "ticket_id": ticket.id, "waiver_id": waiver.id, "fix_id": fix.id,
        "incident_id": incident.id, "duty_id": duty.id, "plan_id": plan.id, "agreement_id": agreement.id,
        "profile_id": version.id, "cap_id": ceiling.id, "scheme_id": weights.id, "view_id": "0" * 64, "extension_id": asked.id, "product_id": product.id,
        "endpoint_id": endpoint.id, "delivery_id": delivery.id, "harvest_id": harvest.id, "run_id": run.id,
        "target_id": portal.id, "push_run_id": sent.id,
        "share": "safety", "schema": "PK", "table": grant.dataset_id, "which": "renew", "address": "0/000.p/1",
        "output_id": output.id, "enclave_id": inside.id, "self_check_id": looked.id,
        "anomaly_id": anomaly.id, "suspension_id": suspension.id, "revocation_id": revocation.id, "demand_id": demand.id, "consent_id": consent.id, "vouch_id": word.id, "delegation_id": cover.id, "erasure_id": gone.id, "task_id": task.id, "review_id": look.id,
        "paper_key": need.key, "commitment_id": pledge.id, "campaign_id": campaign.id, "registration_id": act.id, "rule": "volume", "record_proposal_id": proposal.id,
        "record_change_id": changed.id, "thread_id": words.id, "reuse_id": reuse.id, "comment_id": remark.id, "invitation_id": seat.id, "entry_id": helper.id, "step": "reply",
    }  # fmt: skip
