"""Heads of the tables that commands print: each field's name as people say it. Pure.

A field in two languages (`rule_zh`, `rule_en`) has one head, that of `rule`; JSON keeps the names of the fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.text import Lang, Text

_WORDS: Final = """
product_id|产品编号|product
quantity|数量|quantity
amount_fen|金额（分）|amount, fen
cap_before_fen|现行上限（分）|cap in force, fen
excess_before_fen|现超出（分）|in excess now, fen
first_on|首次收费日|first charged
last_on|末次收费日|last charged
account|账号|account
act|事项|act
action|动作|action
actor_name|操作人|by
actor_org|操作单位|organisation of who acted
added_by|指定人|named by
address|地址|address
advice|建议|advice
audience|谁可见|who reads it
author|作者|by
after|之后|after
agreement|协议|agreement
grants|授权|grants
later|可后补材料|papers that may follow
check|检查|check
indicator|质量指标|indicator
found|认定的事实|what was found
is_able|可填写|may fill in
last_good|最近有效|last good
looked_at|最近检查|last look
missing|缺少|missing
agreement_id|协议编号|agreement
agreements|所依协议|agreements
allowed_fen|允许（分）|allowed, fen
deducted_fen|扣除（分）|deducted, fen
distinct|不同值|distinct
excess_fen|超出（分）|in excess, fen
least|最小|least
may_be_waived|可豁免|may be waived
mean|均值|mean
most|最大|most
quality|数据质量|quality of the data
quality_change|数据质量变化|change of the quality
releases|在用版本|releases in force
status|状态码|status
taken_fen|已取（分）|taken, fen
year|年度|year
allowed_days|允许天数|days allowed
application_id|申请编号|application
asked|提出|asked
asked_at|提出时间|asked at
asked_by|提出人|asked by
asked_name|提出人|asked by
at|时间|at
attempts|尝试次数|attempts
audit_event|审计事件|on record as
duration_ms|用时（毫秒）|took, ms
epsilon_micro|隐私预算（百万分之一 ε）|epsilon, millionths
event_id|事件编号|event
leaf_index|叶序号|leaf
is_mine|本人办理|your act
is_signed|已签署|signed
basis|依据|basis
batch_id|批次编号|batch
batch_number|批次|batch number
before|之前|before
body|内容|text
by|操作人|by
by_department|经办部门|by department
bytes|字节|bytes
cap_fen|上限（分）|cap, fen
change|变更|change
changed|已变更|changed
changed_fields|变更的字段|fields changed
claim|主张|claim
closed_at|关闭时间|closed at
by_clock|自动办理|by itself
code|代码|code
code_list|代码表|code list
codes|代码|codes
column|列|column
columns|列数|columns
consent_reference|授权凭证号|consent
counted|计数|counted
counts|是否计入|counts
counts_today|今日有效|counts today
controlled_by|受其控制|controlled by
country|登记地|country
client|程序|program
created_at|创建时间|created at
created_name|创建人|created by
credit_code|统一社会信用代码|credit code
current|现行|current
data_level|数据级别|level of data
dataset_id|数据集|dataset
datasets|数据集|datasets
day|日期|day
applications|申请|applications
decided|决定|decided
deliveries|交付|deliveries
findings|异常|findings
in_force|有效授权|in force
refusals|拒绝|refusals
dead|已失效|dead
dropped|未发送|not sent
until|最后一天|last day
decided_at|决定时间|decided at
delivery_mode|提供方式|delivery
department_id|部门|department
deputy_name|代理人|deputy
disabled|已停用|disabled
downloads|下载次数|downloads
draft|草案|draft
drift|偏差|drift
drifted|已偏差|drifted
due_at|应办时间|due at
due_on|到期日|due on
effective_from|生效日|in force from
score_then|按此方案得分|score by it
grade_then|按此方案等级|grade by it
kid|密钥编号|key
kty|密钥类型|type of key
alg|算法|algorithm
en|英文|in English
ended_at|结束时间|ended at
ended_on|结束日|ended on
ends_at|到期时间|ends at
bar_datasets|限制的数据集|barred from
bar_scope|限制范围|the bar is for
bar_until|限制申请至|barred until
confirm_by|确认时限|confirm by
ends_on|截止日|ends on
error|错误|error
examples|示例|examples
expires_at|到期时间|expires at
extract_id|提取件编号|extract
facts|事实|facts
failed|未通过|failed
kept_at|留存时间|kept at
kept_by|提交人|kept by
not_applicable|不适用|not applicable
passed|通过|passed
detail|说明|why
failing_rows|不符行|failing rows
failing_share|不符比例|share that fails
failures|失败次数|failures
feed|供给|feed
field|字段|field
file_name|文件名|file
filled|已填写|filled
form|形式|form
format|写法|format
gain|可得分|gain
grade|等级|grade
grant_id|授权编号|grant
groups|分组|groups
hidden_reason|隐藏原因|why hidden
holds_today|今日有效|holds today
href|地址|address
id|编号|id
ip|网络地址|address
agent|浏览器|browser
signed_out|已退出|signed out
identifier|标识|identifier
impact|影响|impact
implementing_body|实施机构|implementing body
is_drifted|已偏差|drifted
is_dry|试运行|dry run
is_effective|有效|effective
is_in_force|生效中|in force
is_late|已逾期|late
is_new|新|new
is_on|启用|on
is_open|进行中|open
is_overdue|已逾期|overdue
is_pilot|试点|pilot
is_read|已读|read
is_suspended|已暂停|suspended
is_valid|有效|valid
is_working|工作日|working day
issuer|签发者|issuer
job_id|任务编号|job
kept|保留|kept
kept_because|保留原因|kept because
kept_until|保留至|kept until
key|键|key
kids|密钥标识|key ids
kind|类别|kind
kinds|类别|kinds
kwargs|参数|arguments
label|名称|label
last_outcome|最近结果|last outcome
last_used_at|最近使用|last used at
later_working_days|延后工作日|working days later
left_working_days|剩余工作日|working days left
level|级别|level
licence_state|执照状态|licence
licence_valid_to|执照有效期|licence valid to
line|行|line
linked_at|关联时间|linked at
made_at|作出时间|made at
made|作出人|made by
made_by|制作者|made by
maximum|最大值|maximum
may_promise|可承诺|may promise
scan|查毒|scan
measure|度量|measure
measures|度量|measures
media_type|媒体类型|media type
member|成员|member
message|说明|message
mode|方式|mode
name|名称|name
needed|所需|needed
networks|网段|networks
next|下一步|next
note|意见|note
notice_to|公示至|notice until
number|序号|number
numbers|数值|numbers
of|共|of
open_type|开放属性|open type
opened_at|开启时间|opened at
operator_id|运营机构|operator
org_id|机构|organisation
org|机构|organisation
origin|来源|origin
outcome|结果|outcome
owner|所有者|owner
page|页|page
pass_rate|通过率|pass rate
pass_rate_change|通过率变化|change of the pass rate
paused_days|暂停天数|days paused
period|周期|period
place|位置|place
planned_on|计划日期|planned on
points|得分|points
points_change|得分变化|change of points
portal_id|门户编号|portal
portal_org|门户机构|portal organisation
posted_at|发布时间|posted at
price_fen|价格（分）|price, fen
principal_name|委托人|principal
progress|进度|progress
proposed_at|提出时间|proposed at
proposed|提出人|proposed by
provider|提供者|provider
published_at|发布时间|published at
publisher|发布机构|publisher
purpose|用途|purpose
purposes|用途|purposes
pushed_at|推送时间|pushed at
quality_score|质量得分|quality score
reach|范围|reach
ready_at|就绪时间|ready at
reason|理由|reason
reason_code|原因代码|reason code
reasons|理由|reasons
records|记录数|records
release_id|版本编号|release id
release_no|版本|release
release_number|版本|release
requested_at|申请时间|asked at
requested_name|申请人|asked by
required|必填|required
result|结果|result
revenue_fen|收入（分）|revenue, fen
reviewed_name|审核人|reviewed by
revoked_at|撤销时间|revoked at
role|角色|role
roles|角色|roles
row|行|row
row_count|行数|rows
rows|行数|rows
rule|规则|rule
rule_key|规则键|rule key
said|说明|said
says|说明|says
scenario_id|场景|scenario
scenarios|场景|scenarios
schedule|计划|schedule
scope|范围|scope
scopes|范围|scopes
score|得分|score
section|章节|section
semver|版本号|version
sent_bytes|已发出（字节）|bytes sent
seq|序号|sequence
series|系列|series
set_at|设定时间|set at
set_by|设定人|set by
settled|已了结|settled
severity|级别|severity
sha256|SHA-256|SHA-256
share|比例|share
signer|签署人|signed by
since|起始|since
size_bytes|字节|bytes
source|来源|source
stage|阶段|stage
staleness|陈旧程度|staleness
standing|状态|standing
started_on|开始日|started on
starts_at|开始时间|starts at
starts_on|开始日|starts on
state|状态|state
stage_name|阶段|stage
dimension_name|维度|dimension
standing_name|结论|standing
stopped|将不能使用的人数|people stopped
step|步骤|step
steps|步骤|steps
subject|对象|subject
submitted_at|提交时间|handed in at
superseded_at|被取代时间|superseded at
takes_effect_at|生效时间|takes effect at
target_id|目标编号|target
target_kind|目标类别|kind of target
tells|通知事项|tells of
text|内容|text
theme|主题|theme
title|标题|title
turn|当前方|whose turn
type|类型|type
undone_by|被撤销于|undone by
unexpected_count|不符数|unexpected
unit|单位|unit
update_frequency|更新频率|update frequency
updated_at|更新时间|changed at
url|地址|address
used_days|已用天数|days used
used_extracts|已用提取次数|extracts used
used_rows|已用行数|rows used
username|用户名|username
valid_to|有效期至|valid to
verdict|结论|verdict
visits|访问|visits
calls|调用|calls
month|月份|month
verified|已核验|verified
voted|已投票|voted
votes|票数|votes
waiting|等待|waiting
weight|权重|weight
who|人员|who
why|原因|why
words|词|words
working_days|工作日|working days
working_days_left|剩余工作日|working days left
zh|中文|in Chinese
"""
HEADS: Final[dict[str, Text]] = {
    name: Text(zh, en)
    for name, zh, en in (line.split("|") for line in _WORDS.strip().splitlines())
}  # fmt: skip
_TONGUES: Final[tuple[Lang, Lang]] = ("zh", "en")


def _base(name: str) -> str:
    return name[:-3] if name.endswith(("_zh", "_en")) else name


def head(name: str, lang: Lang) -> str:
    """What stands above a column of `name`; the name itself where nobody has given it a word."""
    found = HEADS.get(name) or HEADS.get(_base(name))
    return found.in_(lang) if found else name


def in_one_language(names: Iterable[str], held: Iterable[str], lang: Lang) -> list[str]:
    """The columns without the other language's half, where the rows (`held`: their fields) have the reader's."""
    there, kept = set(held), dict[str, None]()
    for name in names:
        own = f"{_base(name)}_{lang}"
        kept[own if own in there else name] = None
    given = {*_TONGUES}
    return [name for name in kept if not (name in given and name != lang and lang in kept)]
