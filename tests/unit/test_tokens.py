"""Tokens: what is issued proves its caller, and nothing else does."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from coordinator.directory.reader import read_directory
from coordinator.http.bearer import Bearer, Parties, Revocations
from coordinator.http.principals import AccessRole, Principal
from coordinator.http.signins import Flood, SignIns
from coordinator.http.tokens import (
    ALGORITHM,
    LEEWAY_S,
    LIFETIME,
    LONGEST,
    MAX_TOKEN_BYTES,
    TokenKeys,
    TokenRefusedError,
    Tokens,
)
from coordinator.model.access import SignInFailures, TokenFlaw
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError, StoreUnavailableError
from coordinator.model.parties import PartyState
from coordinator.model.policy import PartyWord, Policy
from tests import kit

KEYS = TokenKeys.generate()
AT = datetime(2026, 11, 27, 18, tzinfo=UTC)
NOW = AT.timestamp()
JTI = "01997ac4-9f60-7c2e-8d6c-0c6cb5a3f9d1"
PRINCIPAL = Principal("mshp", "cad", frozenset({AccessRole.PUBLISHER, AccessRole.WATCH}))
NOTHING_SAID = Policy(1, "dps")
TOKENS = Tokens(KEYS, "coordination.test/missouri", "missouri", kit.directory())
KID, KEY = KEYS.signing


def issued(lifetime: timedelta = LIFETIME) -> str:
    return TOKENS.issue(PRINCIPAL, AT, lifetime, JTI)


def encoded(part: object) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def claims(**changes: object) -> dict[str, object]:
    _, payload, _ = issued().split(".")
    good = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def signed(changes: Mapping[str, object], header: Mapping[str, object] | None = None, key: OKPKey = KEY) -> str:
    """A token with a good signature over what it should not say."""
    said = {"alg": ALGORITHM, "kid": KID, "typ": "JWT", **(header or {})}
    head = encoded({name: value for name, value in said.items() if value is not None})
    content = f"{head}.{encoded(claims(**changes))}"
    private = key.get_op_key("sign")
    return f"{content}.{encoded(private.sign(content.encode()))}"  # type: ignore[union-attr]  # an Ed25519 key


def unsigned() -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': KID})}.{encoded(claims())}."


def with_the_public_key_as_secret() -> str:
    """The old confusion: a verifier that takes the algorithm from the token checks HMAC with what everybody knows."""
    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': KID})}.{encoded(claims())}"
    secret = base64.urlsafe_b64decode(str(KEY.as_dict(private=False)["x"]) + "=")
    return f"{content}.{encoded(hmac.digest(secret, content.encode(), 'sha256'))}"


def flaw_of(token: str, now: float = NOW, tokens: Tokens = TOKENS) -> TokenFlaw | None:
    try:
        tokens.verify(token, now)
    except TokenRefusedError as refused:
        return refused.flaw
    return None


def test_a_token_proves_its_caller_until_it_ends() -> None:
    found = TOKENS.verify(issued(), NOW)
    assert (found.principal, found.jti) == (PRINCIPAL, JTI)
    assert flaw_of(issued(), NOW + LIFETIME.total_seconds() - 1) is None
    assert flaw_of(issued(), NOW + LIFETIME.total_seconds() + LEEWAY_S) is TokenFlaw.EXPIRED


def test_the_public_part_is_all_that_verification_needs() -> None:
    public = TokenKeys.parse(KEYS.encode(private=False))
    elsewhere = Tokens(public, TOKENS.issuer, TOKENS.audience, TOKENS.directory)
    assert elsewhere.verify(issued(), NOW).principal == PRINCIPAL
    with pytest.raises(ConfigurationError, match="no private part"):
        elsewhere.issue(PRINCIPAL, AT, LIFETIME, JTI)
    assert '"d"' not in KEYS.encode(private=False)


OTHER = OKPKey.generate_key("Ed25519", auto_kid=True)
CORPUS = {
    "empty": ("", TokenFlaw.MALFORMED),
    "no token at all": ("a.b.c", TokenFlaw.MALFORMED),
    "two parts": (issued().rpartition(".")[0], TokenFlaw.MALFORMED),
    "not ASCII": (issued() + "é", TokenFlaw.MALFORMED),
    "too long": (issued() + "A" * MAX_TOKEN_BYTES, TokenFlaw.MALFORMED),
    "none": (unsigned(), TokenFlaw.ALGORITHM),
    "HS256 with the public key": (with_the_public_key_as_secret(), TokenFlaw.ALGORITHM),
    "HS256 named, signed with the key": (signed({}, {"alg": "HS256"}), TokenFlaw.ALGORITHM),
    "another name of the algorithm": (signed({}, {"alg": "EdDSA"}), TokenFlaw.ALGORITHM),
    "unknown kid": (signed({}, {"kid": "other"}), TokenFlaw.KEY),
    "no kid": (signed({}, {"kid": None}), TokenFlaw.KEY),
    "kid that is no text": (signed({}, {"kid": 7}), TokenFlaw.KEY),
    "another key under our kid": (signed({}, key=OTHER), TokenFlaw.SIGNATURE),
    "another key in the header": (signed({}, {"jwk": OTHER.as_dict()}, OTHER), TokenFlaw.MALFORMED),
    "unknown crit": (signed({}, {"crit": ["exp"], "exp": 1}), TokenFlaw.MALFORMED),
    "a key's address": (signed({}, {"jku": "https://keys.example/"}), TokenFlaw.MALFORMED),
    "another type": (signed({}, {"typ": "at+jwt"}), TokenFlaw.MALFORMED),
    "changed after signing": (issued()[:-4] + "AAAA", TokenFlaw.SIGNATURE),
    "wrong iss": (signed({"iss": "coordination.test/kansas"}), TokenFlaw.ISSUER),
    "wrong aud": (signed({"aud": "kansas"}), TokenFlaw.AUDIENCE),
    "several aud": (signed({"aud": ["missouri", "kansas"]}), TokenFlaw.CLAIMS),
    "expired": (signed({"exp": int(NOW) - LEEWAY_S}), TokenFlaw.EXPIRED),
    "before its time": (signed({"nbf": int(NOW) + 60}), TokenFlaw.NOT_YET),
    "issued in the future": (signed({"iat": int(NOW) + 60}), TokenFlaw.NOT_YET),
    "for a week": (signed({"exp": int(NOW) + 7 * 86_400}), TokenFlaw.LIVES_TOO_LONG),
    "for ever": (signed({"exp": None}), TokenFlaw.CLAIMS),
    "no id": (signed({"jti": None}), TokenFlaw.CLAIMS),
    "a time that is no number": (signed({"exp": "never"}), TokenFlaw.CLAIMS),
    "unknown agency": (signed({"agency": "nobody", "sub": "nobody/cad"}), TokenFlaw.UNKNOWN_AGENCY),
    "a subject of another agency": (signed({"sub": "dea/cad"}), TokenFlaw.CLAIMS),
    "unknown role": (signed({"roles": ["king"]}), TokenFlaw.CLAIMS),
    "no role": (signed({"roles": []}), TokenFlaw.CLAIMS),
    "a line break after the subject": (signed({"sub": "mshp/cad\n"}), TokenFlaw.CLAIMS),
}


@pytest.mark.parametrize(("token", "flaw"), CORPUS.values(), ids=list(CORPUS))
def test_no_other_token_proves_anybody(token: str, flaw: TokenFlaw) -> None:
    assert flaw_of(token) is flaw


def test_what_the_corpus_is_made_with_would_be_good() -> None:
    assert flaw_of(signed({})) is None
    assert flaw_of(signed({"nbf": int(NOW) + LEEWAY_S})) is None


@given(st.one_of(st.text(max_size=200), st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-_.", max_size=400)))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    assert flaw_of(text) is not None


@given(st.integers(0, len(issued()) - 1), st.sampled_from("ABab01-_"))
def test_no_character_of_a_token_can_be_changed(place: int, character: str) -> None:
    token = issued()
    changed = token[:place] + character + token[place + 1 :]
    # The last character of a part has spare bits; what it decodes to, and so what is proven, is the same then.
    if flaw_of(changed) is None:
        assert [decoded(part) for part in changed.split(".")] == [decoded(part) for part in token.split(".")]


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def disabled() -> Directory:
    text = kit.directory_toml().replace('user = "mshp"', 'user = "mshp"\nenabled = false')
    found = read_directory(text, counties=kit.counties().names)
    assert isinstance(found, Directory), found
    return found


def test_an_agency_that_the_directory_has_switched_off_is_nobody() -> None:
    tokens = Tokens(KEYS, TOKENS.issuer, TOKENS.audience, disabled())
    assert flaw_of(issued(), tokens=tokens) is TokenFlaw.DISABLED


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(hours=-1), LONGEST + timedelta(seconds=1)])
def test_no_token_is_issued_that_would_be_refused_for_its_lifetime(lifetime: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="24 hours"):
        issued(lifetime)


def test_a_set_of_keys_verifies_with_each_and_issues_with_the_first_that_is_private() -> None:
    ours, theirs = KEYS.encode(private=True), TokenKeys.generate()
    both = TokenKeys.parse(f'{{"keys": [{theirs.encode(private=False)}, {ours}]}}')
    tokens = Tokens(both, TOKENS.issuer, TOKENS.audience, TOKENS.directory)
    assert flaw_of(issued(), tokens=tokens) is None
    assert flaw_of(tokens.issue(PRINCIPAL, AT, LIFETIME, JTI)) is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"keys": []}', '{"kty":"oct","k":"AAAA"}', "PRIVATE+KEY"]
)
def test_what_is_no_ed25519_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no JSON Web Key") as refused:
        TokenKeys.parse(text)
    assert text == "" or text not in str(refused.value)


def test_the_signature_is_plain_ed25519_over_the_first_two_parts() -> None:
    content, _, signature = issued().rpartition(".")
    public = Ed25519PublicKey.from_public_bytes(decoded(str(KEY.as_dict(private=False)["x"])))
    public.verify(decoded(signature), content.encode())  # raises if it is not


class Hours:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


async def nobody() -> list[str]:
    return []


async def nothing(_version: int) -> None:
    return None


class Journal:
    """What is journaled, unless the store is away."""

    def __init__(self) -> None:
        self.away = False
        self.entries: list[SignInFailures] = []

    async def record(self, failures: Sequence[SignInFailures]) -> None:
        if self.away:
            raise StoreUnavailableError
        self.entries += failures


def bearer(clock: Hours, policy: Policy = NOTHING_SAID, journal: Journal | None = None) -> Bearer:
    sign_ins = SignIns((journal or Journal()).record)
    return Bearer(TOKENS, Revocations(nobody), Parties(lambda: policy, nothing), sign_ins, clock)


def test_what_was_proven_once_is_remembered_until_it_ends_or_is_revoked() -> None:
    clock = Hours()
    door = bearer(clock)
    header = [f"Bearer {issued()}"]
    assert door.prove(header) == door.prove(header) == PRINCIPAL
    door.revocations.ids = frozenset({JTI})
    with pytest.raises(TokenRefusedError, match="revoked"):
        door.prove(header)
    door.revocations.ids = frozenset()
    clock.now += LIFETIME.total_seconds()
    assert door.prove(header) == door.prove(header) == PRINCIPAL, "the same leeway, remembered or looked at anew"
    clock.now += LEEWAY_S
    for _ in range(2):
        with pytest.raises(TokenRefusedError, match="expired"):
            door.prove(header)


def said(party: str, account: str | None = None) -> Policy:
    return replace(NOTHING_SAID, party_words=(PartyWord(party, account, None, PartyState.SUSPENDED),))


@pytest.mark.parametrize(
    ("policy", "subject", "proves"),
    [
        (said("mshp"), "cad", False),
        (said("mshp"), "mshp", False),
        (said("mshp"), "o-7", False),
        (said("mshp", "mshp"), "cad", False),
        (said("mshp", "mshp"), "o-7", False),
        (said("mshp", "another"), "cad", True),
        (said("dea"), "cad", True),
    ],
)
def test_whom_dps_has_suspended_no_token_proves(policy: Policy, subject: str, *, proves: bool) -> None:
    policies = [NOTHING_SAID]
    door = bearer(Hours())
    door.parties.walk = lambda: policies[-1]
    header = [f"Bearer {TOKENS.issue(Principal('mshp', subject, PRINCIPAL.roles), AT, LIFETIME, JTI)}"]
    before = door.prove(header)
    policies.append(policy)
    if proves:
        assert door.prove(header) == before
    else:
        with pytest.raises(TokenRefusedError, match="disabled"):
            door.prove(header)
    policies.append(NOTHING_SAID)
    assert door.prove(header) == before


async def test_the_newest_that_this_process_or_the_store_knows_counts() -> None:
    in_store, walked = replace(said("mshp"), version=7), replace(NOTHING_SAID, version=-1)

    async def newer(version: int) -> Policy | None:
        return in_store if in_store.version > version else None

    parties = Parties(lambda: walked, newer)
    assert not parties.policy.disabled("mshp")
    await parties.refresh()
    assert parties.policy.disabled("mshp")
    walked = replace(NOTHING_SAID, version=8)
    assert not parties.policy.disabled("mshp")


async def test_failures_are_counted_by_agency_and_reason_and_counted_on_while_the_store_is_away() -> None:
    journal = Journal()
    sign_ins = SignIns(journal.record)
    await sign_ins.flush()
    for _ in range(1_000):
        sign_ins.note(TokenFlaw.SIGNATURE, None)
    sign_ins.note(TokenFlaw.EXPIRED, "mshp")
    journal.away = True
    await sign_ins.flush()
    sign_ins.note(TokenFlaw.SIGNATURE, None)
    journal.away = False
    await sign_ins.flush()
    await sign_ins.flush()
    assert journal.entries == [
        SignInFailures(None, {TokenFlaw.SIGNATURE: 1_001}),
        SignInFailures("mshp", {TokenFlaw.EXPIRED: 1}),
    ]


@pytest.mark.parametrize(
    "headers", [[], [""], ["Bearer"], ["Basic bXNocDp4"], [issued()], [f"Bearer {issued()}"] * 2, ["Bearer a b"]]
)
def test_a_header_that_shows_no_one_token_proves_nobody(headers: list[str]) -> None:
    with pytest.raises(TokenRefusedError):
        bearer(Hours()).prove(headers)


def test_a_flood_of_strangers_is_told_in_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, object]] = []
    ticks = Hours()
    flood = Flood(ticks)
    monkeypatch.setattr("structlog.get_logger", lambda _name: Line(told))
    for _ in range(1_000):
        flood.count(TokenFlaw.EXPIRED)
    ticks.now += 60
    flood.count(TokenFlaw.KEY)
    assert told == [{"expired": 1}, {"expired": 999, "key": 1}]


class Line:
    """Where lines go."""

    def __init__(self, told: list[dict[str, object]]) -> None:
        self.told = told

    def warning(self, _event: str, **fields: object) -> None:
        self.told.append(fields)
