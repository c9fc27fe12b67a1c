"""Strangers, forgers and broken requests at the HTTP door of a service: refused, and nobody else disturbed."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from coordinator.amqp.node import PrivateNode
from coordinator.chores import token_revoked
from coordinator.directory.reader import read_directory
from coordinator.http import app
from coordinator.http.app import Health, make_app, serving
from coordinator.http.principals import AccessRole, Principal
from coordinator.http.tokens import LONGEST, Tokens, load_token_keys
from coordinator.model.access import Revoked
from coordinator.model.directory import Directory
from coordinator.model.leaf import LEAF
from coordinator.model.plan import Ask
from tests import kit
from tests.acceptance.commands import fresh_vhost
from tests.installation import install
from tests.integration import traffic
from tests.integration.hostile_doors import ATTACKER, GUARD_S, NEIGHBOUR, RECIPIENT, Scene, besieged, new
from tests.integration.posting import STRUCTURED, Answer, Poster
from tests.kit import Json

DISABLED = "atf"
DIRECTORY = kit.directory_toml().replace('user = "atf"\n', 'user = "atf"\nenabled = false\n')


@pytest.fixture(scope="module")
async def scene(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with fresh_vhost(broker) as vhost:
        installation = await install(tmp_path_factory.mktemp("http"), vhost, DIRECTORY)
        async with besieged(
            installation, "http", [each for each in kit.AGENCIES if each != DISABLED]
        ) as besieged_scene:
            yield besieged_scene


async def post(scene: Scene, body: object, authorization: str | None, content_type: str = STRUCTURED) -> Answer:
    bearer = {} if authorization is None else {"Authorization": authorization}
    async with Poster(scene.service.address, bearer) as poster:
        return await poster.post(body, content_type)


async def disturbs_nobody(scene: Scene, before: Mapping[str, int], attacker: int = 0) -> None:
    """The innocent are delivered, and nobody has got anything else; of the attacker so many refusals were recorded."""
    async with asyncio.timeout(GUARD_S):
        innocent = await scene.neighbour()
        assert await scene.delivered() == innocent
        await scene.partners[NEIGHBOUR].receipt(innocent)
    expected = {NEIGHBOUR: 1, RECIPIENT: 1, **({ATTACKER: attacker} if attacker else {})}
    assert new(await scene.sequences(), before) == expected


# --- tokens that prove nobody ---


@dataclass(frozen=True)
class Forge:
    """The service's own key, and what a token says that is in order."""

    key: OKPKey
    kid: str
    claims: Json

    def signed(self, key: OKPKey | None = None, header: Json | None = None, **claims: object) -> str:
        """A token with some things changed; None takes a claim away."""
        said = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        headers = {"alg": "Ed25519", "kid": self.kid, "typ": "JWT", **(header or {})}
        return jwt.encode(headers, said, key or self.key, algorithms=["Ed25519"])

    def unsigned(self, header: Json, signature: bytes = b"") -> str:
        parts = (json.dumps(header).encode(), json.dumps(self.claims).encode(), signature)
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    def with_the_public_key_as_a_secret(self) -> str:
        public = base64.urlsafe_b64decode(str(self.key.as_dict(private=False)["x"]) + "==")
        header = {"alg": "HS256", "kid": self.kid, "typ": "JWT"}
        return jwt.encode(header, self.claims, OctKey.import_key(public), algorithms=["HS256"])


@pytest.fixture(scope="module")
def forge(scene: Scene) -> Forge:
    settings = scene.installation.settings
    kid, key = load_token_keys(settings.http.token_key).signing
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": settings.domain.origin,
        "aud": settings.domain.id,
        "sub": "mshp/cad",
        "agency": "mshp",
        "roles": ["publisher"],
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": kit.fresh_id(),
    }
    return Forge(key, kid, claims)


def _soon(seconds: float) -> int:
    return int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp())


def _strange() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


FORGED: dict[str, Callable[[Forge], str | None]] = {
    "no-header-at-all": lambda _: None,
    "empty": lambda _: "",
    "basic": lambda _: "Basic bXNocDptc2hwLWZpY3Rpb25hbA==",
    "bearer-of-nothing": lambda _: "Bearer ",
    "two-dots-and-nothing": lambda _: "Bearer ..",
    "not-base64": lambda _: "Bearer a.b.c",
    "very-long": lambda _: "Bearer " + "a" * 7_000,
    "algorithm-none": lambda forge: "Bearer " + forge.unsigned({"alg": "none"}),
    "algorithm-none-with-a-key": lambda forge: "Bearer " + forge.unsigned({"alg": "none", "kid": forge.kid}),
    "signature-missing": lambda forge: "Bearer " + forge.signed().rpartition(".")[0] + ".",
    "signature-of-zeros": lambda forge: "Bearer " + forge.unsigned({"alg": "Ed25519", "kid": forge.kid}, bytes(64)),
    "hs256-with-the-public-key": lambda forge: "Bearer " + forge.with_the_public_key_as_a_secret(),
    "key-unknown": lambda forge: "Bearer " + forge.signed(_strange(), {"kid": "elsewhere"}),
    "key-named-and-another-used": lambda forge: "Bearer " + forge.signed(_strange()),
    "key-brought-along": lambda forge: "Bearer " + forge.unsigned(
        {"alg": "Ed25519", "kid": forge.kid, "jwk": _strange().as_dict(private=False)}, bytes(64)
    ),
    "key-at-an-address": lambda forge: "Bearer " + forge.unsigned(
        {"alg": "Ed25519", "kid": forge.kid, "jku": "https://keys.example/"}, bytes(64)
    ),
    "critical-unknown": lambda forge: "Bearer " + forge.unsigned(
        {"alg": "Ed25519", "kid": forge.kid, "crit": ["x"], "x": 1}, bytes(64)
    ),
    "issuer-of-another-domain": lambda forge: "Bearer " + forge.signed(iss="coordination.test/kansas"),
    "audience-of-another-domain": lambda forge: "Bearer " + forge.signed(aud="kansas"),
    "audience-one-of-two": lambda forge: "Bearer " + forge.signed(aud=["missouri", "kansas"]),
    "expired": lambda forge: "Bearer " + forge.signed(iat=_soon(-700), nbf=_soon(-700), exp=_soon(-60)),
    "without-an-end": lambda forge: "Bearer " + forge.signed(exp=None),
    "without-an-id": lambda forge: "Bearer " + forge.signed(jti=None),
    "before-its-time": lambda forge: "Bearer " + forge.signed(nbf=_soon(300)),
    "issued-in-the-future": lambda forge: "Bearer " + forge.signed(iat=_soon(300)),
    "lives-for-years": lambda forge: "Bearer " + forge.signed(exp=_soon(2 * LONGEST.total_seconds())),
    "agency-unknown": lambda forge: "Bearer " + forge.signed(agency="cass-county-so", sub="cass-county-so/cad"),
    "agency-disabled": lambda forge: "Bearer " + forge.signed(agency=DISABLED, sub=f"{DISABLED}/cad"),
    "agency-and-subject-differ": lambda forge: "Bearer " + forge.signed(agency="dps"),
    "role-unknown": lambda forge: "Bearer " + forge.signed(roles=["root"]),
    "roles-none": lambda forge: "Bearer " + forge.signed(roles=[]),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED)
async def test_a_token_that_proves_nobody_is_told_nothing_and_nothing_is_recorded(
    scene: Scene, forge: Forge, forged: str
) -> None:
    before, size = await scene.sequences(), await scene.service.store.size()
    answers = [await post(scene, body, FORGED[forged](forge)) for body in (traffic.notice("mshp", ["hsi"]), b"\xff")]
    assert {(each.status, each.document["code"], each.headers["WWW-Authenticate"]) for each in answers} == {
        (401, "unauthenticated", "Bearer")
    }
    assert len({each.document["detail"] for each in answers}) == 1
    assert new(await scene.sequences(), before) == {}
    recorded = {LEAF.validate_json(entry).action for entry in await scene.service.store.entries(size, 10)}
    assert recorded <= {"signin.failed"}  # the count of a minute, which may end just now


async def test_a_token_that_is_in_order_is_let_in_and_once_revoked_is_not(scene: Scene, forge: Forge) -> None:
    jti = kit.fresh_id()
    bearer = "Bearer " + forge.signed(jti=jti)
    assert (await post(scene, b"{}", bearer)).status == 422
    revoked = Revoked(jti, _soon(0) * 1_000_000, _soon(3600) * 1_000_000)
    await scene.service.intake.chore(Ask(), token_revoked(revoked))
    assert scene.service.bearer is not None
    await scene.service.bearer.refresh()
    assert (await post(scene, b"{}", bearer)).status == 401
    await scene.partners[ATTACKER].read("out", 1)


# --- a token of one, a message of another ---


class Claimed(NamedTuple):
    says: str
    agency: str
    subject: str
    source: str


CLAIMED = [
    Claimed("source-of-another-agency", "mshp", "cad", "//dea/cad"),
    Claimed("source-of-an-unknown-agency", "mshp", "cad", "//cass-county-so/cad"),
    Claimed("source-of-the-coordinator", "mshp", "cad", "//coordinator/cad"),
    Claimed("source-of-an-unknown-system", "mshp", "mshp", "//mshp/radar"),
    Claimed("source-of-another-system-than-the-tokens", "mshp", "desk", "//mshp/cad"),
    Claimed("source-of-a-disabled-agency", "mshp", "cad", f"//{DISABLED}/cad"),
]


@pytest.mark.parametrize("claimed", CLAIMED, ids=[each.says for each in CLAIMED])
async def test_who_speaks_is_whom_the_token_proves_whatever_the_message_claims(scene: Scene, claimed: Claimed) -> None:
    before = await scene.sequences()
    event = json.loads(traffic.notice("mshp", ["hsi"]))
    body = json.dumps({**event, "source": claimed.source}).encode()
    bearer = scene.installation.bearer(claimed.agency, subject=claimed.subject)["Authorization"]
    answer = await post(scene, body, bearer)
    assert (answer.status, answer.reasons) == (422, ["sender_mismatch"])
    await disturbs_nobody(scene, before, attacker=1)
    await scene.partners[ATTACKER].read("out", 1)


@pytest.mark.parametrize("role", [AccessRole.LIAISON, AccessRole.AUDITOR, AccessRole.OPERATOR])
async def test_who_may_not_send_is_told_which_role_it_takes(scene: Scene, role: AccessRole) -> None:
    before = await scene.sequences()
    bearer = scene.installation.bearer("mshp", role)["Authorization"]
    answer = await post(scene, traffic.notice("mshp", ["hsi"]), bearer)
    assert (answer.status, answer.document["code"]) == (403, "forbidden")
    assert new(await scene.sequences(), before) == {}


async def test_an_agency_disabled_in_the_directory_is_issued_nothing_that_counts(scene: Scene) -> None:
    directory = read_directory(DIRECTORY, counties=kit.counties().names)
    assert isinstance(directory, Directory)
    settings = scene.installation.settings
    tokens = Tokens(load_token_keys(settings.http.token_key), settings.domain.origin, settings.domain.id, directory)
    token = tokens.issue(
        Principal(DISABLED, "cad", frozenset({AccessRole.WATCH})),
        datetime.now(UTC),
        timedelta(minutes=5),
        kit.fresh_id(),
    )
    assert (await post(scene, b"{}", f"Bearer {token}")).status == 401


# --- requests that are none ---


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def told(scene: Scene, sent: bytes) -> bytes:
    """Send bytes, and read all that comes until the service closes the connection."""
    async with raw(scene.service.address) as (reader, writer), asyncio.timeout(GUARD_S):
        writer.write(sent)
        try:
            return await reader.read()
        except ConnectionError:
            return b""


def request(scene: Scene, *lines: str, close: bool = True) -> bytes:
    bearer = scene.installation.bearer(ATTACKER, subject="cad")["Authorization"]
    fixed = ["POST /v1/messages HTTP/1.1", "Host: localhost", f"Authorization: {bearer}"]
    return "\r\n".join([*fixed, *(["Connection: close"] if close else []), *lines, "", ""]).encode("latin-1")


CE = f"Content-Type: {STRUCTURED}"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "identity", "x", ""])
async def test_a_compressed_body_is_answered_415_before_any_of_it_has_come(scene: Scene, encoding: str) -> None:
    before = await scene.sequences()
    head = request(scene, CE, f"Content-Encoding: {encoding}", "Content-Length: 1000000")
    assert (await told(scene, head)).startswith(b"HTTP/1.1 415 ")
    await disturbs_nobody(scene, before)


BROKEN: dict[str, Callable[[Scene], bytes]] = {
    "no-http": lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "header-of-200-kib": lambda scene: request(scene, CE, "X-Junk: " + "x" * 200 * 1024, "Content-Length: 2") + b"{}",
    "headers-32000": lambda scene: request(scene, CE, *(f"X-{n}: 1" for n in range(32_000)), "Content-Length: 0"),
    "request-line-of-100-kib": lambda _: b"GET /" + b"x" * 100 * 1024 + b" HTTP/1.1\r\n\r\n",
    "null-in-a-header": lambda scene: request(scene, CE, "X-Junk: a\0b", "Content-Length: 2") + b"{}",
    "header-name-with-space": lambda scene: request(scene, CE, "X Junk: 1", "Content-Length: 2") + b"{}",
    "line-folded": lambda scene: request(scene, CE, "X-Junk: 1\r\n 2", "Content-Length: 2") + b"{}",
    "two-lengths": lambda scene: request(scene, CE, "Content-Length: 2", "Content-Length: 3") + b"{}",
    "length-and-chunks": lambda scene: (
        request(scene, CE, "Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    ),
    "length-negative": lambda scene: request(scene, CE, "Content-Length: -2") + b"{}",
    "length-in-words": lambda scene: request(scene, CE, "Content-Length: two") + b"{}",
    "chunk-of-no-size": lambda scene: request(scene, CE, "Transfer-Encoding: chunked") + b"xyz\r\n{}\r\n0\r\n\r\n",
    "two-tokens": lambda scene: request(scene, CE, "Authorization: Bearer x", "Content-Length: 2") + b"{}",
    "two-content-types": lambda scene: request(scene, CE, "Content-Type: text/plain", "Content-Length: 2") + b"{}",
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_request_that_is_none_is_refused_and_disturbs_nobody(scene: Scene, broken: str) -> None:
    before = await scene.sequences()
    answer = await told(scene, BROKEN[broken](scene))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert not answer or head.split(b" ")[1] in {b"400", b"401", b"415", b"431"}, answer
    assert b"Traceback" not in answer
    assert b"xxxx" not in body
    await disturbs_nobody(scene, before)


async def test_a_request_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a header byte by byte, or nothing at all, holds a place for so long and no longer."""
    monkeypatch.setattr(app, "IDLE_S", 0.2)

    async def nothing() -> list[app.Condition]:
        return []

    async with serving(make_app(Health(nothing)), "127.0.0.1", 0) as address:
        for begun in (b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
            async with raw(address) as (reader, writer), asyncio.timeout(GUARD_S):
                writer.write(begun)
                assert await reader.read() == b""


# --- other sites ---

FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site", "Cookie": "session=mshp"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", STRUCTURED])
async def test_a_post_from_another_site_proves_nobody_and_may_not_be_read(scene: Scene, content_type: str) -> None:
    """A browser adds no token by itself, and nothing here is proven by a cookie."""
    before = await scene.sequences()
    async with Poster(scene.service.address, FOREIGN) as poster:
        answer = await poster.post(traffic.notice("mshp", ["hsi"]), content_type)
        async with poster.session.options("/v1/messages") as asked:
            allowed = {name for name in (*asked.headers, *answer.headers) if name.startswith("Access-Control")}
    assert (answer.status, answer.document["code"], allowed) == (401, "unauthenticated", set())
    assert new(await scene.sequences(), before) == {}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_what_a_form_can_send_is_not_read_even_with_a_token(scene: Scene, content_type: str) -> None:
    bearer = scene.installation.bearer(ATTACKER, subject="cad")["Authorization"]
    answer = await post(scene, traffic.notice("mshp", ["hsi"]), bearer, content_type)
    assert (answer.status, answer.document["code"]) == (415, "unsupported_media_type")


# --- nothing of the caller's stands in what is answered ---


@pytest.mark.parametrize("path", ["/v1/%0d%0aSet-Cookie:%20x=1", "/v1/<script>", "/v1/../../etc/passwd", "/v1/%00"])
async def test_an_address_that_is_not_there_is_not_repeated(scene: Scene, path: str) -> None:
    bearer = scene.installation.bearer(ATTACKER, subject="cad")["Authorization"]
    answer = await told(
        scene, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ")[1] in {b"400", b"404"}
    assert not [word for word in (b"script", b"passwd", b"Set-Cookie") if word in answer]


@pytest.mark.parametrize("given", ["a\tb c d e f g", "<b>12345678</b>", "x" * 65, "short", "ünïcödé-12"])
async def test_a_request_id_that_is_no_plain_word_is_replaced(scene: Scene, given: str) -> None:
    async with Poster(scene.service.address, {}) as poster:
        async with poster.session.get("/healthz", headers={"X-Request-Id": given}) as answer:
            assert answer.headers["X-Request-Id"] != given
        async with poster.session.get("/healthz", headers={"X-Request-Id": "plain-12345"}) as answer:
            assert answer.headers["X-Request-Id"] == "plain-12345"
