"""What can be told, in which words, and under which topic a reader turns it on or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.applications.workflow import STATE_NAMES, State
from core.text import Text

TOPICS: Final[Mapping[str, Text]] = {
    "task": Text("等我办理", "Waiting for me"),
    "case": Text("我的申请进展", "My applications"),
    "clock": Text("超期、延期与告警", "Overdue, extensions and alarms"),
    "reminder": Text("到期提醒", "Reminders of ends"),
    "search": Text("保存的检索", "Saved searches"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: its topic, its name, and its sentence with places for facts."""

    topic: str
    name: Text
    sentence: Text


KINDS: Final[Mapping[str, Kind]] = {
    "application.waits": Kind(
        "task", Text("待办申请", "Application to handle"),
        Text("申请 {id} 进入“{state_zh}”，等您办理，期限 {due_on}。", "Application {id} is now “{state_en}” and waits for you; due {due_on}."),
    ),
    "application.lines_wait": Kind(
        "task", Text("其余行待决定", "Lines to decide"),
        Text("申请 {id} 的部分行已由他人决定，另有 {lines} 行等您决定或签字，期限 {due_on}。", "Others have decided their lines of application {id}; {lines} more wait for your decision or signature, due {due_on}."),
    ),
    "grant.activated": Kind(
        "case", Text("授权已生效", "Grant in force"),
        Text("授权 {id}（{title_zh}）已办理生效，自 {starts_on} 起可以使用。", "Grant {id} ({title_en}) is active and can be used from {starts_on} on."),
    ),
    "grant.suspended": Kind(
        "case", Text("授权已暂停", "Grant suspended"),
        Text("授权 {id}（{title_zh}）已暂停，请立即停止使用；原因见授权页。", "Grant {id} ({title_en}) is suspended: stop using it now. Its page says why."),
    ),
    "grant.resumed": Kind(
        "case", Text("授权已恢复", "Grant resumed"),
        Text("授权 {id}（{title_zh}）已恢复，可以继续使用。", "Grant {id} ({title_en}) is resumed and can be used again."),
    ),
    "grant.revoked": Kind(
        "case", Text("授权已撤销", "Grant revoked"),
        Text("授权 {id}（{title_zh}）已撤销，不得再使用；原因与后续义务见授权页。", "Grant {id} ({title_en}) is revoked and may not be used any more. Its page says why, and what is still to be done."),
    ),
    "grant.relinquished": Kind(
        "case", Text("授权已放弃", "Grant given back"),
        Text("授权 {id}（{title_zh}）已由持有方放弃。", "Grant {id} ({title_en}) was given back by its holder."),
    ),
    "grant.expired": Kind(
        "case", Text("授权已到期", "Grant ended"),
        Text("授权 {id}（{title_zh}）已到期，不得再使用；后续义务见授权页。", "Grant {id} ({title_en}) has ended and may not be used any more. Its page says what is still to be done."),
    ),
    "grant.voided": Kind(
        "case", Text("授权已作废", "Grant void"),
        Text("授权 {id}（{title_zh}）逾期未生效，已作废；仍需使用的，请重新申请。", "Grant {id} ({title_en}) was not activated in time and is void; apply anew if it is still needed."),
    ),
    "grant.cut_off": Kind(
        "case", Text("待生效的授权不能再生效", "Grant that waits cannot come into force"),
        Text("授权 {id}（{title_zh}）原为接替授权 {before}；后者已经终止，本授权不能再生效，到期将作废。仍需使用的，请重新申请。", "Grant {id} ({title_en}) was to follow grant {before}, which has ended: it cannot come into force any more and will be void. Apply anew if it is still needed."),
    ),
    "grant.frozen": Kind(
        "case", Text("授权被冻结", "Use frozen"),
        Text("因应急处置，{target_zh}已冻结，相关授权在解除前一律停止使用；详见授权页。", "{target_en} is frozen in response to an incident: grants that it concerns cannot be used until it is lifted. Their pages say more."),
    ),
    "grant.unfrozen": Kind(
        "case", Text("授权冻结已解除", "Freeze lifted"),
        Text("{target_zh}的冻结已解除，相关授权按其条款恢复使用。", "The freeze of {target_en} is lifted: grants that it concerned can be used again under their terms."),
    ),
    "duty.opened": Kind(
        "task", Text("义务待履行", "Duty to fulfil"),
        Text("授权 {id}（{title_zh}）：请于 {due_on} 前提交{kind_zh}。", "Grant {id} ({title_en}): hand in the {kind_en} by {due_on}."),
    ),
    "duty.returned": Kind(
        "task", Text("义务材料被退回", "Duty returned"),
        Text("授权 {id}（{title_zh}）的{kind_zh}被退回，请补正后于 {due_on} 前重新提交；原因见义务页。", "The {kind_en} of grant {id} ({title_en}) was returned: mend it and hand it in again by {due_on}. Its page says why."),
    ),
    "duty.waived": Kind(
        "case", Text("义务已免除", "Duty waived"),
        Text("授权 {id}（{title_zh}）的{kind_zh}已免除。", "The {kind_en} of grant {id} ({title_en}) is waived."),
    ),
    "grant.dormant": Kind(
        "case", Text("授权因未使用暂停", "Grant suspended for want of use"),
        Text("授权 {id}（{title_zh}）长期未使用，已暂停；仍需使用的，请申请恢复。", "Grant {id} ({title_en}) was not used for long and is suspended; ask to resume it if it is still needed."),
    ),
    "grant.resume_asked": Kind(
        "task", Text("申请恢复授权", "Asked to resume a grant"),
        Text("持有方申请恢复因未使用暂停的授权 {id}（{title_zh}），等您决定。", "The holder asks to resume grant {id} ({title_en}), suspended for want of use; you decide."),
    ),
    "grant.resume_decided": Kind(
        "case", Text("恢复申请已决定", "Decided on resuming a grant"),
        Text("授权 {id}（{title_zh}）的恢复申请已决定，请查看。", "The request to resume grant {id} ({title_en}) was decided; have a look."),
    ),
    "delegation.offered": Kind(
        "task", Text("请您代理", "Asked to stand in"),
        Text("{principal} 请您在 {starts_on} 至 {ends_on} 代其审批；同意后生效。", "{principal} asks you to decide in their place from {starts_on} to {ends_on}; it counts once you agree."),
    ),
    "delegation.agreed": Kind(
        "case", Text("代理已同意", "Deputy agreed"),
        Text("{deputy} 同意在 {starts_on} 至 {ends_on} 代 {principal} 审批。", "{deputy} agreed to decide for {principal} from {starts_on} to {ends_on}."),
    ),
    "delegation.declined": Kind(
        "case", Text("代理未同意", "Deputy declined"),
        Text("{deputy} 未同意代 {principal} 审批；请另选一人。", "{deputy} declined to decide for {principal}; choose somebody else."),
    ),
    "delegation.ended": Kind(
        "case", Text("代理已终止", "Delegation ended"),
        Text("{deputy} 代 {principal} 审批的委托已终止。", "{deputy} no longer decides for {principal}."),
    ),
    "application.moved": Kind(
        "case", Text("申请进展", "Application moved"),
        Text("申请 {id} 现为“{state_zh}”。", "Application {id} is now “{state_en}”."),
    ),
    "application.commented": Kind(
        "case", Text("申请有新留言", "New comment on an application"),
        Text("申请 {id}（{state_zh}）有新留言，请查看。", "There is a new comment on application {id} ({state_en}); have a look."),
    ),
    "application.opinion_asked": Kind(
        "task", Text("征求您的意见", "Your opinion is sought"),
        Text("{who} 就申请 {id} 征求您的意见。", "{who} asks for your opinion on application {id}."),
    ),
    "application.invited": Kind(
        "task", Text("邀请您审核", "Invited to review"),
        Text("{who} 邀请您审核申请 {id}（{state_zh}）。", "{who} invites you to review application {id} ({state_en})."),
    ),
    "application.co_applicant": Kind(
        "task", Text("请您共同填写申请", "Asked to fill in an application"),
        Text("{who} 请您共同填写申请 {id}（{state_zh}）；由申请人提交。", "{who} asks you to help fill in application {id} ({state_en}); an applicant hands it in."),
    ),
    "application.assigned": Kind(
        "task", Text("由您承办", "Yours to handle"),
        Text("申请 {id}（{state_zh}）由您承办。", "Application {id} ({state_en}) is yours to handle."),
    ),
    "enclave.waits": Kind(
        "task", Text("待审查域内计算方案", "Specification to review"),
        Text("数据集 {dataset} 有域内计算方案待审查。", "A specification on dataset {dataset} waits for its review."),
    ),
    "enclave.moved": Kind(
        "case", Text("域内计算进展", "Enclave request moved"),
        Text("数据集 {dataset} 的域内计算现为“{state_zh}”。", "Your computation on dataset {dataset} is now “{state_en}”."),
    ),
    "request.carried": Kind(
        "case", Text("请求转入变更后的授权", "Request goes on under the amended grant"),
        Text("授权已变更。您对数据集 {dataset} 的{what_zh}转入授权 {grant}，{then_zh}。", "The grant was amended. Your {what_en} on dataset {dataset} goes on under grant {grant}: {then_en}."),
    ),
    "request.not_carried": Kind(
        "case", Text("授权变更后请求终止", "Request ended by an amendment"),
        Text("授权已变更，您对数据集 {dataset} 的{what_zh}不能在授权 {grant} 下继续：{why_zh}", "The grant was amended, and your {what_en} on dataset {dataset} cannot go on under grant {grant}: {why_en}"),
    ),
    "output.waits": Kind(
        "task", Text("待出域审核", "Output to review"),
        Text("数据集 {dataset} 有文件待出域审核，期限 {due_on}。", "A file of dataset {dataset} waits for its output review; due {due_on}."),
    ),
    "output.released": Kind(
        "case", Text("准予出域", "Output released"),
        Text("数据集 {dataset} 的文件已通过出域审核，可以取用。", "The file of dataset {dataset} passed its output review; you can have it."),
    ),
    "output.refused": Kind(
        "case", Text("不予出域", "Output refused"),
        Text("数据集 {dataset} 的文件未通过出域审核：{why_zh}。", "The file of dataset {dataset} was refused in its output review: {why_en}."),
    ),
    "output.overdue": Kind(
        "clock", Text("出域审核超期", "Output review overdue"),
        Text("数据集 {dataset} 的出域审核已超过期限 {due_on}。", "The output review of a file of dataset {dataset} is overdue since {due_on}."),
    ),
    "clock.escalated": Kind(
        "clock", Text("超期上报", "Overdue"),
        Text("申请 {id} 在“{state_zh}”环节已超期（期限 {due_on}），上报至{level_zh}。", "Application {id} is overdue in “{state_en}” (due {due_on}); told to: {level_en}."),
    ),
    "clock.extension_asked": Kind(
        "clock", Text("延期待审批", "Extension to decide"),
        Text("申请 {id} 请求延期 {days} 个工作日，待您审批。", "An extension of {days} working days for application {id} waits for your decision."),
    ),
    "clock.extended": Kind(
        "case", Text("办理延期", "Extended"),
        Text("您的申请 {id} 的办理期限延长 {days} 个工作日，至 {due_on}。", "The time for handling your application {id} was extended by {days} working days, to {due_on}."),
    ),
    "audit.at_odds": Kind(
        "clock", Text("审计记录不符", "The audit record is at odds"),
        Text("自动核对发现审计记录与所签署的不符：散列链断裂 {faults} 处，检查点不符 {checkpoints_at_odds} 个，事件旁内容不符 {openings_at_odds} 处；请立即查看。", "The daily check found that the audit record is not what was signed: breaks of the chain {faults}, checkpoints at odds {checkpoints_at_odds}, openings at odds {openings_at_odds}; look at once."),
    ),
    "agreement.at_odds": Kind(
        "task", Text("协议与控制关系不符", "Agreement at odds with who controls whom"),
        Text("控制关系有变，协议“{title}”的运营机构与开发主体不再分离；涉及待办申请 {applications} 件、现有授权 {grants} 项，请研究处理。", "Who controls whom has changed, and operator and developer of agreement “{title}” are apart no more. Applications that wait: {applications}; grants: {grants}. Decide what becomes of it."),
    ),
    "token.elsewhere": Kind(
        "clock", Text("您的令牌被其他程序使用", "Your token was used elsewhere"),
        Text("您签发给程序“{client}”的刷新令牌被“{by}”自 {network} 提交，该程序的令牌已全部作废。若非本人操作，请修改密码并告知安全管理员。", "The refresh token of your program “{client}” was brought by “{by}” from {network}; all tokens of that program have ended. If that was not you, change your password and tell the security officer."),
    ),
    "token.elsewhere_of": Kind(
        "clock", Text("他人令牌被其他程序使用", "A token was used elsewhere"),
        Text("{username} 的程序“{client}”的刷新令牌被“{by}”自 {network} 提交，已作废；请核实是否泄露。", "The refresh token of {username}'s program “{client}” was brought by “{by}” from {network} and has ended; find out whether it was stolen."),
    ),
    "token.reused": Kind(
        "clock", Text("您的令牌被重复使用", "Your token was used twice"),
        Text("您签发给程序“{client}”的刷新令牌被再次使用（来自 {network}），该程序的令牌已全部作废。令牌可能已被复制；若非本人操作，请修改密码并告知安全管理员。", "The refresh token of your program “{client}” was used a second time, from {network}; all tokens of that program have ended. It may have been copied: if that was not you, change your password and tell the security officer."),
    ),
    "token.reused_of": Kind(
        "clock", Text("他人令牌被重复使用", "A token was used twice"),
        Text("{username} 的程序“{client}”的刷新令牌被再次使用（来自 {network}），已作废；请核实是否泄露。", "The refresh token of {username}'s program “{client}” was used a second time, from {network}, and has ended; find out whether it was stolen."),
    ),
    "reminder.grant": Kind(
        "reminder", Text("授权即将到期", "Grant ends soon"),
        Text("授权 {id} 将于 {ends_on} 到期（还有 {days} 天）；需继续使用请及时续期。", "Grant {id} ends on {ends_on} (in {days} days); renew it in time if you still need it."),
    ),
    "reminder.pending": Kind(
        "reminder", Text("授权即将作废", "Grant soon void"),
        Text("授权 {id}（{title_zh}）尚未生效，{ends_on} 后作废（还有 {days} 天）；请数据专员使其生效，或撤回后重新申请。", "Grant {id} ({title_en}) is not active yet and becomes void after {ends_on} (in {days} days); a steward activates it, or apply anew."),
    ),
    "reminder.duty": Kind(
        "reminder", Text("义务即将到期", "Duty due soon"),
        Text("授权 {id}（{title_zh}）的{kind_zh}须于 {ends_on} 前提交（还有 {days} 天）；逾期影响授权使用与再次申请。", "The {kind_en} of grant {id} ({title_en}) is to be handed in by {ends_on} (in {days} days); overdue duties bar use and new applications."),
    ),
    "reminder.agreement": Kind(
        "reminder", Text("授权运营协议即将期满", "Agreement ends soon"),
        Text("协议“{title}”将于 {ends_on} 期满（还有 {days} 天）；期满后依据该协议的授权一律停止使用，请及时续签。", "The agreement “{title}” ends on {ends_on} (in {days} days); every grant that hangs on it stops then. Conclude the next one in time."),
    ),
    "reminder.consent": Kind(
        "reminder", Text("提供单位同意即将到期", "Source consent ends soon"),
        Text("“{title_zh}”（{dataset}）的提供单位同意将于 {ends_on} 到期（还有 {days} 天）；到期后相关授权停止使用，请取得新的同意。", "The source's consent to “{title_en}” ({dataset}) ends on {ends_on} (in {days} days); grants on it stop then. Obtain a new one."),
    ),
    "reminder.vouching": Kind(
        "reminder", Text("人员担保即将到期", "Vouching ends soon"),
        Text("对账号 {account} 的担保将于 {ends_on} 到期（还有 {days} 天）；仍需办理的，请由机构重新担保。", "The organisation's word for {account} ends on {ends_on} (in {days} days); let an officer vouch anew where it is still needed."),
    ),
    "reminder.api_key": Kind(
        "reminder", Text("接口密钥即将到期", "API key ends soon"),
        Text("接口密钥“{name}”（{id}）将于 {ends_on} 到期（还有 {days} 天）；请及时换用新密钥。", "The API key “{name}” ({id}) ends on {ends_on} (in {days} days); change to a new one in time."),
    ),
    "reminder.application": Kind(
        "reminder", Text("申请即将逾期失效", "Application lapses soon"),
        Text("申请 {id}（{state_zh}）须于 {ends_on} 前答复（还有 {days} 天），逾期失效。", "Application {id} ({state_en}) is to be answered by {ends_on} (in {days} days), or it lapses."),
    ),
    "reminder.dormant": Kind(
        "reminder", Text("授权即将因未使用暂停", "Grant soon suspended for want of use"),
        Text("授权 {id}（{title_zh}）长期未使用，将于 {ends_on} 暂停（还有 {days} 天）；使用一次即可避免。", "Grant {id} ({title_en}) is not used and will be suspended on {ends_on} (in {days} days); using it once keeps it."),
    ),
    "reminder.licence": Kind(
        "reminder", Text("机构资格即将到期", "Licence ends soon"),
        Text("贵机构资格将于 {ends_on} 到期（还有 {days} 天）；到期后授权停止生效。", "Your organisation's licence ends on {ends_on} (in {days} days); grants stop counting then."),
    ),
    "reminder.role": Kind(
        "reminder", Text("角色即将到期", "Role ends soon"),
        Text("账号 {account} 的角色“{role_zh}”将于 {ends_on} 到期（还有 {days} 天）。", "The role “{role_en}” of {account} ends on {ends_on} (in {days} days)."),
    ),
    "reminder.registration": Kind(
        "reminder", Text("登记即将到期", "Registration ends soon"),
        Text("“{title_zh}”的登记（{code}）将于 {ends_on} 到期（还有 {days} 天）；请办理续展。", "The registration of “{title_en}” ({code}) ends on {ends_on} (in {days} days); ask for its renewal."),
    ),
    "review.waits": Kind(
        "task", Text("授权复核待答复", "Grant to review"),
        Text("“{title_zh}”的授权待复核，期限 {due_on}：保留、收窄或撤销。", "A grant on “{title_en}” is to be reviewed by {due_on}: keep, narrow or withdraw."),
    ),
    "review.narrowed": Kind(
        "case", Text("授权须变更", "Grant to amend"),
        Text("“{title_zh}”的授权经复核须去掉 {columns}，请于 {due_on} 前申请变更，逾期停止使用。", "Your grant on “{title_en}” is to go on without {columns}: ask for its amendment by {due_on}, or use stops."),
    ),
    "reminder.review": Kind(
        "reminder", Text("授权复核即将到期", "Review due soon"),
        Text("“{title_zh}”的授权复核将于 {ends_on} 到期（还有 {days} 天）。", "The review of a grant on “{title_en}” is due on {ends_on} (in {days} days)."),
    ),
    "proposal.took_effect": Kind(
        "case", Text("定时提议已生效", "Proposal took effect"),
        Text("“{title_zh}”（{dataset}）的提议已按约定时间生效。", "The proposal on “{title_en}” ({dataset}) took effect at its moment."),
    ),
    "proposal.lapsed": Kind(
        "task", Text("定时提议未能生效", "Proposal did not take effect"),
        Text("“{title_zh}”（{dataset}）的提议到时未能生效，已退回，原因见提议页。", "The proposal on “{title_en}” ({dataset}) could not take effect at its moment and is returned; its page says why."),
    ),
    "reminder.release": Kind(
        "reminder", Text("版本即将退役", "Release retires soon"),
        Text("{dataset} 第 {number} 版将于 {ends_on} 按保留规则退役；如需保留请修改规则。", "Release {number} of {dataset} will be retired by its rule of retention on {ends_on}; change the rule to keep it."),
    ),
    "demand.waits": Kind(
        "task", Text("待办数据需求", "Demand to handle"),
        Text("数据需求“{title}”现为“{state_zh}”，等您办理，期限 {due_on}。", "The demand “{title}” is now “{state_en}” and waits for you; due {due_on}."),
    ),
    "demand.moved": Kind(
        "case", Text("数据需求进展", "Demand moved"),
        Text("您的数据需求“{title}”现为“{state_zh}”。", "Your demand “{title}” is now “{state_en}”."),
    ),
    "paper.owed": Kind(
        "task", Text("材料待补交", "Paper to hand in"),
        Text("申请 {id} 缺“{title_zh}”，请于 {due_on} 前补交，可承诺的也可签署承诺。", "Application {id} lacks “{title_en}”: hand it in by {due_on}, or sign the commitment where there is one."),
    ),
    "paper.came": Kind(
        "task", Text("材料已补交", "Paper handed in"),
        Text("申请 {id} 的“{title_zh}”已补交或已承诺。", "“{title_en}” of application {id} was handed in, or promised."),
    ),
    "commitment.broken": Kind(
        "case", Text("认定违背承诺", "Commitment broken"),
        Text("申请 {id} 中关于“{title_zh}”的承诺被认定违背，材料须补交。", "The commitment on “{title_en}” of application {id} was found to be broken; the paper itself is due."),
    ),
    "revocation.waits": Kind(
        "task", Text("撤销待确认", "Revocation to confirm"),
        Text("{org_zh}对“{dataset_zh}”的授权已撤销，请另一人于 {until} 前确认或说明不予确认。", "The grant of {org_en} on “{dataset_en}” was revoked: another person confirms it by {until}, or says why not."),
    ),
    "revocation.overdue": Kind(
        "task", Text("撤销逾期未确认", "Revocation not confirmed in time"),
        Text("{org_zh}对“{dataset_zh}”的授权撤销至 {until} 无人确认，请立即办理；在此之前其再次申请不受限制。", "Nobody confirmed by {until} that the grant of {org_en} on “{dataset_en}” is revoked: see to it now. Until then nothing bars its holder from applying again."),
    ),
    "revocation.objected": Kind(
        "case", Text("撤销未获确认", "Revocation not confirmed"),
        Text("第二人不予确认撤销{org_zh}对“{dataset_zh}”的授权：授权不恢复，其可重新申请。", "The second person did not confirm the revocation of the grant of {org_en} on “{dataset_en}”: it does not come back, and its holder may apply anew."),
    ),
    "suspension.proposed": Kind(
        "task", Text("建议暂停授权", "Suspension proposed"),
        Text("{org_zh}违背承诺，建议暂停其对“{dataset_zh}”的授权，请决定。", "{org_en} broke a commitment: suspending its grant on “{dataset_en}” is proposed. Decide on it."),
    ),
    "licence.suspended": Kind(
        "case", Text("机构资格已暂停", "Licence suspended"),
        Text("{org_zh}的机构资格已暂停，涉及未到期授权 {grants} 项，恢复之前不得使用，请立即停止使用。", "The licence of {org_en} is suspended. Grants that have not ended and may not be used until it is resumed: {grants}. Stop using them now."),
    ),
    "licence.disqualified": Kind(
        "case", Text("机构资格已取消", "Disqualified"),
        Text("{org_zh}的机构资格已取消，涉及未到期授权 {grants} 项，不得再使用，请立即停止使用。", "{org_en} is disqualified. Grants that have not ended and may not be used any more: {grants}. Stop using them now."),
    ),
    "licence.resumed": Kind(
        "case", Text("机构资格已恢复", "Licence counts again"),
        Text("{org_zh}的机构资格重新有效，涉及未到期授权 {grants} 项；授权页未列其他限制的，可以继续使用。", "The licence of {org_en} counts again. Grants that have not ended: {grants}; those can be used again whose page names nothing else against it."),
    ),
    "licence.lapsed": Kind(
        "case", Text("机构资格已到期", "Licence lapsed"),
        Text("{org_zh}的机构资格已于 {ends_on} 到期，涉及未到期授权 {grants} 项，延续之前不得使用，请立即停止使用。", "The licence of {org_en} lapsed; its last day was {ends_on}. Grants that have not ended and may not be used until it is renewed: {grants}. Stop using them now."),
    ),
    "agreement.ended": Kind(
        "case", Text("授权运营协议已期满", "Agreement ended"),
        Text("协议“{title}”已于 {ends_on} 期满，仅依据该协议的未到期授权 {grants} 项不得再使用，请立即停止使用。", "The agreement “{title}” has ended; its last day was {ends_on}. Grants that hang on it alone and may not be used any more: {grants}. Stop using them now."),
    ),
    "agreement.terminated": Kind(
        "case", Text("授权运营协议已终止", "Agreement terminated"),
        Text("协议“{title}”已终止，仅依据该协议的未到期授权 {grants} 项自即刻起不得使用，请立即停止使用。", "The agreement “{title}” was terminated. Grants that hang on it alone and may not be used from now on: {grants}. Stop using them now."),
    ),
    "consent.withdrawn": Kind(
        "case", Text("提供单位同意已撤回", "Source consent withdrawn"),
        Text("“{title_zh}”（{dataset}）的提供单位同意已撤回，涉及未到期授权 {grants} 项，自即刻起不得使用，请立即停止使用。", "The source's consent to “{title_en}” ({dataset}) was withdrawn. Grants that may not be used from now on: {grants}. Stop using them now."),
    ),
    "consent.ended": Kind(
        "case", Text("提供单位同意已期满", "Source consent ended"),
        Text("“{title_zh}”（{dataset}）的提供单位同意已于 {ends_on} 期满，涉及未到期授权 {grants} 项，不得再使用，请立即停止使用。", "The source's consent to “{title_en}” ({dataset}) has ended; its last day was {ends_on}. Grants that may not be used any more: {grants}. Stop using them now."),
    ),
    "campaign.owed": Kind(
        "task", Text("本期授权复核尚未发起", "Certification to open"),
        Text("{period} 的授权定期复核尚未发起，请发起。", "The certification of grants for {period} has not been opened yet. Open it."),
    ),
    "anomaly.found": Kind(
        "task", Text("异常待处理", "Anomaly to answer"),
        Text("授权 {id}（{title_zh}）的使用触发规则“{rule_zh}”，处置为“{action_zh}”，请查看并处理。", "Use of grant {id} ({title_en}) met the rule “{rule_en}”; what follows: {action_en}. Look at it and answer."),
    ),
    "grant.throttled": Kind(
        "case", Text("授权使用已限速", "Grant slowed down"),
        Text("授权 {id}（{title_zh}）的使用有待核查，核查完毕前限速使用；无须办理手续，有疑问请与主管部门联系。", "Use of grant {id} ({title_en}) is being looked into and slowed down until then. Nothing is asked of you; turn to the department with questions."),
    ),
    "cap.waits": Kind(
        "task", Text("上限待确认", "Cap to be confirmed"),
        Text("有一项{kind_zh}待第二人确认，请看试运行后决定。", "A {kind_en} waits for a second person. Look at its dry run and decide."),
    ),
    "profile.waits": Kind(
        "task", Text("政策配置待确认", "Policy profile to confirm"),
        Text("政策配置第 {number} 版待第二人确认，请看试运行后决定。", "Version {number} of the policy profile waits for a second person. Look at its dry run and decide."),
    ),
    "scheme.waits": Kind(
        "task", Text("评分方案待确认", "Scoring scheme to confirm"),
        Text("评分方案第 {number} 版待第二人确认，请看试算后决定。", "Version {number} of the scoring scheme waits for a second person. Look at what it would regrade and decide."),
    ),
    "agreement.waits": Kind(
        "task", Text("协议待审批", "Agreement to approve"),
        Text("协议“{title}”已提交，等您审批。", "The agreement “{title}” was submitted and waits for your approval."),
    ),
    "plan.waits": Kind(
        "task", Text("实施方案待审批", "Plan to approve"),
        Text("实施方案“{title}”已提交，等您审批。", "The plan “{title}” was submitted and waits for your approval."),
    ),
    "registration.waits": Kind(
        "task", Text("登记待审核", "Registration to review"),
        Text("“{title_zh}”的登记等您作形式审核，期限 {due_on}。", "The registration of “{title_en}” waits for your formal review; due {due_on}."),
    ),
    "registration.ready": Kind(
        "task", Text("登记待赋码", "Registration to be given its code"),
        Text("“{title_zh}”的登记已审核通过、无须再公示，等您登记赋码。", "The registration of “{title_en}” passed its review and its public notice is over or not needed; it waits for you to register it and give the code."),
    ),
    "consent.waits": Kind(
        "task", Text("来源同意待核对", "Source consent to check"),
        Text("“{title_zh}”（{dataset}）登记了提供单位同意，等您核对。", "A source's consent to “{title_en}” ({dataset}) was entered and waits to be checked by you."),
    ),
    "erasure.waits": Kind(
        "task", Text("删除请求待办理", "Request for erasure"),
        Text("个人信息删除请求 {id} 等您办理。", "Request {id} to erase personal data waits for your decision."),
    ),
    "change.waits": Kind(
        "task", Text("账号变更待确认", "Change of an account to confirm"),
        Text("一项账号变更（{kind_zh}）等另一位管理员于 {until} 前确认，请核实后办理。", "A change of an account ({kind_en}) waits for another administrator until {until}. Check it and answer."),
    ),
    "break_glass.waits": Kind(
        "task", Text("应急授权待确认", "Break-glass to confirm"),
        Text("有人提出应急授权，等另一人于 {until} 前确认，请立即核实。", "Break-glass is asked for and waits for another person until {until}. Look at once."),
    ),
    "reminder.paper": Kind(
        "reminder", Text("材料补交即将到期", "Paper due soon"),
        Text("申请 {id} 的“{title_zh}”须于 {ends_on} 前补交（还有 {days} 天）。", "“{title_en}” of application {id} is to be handed in by {ends_on} (in {days} days)."),
    ),
    "application.assisted": Kind(
        "task", Text("帮代办草稿待确认", "Draft to confirm"),
        Text("帮代办专员为贵机构起草了申请 {id}，请核对确认后提交。", "A station clerk drafted application {id} for your organisation: check it, confirm it, then it may be submitted."),
    ),
    "reuse.waits": Kind(
        "task", Text("再利用待审核", "A reuse awaits you"),
        Text("有人为“{title_zh}”提交了再利用“{name}”，待部门审核。", "A reuse of “{title_en}” was suggested, “{name}”; the department judges it."),
    ),
    "reuse.decided": Kind(
        "case", Text("再利用已审核", "Your reuse was judged"),
        Text("部门处理了您为“{title_zh}”提交的再利用“{name}”。", "The department judged the reuse “{name}” that you suggested of “{title_en}”."),
    ),
    "discussion.waits": Kind(
        "task", Text("讨论或报错待答复", "Question or error report"),
        Text("“{title_zh}”有新的提问、报错或回复，待部门答复。", "A question, error report or reply on “{title_en}” waits for the department."),
    ),
    "discussion.answered": Kind(
        "case", Text("部门已答复", "The department answered"),
        Text("部门答复了您在“{title_zh}”的提问或报错。", "The department answered your question or error report on “{title_en}”."),
    ),
    "report.moved": Kind(
        "case", Text("报错办理进展", "Your error report"),
        Text("您在“{title_zh}”报告的数据错误（工单 {number}）：{state_zh}。", "The error that you reported on “{title_en}” (ticket {number}): {state_en}."),
    ),
    "search.found": Kind(
        "search", Text("检索有新结果", "Saved search"),
        Text("您保存的检索“{title}”有 {count} 个数据集新增或有变化。", "Your saved search “{title}”: {count} dataset(s) are new or have changed."),
    ),
    "webhook.dropped": Kind(
        "clock", Text("推送未能发出", "Webhook not sent"),
        Text("推送地址 {id} 的事件未能发出：{why_zh}。", "Events for endpoint {id} were not sent: {why_en}."),
    ),
    "webhook.dead": Kind(
        "clock", Text("推送无法送达", "Webhook not delivered"),
        Text("推送地址 {id} 的事件 {event} 多次重试后仍无法送达；请检查接收方后重发。", "The event {event} for endpoint {id} could not be delivered after all attempts; check the receiver, then send it again."),
    ),
}  # fmt: skip


def sentence(kind: str, facts: Mapping[str, Any]) -> Text:
    """The message in words; a fact that is missing reads as a dash, so that an old row never breaks the inbox."""
    known = KINDS.get(kind)
    if known is None:
        return Text(kind, kind)
    return Text(known.sentence.zh.format_map(_Dashed(facts)), known.sentence.en.format_map(_Dashed(facts)))


class _Dashed(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        """Rows of before names went along have the id alone."""
        return str(self.get(key.removesuffix("_zh").removesuffix("_en"), "—"))


def state_facts(state: str) -> dict[str, str]:
    name = STATE_NAMES[State(state)]
    return {"state": state, "state_zh": name.zh, "state_en": name.en}
