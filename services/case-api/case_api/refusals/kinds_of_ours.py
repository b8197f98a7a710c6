"""Refusals that are not of the caller's making: too much at once, something away, or a fault of ours."""

from __future__ import annotations

from case_api.refusals.kind import Kind
from case_events.core.values import Text

OURS: dict[str, Kind] = {
    "too_many_requests": Kind(
        status=429,
        title="Too many requests at once",
        zh="同时处理的请求过多，请按 Retry-After 稍后重试。",
        en="More requests at once than are taken. Come back after Retry-After seconds, with the same key.",
        then=Text(
            zh="按 Retry-After 等待，用同一幂等键重发；减少并发。",
            en="Wait as long as Retry-After says, send it again with the same key, and send fewer at once.",
        ),
        waiting_helps=True,
    ),
    "rate_limited": Kind(
        status=429,
        title="Faster than this key may",
        zh="该密钥的请求超过每分钟限额，RateLimit 头说明余量。",
        en="This key has sent what it may. The RateLimit fields say how much is left.",
        then=Text(
            zh="按 Retry-After 等待后重发；用同一幂等键不会重复记录。需要更高限额请联系运维。",
            en="Wait as long as Retry-After says and send it again with the same key; an operator can raise the limit.",
        ),
        waiting_helps=True,
    ),
    "internal": Kind(
        status=500,
        title="Our fault",
        zh="系统内部错误，请附上 trace_id 反馈。",
        en="A fault of ours. Tell us the trace_id; sending it again with the same key is safe.",
        then=Text(
            zh="用同一幂等键重发；若仍如此，请附 trace_id 反馈。",
            en="Send it again with the same key; if it stays, tell us the trace_id.",
        ),
    ),
    "not_ready": Kind(
        status=503,
        title="Not ready",
        zh="服务尚未就绪，errors 说明缺少什么。",
        en="Something needed is missing; errors says what.",
        then=Text(
            zh="等待就绪后再接入流量；errors 说明运维需处理什么。",
            en="Send traffic elsewhere until it is ready; errors says what an operator has to see to.",
        ),
        waiting_helps=True,
    ),
    "busy": Kind(
        status=503,
        title="The case is changing too fast",
        zh="该案件正被频繁修改，请用同一幂等键稍后重试。",
        en="The case changed faster than this could be judged. Send it again, with the same key.",
        then=Text(
            zh="按 Retry-After 等待，用同一幂等键重发。",
            en="Wait as long as Retry-After says and send it again with the same key.",
        ),
        waiting_helps=True,
    ),
    "clock_disagrees": Kind(
        status=503,
        title="The clocks do not agree",
        zh="数据库时钟快于本服务器时钟，暂不裁断、不记录任何内容；请按 Retry-After 用同一幂等键重试。",
        en="The database's clock is ahead of this server's. Nothing was judged; come back after Retry-After seconds.",
        then=Text(
            zh="按 Retry-After 用同一幂等键重发；持续出现时请运维校准时钟。",
            en="Send it again after Retry-After, with the same key; if it stays, an operator sets the clocks right.",
        ),
        waiting_helps=True,
    ),
    "store_unavailable": Kind(
        status=503,
        title="The evidence store is away",
        zh="证据文件存储暂不可用，请按 Retry-After 稍后重试。",
        en="Evidence files cannot be reached. Come back after Retry-After seconds; nothing is done twice.",
        then=Text(
            zh="按 Retry-After 等待后原样重发：同一文件，或文件尚未删除的抹除请求。",
            en="Wait as long as Retry-After says and send the same again: a file, or the erasure whose files remain.",
        ),
        waiting_helps=True,
    ),
    "file_altered": Kind(
        status=500,
        title="The file is not what was brought",
        zh="证据文件与记录的摘要不符，不予提供；请附上 trace_id 告知运维。",
        en="The file in the store has another digest than the record says, and is not given. Tell us the trace_id.",
        then=Text(
            zh="不必重试；请运维从备份恢复该文件，并用 caselog evidence verify 查明范围。",
            en="An operator restores the file from a backup; `caselog evidence verify` finds all that need it.",
        ),
    ),
    "record_altered": Kind(
        status=500,
        title="The record is not what was written",
        zh="记录与其核验日志不符，无法给出证明；请附上 trace_id 告知运维。",
        en="What is kept of the record does not agree with itself, and proves nothing. Tell us the trace_id.",
        then=Text(
            zh="不必重试；请运维用 caselog audit verify 查明何处被改动。",
            en="Do not send it again; an operator finds with `caselog audit verify` what was changed.",
        ),
    ),
    "issuer_unavailable": Kind(
        status=503,
        title="The OpenID provider is away",
        zh="身份提供方暂不可用，无法验证该令牌；请按 Retry-After 稍后重试，或改用密钥。",
        en="The token cannot be verified while the OpenID provider is away. Keys go on working.",
        then=Text(
            zh="按 Retry-After 等待后用同一令牌重发；密钥不受影响。",
            en="Wait as long as Retry-After says and send it again with the same token; a key works meanwhile.",
        ),
        waiting_helps=True,
    ),
    "unavailable": Kind(
        status=503,
        title="The database is away",
        zh="数据库暂不可用，请按 Retry-After 用同一幂等键重试。",
        en="Postgres is away. Come back after Retry-After seconds; with the same key nothing happens twice.",
        then=Text(
            zh="按 Retry-After 等待，用同一幂等键重发；不会重复记录。",
            en="Wait as long as Retry-After says and send it again with the same key; nothing is recorded twice.",
        ),
        waiting_helps=True,
    ),
}
"""Their codes; all but a fault of ours say when to come back."""
