"""What the console's own labels say, in both languages; what a case says comes from its timeline."""

from __future__ import annotations

from typing import Literal

from case_events.core.values import Text

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

LABELS: dict[str, Text] = {
    "colon": Text(zh="：", en=": "),
    "console": Text(zh="Caselog 控制台", en="Caselog console"),
    "skip": Text(zh="跳到正文", en="Skip to the content"),
    "pages": Text(zh="页面", en="Pages"),
    "queue": Text(zh="待办队列", en="Queue"),
    "scheduler": Text(zh="时钟", en="Clock"),
    "other_language": Text(zh="English", en="中文"),
    "signed_in_as": Text(zh="当前登录", en="Signed in as"),
    "sign_in": Text(zh="登录", en="Sign in"),
    "sign_out": Text(zh="退出登录", en="Sign out"),
    "signed_out": Text(zh="已退出登录。", en="You are signed out."),
    "key": Text(zh="API 密钥", en="API key"),
    "key_hint": Text(
        zh="角色为 platform、ops、auditor 或 admin 的密钥。密钥撤销后，登录随即失效。",
        en="A key with the role platform, ops, auditor or admin. Revoking it ends the session.",
    ),
    "by_openid": Text(zh="用单位账号登录", en="Sign in with your organisation's account"),
    "or": Text(zh="或", en="or"),
    "not_known": Text(zh="此密钥不存在或已撤销。", en="This key is not known, or it was revoked."),
    "not_for_role": Text(zh="角色 {role} 不能使用控制台。", en="The console is not for the role {role}."),
    "not_granted": Text(
        zh="身份提供方未确认登录，请重试。", en="Your identity provider did not confirm the sign-in; try again."
    ),
    "no_role": Text(
        zh="您的单位账号没有 Caselog 的角色，请联系管理员。",
        en="Your account carries no role of Caselog's; ask your administrator for one.",
    ),
    "not_begun_here": Text(
        zh="此次登录不是从本浏览器发起，或已超时，请重新登录。",
        en="This sign-in was not begun in this browser, or it took too long; begin again.",
    ),
    "session_over": Text(
        zh="登录已失效，刚才提交的内容没有记录。请重新登录，登录后将回到该案件。",
        en="Your session is over, and what you sent was not recorded. Sign in again: that leads back to the case.",
    ),
    "written": Text(zh="您写的内容（未记录，可复制）", en="What you wrote (not recorded; copy it from here)"),
    "provider_away": Text(
        zh="身份提供方暂不可用，请稍后重试。", en="Your identity provider cannot be reached; try again in a moment."
    ),
    "search": Text(zh="按投诉编号查找", en="Find by complaint number"),
    "find": Text(zh="查找", en="Find"),
    "no_such_number": Text(zh="没有编号为 {number} 的案件。", en="There is no case with the number {number}."),
    "filter": Text(zh="筛选", en="Filter"),
    "all": Text(zh="全部", en="all"),
    "nothing_due": Text(zh="没有符合条件的待办案件。", en="No such case waits for anything."),
    "go_on": Text(zh="后面可能还有，请翻页。", en="There may be more: go to the next page."),
    "next_page": Text(zh="下一页", en="Next page"),
    "by_urgency": Text(
        zh="案件，优先级高的在前，其次最先到期的", en="Cases, the highest priority first, then what is due next"
    ),
    "by_due": Text(zh="案件，最先到期的在前", en="Cases, what is due next first"),
    "number": Text(zh="编号", en="Number"),
    "type": Text(zh="类型", en="Type"),
    "status": Text(zh="状态", en="Status"),
    "outcome": Text(zh="结果", en="Outcome"),
    "merchant": Text(zh="商家编号", en="Merchant id"),
    "complainant": Text(zh="投诉方", en="Complainant"),
    "respondent": Text(zh="被投诉方", en="Respondent"),
    "platform": Text(zh="平台", en="Platform"),
    "department": Text(zh="部门", en="Department"),
    "assignee": Text(zh="处理人", en="Assignee"),
    "priority": Text(zh="优先级", en="Priority"),
    "due": Text(zh="下一期限", en="Due next"),
    "who_is_next": Text(zh="下一步", en="Who is next"),
    "nobody_is_next": Text(zh="案件不等待任何一方。", en="The case waits for nobody."),
    "deadlines": Text(zh="进行中的期限", en="Running deadlines"),
    "due_at": Text(zh="到期", en="Due"),
    "party": Text(zh="一方", en="Party"),
    "none": Text(zh="无", en="none"),
    "missing": Text(zh="缺少的证据", en="Evidence that is missing"),
    "facts": Text(zh="案件", en="The case"),
    "case_id": Text(zh="案件 ID", en="Case id"),
    "marketplace": Text(zh="平台站点", en="Marketplace"),
    "policy": Text(zh="规则", en="Policy"),
    "reason": Text(zh="原因", en="Reason"),
    "claim": Text(zh="诉求", en="Claim"),
    "description": Text(zh="说明", en="Description"),
    "order": Text(zh="订单", en="Order"),
    "order_number": Text(zh="订单编号", en="Order number"),
    "goods": Text(zh="商品", en="Goods"),
    "paid": Text(zh="实付", en="Paid"),
    "freight": Text(zh="运费", en="Freight"),
    "shipment": Text(zh="发货", en="Shipment"),
    "in_time": Text(zh="按时", en="in time"),
    "late": Text(zh="延迟", en="late"),
    "ship_by": Text(zh="最迟发货", en="to be shipped by"),
    "picked_up": Text(zh="揽收", en="picked up"),
    "excused_by": Text(zh="免责证据：", en="excused by"),
    "filed": Text(zh="发起", en="Filed"),
    "closed": Text(zh="关闭", en="Closed"),
    "test_clock": Text(zh="测试时钟", en="Test clock"),
    "timeline": Text(zh="经过", en="What happened"),
    "as_of_version": Text(zh="这是第 {version} 条记录之后的情况。", en="This is the case as entry {version} left it."),
    "as_of_at": Text(zh="这是 {at} 时的情况。", en="This is how the case was at {at}."),
    "as_of_known_at": Text(zh="以 {at} 时已记录的内容为准。", en="By what had been recorded at {at}."),
    "before": Text(zh="上一条", en="The entry before"),
    "after": Text(zh="下一条", en="The entry after"),
    "now": Text(zh="查看现在的情况", en="As it is now"),
    "then": Text(zh="当时的情况", en="As it was then"),
    "past": Text(zh="查看过去的情况", en="As it was"),
    "how_it_was": Text(zh="实际情况，截至（北京时间）", en="How it was at (China time)"),
    "what_was_shown": Text(zh="已记录的内容，截至（北京时间）", en="By what had been recorded at (China time)"),
    "dossier": Text(zh="下载案卷", en="Download the dossier"),
    "not_written": Text(zh="到期，待系统记录", en="overdue, not recorded yet"),
    "evidence": Text(zh="证据", en="Evidence"),
    "kind": Text(zh="种类", en="Kind"),
    "by": Text(zh="提交方", en="Brought by"),
    "place": Text(zh="位置", en="Place"),
    "shows": Text(zh="所载时间", en="shows"),
    "moved": Text(zh="物流更新", en="moved"),
    "set_aside": Text(zh="不予采信", en="set aside"),
    "note": Text(zh="写备注", en="Write a note"),
    "text": Text(zh="内容", en="Text"),
    "internal": Text(zh="仅平台可见", en="For the desk only"),
    "assign": Text(zh="指派", en="Assign"),
    "agent": Text(zh="由谁处理", en="Who takes it"),
    "open_file": Text(zh="下载文件", en="Download the file"),
    "refused": Text(zh="没有记录", en="Nothing was recorded"),
    "moved_on": Text(
        zh="您打开页面后，案件有了新进展。下面是最新情况，请看过后再指派。",
        en="The case has moved on since you opened it. This is how it is now: look at it, and assign it again.",
    ),
    "too_long": Text(zh="过长，最多 {most} 字，现有 {count} 字。", en="at most {most} characters; there are {count}."),
    "left_empty": Text(zh="未填写。", en="was left empty."),
    "recorded": Text(zh="已记录。", en="Recorded."),
    "back": Text(zh="返回控制台", en="Back to the console"),
    "back_to_case": Text(zh="返回案件", en="Back to the case"),
    "trace": Text(zh="追踪号", en="Trace"),
    "watermark": Text(zh="水位", en="Watermark"),
    "watermark_means": Text(
        zh="此刻之前到期的期限均已处理。", en="No live deadline before this instant is unprocessed."
    ),
    "no_watermark": Text(zh="尚无调度进程发布水位。", en="No scheduler has published one yet."),
    "breached": Text(
        zh="有更早的期限尚未处理，水位暂停。", en="An earlier one is unprocessed: the watermark stands still."
    ),
    "lag": Text(zh="落后", en="Behind by"),
    "paused": Text(zh="已暂停", en="Paused"),
    "overdue": Text(zh="逾期未处理", en="Overdue and unprocessed"),
    "at_least": Text(zh="至少", en="at least"),
    "held": Text(zh="被暂缓", en="held"),
    "failed": Text(zh="尝试失败", en="tried in vain"),
    "tried_again": Text(zh="再次尝试", en="Tried again"),
    "holds": Text(zh="暂缓", en="Holds"),
    "scope": Text(zh="范围", en="Scope"),
    "until": Text(zh="直到", en="Until"),
    "placed_by": Text(zh="由谁设置", en="Placed by"),
    "lateness": Text(zh="延迟", en="Lateness"),
    "lateness_hour": Text(zh="延迟，最近一小时（秒）", en="Lateness in the last hour (seconds)"),
    "lateness_day": Text(zh="延迟，最近一天（秒）", en="Lateness in the last day (seconds)"),
    "count": Text(zh="数量", en="Count"),
    "most": Text(zh="最大", en="Most"),
    "schedulers": Text(zh="调度进程", en="Schedulers"),
    "name": Text(zh="名称", en="Name"),
    "seen": Text(zh="最近出现", en="Last seen"),
    "running": Text(zh="运行中", en="running"),
    "silent": Text(zh="无响应", en="silent"),
    "calendar": Text(zh="工作日历", en="Calendar"),
    "published_until": Text(zh="已公布至", en="Published until"),
    "provisional": Text(zh="暂定的期限", en="Provisional deadlines"),
}

REFUSALS: dict[str, Text] = {
    "malformed": Text(
        zh="提交的内容无法读取，请重新打开页面再试。",
        en="What was sent cannot be read. Load the page again, and try again.",
    ),
    "invalid": Text(zh="填写有误，请改正后再提交。", en="Something in it is wrong: mend it, and send it again."),
    "forbidden": Text(
        zh="您没有此权限，或页面已失效。请重新打开页面再试；仍不行请联系管理员。",
        en="You may not do this, or the page is out of date. Load it again; or ask your administrator.",
    ),
    "not_found": Text(
        zh="没有这个页面或案件，或您无权查看。", en="There is no such page or case, or it is not for you to see."
    ),
    "not_allowed_now": Text(zh="案件在当前状态下不能这样做。", en="The case is in a state in which this cannot be."),
    "internal": Text(
        zh="系统内部错误，请把追踪号告诉技术人员。", en="A fault of ours. Tell whoever runs this the trace below."
    ),
    **dict.fromkeys(
        ("rate_limited", "too_many_requests"),
        Text(zh="操作过于频繁，请稍后再试。", en="Too much at once; try again soon."),
    ),
    **dict.fromkeys(
        ("unavailable", "busy", "clock_disagrees", "store_unavailable"),
        Text(zh="系统暂时不可用，请稍后再试。", en="This is away for the moment; try again soon."),
    ),
}
"""What a refusal means to somebody at the desk; the words of the API, for whoever programs, say it elsewhere."""
