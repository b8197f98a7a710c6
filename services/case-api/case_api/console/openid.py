"""Signing in by an OpenID provider: authorization code with PKCE (RFC 7636), bound to this browser by state and nonce.

What a sign-in under way must remember is derived from one random secret in a cookie of the browser that began it, so
nothing is kept here: the state proves that browser, the nonce its token, the verifier its code.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from http import HTTPStatus
from urllib.parse import quote, unquote, urlencode, urlsplit

import httpx
import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from case_api.callers.tokens import Tokens
from case_api.console import pages, paths, premises, signing_in
from case_api.console.premises import FLOW, Premises
from case_api.door import door_of
from case_api.refusals.problems import Refused, view
from case_events.core.values import Problem

FLOW_S = 600
"""How long somebody may take at the provider's."""
SECRET_BYTES = 32
WAIT_S = 10
"""How long the provider may take to give a token for the code."""
BYTES_MAX = 100_000
"""Of its answer."""
CODE_MAX = 4_000
REASONS = {"issuer_unavailable": "provider_away", "forbidden": "no_role"}
"""What the sign-in page says where a token cannot be believed; to everything else, that it was not granted."""
_FLOW = re.compile(r"([A-Za-z0-9_-]{43})\.([A-Za-z0-9_.~%-]*)")

log = structlog.get_logger("case_api.console")


class NotGranted(Exception):
    """The provider did not give a token for the code."""


class _Answer(msgspec.Struct, frozen=True):
    """What of a token endpoint's answer is used (OpenID Connect Core 1.0 §3.1.3.3)."""

    id_token: str


async def begin(request: Request) -> Response:
    """Send the browser to the provider, with what only it can come back with."""
    tokens, at = _tokens(request), premises.premises_of(request)
    metadata = await tokens.metadata()
    if metadata.authorization_endpoint is None:
        raise _nowhere()
    secret, then = secrets.token_urlsafe(SECRET_BYTES), paths.inside(request.query_params.get("next"))
    challenge = hashlib.sha256(_derived(secret, "verifier").encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": at.client_id,
        "redirect_uri": premises.origin(request) + paths.SIGNED_IN,
        "scope": "openid",
        "state": _derived(secret, "state"),
        "nonce": _derived(secret, "nonce"),
        "code_challenge": _text(challenge),
        "code_challenge_method": "S256",
    }
    joined = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    answer = RedirectResponse(
        metadata.authorization_endpoint + joined + urlencode(asked), HTTPStatus.SEE_OTHER, pages.HEADERS
    )
    premises.give(request, answer, FLOW, f"{secret}.{quote(then, safe='')}", FLOW_S)
    return answer


async def signed_in(request: Request) -> Response:
    """Take back whom the provider sends, with a code for a token that says who they are."""
    said, flow = request.query_params, _FLOW.fullmatch(premises.brought(request, FLOW))
    # Compared before anything else: who did not begin it here learns nothing and makes us ask nobody.
    if flow is None or not hmac.compare_digest(said.get("state", "").encode(), _derived(flow[1], "state").encode()):
        return signing_in.refused_sign_in(request, "not_begun_here", HTTPStatus.FORBIDDEN)
    answer = await _with_code(request, said.get("code", ""), flow[1], flow[2])
    premises.give(request, answer, FLOW, "", 0)
    return answer


async def _with_code(request: Request, code: str, secret: str, then: str) -> Response:
    try:
        tokens = _tokens(request)
        # RFC 9207: where the provider says who it is, it is the one that was asked.
        if request.query_params.get("iss") not in (None, (await tokens.metadata()).issuer):
            raise NotGranted  # noqa: TRY301 - it is one of the ways in which nothing was granted
        token = await _exchanged(request, tokens, code, secret)
        caller = await tokens.caller_from_id_token(token, _derived(secret, "nonce"))
    except NotGranted:
        log.warning("sign_in_failed", by="openid")
        return signing_in.refused_sign_in(request, "not_granted", HTTPStatus.FORBIDDEN)
    except Refused as refused:
        log.warning("sign_in_failed", by="openid", code=refused.problem.code)
        reason = REASONS.get(refused.problem.code, "not_granted")
        status = view(refused.problem).status if reason == "provider_away" else HTTPStatus.FORBIDDEN
        return signing_in.refused_sign_in(request, reason, status)
    return await signing_in.admitted(request, caller, None, paths.inside(unquote(then)))


async def _exchanged(request: Request, tokens: Tokens, code: str, secret: str) -> str:
    """The ID token for ``code``. Raises NotGranted."""
    at, metadata = premises.premises_of(request), await tokens.metadata()
    if not code or len(code) > CODE_MAX or metadata.token_endpoint is None:
        raise NotGranted
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": premises.origin(request) + paths.SIGNED_IN,
        "code_verifier": _derived(secret, "verifier"),
    }
    # What lies on this machine is never asked through a proxy.
    beyond = urlsplit(metadata.token_endpoint).hostname not in premises.LOOPBACK
    try:
        async with asyncio.timeout(WAIT_S), httpx.AsyncClient(timeout=WAIT_S, trust_env=beyond) as client:
            body = await _posted(client, metadata.token_endpoint, form | _who(at), at)
        return msgspec.json.decode(body, type=_Answer).id_token
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, UnicodeDecodeError, TimeoutError) as fault:
        log.warning("token_not_read", fault=type(fault).__name__)
        raise NotGranted from None


async def _posted(client: httpx.AsyncClient, address: str, form: dict[str, str], at: Premises) -> bytes:
    """What the token endpoint answers. Raises NotGranted for a refusal, or for more than BYTES_MAX."""
    secret = at.client_secret.get_secret_value() if at.client_secret is not None else None
    # RFC 6749 §2.3.1: both are form-encoded before they are joined.
    auth = httpx.BasicAuth(quote(at.client_id or "", safe=""), quote(secret, safe="")) if secret else None
    # Not packed: what it unpacks to would be here before anybody has counted it.
    wanted = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("POST", address, data=form, auth=auth, headers=wanted) as answer:
        body = b""
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > BYTES_MAX:
                raise NotGranted
        if answer.status_code != httpx.codes.OK:
            log.warning("token_refused", status=answer.status_code)
            raise NotGranted
        return body


def _who(at: Premises) -> dict[str, str]:
    """A public client says who it is in the form; one with a secret in its header."""
    return {} if at.client_secret is not None or at.client_id is None else {"client_id": at.client_id}


def _tokens(request: Request) -> Tokens:
    tokens = door_of(request).tokens
    if tokens is None or premises.premises_of(request).client_id is None:
        raise _nowhere()
    return tokens


def _nowhere() -> Refused:
    return Refused(Problem(code="not_found", detail="Nobody signs in here by OpenID."))


def _derived(secret: str, what: str) -> str:
    return _text(hmac.digest(secret.encode(), f"caselog sign-in {what}".encode(), "sha256"))


def _text(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")
