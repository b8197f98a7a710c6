"""A real OpenID provider, small: discovery, keys of its own, and the authorization code flow with PKCE, on loopback."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

AUDIENCE = "caselog"
CLIENT_ID = "caselog-console"
CLIENT_SECRET = "console secret: 100% /+é"
START_S = 10.0
LASTS_S = 300


class Key:
    """A key pair and what it signs with."""

    def __init__(self, kid: str, algorithm: str) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = _made(algorithm)

    def published(self, **changes: Any) -> dict[str, Any]:
        """The public half as it stands in the key set."""
        said = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        return {**said, "kid": self.kid, "use": "sig", "alg": self.algorithm, **changes}


class Issuer:
    """Its address, what it publishes, and how often it was asked. ``away``: it answers 503 to everything."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [Key("rsa", "RS256"), Key("ec", "ES256"), Key("ed", "EdDSA")]
        self.published: list[dict[str, Any]] = [key.published() for key in self.keys]
        self.asked: Counter[str] = Counter()
        self.away = False
        self.metadata: dict[str, Any] = {
            "issuer": url,
            "jwks_uri": f"{url}/jwks",
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "response_types_supported": ["code"],
        }
        self.person: dict[str, Any] = {"sub": "person-1", "roles": ["ops"]}
        """The claims of whoever signs in: nobody is asked for a password here."""
        self.client_secret: str | None = CLIENT_SECRET
        """None: the client is a public one (RFC 6749 §2.1)."""
        self.answers: Callable[[dict[str, Any]], Response] = JSONResponse
        """How it says what it gives for a code."""
        self._codes: dict[str, dict[str, str]] = {}

    def token(self, key: int | Key = 0, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed token that lasts five minutes; ``claims`` change or (None) remove what it says by itself."""
        signed_with = self.keys[key] if isinstance(key, int) else key
        now = int(time.time())
        said = {"iss": self.url, "aud": AUDIENCE, "sub": "someone", "azp": "shop", "iat": now, "exp": now + LASTS_S}
        said |= {"roles": ["offline_access", "storefront"], "caselog": {"merchants": "*"}}
        wanted = {name: value for name, value in (said | claims).items() if value is not None}
        head = {"kid": signed_with.kid, **(headers or {})}
        head = {name: said for name, said in head.items() if said is not None or name == "typ"}
        return jwt.encode(wanted, signed_with.private, signed_with.algorithm, headers=head)

    def app(self) -> Starlette:
        """The provider's own HTTP."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _discovery(self, _: Request) -> Response:
        return self._answer("discovery", self.metadata)

    async def _jwks(self, _: Request) -> Response:
        return self._answer("jwks", {"keys": self.published})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return self._answer("authorize", {"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        said = urlencode({"code": code, "state": asked.get("state", ""), "iss": self.url})
        return RedirectResponse(f"{asked['redirect_uri']}?{said}", 303)

    async def _token(self, request: Request) -> Response:
        form = {name: str(said) for name, said in (await request.form()).items()}
        asked = self._codes.pop(form.get("code", ""), None)
        verified = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = (
            asked is not None
            and asked["code_challenge"] == verified.decode().rstrip("=")
            and asked["redirect_uri"] == form.get("redirect_uri")
            and _client_of(request, form) == (CLIENT_ID, self.client_secret)
        )
        if asked is None or not good:
            return self._answer("token", {"error": "invalid_grant"}, 400)
        said = {"aud": CLIENT_ID, "azp": CLIENT_ID, "nonce": asked.get("nonce"), **self.person}
        answer = {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": LASTS_S,
            "id_token": self.token(**said),
        }
        self.asked["token"] += 1
        return JSONResponse({}, 503) if self.away else self.answers(answer)

    def _answer(self, what: str, said: dict[str, Any], status: int = 200) -> Response:
        self.asked[what] += 1
        return JSONResponse({}, 503) if self.away else JSONResponse(said, status)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """A provider that answers while the block lasts, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = Issuer(f"http://127.0.0.1:{listening.getsockname()[1]}")
        config = uvicorn.Config(issuer.app(), log_config=None, lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_S
        while not server.started and time.monotonic() < until:
            time.sleep(0.005)
        try:
            yield issuer
        finally:
            server.should_exit = True
            thread.join(START_S)


def _client_of(request: Request, form: dict[str, str]) -> tuple[str | None, str | None]:
    """How the client says who it is: basic, or in the form (RFC 6749 §2.3.1)."""
    said = request.headers.get("authorization", "")
    if said.startswith("Basic "):
        with contextlib.suppress(ValueError):
            name, _, secret = base64.b64decode(said.removeprefix("Basic ")).decode().partition(":")
            return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id"), form.get("client_secret")


def _made(algorithm: str) -> Any:
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            raise ValueError(algorithm)
