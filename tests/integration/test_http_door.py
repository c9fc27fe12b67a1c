"""The HTTP door of a running service, over loopback: every answer, hostile requests, limits, and a stop under load."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from coordinator.amqp.node import PrivateNode
from coordinator.bootstrap import Service, running
from coordinator.http.messages import AT_ONCE, BATCHES_AT_ONCE, WAITING
from coordinator.http.principals import AccessRole
from coordinator.model.errors import ConfigurationError
from coordinator.store import open_ledger
from coordinator.store.asking import figures
from tests import kit
from tests.acceptance.commands import run
from tests.conftest import Vhost, vhost_of
from tests.installation import Installation, Partner, install
from tests.integration import traffic
from tests.integration.posting import BATCH, Answer, Poster, acknowledgement, apart, notice, now, poster


@asynccontextmanager
async def serving(installation: Installation, **http: object) -> AsyncIterator[Service]:
    settings = installation.settings
    chosen = settings.model_copy(update={"http": settings.http.model_copy(update=http)})
    async with running(chosen, installation.key) as started:
        words = (kit.submission(each.agency, now(each.body), received=datetime.now(UTC)) for each in kit.agreements())
        await started.intake.receive(list(words))
        await traffic.until(lambda: traffic.paid(started.store))
        yield started


@pytest.fixture(scope="module")
async def shared(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """One installation for all tests that leave its service as they found it."""
    async with vhost_of(broker) as vhost:
        yield await install(tmp_path_factory.mktemp("door"), vhost)


@pytest.fixture(scope="module")
async def service(shared: Installation) -> AsyncIterator[Service]:
    async with serving(shared) as started:
        yield started


@pytest.fixture
async def mshp(service: Service, shared: Installation) -> AsyncIterator[Poster]:
    async with poster(service.address, shared) as posting:
        yield posting


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    """For a test that needs a service of its own."""
    return await install(tmp_path, vhost)


def is_problem(answer: Answer, status: int, code: str) -> bool:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.document["request_id"]
    return (answer.status, answer.document["status"], answer.document["code"]) == (status, status, code)


# --- verdicts ---------------------------------------------------------------------------------------------------------


async def test_an_accepted_message_is_answered_with_its_receipt_and_delivered_byte_for_byte(
    mshp: Poster, shared: Installation
) -> None:
    sent = notice("mshp", ["hsi", "nobody"])
    answer = await mshp.post(sent)
    async with Partner(shared, "hsi") as hsi:
        assert await _arrives(hsi, sent)
    assert answer.status == 201
    receipt = answer.document
    message = json.loads(sent)["id"]
    assert (receipt["id"], receipt["verdict"], receipt["deconfliction"]) == (message, "accepted", "none_known")
    assert (receipt["conflicts"], receipt["counties"], receipt["authority"]) == ([], ["Cole"], "none")
    assert receipt["withheld"] == [{"agency": "nobody", "reason": "unknown_agency"}]
    assert {"position", "entry", "digest", "leaf_hash"} <= set(receipt)
    assert answer.headers["Location"] == f"/v1/messages/mshp/{message}"
    assert answer.headers["Cache-Control"] == "no-store"


async def _arrives(partner: Partner, wanted: bytes) -> bool:
    while True:
        (message,) = await partner.read("out", 1)
        if message.body == wanted:
            return True


async def test_a_conflict_is_told_in_the_receipt(mshp: Poster, service: Service, shared: Installation) -> None:
    await mshp.post(notice("mshp", ["coordinator"], area=apart(500)))
    async with poster(service.address, shared, "dea") as dea:
        answer = await dea.post(notice("dea", ["coordinator"], area=apart(500)))
    assert answer.document["deconfliction"] == "conflict"
    (pointer,) = answer.document["conflicts"]
    assert pointer["other"]["agency"] == "mshp"


async def test_the_same_bytes_again_are_answered_with_the_first_receipt(mshp: Poster) -> None:
    sent = notice("mshp", ["hsi"])
    first, again = await mshp.post(sent), await mshp.post(sent)
    assert (first.status, again.status) == (201, 200)
    assert again.document == {**first.document, "verdict": "duplicate"}


async def test_the_same_bytes_by_the_other_door_are_a_duplicate_too(mshp: Poster, shared: Installation) -> None:
    sent = notice("mshp", ["hsi"])
    async with Partner(shared, "mshp") as partner:
        await partner.publish(sent)
        by_amqp = await partner.receipt(sent)
    again = await mshp.post(sent)
    assert (again.status, again.document["position"]) == (200, by_amqp["data"]["position"])


async def test_a_refused_message_is_a_problem_with_its_place_in_the_journal_and_so_is_its_repeat(mshp: Poster) -> None:
    sent = notice("mshp", ["hsi"], name="x" * 500)
    first, again = await mshp.post(sent), await mshp.post(sent)
    assert is_problem(first, 422, "refused")
    assert first.document["errors"] == [{"field": "data.name", "reason": "invalid_field"}]
    assert {"position", "entry", "digest", "stage", "id"} <= set(first.document)
    assert "x" * 20 not in json.dumps(first.document)
    assert {**first.document, "request_id": ""} == {**again.document, "request_id": ""}


async def test_other_bytes_under_a_used_id_are_refused(mshp: Poster) -> None:
    sent = json.loads(notice("mshp", ["hsi"]))
    await mshp.post(json.dumps(sent))
    sent["data"]["name"] = "GREY HERON"
    assert (await mshp.post(json.dumps(sent))).reasons == ["id_reused"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (b"\xff", "not_utf8"),
        (b'{"a":1,"a":2}', "duplicate_key"),
    ],
)
async def test_what_cannot_be_read_is_claimed_and_recorded_all_the_same(mshp: Poster, body: bytes, reason: str) -> None:
    first, again = await mshp.post(body), await mshp.post(body)
    assert is_problem(first, 400, "unreadable")
    assert first.reasons == [reason]
    assert first.document["position"] == again.document["position"]


async def test_a_source_of_another_agency_or_of_another_system_is_refused(
    mshp: Poster, service: Service, shared: Installation
) -> None:
    foreign = await mshp.post(notice("dea", ["hsi"]))
    async with poster(service.address, shared, subject="desk") as desk:
        another = await desk.post(notice("mshp", ["hsi"]))
    async with poster(service.address, shared, subject="mshp") as account:
        mine = await account.post(notice("mshp", ["hsi"]))
    async with poster(service.address, shared, "mshp", AccessRole.WATCH, subject="b-101") as officer:
        theirs = await officer.post(notice("mshp", ["hsi"]))
    assert [each.reasons for each in (foreign, another)] == [["sender_mismatch"]] * 2
    assert [each.status for each in (mine, theirs)] == [201, 201]


# --- forms ------------------------------------------------------------------------------------------------------------


async def test_binary_mode_is_read_as_over_amqp(mshp: Poster) -> None:
    event = json.loads(notice("mshp", ["hsi"]))
    data = json.dumps(event.pop("data")).encode()
    headers = {f"ce-{name}": quote(value, safe=":/+") for name, value in event.items()}
    answer = await mshp.post(data, "application/json", **headers)
    assert (answer.status, answer.document["id"]) == (201, event["id"])


async def test_an_attribute_that_is_there_twice_is_refused(service: Service, shared: Installation) -> None:
    twice = "ce-specversion: 1.0\r\nce-id: a\r\nCE-Id: b\r\nContent-Type: application/json\r\nConnection: close"
    answer = await raw(service, request_of(shared, b"{}", twice))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"unreadable_headers" in answer


async def test_a_batch_is_answered_one_by_one(mshp: Poster) -> None:
    good, other = notice("mshp", ["hsi"], area=apart(1)), notice("mshp", ["hsi"], area=apart(2))
    wrong, foreign = b'{"id": 1}', notice("dea", ["hsi"])
    parts = [good, b"17", wrong, good, foreign, b'"\xff"', other]
    answer = await mshp.post(b"[" + b" ,\n".join(parts) + b"]", BATCH)
    assert answer.status == 200
    assert [each["status"] for each in answer.elements] == [201, 400, 422, 200, 422, 400, 201]
    alone = await mshp.post(other)
    assert alone.status == 200  # the very bytes that stood in the batch
    assert alone.document["digest"] == answer.elements[-1]["receipt"]["digest"]


async def test_sixty_four_messages_of_a_batch_are_recorded_together(mshp: Poster, service: Service) -> None:
    commits: list[int] = []
    service.intake.on_commit = [*service.intake.on_commit, lambda plan: commits.append(len(plan.claims))]
    parts = [notice("mshp", ["hsi"], area=apart(number)) for number in range(64)]
    answer = await mshp.post(b"[" + b",".join(parts) + b"]", BATCH)
    assert [each["status"] for each in answer.elements] == [201] * 64
    assert len([each for each in commits if each]) <= 5


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" + b",".join([b"{}"] * 65) + b"]", 413, "too_large"),
        (b"{}", 400, "unreadable"),
        (b"[1,", 400, "unreadable"),
        (b"[" * 100_000, 400, "unreadable"),
    ],
    ids=["65", "object", "cut", "deep"],
)
async def test_what_is_no_batch_is_answered_as_a_whole(mshp: Poster, body: bytes, status: int, code: str) -> None:
    assert is_problem(await mshp.post(body, BATCH), status, code)


async def test_a_large_element_is_too_large_alone(mshp: Poster) -> None:
    body = b"[" + notice("mshp", ["hsi"]) + b',{"x":"' + b"x" * 70_000 + b'"}]'
    answer = await mshp.post(body, BATCH)
    assert [each["status"] for each in answer.elements] == [201, 413]


# --- requests that are not read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "identity", "br", ""])
async def test_a_content_encoding_is_refused_unread(mshp: Poster, encoding: str) -> None:
    assert is_problem(await mshp.post(b"\x1f\x8b", Content_Encoding=encoding), 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/x-www-form-urlencoded", "x"])
async def test_another_content_type_is_refused_unread(mshp: Poster, kind: str) -> None:
    assert is_problem(await mshp.post(b"{}", kind), 415, "unsupported_media_type")


async def test_a_body_that_is_too_large_is_refused_before_more_than_the_bound_is_read(mshp: Poster) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * 1024 * 1024:
            sent += 16_384
            yield b"x" * 16_384
            await asyncio.sleep(0)

    declared = await mshp.post(b"x" * 70_000)
    assert is_problem(declared, 413, "too_large")
    try:
        chunked = await mshp.post(endless())
    except aiohttp.ClientConnectionError:
        pass  # cut off while it was still sending
    else:
        assert is_problem(chunked, 413, "too_large")
    assert sent < 64 * 1024 * 1024
    assert (await mshp.post(notice("mshp", ["hsi"]))).status == 201


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic bXNocDp4"}],
    ids=["none", "nonsense", "basic"],
)
async def test_without_a_token_everything_is_the_same_401(service: Service, headers: Mapping[str, str]) -> None:
    answers = set()
    async with aiohttp.ClientSession() as session:
        for method, path in (("POST", "/v1/messages"), ("GET", "/v1/messages"), ("GET", "/v1/nothing")):
            async with session.request(method, f"{service.address}{path}", headers=headers) as answer:
                document = await answer.json(content_type=None)
                answers.add((answer.status, answer.headers["WWW-Authenticate"], document["code"]))
        async with session.get(f"{service.address}/healthz") as alive:
            assert alive.status == 200
    assert answers == {(401, "Bearer", "unauthenticated")}


@pytest.mark.parametrize("role", [AccessRole.LIAISON, AccessRole.AUDITOR, AccessRole.OPERATOR])
async def test_a_role_that_does_not_send_is_forbidden(service: Service, shared: Installation, role: AccessRole) -> None:
    async with poster(service.address, shared, "mshp", role) as posting:
        assert is_problem(await posting.post(notice("mshp", ["hsi"])), 403, "forbidden")


async def test_a_revoked_token_is_refused_within_a_moment(service: Service, shared: Installation) -> None:
    words = ("token", "issue", "--as", "mshp/cad", "--role", "publisher", "--json")
    issued = await asyncio.to_thread(run, *words, installation=shared)
    token = json.loads(issued.stdout)
    async with Poster(service.address, {"Authorization": f"Bearer {token['token']}"}) as posting:
        assert (await posting.post(notice("mshp", ["hsi"]))).status == 201
        revoked = await asyncio.to_thread(run, "token", "revoke", token["jti"], installation=shared)
        assert revoked.returncode == 0, revoked.stderr
        async with asyncio.timeout(20):
            while (await posting.post(notice("mshp", ["hsi"]))).status != 401:  # noqa: ASYNC110  # asked, as a caller does
                await asyncio.sleep(0.05)


# --- broken and slow requests -----------------------------------------------------------------------------------------


async def raw(service: Service, request: bytes) -> bytes:
    """Write bytes, and read whatever comes until the end."""
    url = URL(service.address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request_of(shared: Installation, body: bytes, headers: str, length: int | None = None) -> bytes:
    """A post as bytes."""
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body) if length is None else length}\r\n"
        f"Authorization: Bearer {shared.token('mshp', subject='cad')}\r\n{headers}\r\n\r\n"
    )
    return head.encode() + body


STRUCTURED_TYPE = "Content-Type: application/cloudevents+json"
BROKEN = {
    "no HTTP": b"\x16\x03\x01 SECRETWORD\r\n\r\n",
    "header without colon": b"GET /healthz HTTP/1.1\r\nHost: x\r\nSECRETWORD\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: SECRETWORD\x00\r\n\r\n",
    "huge header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"SECRETWORD" * 20_000 + b"\r\n\r\n",
    "many headers": b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-SECRETWORD: x\r\n" * 10_000 + b"\r\n",
    "huge address": b"GET /" + b"SECRETWORD" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "length and chunks": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
}


@pytest.mark.parametrize("request_", BROKEN.values(), ids=list(BROKEN))
async def test_a_broken_request_is_answered_in_a_word_and_disturbs_nobody(
    mshp: Poster, service: Service, request_: bytes
) -> None:
    answer = await raw(service, request_)
    assert b"SECRETWORD" not in answer
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert (await mshp.post(notice("mshp", ["hsi"]))).status == 201


async def test_a_body_that_comes_too_slowly_is_given_up(
    service: Service, shared: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.http.limits.read_body.__defaults__", (0.2,))
    answer = await raw(service, request_of(shared, b"{", STRUCTURED_TYPE, 50))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"did not come within" in answer


async def test_a_poster_that_hangs_up_is_recorded_and_may_ask_again(
    mshp: Poster, service: Service, shared: Installation
) -> None:
    sent = notice("mshp", ["hsi"])
    url = URL(service.address)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(request_of(shared, sent, STRUCTURED_TYPE))
    await writer.drain()
    writer.transport.abort()
    answer = await mshp.post(sent)
    assert answer.status in {200, 201}
    assert (await mshp.post(sent)).status == 200


# --- limits -----------------------------------------------------------------------------------------------------------


async def test_a_rate_refuses_what_is_not_urgent_and_never_an_operation(installation: Installation) -> None:
    async with (
        serving(installation, rate_per_s=0.01, rate_burst=2) as service,
        poster(service.address, installation, "hsi") as hsi,
        poster(service.address, installation, "dea") as dea,
    ):
        answers = [await hsi.post(acknowledgement("hsi", kit.fresh_id())) for _ in range(4)]
        assert [each.status for each in answers[2:]] == [429, 429]
        assert 429 not in {each.status for each in answers[:2]}
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert "position" not in answers[-1].document
        assert (await hsi.post(notice("hsi", ["mshp"]))).status == 201
        parts = [acknowledgement("hsi", kit.fresh_id()), notice("hsi", ["mshp"], area=apart(3))]
        batch = await hsi.post(b"[" + b",".join(parts) + b"]", BATCH)
        assert [each["status"] for each in batch.elements] == [429, 201]
        assert (await dea.post(acknowledgement("dea", kit.fresh_id()))).status != 429


async def test_beyond_what_may_wait_at_once_a_caller_is_sent_away_and_another_is_not(
    service: Service, shared: Installation
) -> None:
    """Requests whose body never comes hold every place of their caller."""
    url = URL(service.address)
    head = request_of(shared, b"", f"Content-Type: {BATCH}", 50)
    opened = [await asyncio.open_connection(url.host, url.port) for _ in range(BATCHES_AT_ONCE + 17)]
    try:
        for _, writer in opened:
            writer.write(head)
        done, _ = await asyncio.wait(
            [asyncio.create_task(reader.readline()) for reader, _ in opened], return_when=asyncio.FIRST_COMPLETED
        )
        assert b" 429 " in next(iter(done)).result()
        async with poster(service.address, shared, "dea") as dea:
            assert (await dea.post(b"[]", BATCH)).status == 200
        async with poster(service.address, shared) as mshp:
            assert (await mshp.post(notice("mshp", ["hsi"]))).status == 201  # alone it is another gate
    finally:
        for _, writer in opened:
            writer.transport.abort()
    assert AT_ONCE + WAITING < 1_000


# --- stopping ---------------------------------------------------------------------------------------------------------


async def healths(address: str) -> list[int]:
    """What readiness says, one after the other, until nothing answers any more."""
    said: list[int] = []
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{address}/readyz") as ready:
                    if ready.status not in said:
                        said.append(ready.status)
            except aiohttp.ClientError:
                return said


async def test_a_stop_under_load_answers_what_it_took_and_loses_nothing(installation: Installation) -> None:
    """Every 201 is in the store; whoever got no verdict got 503 or a closed connection."""
    told: dict[str, int] = {}
    answered = asyncio.Event()

    async def keep_posting(mshp: Poster, number: int) -> None:
        for at in range(1_000):
            sent = notice("mshp", ["hsi"], area=apart(number * 50 + at))
            try:
                answer = await mshp.post(sent)
            except aiohttp.ClientError:
                return
            told[json.loads(sent)["id"]] = answer.status
            if len(told) >= 60:
                answered.set()
            if answer.status != 201:
                assert (answer.status, answer.headers.get("Retry-After")) == (503, "2"), answer
                return

    async with AsyncExitStack() as stack:
        async with serving(installation) as service:
            mshp = await stack.enter_async_context(poster(service.address, installation))
            health = asyncio.create_task(healths(service.address))
            load = [asyncio.create_task(keep_posting(mshp, number)) for number in range(16)]
            await answered.wait()
        await asyncio.gather(*load)
        assert await health == [200, 503]
    accepted = [message for message, status in told.items() if status == 201]
    async with open_ledger(installation.settings.store.url) as store:
        rows = await store.reading(lambda db: db.execute("SELECT id FROM claims WHERE agency = 'mshp'").fetchall())
        assert set(accepted) <= {row[0] for row in rows}
        counted = await store.reading(figures)
    assert counted.owed == 0
    assert len(accepted) >= 60


# --- transport --------------------------------------------------------------------------------------------------------


async def test_a_door_open_to_others_without_tls_is_refused(installation: Installation) -> None:
    with pytest.raises(ConfigurationError, match="tls_cert"):
        async with serving(installation, host="0.0.0.0"):  # noqa: S104  # what is to be refused
            pass


async def test_without_a_token_key_there_is_health_and_no_door(installation: Installation) -> None:
    async with (
        serving(installation, token_key=installation.folder / "none.key") as service,
        poster(service.address, installation) as mshp,
    ):
        assert is_problem(await mshp.post(notice("mshp", ["hsi"])), 404, "not_found")
        async with mshp.session.get("/healthz") as alive:
            assert alive.status == 200


async def test_with_a_certificate_the_door_speaks_tls(installation: Installation) -> None:
    cert, key = certificate(installation.folder)
    async with serving(installation, tls_cert=cert, tls_key=key) as service:
        assert service.address.startswith("https://127.0.0.1:")
        trusting = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(cert)))
        headers = {**installation.bearer("mshp", subject="cad"), "Content-Type": "application/cloudevents+json"}
        port = URL(service.address).port
        async with (
            aiohttp.ClientSession(connector=trusting, headers=headers) as session,
            session.post(f"https://localhost:{port}/v1/messages", data=notice("mshp", ["hsi"])) as answer,
        ):
            assert answer.status == 201


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine alone."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    began = datetime.now(UTC) - timedelta(minutes=5)
    signed = (
        x509.CertificateBuilder(
            name, name, private.public_key(), x509.random_serial_number(), began, began + timedelta(1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    cert, key = folder / "door.pem", folder / "door.key"
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert, key
