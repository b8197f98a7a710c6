"""Every code a refusal can have: its HTTP status, what it means in words, and what whoever meets it does then."""

from __future__ import annotations

from case_api.refusals.kind import Kind
from case_api.refusals.kinds_of_ours import OURS
from case_events.core.values import Text

KINDS: dict[str, Kind] = {
    "malformed": Kind(
        status=400,
        title="The request cannot be read",
        zh="请求无法解析：不是合法的 JSON、数字过大、嵌套过深，或请求头写法有误。",
        en="Not JSON, a number too large to be exact, nested too deep, or a header that cannot be read.",
        then=Text(
            zh="按 detail 修正请求再发；原样重发仍会被拒。",
            en="Mend what detail names and send it again; the same bytes are refused again.",
        ),
    ),
    "unauthenticated": Kind(
        status=401,
        title="Who is calling?",
        zh="缺少密钥，或密钥不存在、已撤销。",
        en="No key was sent, or it is unknown or revoked. Send Authorization: Bearer <key>.",
        then=Text(
            zh="检查密钥是否写对、是否已撤销或轮换；令牌则检查是否过期。",
            en="Check that the key is whole and was not revoked or rotated away; of a token, that it has not expired.",
        ),
    ),
    "forbidden": Kind(
        status=403,
        title="Not for this caller",
        zh="该密钥的角色或该当事人无权这样做；超时事件只由系统记录。",
        en="The key's role or the actor may not do this. Timeouts are recorded by the clocks alone.",
        then=Text(
            zh="换用有此权限的密钥，或改由有权的当事人提交；不要重试。",
            en="Use a key whose role may, or let the party post it whose it is. Do not send it again as it is.",
        ),
    ),
    "not_found": Kind(
        status=404,
        title="Not found",
        zh="没有这个资源，或该案件在所问的版本、时刻尚不存在。",
        en="There is no such thing here, or the case did not exist yet at that version or instant.",
        then=Text(
            zh="核对地址与编号，以及密钥是否限于某些商家或平台站点；看不到的与不存在的回答相同。",
            en="Check the address, the id, and what the key is limited to: what it may not see is not found.",
        ),
    ),
    "method_not_allowed": Kind(
        status=405,
        title="Not possible here",
        zh="此地址不支持该方法。",
        en="This address does not know the method; Allow names those it does.",
        then=Text(zh="改用 Allow 头列出的方法。", en="Use one of the methods that the Allow header names."),
    ),
    "request_timeout": Kind(
        status=408,
        title="The body did not come",
        zh="请求体未在限时内到齐。",
        en="The body did not arrive in time. Nothing was recorded; send it again with the same key.",
        then=Text(zh="用同一幂等键立即重发。", en="Send it again at once, with the same Idempotency-Key."),
    ),
    "not_allowed_now": Kind(
        status=409,
        title="Not possible in this state",
        zh="按规则，案件当前状态下不能发生此事件；allowed_events 列出可做的。",
        en="The rules do not let this happen while the case is in this state. allowed_events says what can happen.",
        then=Text(
            zh="读取案件，从 allowed_events 中选择可做的；rule 指明依据的条款。",
            en="Read the case and choose among allowed_events; rule names the clause that says no.",
        ),
    ),
    "clock_frozen": Kind(
        status=409,
        title="The test clock is frozen",
        zh="测试时钟已冻结，不能前进；先解冻（unfreeze）。",
        en="A frozen test clock goes nowhere and nothing of it fires. Unfreeze it, then advance it.",
        then=Text(zh="先解冻该时钟，再前进。", en="Unfreeze the clock, then advance it."),
    ),
    "deadline_passed": Kind(
        status=409,
        title="The deadline has passed",
        zh="期限已过（due_at）；在期限当刻仍算按时。",
        en="The time for this ran out at due_at; the very instant of due_at was still in time.",
        then=Text(
            zh="此步骤不会再有机会；读取案件，看 allowed_events 中还可做什么。",
            en="This step will not come back. Read the case and see in allowed_events what can still be done.",
        ),
    ),
    "not_yet": Kind(
        status=409,
        title="Not yet",
        zh="还没到时候，opens_at 起可行。",
        en="This becomes possible at opens_at, where an instant is known.",
        then=Text(
            zh="等到 opens_at 再提交；没有 opens_at 时，等案件有新进展。",
            en="Post it from opens_at on; without one, when something more has happened in the case.",
        ),
    ),
    "already_open": Kind(
        status=409,
        title="There is an open complaint already",
        zh="同一订单、同一类型、同一投诉人已有未结案件，见 location。",
        en="This complainant already has an open complaint of this type about this order: see location.",
        then=Text(
            zh="到 location 所指的案件里继续，不要另行投诉。",
            en="Go on in the case that location names instead of filing another.",
        ),
    ),
    "last_admin": Kind(
        status=409,
        title="Nobody could make keys any more",
        zh="这是最后一把有效的管理员密钥：撤销或立即轮换后将无人能管理密钥。",
        en="This is the last valid admin key: without it, nobody could make, rotate or revoke any.",
        then=Text(
            zh="先创建另一把管理员密钥；轮换时让旧密钥继续有效至少五分钟。",
            en="Make another admin key first; to rotate this one, let the old secret work for five minutes at least.",
        ),
    ),
    "stale": Kind(
        status=412,
        title="The case has moved on",
        zh="案件已有新事件（missed），请重新读取后再提交。",
        en="If-Match names an older version. missed lists what happened since; read the case again and judge anew.",
        then=Text(
            zh="看 missed 中的新事件，重新判断，再以新的 ETag 提交。",
            en="Look at missed, judge anew, and send it with the new ETag in If-Match.",
        ),
    ),
    "too_large": Kind(
        status=413,
        title="The body is too large",
        zh="请求体超过上限。",
        en="The body exceeds the limit that detail names. Evidence goes by reference, not in the body.",
        then=Text(
            zh="拆小后再发：批量分几次，证据文件先上传再引用。",
            en="Send less at once: a batch in parts, evidence as a file that is uploaded and then named.",
        ),
    ),
    "unsupported_media_type": Kind(
        status=415,
        title="Not a media type we read",
        zh="请以未压缩的 application/json（UTF-8）提交；证据文件用 multipart/form-data，类型见 detail。",
        en="Send application/json in UTF-8, not compressed; a file as multipart/form-data, of a type detail names.",
        then=Text(
            zh="改正 Content-Type 与编码后再发。",
            en="Send it again with the Content-Type and the encoding that detail names.",
        ),
    ),
    "invalid": Kind(
        status=422,
        title="Something in it is wrong",
        zh="内容有误，errors 逐一列出全部问题。",
        en="errors names every fault at once; a pointer is RFC 6901, or ?name for a query parameter.",
        then=Text(
            zh="按 errors 逐条修正后再发；原样重发仍会被拒。",
            en="Mend every fault that errors names and send it again; as it is, it stays refused.",
        ),
    ),
    "not_eligible": Kind(
        status=422,
        title="This complaint cannot be filed",
        zh="订单状态或投诉时效不符合规则，见 rule 与 closed_at。",
        en="The order's state or the filing window does not allow it: see rule and closed_at.",
        then=Text(
            zh="告知投诉人依据的条款；订单状态改变后可再提交。",
            en="Tell the complainant which clause says no; file again only if the order's state has changed.",
        ),
    ),
    "id_reused": Kind(
        status=422,
        title="The key was used for something else",
        zh="该幂等键此前用于内容不同的请求。",
        en="This Idempotency-Key was used before with another body. A new request needs a new key.",
        then=Text(
            zh="新的请求换一个新的幂等键；若是重试，请原样发送最初的内容。",
            en="For a new request take a new key; for a retry send the very body that was sent first.",
        ),
    ),
    "precondition_required": Kind(
        status=428,
        title="Say which version was judged",
        zh="裁决与和解须带 If-Match，写明所依据的案件版本。",
        en="ruled and settled judge what was read, so they need If-Match with the ETag of the case.",
        then=Text(
            zh="读取案件，判断后带上其 ETag（If-Match）再提交。",
            en="Read the case, judge, and send it again with the ETag that was read in If-Match.",
        ),
    ),
    **OURS,
}
"""Every code there is; ``GET /problems/{code}`` says its words."""
