"""JWTs of an OpenID provider as bearer tokens: what holds, what does not, and what becomes of them while it is away."""

import base64
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from case_api.callers import provider, tokens
from case_api.callers.tokens import TokenRules, Tokens
from case_api.production import faults_set
from case_api.refusals.problems import Refused
from case_api.settings import Settings
from case_events.ledger.callers import keys
from tests.api.house import House, complaint, open_house
from tests.conftest import Database
from tests.issuer import AUDIENCE, CLIENT_ID, Issuer, Key, issuing

NONCE = "n-0S6_WzA2Mj"
MINUTE = 60.0


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as one:
        yield one


@pytest.fixture
def theirs(issuer: Issuer) -> Iterator[Issuer]:
    """The provider, put back as it was: a test may take its keys, or its answers."""
    published, metadata, private = list(issuer.published), dict(issuer.metadata), list(issuer.keys)
    issuer.asked.clear()
    yield issuer
    issuer.published, issuer.metadata, issuer.keys, issuer.away = published, metadata, private, False


def trusting(settings: Settings, issuer: Issuer, **changes: Any) -> Settings:
    said = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE, "oidc_merchants_claim": "caselog.merchants"}
    return settings.model_copy(update=said | changes)


@pytest_asyncio.fixture(scope="module")
async def house(prepared: Database, settings: Settings, issuer: Issuer) -> Any:
    async with open_house(trusting(settings, issuer), prepared) as opened:
        yield opened


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


Opened = tuple[Tokens, Clock]
Open = Callable[..., Opened]


@pytest.fixture
def opened(theirs: Issuer, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Tokens of this provider, on a clock of the test's; nothing that was verified is remembered."""
    monkeypatch.setattr(tokens, "KNOWN_FOR_S", 0)

    def make(**changes: Any) -> Opened:
        said: dict[str, Any] = {
            "issuer": theirs.url,
            "audience": AUDIENCE,
            "algorithms": ("RS256", "ES256", "EdDSA"),
            "role_claim": "roles",
            "client_claim": "azp",
            "client_id": CLIENT_ID,
        }
        rules, clock = TokenRules(**said | changes), Clock()
        return Tokens(rules, provider.Provider(rules.issuer, sandbox=True, clock=clock)), clock

    return make


async def refused(asking: Awaitable[Any]) -> str:
    """The code it is refused with."""
    with pytest.raises(Refused) as told:
        await asking
    return told.value.problem.code


@pytest.mark.parametrize("key", [0, 1, 2], ids=["RS256", "ES256", "EdDSA"])
async def test_a_token_opens_the_door_as_its_role_and_no_further(house: House, issuer: Issuer, key: int) -> None:
    caller = house.with_key(issuer.token(key))
    assert (await caller.get("/v1/cases")).status_code == 200
    refusal = await caller.get("/v1/keys")
    assert (refusal.status_code, refusal.json()["code"]) == (403, "forbidden")


async def test_a_team_may_move_from_a_key_to_tokens_and_its_retries_still_meet(house: House, issuer: Issuer) -> None:
    async with house.app.state.door.ledger.connection() as connection:
        _, secret = await keys.create(connection, client="shop", name="before", role="storefront")
    body, once = complaint(), {"Idempotency-Key": "moved"}
    first = await house.with_key(secret).post("/v1/cases", json=body, headers=once)
    again = await house.with_key(issuer.token()).post("/v1/cases", json=body, headers=once)
    assert (first.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json()["case_id"] == first.json()["case_id"]


async def test_a_token_limited_to_a_merchant_has_that_merchant_s_cases_and_no_others(
    house: House, issuer: Issuer
) -> None:
    case = (await house.with_key(issuer.token()).post("/v1/cases", json=complaint())).json()["case_id"]
    for merchants, status in ((["m-1"], 200), (["m-2"], 404), ("m-2", 404)):
        limited = house.with_key(issuer.token(caselog={"merchants": merchants}))
        assert (await limited.get(f"/v1/cases/{case}")).status_code == status
    for everything in ("*", ["*"]):
        caller = await house.app.state.door.callers.of(issuer.token(caselog={"merchants": everything}))
        assert (caller.merchants, caller.marketplaces) == (None, None), "and no claim is named for marketplaces"
    nobody = house.with_key(issuer.token(caselog={"merchants": []}))
    assert (await nobody.get(f"/v1/cases/{case}")).status_code == 403, "limited to nothing is not unlimited"


async def test_who_it_is_stands_in_no_record_by_name(house: House, issuer: Issuer) -> None:
    token = issuer.token(sub="li.lei@example.com", roles=["admin"], name="李雷", preferred_username="li.lei")
    made = await house.with_key(token).post("/v1/keys", json={"client": "c", "name": "n", "role": "ops"})
    assert made.status_code == 201
    journal = (await house.caller("ops").get("/v1/scheduler/journal?limit=1")).json()["items"]
    assert re.fullmatch(r"shop/oidc:[0-9a-f]{32}", journal[0]["who"])
    caller = await house.app.state.door.callers.of(token)
    assert caller.key_id == caller.name == journal[0]["who"].removeprefix("shop/")
    again = await house.app.state.door.callers.of(issuer.token(sub="li.lei@example.com", roles="ops"))
    assert again.key_id == caller.key_id, "the same person is the same caller, whatever token they bring"
    other = await house.app.state.door.callers.of(issuer.token(sub="han.meimei@example.com"))
    assert other.key_id != caller.key_id


def _part(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


def _changed(token: str) -> str:
    head, said, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(said + "=="))
    return f"{head}.{_part(json.dumps({**claims, 'roles': ['admin']}).encode())}.{signature}"


def _with_head(issuer: Issuer, head: dict[str, Any]) -> str:
    return f"{_part(json.dumps(head).encode())}.{issuer.token().partition('.')[2]}"


def signed_with_what_everybody_has(issuer: Issuer) -> str:
    public = issuer.keys[0].private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = _part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).encode())
    said = issuer.token().split(".")[1]
    # jwt.encode refuses to do what an attacker would.
    return f"{head}.{said}.{_part(hmac.digest(public, f'{head}.{said}'.encode(), 'sha256'))}"


Forging = Callable[[Issuer], str]
NOW = int(time.time())
UNTRUE: dict[str, Forging] = {
    "expired": lambda one: one.token(exp=int(time.time()) - 61),
    "not valid yet": lambda one: one.token(nbf=int(time.time()) + 90),
    "made in the future": lambda one: one.token(iat=int(time.time()) + 90),
    "for somebody else": lambda one: one.token(aud="another"),
    "of another provider": lambda one: one.token(iss="http://127.0.0.1:1"),
    "without a subject": lambda one: one.token(sub=None),
    "without an end": lambda one: one.token(exp=None),
    "with an end that is none": lambda one: one.token(exp="soon"),
    "without an audience": lambda one: one.token(aud=None),
    "of a key nobody has": lambda one: one.token(Key("who", "RS256")),
    "of another key by the same name": lambda one: one.token(Key("rsa", "RS256")),
    "of one key by another's name": lambda one: one.token(2, headers={"kid": "ec"}),
    "changed": lambda one: _changed(one.token()),
    "with a signature cut off": lambda one: one.token().rpartition(".")[0] + ".",
    "not signed": lambda one: jwt.encode({"iss": one.url, "aud": AUDIENCE}, "", "none", headers={"kid": "rsa"}),
    "signed with the public key as a secret": signed_with_what_everybody_has,
    "with a header we would have to know": lambda one: one.token(headers={"crit": ["exp"], "exp": NOW}),
    "with its payload elsewhere": lambda one: one.token(headers={"crit": ["b64"], "b64": False}),
    "of another kind": lambda one: one.token(headers={"typ": "logout+jwt"}),
    "too long": lambda one: one.token(more="x" * 9_000),
    "no token": lambda _: "a.b.c",
    "no JSON": lambda _: f"{_part(b'{')}.{_part(b'{}')}.x",
    "nested deep": lambda _: f"{_part(b'[' * 5_000)}.{_part(b'{}')}.{_part(b'x')}",
    "with a header that is a list": lambda _: f"{_part(b'[]')}.{_part(b'{}')}.{_part(b'x')}",
    "with a key's name that is none": lambda one: _with_head(one, {"alg": "RS256", "kid": ["rsa"]}),
    "with an algorithm that is none": lambda one: _with_head(one, {"alg": ["RS256"], "kid": "rsa"}),
}
UNFIT: dict[str, dict[str, Any]] = {
    "without a role": {"roles": None},
    "with no role of ours": {"roles": ["king", "offline_access"]},
    "with two of ours": {"roles": ["ops", "admin"]},
    "with a role that is a number": {"roles": 7},
    "without a client": {"azp": None},
    "with a client that is a number": {"azp": 7},
    "with the client of imports": {"azp": "import:2026"},
    "without the limits that are wanted": {"caselog": None},
    "with limits that are null": {"caselog": {"merchants": None}},
    "limited to everything and more": {"caselog": {"merchants": ["m-1", "*"]}},
    "limited to what is no list": {"caselog": {"merchants": 7}},
    "limited to what is no name": {"caselog": {"merchants": ["m-1", "m\u0000"]}},
}


@pytest.mark.parametrize("wrong", UNTRUE)
async def test_a_token_that_does_not_hold_opens_nothing(house: House, issuer: Issuer, wrong: str) -> None:
    answer = await house.with_key(UNTRUE[wrong](issuer)).get("/v1/policies")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("wrong", UNFIT)
async def test_a_token_that_holds_and_does_not_say_who_it_is_here_may_nothing(
    house: House, issuer: Issuer, wrong: str
) -> None:
    answer = await house.with_key(issuer.token(**UNFIT[wrong])).get("/v1/policies")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_minute_between_the_clocks_is_forgiven_and_kinds_of_bearer_tokens_are_taken(
    opened: Open, theirs: Issuer
) -> None:
    here, _ = opened()
    now = int(time.time())
    for claims in ({"exp": now - 50}, {"nbf": now + 50}, {"iat": now + 50}, {"roles": "ops"}, {"aud": ["a", AUDIENCE]}):
        await here.caller_of(theirs.token(**claims))
    for kind in ("at+jwt", "application/at+jwt", "jwt", None):
        await here.caller_of(theirs.token(headers={"typ": kind}))


async def test_claims_may_lie_on_a_path_or_have_dots_in_their_names(opened: Open, theirs: Issuer) -> None:
    here, _ = opened(role_claim="realm_access.roles", client_claim="https://caselog.example/client")
    said: dict[str, Any] = {
        "realm_access": {"roles": ["ops", "uma"]},
        "https://caselog.example/client": "desk",
        "roles": None,
    }
    caller = await here.caller_of(theirs.token(**said))
    assert (caller.role, caller.client) == ("ops", "desk")


async def test_only_the_algorithms_that_are_pinned_are_taken(opened: Open, theirs: Issuer) -> None:
    here, _ = opened(algorithms=("ES256",))
    await here.caller_of(theirs.token(1))
    assert await refused(here.caller_of(theirs.token(0))) == "unauthenticated"


async def test_a_token_that_names_no_key_is_taken_where_only_one_fits(opened: Open, theirs: Issuer) -> None:
    here, _ = opened()
    await here.caller_of(theirs.token(headers={"kid": None}))
    theirs.published = [*theirs.published, Key("rsa-2", "RS256").published()]
    here, _ = opened()
    await here.caller_of(theirs.token(1, headers={"kid": None}))
    assert await refused(here.caller_of(theirs.token(headers={"kid": None}))) == "unauthenticated"


async def test_keys_that_are_not_for_signing_or_too_short_are_not_believed(opened: Open, theirs: Issuer) -> None:
    rsa = theirs.keys[0]
    for spoilt in (
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"alg": "RS512"},
        {"kty": "EC"},
        {"d": "AQAB"},
        {"n": "AQAB"},
    ):
        theirs.published = [rsa.published(**spoilt), theirs.keys[1].published()]
        here, _ = opened()
        assert await refused(here.caller_of(theirs.token())) == "unauthenticated", spoilt
        await here.caller_of(theirs.token(1))
    theirs.published = [rsa.published(use="enc")]
    here, _ = opened()
    assert await refused(here.caller_of(theirs.token())) == "issuer_unavailable", "no key at all is a fault of theirs"


async def test_one_answer_of_the_provider_serves_many_tokens(opened: Open, theirs: Issuer) -> None:
    here, clock = opened()
    for number in range(20):
        await here.caller_of(theirs.token(sub=f"s-{number}"))
    assert theirs.asked == {"discovery": 1, "jwks": 1}
    clock.now += 11 * MINUTE
    await here.caller_of(theirs.token())
    assert theirs.asked == {"discovery": 2, "jwks": 2}


async def test_a_key_nobody_knows_is_asked_about_at_most_twice_a_minute(opened: Open, theirs: Issuer) -> None:
    here, clock = opened()
    await here.caller_of(theirs.token())
    strange = Key("next", "ES256")
    for _ in range(20):
        assert await refused(here.caller_of(theirs.token(strange))) == "unauthenticated"
    assert theirs.asked["jwks"] == 1, "it was read less than half a minute ago"
    clock.now += 31
    theirs.published = [*theirs.published, strange.published()]
    await here.caller_of(theirs.token(strange))
    assert theirs.asked["jwks"] == 2
    for _ in range(20):
        assert await refused(here.caller_of(theirs.token(Key("none", "RS256")))) == "unauthenticated"
    assert theirs.asked["jwks"] == 2, "nor is it asked again by who makes up another"


async def test_a_key_that_was_taken_back_is_believed_ten_minutes_at_most(opened: Open, theirs: Issuer) -> None:
    here, clock = opened()
    token = theirs.token()
    await here.caller_of(token)
    theirs.published = theirs.published[1:]
    clock.now += 9 * MINUTE
    await here.caller_of(token)
    clock.now += 2 * MINUTE
    assert await refused(here.caller_of(token)) == "unauthenticated"


async def test_while_the_provider_is_away_its_known_keys_work_for_an_hour(opened: Open, theirs: Issuer) -> None:
    here, clock = opened()
    token = theirs.token()
    await here.caller_of(token)
    theirs.away = True
    clock.now += 59 * MINUTE
    await here.caller_of(token)
    asked = theirs.asked["discovery"]
    for _ in range(20):
        await here.caller_of(token)
    assert theirs.asked["discovery"] == asked, "whoever is away is not asked again and again"
    theirs.asked.clear()
    clock.now += 31
    await here.caller_of(token)
    assert theirs.asked == {}, "it is asked beside the requests: none waits for who may hang"
    stranger = here.caller_of(theirs.token(Key("new", "ES256")))
    assert await refused(stranger) == "issuer_unavailable", "it may be theirs"
    assert await refused(here.caller_of(theirs.token(aud="x"))) == "unauthenticated", "that much is sure"
    clock.now += 2 * MINUTE
    assert await refused(here.caller_of(token)) == "issuer_unavailable"
    theirs.away = False
    clock.now += MINUTE
    await here.caller_of(token)


async def test_who_was_never_reached_is_a_503_with_when_to_come_back(
    settings: Settings, prepared: Database, theirs: Issuer
) -> None:
    theirs.away = True
    async with open_house(trusting(settings, theirs), prepared) as house:
        answer = await house.with_key(theirs.token()).get("/v1/policies")
        assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await house.caller("ops").get("/v1/policies")).status_code == 200, "keys go on working"


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://another.example"},
        {"jwks_uri": "http://keys.example/jwks"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": 7},
        {"more": "x" * 300_000},
    ],
    ids=str,
)
async def test_a_discovery_document_that_leads_astray_is_not_followed(
    opened: Open, theirs: Issuer, wrong: dict[str, Any]
) -> None:
    theirs.metadata = {**theirs.metadata, **wrong}
    here, _ = opened()
    assert await refused(here.caller_of(theirs.token())) == "issuer_unavailable"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_what_is_signed_with_a_key_that_can_be_broken_opens_nothing(opened: Open, theirs: Issuer) -> None:
    weak = Key("weak", "RS256")
    weak.private = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is the point
    theirs.published = [weak.published()]
    here, _ = opened()
    assert await refused(here.caller_of(theirs.token(weak))) == "unauthenticated"


async def test_of_so_many_tokens_no_more_are_remembered(
    opened: Open, theirs: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = opened()
    monkeypatch.setattr(tokens, "KNOWN_FOR_S", 60)
    monkeypatch.setattr(tokens, "KNOWN_MAX", 2)
    for number in range(5):
        await here.caller_of(theirs.token(jti=str(number)))
        assert 1 <= len(here._known) <= 2


async def test_what_was_verified_is_remembered_a_minute_and_never_longer_than_it_holds(
    opened: Open, theirs: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = opened()
    monkeypatch.setattr(tokens, "KNOWN_FOR_S", 60)
    now, ends = 1_000.0, int(time.time()) + 3_600
    looked: list[str] = []
    verified = Tokens._claims

    async def counted(self: Tokens, token: str, audience: str) -> dict[str, Any]:
        looked.append(token)
        return await verified(self, token, audience)

    class Passing:
        """By this clock the short one holds for 20 seconds more; by the one that verifies both hold for an hour."""

        monotonic = staticmethod(lambda: now)
        time = staticmethod(lambda: ends + tokens.LEEWAY_S - 20)

    monkeypatch.setattr(Tokens, "_claims", counted)
    monkeypatch.setattr(tokens, "time", Passing)
    long, short = theirs.token(exp=2 * ends), theirs.token(exp=ends)
    for passed, expected in ((0, 2), (15, 0), (10, 1), (40, 2)):
        now += passed
        looked.clear()
        for token in (long, short):
            await here.caller_of(token)
        assert len(looked) == expected, passed


async def test_who_signed_in_to_the_console_is_known_by_their_own_nonce_and_audience(
    opened: Open, theirs: Issuer
) -> None:
    here, _ = opened()
    said: dict[str, Any] = {"aud": CLIENT_ID, "azp": None, "nonce": NONCE, "roles": ["ops"]}
    caller = await here.caller_from_id_token(theirs.token(**said), NONCE)
    assert (caller.role, caller.client) == ("ops", CLIENT_ID)
    wrongs: tuple[dict[str, Any], ...] = (
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"aud": AUDIENCE},
        {"azp": "another"},
        {"aud": [CLIENT_ID, "another"]},
        {"exp": int(time.time()) - 90},
    )
    for wrong in wrongs:
        assert await refused(here.caller_from_id_token(theirs.token(**said | wrong), NONCE)) == "unauthenticated", wrong
    both = theirs.token(**said | {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID})
    assert (await here.caller_from_id_token(both, NONCE)).role == "ops"
    assert await refused(here.caller_of(theirs.token(**said))) == "unauthenticated", "it is no bearer token"
    assert (await here.metadata()).token_endpoint == f"{theirs.url}/token"


@pytest.mark.parametrize(
    ("env", "said", "fault"),
    [
        ("development", {"oidc_issuer": "https://login.example"}, "CASELOG_OIDC_AUDIENCE"),
        ("development", {"oidc_audience": "caselog"}, "CASELOG_OIDC_ISSUER is not set"),
        ("development", {"oidc_issuer": "http://login.example", "oidc_audience": "c"}, "not https"),
        ("production", {"oidc_issuer": "http://127.0.0.1:1", "oidc_audience": "c"}, "not https"),
        ("development", {"oidc_issuer": "https://a:b@login.example", "oidc_audience": "c"}, "not an address"),
        ("development", {"oidc_algorithms": "RS256,none"}, "has none"),
        ("development", {"oidc_algorithms": "HS256"}, "has HS256"),
    ],
)
def test_settings_that_would_let_in_anybody_are_refused_at_start(env: str, said: dict[str, str], fault: str) -> None:
    faults = faults_set(Settings(env=env, **said))  # type: ignore[arg-type]
    assert [one for one in faults if fault in one], faults


def test_settings_that_trust_a_provider_are_fine() -> None:
    assert faults_set(Settings(oidc_issuer="https://login.example/realms/shop", oidc_audience="caselog")) == []
    assert faults_set(Settings(oidc_issuer="http://127.0.0.1:8080", oidc_audience="caselog")) == []
    several = faults_set(Settings(oidc_issuer="http://login.example", oidc_algorithms="none"))
    assert len(several) == 3, "all at once"
