"""Refusals as application/problem+json (RFC 9457): the one place where a code becomes an HTTP status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Scope

from case_events.core.values import AllowedEvent, Fault, Instant, Problem, Text, Value
from case_events.outgoing.form import encoded

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2
"""When to come back while Postgres is away or the door is full."""


class Kind(Value, frozen=True, kw_only=True):
    """What every refusal with one code has in common, and what it means in words."""

    status: int
    title: str
    zh: str
    en: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(
        status=400,
        title="The request cannot be read",
        zh="请求无法解析:不是合法的 JSON、数字过大、嵌套过深,或请求头写法有误。",
        en="Not JSON, a number too large to be exact, nested too deep, or a header that cannot be read.",
    ),
    "unauthenticated": Kind(
        status=401,
        title="Who is calling?",
        zh="缺少密钥,或密钥不存在、已撤销。",
        en="No key was sent, or it is unknown or revoked. Send Authorization: Bearer <key>.",
    ),
    "forbidden": Kind(
        status=403,
        title="Not for this caller",
        zh="该密钥的角色或该当事人无权这样做;超时事件只由系统记录。",
        en="The key's role or the actor may not do this. Timeouts are recorded by the clocks alone.",
    ),
    "not_found": Kind(
        status=404,
        title="Not found",
        zh="没有这个资源,或该案件在所问的版本、时刻尚不存在。",
        en="There is no such thing here, or the case did not exist yet at that version or instant.",
    ),
    "method_not_allowed": Kind(
        status=405,
        title="Not possible here",
        zh="此地址不支持该方法。",
        en="This address does not know the method; Allow names those it does.",
    ),
    "request_timeout": Kind(
        status=408,
        title="The body did not come",
        zh="请求体未在限时内到齐。",
        en="The body did not arrive in time. Nothing was recorded; send it again with the same key.",
    ),
    "not_allowed_now": Kind(
        status=409,
        title="Not possible in this state",
        zh="按规则,案件当前状态下不能发生此事件;allowed_events 列出可做的。",
        en="The rules do not let this happen while the case is in this state. allowed_events says what can happen.",
    ),
    "clock_frozen": Kind(
        status=409,
        title="The test clock is frozen",
        zh="测试时钟已冻结,不能前进;先解冻(unfreeze)。",
        en="A frozen test clock goes nowhere and nothing of it fires. Unfreeze it, then advance it.",
    ),
    "deadline_passed": Kind(
        status=409,
        title="The deadline has passed",
        zh="期限已过(due_at);在期限当刻仍算按时。",
        en="The time for this ran out at due_at; the very instant of due_at was still in time.",
    ),
    "not_yet": Kind(
        status=409,
        title="Not yet",
        zh="还没到时候,opens_at 起可行。",
        en="This becomes possible at opens_at, where an instant is known.",
    ),
    "already_open": Kind(
        status=409,
        title="There is an open complaint already",
        zh="同一订单、同一类型、同一投诉人已有未结案件,见 location。",
        en="This complainant already has an open complaint of this type about this order: see location.",
    ),
    "stale": Kind(
        status=412,
        title="The case has moved on",
        zh="案件已有新事件(missed),请重新读取后再提交。",
        en="If-Match names an older version. missed lists what happened since; read the case again and judge anew.",
    ),
    "too_large": Kind(
        status=413,
        title="The body is too large",
        zh="请求体超过上限。",
        en="The body exceeds the limit that detail names. Evidence goes by reference, not in the body.",
    ),
    "unsupported_media_type": Kind(
        status=415,
        title="Not a media type we read",
        zh="请以未压缩的 application/json(UTF-8)提交;证据文件用 multipart/form-data,类型见 detail。",
        en="Send application/json in UTF-8, not compressed; a file as multipart/form-data, of a type detail names.",
    ),
    "invalid": Kind(
        status=422,
        title="Something in it is wrong",
        zh="内容有误,errors 逐一列出全部问题。",
        en="errors names every fault at once; a pointer is RFC 6901, or ?name for a query parameter.",
    ),
    "not_eligible": Kind(
        status=422,
        title="This complaint cannot be filed",
        zh="订单状态或投诉时效不符合规则,见 rule 与 closed_at。",
        en="The order's state or the filing window does not allow it: see rule and closed_at.",
    ),
    "id_reused": Kind(
        status=422,
        title="The key was used for something else",
        zh="该幂等键此前用于内容不同的请求。",
        en="This Idempotency-Key was used before with another body. A new request needs a new key.",
    ),
    "precondition_required": Kind(
        status=428,
        title="Say which version was judged",
        zh="裁决与和解须带 If-Match,写明所依据的案件版本。",
        en="ruled and settled judge what was read, so they need If-Match with the ETag of the case.",
    ),
    "too_many_requests": Kind(
        status=429,
        title="Too many requests at once",
        zh="同时处理的请求过多,请按 Retry-After 稍后重试。",
        en="More requests at once than are taken. Come back after Retry-After seconds, with the same key.",
    ),
    "internal": Kind(
        status=500,
        title="Our fault",
        zh="系统内部错误,请附上 trace_id 反馈。",
        en="A fault of ours. Tell us the trace_id; sending it again with the same key is safe.",
    ),
    "not_ready": Kind(
        status=503,
        title="Not ready",
        zh="服务尚未就绪,errors 说明缺少什么。",
        en="Something needed is missing; errors says what.",
    ),
    "busy": Kind(
        status=503,
        title="The case is changing too fast",
        zh="该案件正被频繁修改,请用同一幂等键稍后重试。",
        en="The case changed faster than this could be judged. Send it again, with the same key.",
    ),
    "clock_disagrees": Kind(
        status=503,
        title="The clocks do not agree",
        zh="数据库时钟快于本服务器时钟,暂不裁断、不记录任何内容;请按 Retry-After 用同一幂等键重试。",
        en="The database's clock is ahead of this server's. Nothing was judged; come back after Retry-After seconds.",
    ),
    "store_unavailable": Kind(
        status=503,
        title="The evidence store is away",
        zh="证据文件存储暂不可用,请按 Retry-After 稍后重试。",
        en="Evidence files cannot be reached. Come back after Retry-After seconds; the same file is kept once.",
    ),
    "unavailable": Kind(
        status=503,
        title="The database is away",
        zh="数据库暂不可用,请按 Retry-After 用同一幂等键重试。",
        en="Postgres is away. Come back after Retry-After seconds; with the same key nothing happens twice.",
    ),
}
"""Every code there is; ``GET /problems/{code}`` says its words."""


class Refused(Exception):
    """Raised anywhere on a request's way to answer it with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class ProblemView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal as it is sent; members that do not apply are absent."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    trace_id: str | None = None
    rule: str | None = None
    clause: Text | None = None
    due_at: Instant | None = None
    opens_at: Instant | None = None
    closed_at: Instant | None = None
    current_version: int | None = None
    location: str | None = None
    allowed_events: tuple[AllowedEvent, ...] | None = None
    errors: tuple[Fault, ...] = ()
    missed: tuple[dict[str, Any], ...] | None = None


def view(problem: Problem, instance: str | None = None, trace_id: str | None = None) -> ProblemView:
    """The problem with what its code says about it."""
    kind = KINDS[problem.code]
    return ProblemView(
        type=f"/problems/{problem.code}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        code=problem.code,
        instance=instance,
        trace_id=trace_id,
        rule=problem.rule,
        clause=problem.clause,
        due_at=problem.due_at,
        opens_at=problem.opens_at,
        closed_at=problem.closed_at,
        current_version=problem.current_version,
        location=problem.location,
        allowed_events=problem.allowed_events,
        errors=problem.errors,
        missed=problem.missed,
    )


def answer(problem: Problem, scope: Scope, headers: dict[str, str] | None = None) -> Response:
    """The refusal as a response, with the headers its code asks for."""
    body = view(problem, scope["path"], scope["trace_id"])
    said = dict(headers or {})
    match problem.code:
        case "unauthenticated":
            said["WWW-Authenticate"] = 'Bearer realm="caselog"'
        case "unavailable" | "store_unavailable" | "busy" | "clock_disagrees" | "not_ready" | "too_many_requests":
            said["Retry-After"] = str(RETRY_AFTER_S)
        case "already_open" if problem.location is not None:
            said["Location"] = problem.location
        case "stale" if problem.current_version is not None:
            said["ETag"] = f'"{problem.current_version}"'
        case _:
            pass
    return Response(encoded(body), body.status, said, PROBLEM_JSON)


def invalid(*faults: Fault) -> Problem:
    """What was asked has these faults, all of them named."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return Problem(code="invalid", detail=f"{count} in what was sent.", errors=faults)


def for_status(status: int) -> Problem:
    """The problem of an HTTP fault that the framework finds by itself."""
    match status:
        case HTTPStatus.NOT_FOUND:
            return Problem(code="not_found", detail="There is nothing here.")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return Problem(code="method_not_allowed", detail="This cannot be done with what is here.")
        case _:
            return Problem(code="malformed", detail="The request could not be read.")
