"""The console's addresses: which page stands where, who may see it, and what a browser is shown when that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from case_api.callers.auth import Right
from case_api.console import case, clock, forms, openid, pages, paths, premises, queue, signing_in, visitors
from case_api.console.premises import Premises
from case_api.console.visitors import Visitor
from case_api.console.words import REFUSALS
from case_api.refusals.kinds import KINDS
from case_api.refusals.problems import RETRY_AFTER_S, Refused, view
from case_api.settings import Settings
from case_events.core.values import Problem
from case_events.ledger.connection import UNAVAILABLE

Endpoint = Callable[[Request], Awaitable[Response]]
Page = Callable[[Request, Visitor], Awaitable[Response]]
AWAY = Problem(code="unavailable", detail="The database is away; try again in a moment.")


class PageRoute(Route):
    """A route that says which one it is, so that requests are counted by it."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if match is not Match.NONE else found


def add_to(app: FastAPI, settings: Settings) -> None:
    """The pages of the console. They are in no document of the API: nobody integrates them."""
    app.state.premises = Premises(
        development=settings.env == "development",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
    )
    one = f"{paths.CASES}/{{case_id}}"
    for path, method, endpoint in (
        (paths.STYLE, "GET", _style),
        (paths.ICON, "GET", _icon),
        (paths.LANGUAGE, "GET", signing_in.choose_language),
        (paths.SIGN_IN, "GET", signing_in.ask),
        (paths.SIGN_IN, "POST", signing_in.with_key),
        (paths.OPENID, "GET", openid.begin),
        (paths.SIGNED_IN, "GET", openid.signed_in),
        (paths.SIGN_OUT, "POST", _for(signing_in.leave, "console")),
        (paths.CONSOLE, "GET", _for(queue.show, "console")),
        (paths.SEARCH, "GET", _for(queue.find, "read")),
        (paths.SCHEDULER, "GET", _for(clock.show, "read_schedule")),
        (one, "GET", _for(case.show, "read")),
        (f"{one}/dossier", "GET", _for(case.take_away, "read")),
        (f"{one}/evidence/{{sha256}}", "GET", _for(case.evidence, "read")),
        (f"{one}/note", "POST", _for(case.note, "post")),
        (f"{one}/assign", "POST", _for(case.assign, "post")),
        (paths.ELSEWHERE, "GET", _elsewhere),
    ):
        app.router.routes.append(PageRoute(path, _answered(endpoint), methods=[method], include_in_schema=False))


def _for(show: Page, right: Right) -> Endpoint:
    """A page for who is signed in and has this right, which is the API's for the same; others are asked to sign in."""

    async def shown(request: Request) -> Response:
        premises.check_opened(request)
        visitor = await visitors.visitor_of(request)
        if visitor is None:
            return await signing_in.again(request)
        request.state.visitor = visitor
        if not visitor.may(right):
            detail = f"A key with the role {visitor.caller.role} may not do this."
            raise Refused(Problem(code="forbidden", detail=detail))
        return await show(request, visitor)

    return shown


def _answered(endpoint: Endpoint) -> Endpoint:
    """What goes wrong is said on a page, by the same problems and with the same status as the API has for it."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            return await _refused(request, refused.problem, refused.headers)
        except UNAVAILABLE:
            return await _refused(request, AWAY)

    return answered


async def _refused(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    said = view(problem, trace_id=request.scope["trace_id"])
    kind, visitor = KINDS[problem.code], getattr(request.state, "visitor", None)
    headers = ({"Retry-After": str(RETRY_AFTER_S)} if kind.waiting_helps else {}) | (headers or {})
    written, meant = (await forms.written(request)).get(forms.TEXT, ""), REFUSALS.get(problem.code, kind)
    return pages.page(
        request, "problem", said.status, visitor=visitor, headers=headers, problem=said, meant=meant, written=written
    )


async def _elsewhere(request: Request) -> Response:
    """No page: where a form of a case was sent, or a page with a slash too many, leads to the page it belongs to."""
    path = request.scope["path"].rstrip("/")
    case_of_form = path.rpartition("/")[0]
    for page in (path, case_of_form if case_of_form.startswith(paths.CASES) else path):
        if paths.inside(page) == page:
            return pages.go_to(page)
    raise Refused(Problem(code="not_found", detail="There is no such page in the console."))


async def _style(_: Request) -> Response:
    return pages.asset("style.css", "text/css")


async def _icon(_: Request) -> Response:
    return pages.asset("icon.svg", "image/svg+xml")
