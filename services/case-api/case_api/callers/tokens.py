"""Who calls with a token of an OpenID provider: its signature, for whom and until when it is, and its role here."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt

from case_api.callers.provider import Away, Metadata, Provider
from case_api.refusals.problems import Refused
from case_api.settings import Settings
from case_events.core.values import IMPORT, Problem, Value
from case_events.ledger.callers.keys import MERCHANTS_MAX, ROLES, Caller, Role

TOKEN_MAX = 8_000
"""Characters; what is longer carries more than who somebody is."""
LEEWAY_S = 60
"""So far the provider's clock may be apart from ours."""
KNOWN_FOR_S = 60
"""How long a token that was verified is believed without verifying it again; never longer than it is valid."""
KNOWN_MAX = 1_000
WORD_MAX = 200
EVERYTHING = "*"
"""Stands in a claim of limits, alone, for no limit."""
TYPES = ("jwt", "at+jwt")
"""What a bearer token says it is, if it says so (RFC 9068 §2.1): a logout token is none."""
REQUIRED = ["iss", "aud", "sub", "exp", "iat"]


class TokenRules(Value, frozen=True, kw_only=True):
    """Whose tokens are taken, and where in them stands who it is. A claim's name may be a path, with dots.

    ``client_id``: who the console is to the provider; None: nobody signs in there that way.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    role_claim: str
    client_claim: str
    marketplaces_claim: str | None = None
    merchants_claim: str | None = None
    client_id: str | None = None


def tokens_of(settings: Settings) -> Tokens | None:
    """The tokens that these settings let in; None: none."""
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    rules = TokenRules(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=settings.oidc_signing_algorithms,
        role_claim=settings.oidc_role_claim,
        client_claim=settings.oidc_client_claim,
        marketplaces_claim=settings.oidc_marketplaces_claim,
        merchants_claim=settings.oidc_merchants_claim,
        client_id=settings.oidc_client_id,
    )
    return Tokens(rules, Provider(rules.issuer, sandbox=settings.env != "production"))


def is_token(secret: str) -> bool:
    """Whether this has the form of a JWT; no key of ours has a dot."""
    return secret.count(".") == 2


class Tokens:
    """The callers behind tokens, and those seen in the last minute; only digests of tokens are kept."""

    def __init__(self, rules: TokenRules, provider: Provider) -> None:
        self._rules = rules
        self._provider = provider
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def caller_of(self, token: str) -> Caller:
        """Who has this bearer token.

        Refused: 401 for one that does not hold, 403 for one that does and says no role or client, 503 while the
        provider is away and its key is not known.
        """
        if len(token) > TOKEN_MAX:
            raise _untrue(f"A token has at most {TOKEN_MAX} characters.")
        digest, now = hashlib.sha256(token.encode()).digest(), time.monotonic()
        until, caller = self._known.get(digest, (0.0, None))
        if caller is not None and now < until:
            return caller
        claims = await self._claims(token, self._rules.audience)
        caller = self._caller(claims, None)
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        left = int(claims["exp"]) + LEEWAY_S - time.time()
        self._known[digest] = (now + min(KNOWN_FOR_S, left), caller)
        return caller

    async def caller_from_id_token(self, token: str, nonce: str) -> Caller:
        """Who signed in to the console with ``nonce`` (OpenID Connect Core 1.0 §3.1.3.7). Refused as a bearer is."""
        client_id = self._rules.client_id
        assert client_id is not None, "nobody signs in without a client_id"
        if len(token) > TOKEN_MAX:
            raise _untrue(f"A token has at most {TOKEN_MAX} characters.")
        claims = await self._claims(token, client_id)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client_id) != client_id:
            raise _untrue("The token was made for somebody else.")
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise _untrue("The token belongs to another attempt to sign in.")
        return self._caller(claims, client_id)

    async def metadata(self) -> Metadata:
        """Where the provider signs people in and gives tokens. Refused (503) while it is away."""
        try:
            return await self._provider.metadata()
        except Away:
            raise _away() from None

    async def close(self) -> None:
        await self._provider.close()

    async def _claims(self, token: str, audience: str) -> dict[str, Any]:
        """What a token says that holds: ours, signed, for this audience, valid now."""
        try:
            head = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _untrue("The token cannot be read.") from None
        algorithm, kind = head.get("alg"), head.get("typ", "JWT")
        if algorithm not in self._rules.algorithms:
            raise _untrue("The token is signed in a way that is not taken here.")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
            raise _untrue("This is a token of another kind.")
        try:
            key = await self._provider.key(head.get("kid"), algorithm)
        except Away:
            raise _away() from None
        if key is None:
            raise _untrue("The token is signed with a key that the provider does not have.")
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self._rules.issuer,
                leeway=LEEWAY_S,
                options={"require": REQUIRED, "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as fault:
            raise _untrue(_why(fault)) from None

    def _caller(self, claims: dict[str, Any], client: str | None) -> Caller:
        """Whoever these claims describe; ``client``: whose it is where they do not say."""
        rules = self._rules
        subject = hashlib.sha256(f"{rules.issuer}\0{claims['sub']}".encode()).hexdigest()[:32]
        # Who that is stands with the provider: a subject, and a person's name even more, is no word for a record.
        name = f"oidc:{subject}"
        return Caller(
            key_id=name,
            client=_client(_claim(claims, rules.client_claim) or client, rules.client_claim),
            role=_role(_claim(claims, rules.role_claim), rules.role_claim),
            name=name,
            marketplaces=_limit(claims, rules.marketplaces_claim),
            merchants=_limit(claims, rules.merchants_claim),
        )


def _claim(claims: dict[str, Any], name: str) -> Any:
    """The claim of this very name, else what lies on this path: realm_access.roles."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _role(said: Any, claim: str) -> Role:
    words = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    ours = [role for role in ROLES if role in words]
    if len(ours) != 1:
        count = "none" if not ours else "more than one"
        raise _unfit(f"The token carries {count} of our roles in {claim}; it needs one of {', '.join(ROLES)}.")
    return ours[0]


def _client(said: Any, claim: str) -> str:
    if not _is_word(said) or said.startswith(IMPORT):
        raise _unfit(f"The token does not say in {claim} which client it is.")
    return str(said)


def _limit(claims: dict[str, Any], claim: str | None) -> tuple[str, ...] | None:
    """What it is limited to. Where a claim is named for that, a token that lacks it may nothing: a provider that forgot
    it must not open everything; EVERYTHING says that there is no limit."""
    if claim is None:
        return None
    said = _claim(claims, claim)
    if said is None:
        raise _unfit(f'The token lacks {claim}; "{EVERYTHING}" in it says that it is not limited.')
    words = [said] if isinstance(said, str) else said
    if words == [EVERYTHING]:
        return None
    if not isinstance(words, list) or not 1 <= len(words) <= MERCHANTS_MAX or not all(map(_is_limit, words)):
        raise _unfit(f"The token is limited in {claim} to nothing that can be read.")
    return tuple(dict.fromkeys(words))


def _is_word(said: Any) -> bool:
    return isinstance(said, str) and 1 <= len(said) <= WORD_MAX and said.isprintable()


def _is_limit(said: Any) -> bool:
    return _is_word(said) and said != EVERYTHING


def _why(fault: jwt.PyJWTError) -> str:
    match fault:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet; do the clocks agree?"
        case jwt.InvalidAudienceError():
            return "The token was made for somebody else."
        case jwt.InvalidIssuerError():
            return "The token is not of the provider that is trusted here."
        case jwt.MissingRequiredClaimError():
            return f"The token lacks {fault.claim}."
        case _:
            return "The token does not hold: its signature or its claims are wrong."


def _untrue(detail: str) -> Refused:
    return Refused(Problem(code="unauthenticated", detail=detail))


def _unfit(detail: str) -> Refused:
    return Refused(Problem(code="forbidden", detail=detail))


def _away() -> Refused:
    detail = "The OpenID provider is away, and nobody else can say whether this token holds."
    return Refused(Problem(code="issuer_unavailable", detail=detail))
