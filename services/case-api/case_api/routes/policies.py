"""Policies: the rules cases are judged by, and what each refusal means in words."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from case_api.answers import shown
from case_api.documents import examples, problem_page
from case_api.documents.openapi import operation
from case_api.door import door_of
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import Refused
from case_api.requests.headers import accepts
from case_api.requests.parameters import Query
from case_api.views.policies import PolicyPage, PolicyView, policy_item
from case_events.core.values import Problem
from case_events.ledger import policy_book
from case_events.outgoing.form import JSON

HTML = "text/html"


def add_to(app: FastAPI) -> None:
    """The routes of this module."""
    one = "/v1/policies/{policy}"
    app.add_api_route("/v1/policies", list_policies, methods=["GET"], openapi_extra=operation(list_policies))
    app.add_api_route(one, get_policy, methods=["GET"], openapi_extra=operation(get_policy))
    app.add_api_route("/problems/{code}", get_problem, methods=["GET"], openapi_extra=operation(get_problem))


async def list_policies(request: Request) -> Response:
    """List every policy that is kept."""
    door = door_of(request)
    await door.caller(request, "read_rules")
    Query(request).check()
    async with door.ledger.connection() as connection:
        kept = await policy_book.kept(connection)
    return shown(PolicyPage(items=tuple(policy_item(one) for one in kept), next=None))


async def get_policy(request: Request) -> Response:
    """Read one version of a policy."""
    door = door_of(request)
    await door.caller(request, "read_rules")
    Query(request).check()
    name, _, version = str(request.path_params["policy"]).partition("@")
    found = text = None
    if "\0" not in name + version:
        async with door.ledger.connection() as connection:
            found = await door.ledger.policies.find(connection, name, version)
            text = await policy_book.written(connection, name, version)
    if found is None or text is None:
        raise Refused(
            Problem(code="not_found", detail="There is no such policy: ask for /v1/policies/<name>@<version>.")
        )
    return shown(PolicyView(name=name, version=version, digest=found.ref.digest, policy=found.policy, text=text))


async def get_problem(request: Request) -> Response:
    """Say in words what a problem's code means: as JSON, or as a page to who accepts HTML."""
    code = str(request.path_params["code"])
    if code not in KINDS:
        raise Refused(Problem(code="not_found", detail="There is no problem with this code."))
    words = examples.words(code)
    if accepts(request, HTML) and not accepts(request, JSON):
        answer = Response(problem_page.page(words), headers=problem_page.HEADERS, media_type=HTML)
    else:
        answer = shown(words)
    answer.headers["Vary"] = "Accept"
    return answer
