"""Names that clients call and that are refused here by policy, each with where the thing is done instead.

What stands in no table is an unknown action (400), as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.text import Text

_ROWS: Final = Text(
    "数据行须经质量校验进入：请在 /batches（或 datagrant batch submit）提交文件，不通过 DataStore 写入。",
    "rows enter through the quality gate: hand a file in at /batches (or `datagrant batch submit`), never through the DataStore.",
)
_RELEASES: Final = Text(
    "发布版本不删除、不修改，只能在 /releases（或 datagrant release withdraw）撤回并留下说明。",
    "a release is never deleted or changed: it is withdrawn with a tombstone at /releases (or `datagrant release withdraw`).",
)
_PEOPLE: Final = Text(
    "账户与角色在 /admin（或 datagrant user）管理，并记录由谁授予、为何授予。",
    "accounts and roles are kept at /admin (or `datagrant user`), each with who gave them and why.",
)
_SIGHT: Final = Text(
    "谁能看草稿取决于其在部门中的角色（/admin），谁能得到数据取决于授权（/applications）；记录没有协作者。",
    "who sees a draft follows from the roles in its department (/admin), who gets data from a grant (/applications); "
    "a record has no collaborators.",
)
_CODES: Final = Text(
    "主题、标签和词表是代码表及记录的关键词：请修改记录，或联系目录管理员。",
    "themes, tags and vocabularies are code lists and keywords of the record: change the record, or ask the catalogue's administrator.",
)
_RECORDS: Final = Text(
    "请直接写记录（package_update、package_patch），或使用 /datasets。",
    "write the record itself (package_update, package_patch), or use /datasets.",
)
_ORGS: Final = Text(
    "部门予以保留，因为记录、授权和审计记录都引用它；可撤回其记录（package_delete）。",
    "a department stays, since records, grants and the audit record name it; withdraw its records (package_delete).",
)
_SITE: Final = Text(
    "系统设置由环境变量给出（docs/settings.md）；耗时工作见 /jobs。",
    "the installation's settings are environment variables (docs/settings.md); long work is shown at /jobs.",
)
_AUDIT: Final = Text(
    "发生过的事记在审计记录（/audit）；此处不能读写。",
    "what happened stands in the audit record (/audit); nobody writes or reads it here.",
)
_SQL: Final = Text(
    "从不接受自由 SQL；请用 datastore_search 加过滤条件，或取 Parquet 文件。",
    "free SQL is never taken; use datastore_search with filters, or the Parquet file.",
)

_TABLE: Final = (
    (
        _ROWS,
        "datastore_create datastore_upsert datastore_delete datastore_records_delete datastore_run_triggers "
        "datastore_function_create datastore_function_delete datastore_set_privileges datastore_make_public datastore_make_private "
        "datapusher_submit datapusher_hook xloader_submit xloader_hook",
    ),
    (_RELEASES, "dataset_purge"),
    (_SIGHT, "package_collaborator_create package_collaborator_delete"),
    (
        _PEOPLE,
        "user_create user_update user_patch user_delete user_invite user_generate_apikey member_create member_delete "
        "group_member_create group_member_delete organization_member_create organization_member_delete get_site_user "
        "package_owner_org_update am_member sysadmin_list config_user",
    ),
    (
        _CODES,
        "group_create group_delete group_purge tag_create tag_delete vocabulary_create vocabulary_update vocabulary_delete",
    ),
    (
        _RECORDS,
        "package_relationship_create_rest package_relationship_update_rest package_relationship_delete_rest "
        "resource_view_create resource_view_update resource_view_delete resource_view_reorder resource_view_clear "
        "resource_create_default_resource_views package_create_default_resource_views package_resource_reorder "
        "bulk_update_private bulk_update_public bulk_update_delete package_revise package_create_rest package_update_rest "
        "rating_create related_create related_update related_delete",
    ),
    (
        _SITE,
        "config_option_list config_option_show config_option_update job_list job_show job_clear job_cancel send_email_notifications "
        "task_status_show task_status_update task_status_update_many task_status_delete term_translation_show "
        "term_translation_update term_translation_update_many resource_status_show",
    ),
    (_ORGS, "organization_delete organization_purge"),
    (
        _AUDIT,
        "activity_create send_activity activity_show activity_data_show activity_diff dashboard_mark_activities_old",
    ),
    (_SQL, "datastore_search_sql"),
)
REFUSED: Final[Mapping[str, Text]] = {name: why for why, names in _TABLE for name in names.split()}
BY_GET: Final = frozenset(
    name for name in REFUSED
    if name.endswith(("_show", "_list", "_sql", "_diff")) or name in ("get_site_user", "am_member")
)  # fmt: skip
"""Those that only read, so that a GET gets the refusal itself."""
_NONE: Final = (
    "resource_view_list vocabulary_list group_list_authz "
    "package_collaborator_list package_collaborator_list_for_user user_followee_list "
    "user_follower_list dataset_follower_list group_follower_list organization_follower_list related_list"
)
EMPTY: Final = frozenset(_NONE.split())
"""There are none of these here, or none that others may see; clients ask for them."""
