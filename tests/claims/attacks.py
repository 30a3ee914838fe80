"""The attack list, as the design has it, each with the tests in which the attack fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.claims.claim import Claim, held

IDENTITY: Final = (
    held("alg none and case variants", "auth/identity/tokens::other_algorithms_are_refused", "auth/identity/tokens::unsigned_token_is_refused", "api/oidc::other_algorithms_than_the_keys_are_refused"),
    held("HS/RS confusion", "auth/identity/tokens::public_key_as_hmac_secret_is_refused", "auth/identity/tokens::key_kind_fixes_the_algorithm"),
    held("kid injection (path, SQL, unknown, duplicate)", "auth/identity/tokens::foreign_key_ids_are_refused", "auth/identity/tokens::duplicate_names_are_refused"),
    held("jku/x5u/jwk header", "auth/identity/tokens::headers_that_bring_keys_or_conditions_are_refused", "api/oidc::headers_that_bring_keys_or_are_of_another_kind_are_refused"),
    held("crit", "auth/identity/tokens::headers_that_bring_keys_or_conditions_are_refused"),
    held("typ swap (id or refresh token used as access)", "auth/identity/tokens::other_kinds_of_token_are_refused"),
    held("missing/array aud", "auth/identity/tokens::every_claim_is_required", "auth/identity/tokens::claims_that_do_not_fit_are_refused"),
    held("iss prefix", "auth/identity/tokens::claims_that_do_not_fit_are_refused", "api/oidc::claims_that_do_not_fit_sign_nobody_in"),
    held("nbf/iat future", "auth/identity/tokens::claims_that_do_not_fit_are_refused"),
    held("huge or nested JSON", "auth/bounds::a_token_may_have_eight_kilobytes_and_no_more", "auth/identity/tokens::oversized_and_malformed_texts_are_refused", "auth/identity/tokens::bodies_that_are_no_objects_are_refused", "auth/grants/keys::an_assertion_of_endless_length_is_not_parsed"),
    held("duplicate claims", "auth/identity/tokens::duplicate_names_are_refused"),
    held("non-canonical base64", "auth/identity/tokens::a_signature_has_one_spelling", "auth/identity/tokens::every_flipped_character_is_noticed"),
    held("replayed refresh", "api/sign_in::program_swaps_refresh_tokens_and_reuse_ends_the_family", "auth/identity/races::reuse_after_the_successor_was_used_revokes_even_within_ten_seconds", "auth/identity/races::refresh_token_sent_twice_at_once_has_one_successor", "auth/identity/bound_tokens::a_token_brought_by_another_program_ends_its_family", "auth/identity/bound_tokens::a_proof_counts_once_and_its_replay_is_written_down"),
    held("ticket replay", "api/download_tickets::a_ticket_downloads_once_without_signing_in", "api/download_tickets::of_sixteen_takers_at_once_one_gets_the_file"),
    held("key-rotation gap", "auth/identity/keyring::next_key_is_published_a_day_before_it_signs", "auth/identity/keyring::token_signed_before_a_turn_is_still_good", "auth/identity/keyring::retired_key_stops_counting_a_day_later"),
    held("session fixation", "api/sign_in::session_cannot_be_brought_along", "auth/identity/sessions::signing_in_again_ends_the_session_that_came_along"),
    held("login timing/user enumeration", "auth/identity/races::unknown_name_costs_the_same_time_as_a_known_one", "api/sign_in::every_name_has_a_password_compared_whether_there_is_one_or_not", "api/sign_in::wrong_password_keeps_the_name_and_says_no_more"),
    held("argon2 flood", "auth/identity/races::only_so_many_hash_at_once_and_the_rest_are_told_to_wait"),
)  # fmt: skip
AUTHORIZATION: Final = (
    held("IDOR on every id route (auto matrix: every route x every role x own/other org)", "api/scope::stranger_gets_the_answer_of_an_id_of_nothing", "api/scope::the_objects_are_really_there", "api/route_matrix::role_gets_in_where_its_permissions_say_and_nowhere_else"),
    held("mass assignment (status, org_id, quotas, approver)", "api/foreign_members::no_body_takes_a_member_that_it_does_not_name", "api/applications::nobody_sets_what_is_not_theirs_to_set", "api/datasets::malformed_or_foreign_fields_are_refused", "api/admin::bad_accounts_are_refused_whole", "auth/policy/narrowing::quota_may_not_grow_nor_vanish"),
    held("function-level (staff routes by enterprise token)", "api/route_matrix::role_gets_in_where_its_permissions_say_and_nowhere_else", "api/route_matrix::visitor_gets_in_nowhere_but_at_the_public_routes", "api/route_matrix::every_route_says_who_may_call_it"),
    held("role self-grant", "api/admin::nobody_gives_himself_a_role_even_through_a_second_account", "auth/identity/changes::whom_it_concerns_neither_asks_nor_confirms"),
    held("delegation loops", "auth/delegations::what_was_lent_is_not_lent_on_and_no_cover_hangs_on_another", "auth/deputies_machine::whoever_stands_in_for_whom_the_two_are_one_person"),
    held("SoD by second account", "auth/applications/separation::reviewer_does_not_decide_not_even_by_another_account", "auth/applications/separation::second_approver_is_another_person_of_another_department", "auth/applications/separation::approver_does_not_activate"),
    held("role swap", "auth/applications/separation::own_side_never_reviews_or_decides", "auth/applications/separation::decider_of_an_earlier_round_does_not_review"),
    held("org change mid-flow", "auth/applications/separation::first_signature_counts_for_the_department_in_which_it_was_given", "auth/applications/separation::whoever_applied_does_not_activate_or_resume_after_changing_sides"),
    held("invitation token reuse and wrong user", "auth/applications/inviting::who_is_invited_sees_it_is_told_votes_once_and_the_plan_goes_on", "auth/applications/inviting::an_invitation_is_for_one_turn_and_can_be_taken_back", "auth/applications/inviting::every_rule_that_binds_reviewers_binds_the_invited", why="an invitation to review names an account and has no token; accounts are opened by an administrator, and a second one confirms what they may do"),
    held("stale version decisions", "auth/applications/terms::decision_on_an_old_version_is_stale_and_without_version_refused", "api/applications::versions_guard_every_step"),
    held("double submit", "api/once::same_key_and_body_are_carried_out_once_and_answered_alike", "auth/applications/races::twins_submitted_at_once_leave_one"),
    held("two approvers racing", "auth/applications/races::two_approvers_at_once_make_one_decision", "auth/applications/races::sensitive_data_is_proposed_once_and_signed_once_when_many_try"),
    held("approve during return", "auth/applications/races::decided_and_sent_back_at_once_it_is_one_of_both"),
    held("activate of superseded grant", "auth/grants/succession::superseded_grant_comes_back_by_no_step", "auth/grants/succession::second_grant_for_the_same_line_is_not_activated_beside_the_first"),
    held("list/search/facet/count/autocomplete/ETag leaks of hidden objects", "catalog/search::drafts_are_found_by_their_own_department_only", "catalog/search::every_count_is_what_choosing_it_shows", "catalog/search::nothing_is_proposed_that_only_others_may_see", "api/ckan_reading::nothing_hidden_leaks", "api/standards::what_nobody_may_know_of_is_nowhere", "api/inside_words::a_known_entity_tag_tells_a_stranger_nothing"),
    held("export and webhook payload leaks", "api/webhooks::events_arrive_signed_in_order_and_only_what_one_may_see", "api/webhooks::only_listed_keys_leave", "auth/clocks/service::overdue_is_listed_within_sight_and_exported", "auth/supervision/ledger::only_watchers_may_read"),
    held("attachment of another application", "api/papers::a_paper_leaves_as_a_file_and_only_to_those_who_see_its_application"),
    held("internal comment shown to the applicant", "api/inside_words::no_answer_shows_the_applicant_what_was_said_inside", "auth/applications/sight::votes_are_blind_until_all_are_in_and_never_shown_to_the_applicant", "auth/messages/telling::messages_carry_no_notes"),
    held("error-message oracle", "api/applications::hidden_dataset_cannot_be_probed_by_applying", "api/scope::stranger_gets_the_answer_of_an_id_of_nothing", "datasets/extracts/deciding::unknown_columns_are_refused_like_ungranted_ones"),
    held("JSON:null vs missing", "api/datasets::malformed_or_foreign_fields_are_refused", "api/datasets::whole_replacement_empties_what_is_not_sent"),
)  # fmt: skip
DATA_PLANE: Final = (
    held("use after revoke/expiry (before, at, after the second; DST, leap day, timezone, clock step)", "datasets/extracts/deciding::a_grant_ends_at_its_second", "auth/policy/decisions::period_is_exact_to_the_second_in_every_zone", "datasets/extracts/deciding::what_ends_stops_downloads_at_once", "datasets/extracts/deciding::a_clock_that_steps_back_before_the_start_stops_use", why="a clock set back inside the period cannot be told from the right time"),
    held("mid-stream revoke", "api/revocation::no_chunk_that_begins_after_the_commit_leaves", "api/delivery::a_revocation_cuts_a_download_that_is_running"),
    held("Range and HEAD and If-Range requests", "datasets/extracts/deciding::what_ends_stops_downloads_at_once", "api/extracts::an_ended_grant_answers_no_question_about_the_file", "api/delivery::a_resumed_download_goes_on_only_with_the_same_file"),
    held("cached/presigned URL", "datasets/sharing/protocol::a_signed_link_ends_with_the_right_at_the_next_request", "datasets/sharing/protocol::a_link_is_worth_nothing_when_it_is_touched_or_old", "api/download_tickets::a_ticket_ends_with_the_right"),
    held("quota race (threads, processes, retries, idempotency-key reuse with other body)", "datasets/extracts/deciding::sixteen_people_racing_for_what_is_left_get_exactly_that", "crash/extract::extracts_killed_anywhere_are_made_and_charged_once", "datasets/extracts/building::a_build_killed_and_repeated_charges_once", "api/once::same_key_and_body_are_carried_out_once_and_answered_alike"),
    held("negative/overflow counts", "auth/grants/grants::negative_and_overflowing_charges_are_refused", "datasets/extracts/building::files_above_two_gib_fit_the_table"),
    held("filter bypass (OR true, NULL, NaN, -0, case/width/Unicode normalisation, collation, type coercion, date text)", "datasets/extracts/delivering::or_true_does_not_widen_the_grant", "datasets/extracts/delivering::rows_with_a_null_or_nan_in_the_filter_stay_invisible", "datasets/extracts/delivering::filter_values_are_compared_as_they_are", "datasets/extracts/compile::fast_filter_agrees_with_the_slow_reading", "datasets/extracts/deciding::a_request_that_does_not_fit_is_refused"),
    held("predicate on a denied column", "datasets/extracts/deciding::a_filter_may_not_probe_a_column_that_is_not_plain", "datasets/sharing/rows::a_filter_only_column_cannot_be_probed_by_pages", "datasets/queries/answers::what_the_grant_does_not_allow_is_refused_before_a_row_is_read"),
    held("sort/group/having on a denied column", "api/extracts::a_malformed_request_is_refused_before_it_means_anything", "datasets/queries/answers::what_the_grant_does_not_allow_is_refused_before_a_row_is_read", "datasets/sharing/rows::what_the_grant_does_not_give_is_refused_and_costs_nothing"),
    held("alias and dotted names", "datasets/extracts/delivering::names_that_an_engine_could_misread_are_read_as_they_are"),
    held("nested struct fields", "datasets/extracts/delivering::a_field_inside_a_nested_column_is_no_column"),
    held("Parquet statistics, dictionary pages, bloom filters and key-value metadata leaking removed rows/columns", "datasets/extracts/delivering::what_was_not_asked_for_is_nowhere_in_the_file", "datasets/extracts/delivering::no_value_of_a_dropped_or_masked_column_survives_in_the_bytes"),
    held("row-order leakage", "datasets/extracts/row_order::pseudonyms_do_not_stand_in_the_order_of_what_they_hide", "datasets/extracts/row_order::neither_masked_nor_dropped_nor_marked_values_leave_their_ranks", "datasets/extracts/row_order::no_form_of_extract_tells_the_ranks_of_a_pseudonymised_column", "datasets/extracts/delivering::the_place_of_a_row_in_the_release_is_not_told"),
    held("schema drift adding a sensitive column", "datasets/extracts/deciding::a_new_column_in_the_data_is_not_in_an_old_grant", "auth/policy/decisions::new_column_is_not_granted_by_itself"),
    held("mask inversion of small domains (phone hash)", "datasets/extracts/delivering::all_phone_numbers_under_any_other_key_undo_no_pseudonym", "datasets/extracts/compile::pseudonym_equals_an_ordinary_hmac", "datasets/extracts/delivering::a_leaked_pseudonym_can_be_traced_to_its_grant"),
    held("pseudonym joins across grants", "datasets/extracts/delivering::pseudonyms_are_the_same_within_a_grant_and_differ_between_grants"),
)  # fmt: skip
INFERENCE: Final = (
    held("differencing by one row", "datasets/queries/attacks::differencing_by_one_contributor_is_refused_in_either_order", "datasets/queries/attacks::the_narrower_question_first_is_no_way_round"),
    held("tracker", "datasets/queries/attacks::a_tracker_padded_to_a_large_group_is_refused"),
    held("averaging", "datasets/queries/attacks::asking_often_gives_the_same_answer_and_nothing_to_average", "datasets/queries/private_attacks::averaging_in_other_words_ends_with_the_budget"),
    held("negative query", "datasets/queries/attacks::a_negated_question_is_the_same_question"),
    held("intersecting grants", "datasets/queries/attacks::grants_of_one_organisation_are_held_against_each_other"),
    held("colluding orgs", "datasets/queries/private_attacks::colluding_accounts_and_grants_of_an_organisation_share_one_budget", why="statistics without noise are held against those of the same organisation alone; only private answers have one account for all"),
    held("small-group via filter on a unique key", "datasets/queries/answers::every_refusal_of_disclosure_control_looks_alike_and_is_charged", "datasets/queries/answers::contributors_count_not_their_rows"),
    held("empty-group presence", "datasets/queries/attacks::empty_groups_look_like_small_ones", "datasets/queries/private_noise::exact_figures_clamp_truncate_and_know_every_code"),
    held("clamp-bound learning", "datasets/queries/private_noise::exact_figures_clamp_truncate_and_know_every_code", "datasets/queries/private_noise::one_contributor_changes_no_figure_by_more_than_its_sensitivity"),
    held("budget exhaustion as a side channel", "datasets/queries/private::what_cannot_be_answered_is_refused_before_anything_is_taken", "datasets/queries/private::no_account_passes_its_cap_and_a_refusal_takes_nothing"),
    held("timing", "datasets/queries/verifying::answers_come_at_full_steps_of_time", why="answers of statistics come when they are computed: their time depends on the rows that are read, not on a group's size; docs/queries.md says so"),
    held("error text depending on data", "datasets/queries/answers::every_refusal_of_disclosure_control_looks_alike_and_is_charged", "datasets/queries/verifying::yes_no_and_the_same_no_for_nobody"),
    held("float noise bits", "datasets/queries/private_noise::noise_of_a_list_is_drawn_for_each_number_and_keeps_whole_numbers"),
)  # fmt: skip
INPUT: Final = (
    held("zip and XLSX bombs (511 KB -> 512 MiB seen in trusty-tools#4894)", "datasets/intake/shapes::a_bomb_is_stopped_while_it_unpacks", "datasets/intake/shapes::two_cells_a_million_rows_apart_do_not_eat_the_memory", "datasets/intake/bombs::a_workbook_that_would_grow_is_refused", "datasets/intake/bombs::a_directory_that_understates_a_part_helps_nobody"),
    held("XML entities", "datasets/intake/bombs::a_workbook_that_would_grow_is_refused", "datasets/intake/bombs::a_workbook_brings_no_file_of_ours_along", "datasets/harvest/csw::what_is_no_answer_of_a_csw_is_refused_in_words", "catalog/harvest/formats::nothing_that_an_rdf_file_names_is_fetched"),
    held("Parquet bombs and hostile footers", "datasets/intake/bombs::a_parquet_of_a_hundred_million_rows_in_a_few_bytes_is_refused", "datasets/intake/shapes::what_is_no_table_is_refused_and_nothing_is_left_behind", "datasets/intake/any_bytes::mutilated_files_are_read_whole_or_refused", why="one long value in a dictionary, pointed at by very many rows within the ratio, still costs time; memory stays bounded"),
    held("CSV/formula injection on every CSV and XLSX export incl. report names (=, +, -, @, tab, CR, full-width)", "core/tables_that_leave::every_writer_of_tables_is_known", "core/tables_that_leave::a_dump_of_a_table_runs_nothing", "core/tables_that_leave::a_correction_sheet_defuses_what_the_others_defuse", "core/sheets::a_hostile_text_is_no_formula", "datasets/formats/forms::no_cell_and_no_head_runs", "datasets/releases/publishing::open_csv_defuses_formulas_and_keeps_numbers"),
    held("path traversal and symlinks in names", "datasets/batches/gate::names_lose_directories_and_control_characters", "datasets/sources/folder::no_path_leaves_the_departments_own_folder", "datasets/sources/folder::a_file_that_turns_into_a_link_at_the_last_moment_is_not_read"),
    held("overlong/RTL/null names", "datasets/batches/gate::names_lose_directories_and_control_characters", "api/errors::nul_in_an_address_is_refused_on_both_databases", "api/hostile_values::no_value_of_an_address_is_a_fault_of_ours"),
    held("content-type lies", "api/bodies::a_claimed_type_opens_no_way_into_memory", "datasets/intake/shapes::packed_files_are_opened_whatever_they_are_called", "auth/papers/papers::what_is_no_paper_or_too_large_or_stale_is_refused_and_names_are_tamed"),
    held("polyglots", "api/papers::a_paper_leaves_as_a_file_and_only_to_those_who_see_its_application", "auth/papers/rules::only_documents_and_pictures_are_taken"),
    held("HTML in Markdown comments", "api/batches::what_the_file_holds_stays_text_on_the_page", "catalog/discussions/service::what_is_not_to_be_discussed_is_refused", "web/templates::a_template_keeps_the_rules", why="no Markdown is rendered anywhere: what people write is text"),
    held("header injection in file names", "api/delivery::a_name_cannot_break_out_of_its_header", "datasets/sources/http::no_disposition_breaks_the_look", "api/mailing::no_header_is_written_by_somebody_else"),
    held("huge JSON depth", "api/hostile_values::a_body_nested_without_end_is_refused", "auth/policy/filters::deep_json_text_is_refused_without_crash"),
    held("ReDoS in form rules", "quality/patience::a_hostile_pattern_is_an_error_and_the_other_rules_are_judged", "quality/patience::too_slow_is_said_once_with_waiting_and_then_at_once"),
)  # fmt: skip
SERVER: Final = (
    held("SSRF by harvest, webhook and OIDC discovery URL (DNS rebinding, redirects, 169.254/16, [::ffff:127.0.0.1], NAT64 64:ff9b::/96, decimal/octal hosts): validate at connect time as udata/ssrf.py does", "datasets/sources/guard::everything_else_may_not", "datasets/sources/guard::an_ipv6_form_opens_nothing_that_its_ipv4_address_does_not", "datasets/sources/guard::hosts_written_as_odd_numbers_are_refused_when_they_are_typed", "datasets/sources/http::a_name_that_turns_private_between_two_hops_is_refused", "datasets/harvest/harvest::no_harvest_reaches_a_neighbour", "datasets/push/push::no_push_reaches_a_neighbour", "api/webhooks::no_house_address_is_reached_whatever_the_name_says", "api/webhooks::redirects_are_not_followed", "api/oidc::a_private_provider_is_not_asked_unless_the_administrator_lists_it"),
    held("JSON-LD remote context", "catalog/harvest/formats::nothing_that_an_rdf_file_names_is_fetched"),
    held("template and log injection (CRLF)", "api/letters::same_letter_makes_the_same_bytes_and_nothing_typed_is_markup", "web/templates::a_template_keeps_the_rules", "api/unrecorded::a_refusal_that_cannot_be_recorded_stays_one_and_writes_no_line_of_its_own", why="templates are files of the program; no template is made of what people send. The server keeps no log of requests"),
    held("SQL via sort keys", "api/hostile_values::no_value_of_an_address_is_a_fault_of_ours", "catalog/ckan/language::any_text_is_a_tree_or_a_search_query_error"),
    held("audit suppression by overlong payload, transaction rollback, or disk full (then refuse the action)", "api/hostile_values::words_that_are_written_down_are_bounded", "api/supervision::refused_requests_and_downloads_are_recorded_though_they_roll_back", "api/unrecorded::a_step_that_cannot_be_recorded_is_not_taken", "api/unrecorded::no_byte_of_a_file_leaves_unrecorded", "api/unrecorded::nobody_looks_at_people_unrecorded"),
    held("backup restore rolling back revocations (epoch check against the published checkpoint)", "auth/proof/restored::a_revocation_that_a_restored_backup_forgot_opens_nothing", "auth/proof/restored::a_record_that_was_rewritten_stops_all_use_and_names_the_platform", "auth/proof/sealing::a_record_that_was_cut_back_is_not_signed"),
)  # fmt: skip
AREAS: Final[Mapping[str, tuple[Claim, ...]]] = {
    "Identity": IDENTITY,
    "Authorization": AUTHORIZATION,
    "Data plane": DATA_PLANE,
    "Inference": INFERENCE,
    "Input": INPUT,
    "Server": SERVER,
}
