"""Who may use the door of a running service changes while it runs, and what is journaled of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from coordinator.bootstrap import Service, running
from coordinator.http.principals import AccessRole
from coordinator.model.access import AccessRole as Role
from coordinator.model.access import TokenFlaw
from coordinator.model.leaf import LEAF, Leaf, SignInFailedLeaf, TokenRevokedLeaf
from coordinator.store import open_ledger
from tests import kit
from tests.acceptance.commands import run
from tests.conftest import Vhost
from tests.installation import Installation, install
from tests.integration.posting import Poster, apart, notice, now, poster
from tests.kit import Json

GUARD_S = 60
MSHP = AccessRole.PUBLISHER, AccessRole.LIAISON


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    return await install(tmp_path, vhost)


@asynccontextmanager
async def serving(installation: Installation) -> AsyncIterator[Service]:
    async with running(installation.settings, installation.key) as service:
        words = (kit.submission(each.agency, now(each.body), received=datetime.now(UTC)) for each in kit.agreements())
        await service.intake.receive(list(words))
        yield service


def status(party: str, state: str, **said: object) -> bytes:
    """What DPS says of a party, now."""
    officer = {"ori": "MOTEST000", "officer_id": "100"}
    words = {"originator": officer, "party": party, "state": state, "reason": "compromised", **said}
    return now(kit.body("dps", "party.status", {**kit.common([party]), **words}))


async def get(posting: Poster, path: str) -> tuple[int, Json]:
    async with posting.session.get(path) as answer:
        return answer.status, json.loads(await answer.read() or b"{}") if answer.status != 200 else {}


@asynccontextmanager
async def stream(posting: Poster) -> AsyncIterator[aiohttp.ClientResponse]:
    """A stream of events that has begun."""
    async with posting.session.get("/v1/feed/sse") as answer:
        assert answer.status == 200
        await answer.content.readuntil(b"\n")
        yield answer


async def rest_of(answer: aiohttp.ClientResponse) -> bytes:
    async with asyncio.timeout(GUARD_S):
        return await answer.content.read()


@pytest.mark.parametrize("said", [{}, {"account": "mshp"}], ids=["agency", "account"])
async def test_whom_dps_suspends_is_shut_out_while_connected_and_let_in_again_when_restored(
    installation: Installation, said: Json
) -> None:
    async with serving(installation) as service, AsyncExitStack() as stack:
        own = await stack.enter_async_context(poster(service.address, installation, "mshp", *MSHP))
        other = await stack.enter_async_context(poster(service.address, installation, "dea", *MSHP))
        dps = await stack.enter_async_context(poster(service.address, installation, "dps"))
        nobody = await stack.enter_async_context(Poster(service.address, {"Authorization": "Bearer a.b.c"}))
        open_one, of_another = await stack.enter_async_context(stream(own)), stream(other)
        still = await stack.enter_async_context(of_another)
        assert (await own.post(notice("mshp", ["coordinator"]))).status == 201
        assert (await dps.post(status("mshp", "suspended", **said))).status == 201
        refused = await own.post(notice("mshp", ["coordinator"]))
        stranger = await nobody.post(b"{}")
        assert refused.status == stranger.status == 401
        assert {**refused.document, "request_id": ""} == {**stranger.document, "request_id": ""}
        for path in ("/v1/feed", "/v1/operations", "/v1/conflicts", "/v1/feed/sse"):
            assert (await get(own, path))[0] == 401
        assert b": sign in again\n" in await rest_of(open_one)
        # What it has registered stays live, and others are let in as before.
        met = await other.post(notice("dea", ["coordinator"]))
        assert (met.status, met.document["deconfliction"]) == (201, "conflict")
        assert (await dps.post(status("mshp", "in_force", **said))).status == 201
        assert (await own.post(notice("mshp", ["coordinator"], area=apart(1)))).status == 201
        async with stream(own) as again:
            assert not again.content.at_eof()
        assert not still.content.at_eof()


async def test_a_suspension_counts_from_the_first_request_after_a_restart(installation: Installation) -> None:
    async with serving(installation) as service, poster(service.address, installation, "dps") as dps:
        assert (await dps.post(status("mshp", "suspended"))).status == 201
    async with running(installation.settings, installation.key) as service, AsyncExitStack() as stack:
        own = await stack.enter_async_context(poster(service.address, installation, "mshp", *MSHP))
        assert (await get(own, "/v1/feed"))[0] == 401


async def leaves(installation: Installation) -> Sequence[Leaf]:
    async with open_ledger(installation.settings.store.url) as ledger:
        return [LEAF.validate_json(entry) for entry in await ledger.entries(0, 10_000)]


async def test_a_flood_of_bad_tokens_is_one_entry_with_its_count(installation: Installation) -> None:
    floods = 300
    async with serving(installation) as service:
        good = installation.token("mshp", *MSHP)
        forged = good[:-8] + ("A" * 8 if not good.endswith("A" * 8) else "B" * 8)
        async with Poster(service.address, {"Authorization": f"Bearer {forged}"}) as flooding:
            answers = [(await flooding.post(b"{}")).status for _ in range(floods)]
        assert set(answers) == {401}
        assert service.bearer is not None
        await service.bearer.sign_ins.flush()
        async with Poster(service.address, {}) as nobody:
            await nobody.post(b"{}")
        done = await asyncio.to_thread(run, "--config", installation.config, "token", "revoke", good)
        assert done.returncode == 0, done.stderr
        await service.bearer.refresh()
        async with Poster(service.address, {"Authorization": f"Bearer {good}"}) as revoked:
            assert (await revoked.post(b"{}")).status == 401
    found = [leaf for leaf in await leaves(installation) if isinstance(leaf, SignInFailedLeaf)]
    said = [(leaf.actor.agency, leaf.count, [(each.reason, each.count) for each in leaf.reasons]) for leaf in found]
    assert said == [
        ("coordinator", floods, [(TokenFlaw.SIGNATURE, floods)]),
        ("coordinator", 1, [(TokenFlaw.MISSING, 1)]),
        ("mshp", 1, [(TokenFlaw.REVOKED, 1)]),
    ]
    assert forged[-20:].encode() not in b"".join([leaf.model_dump_json().encode() for leaf in found])


@pytest.mark.parametrize("by", ["token", "id"])
async def test_a_revocation_and_its_entry_are_one_beside_a_service_that_runs(
    installation: Installation, by: str
) -> None:
    async with serving(installation) as service, poster(service.address, installation, "mshp", *MSHP) as own:
        shown = own.bearer["Authorization"].removeprefix("Bearer ")
        assert service.bearer is not None
        jti = service.bearer.tokens.claims_of(shown).jti
        assert (await get(own, "/v1/feed"))[0] == 200
        argument = shown if by == "token" else jti
        done = await asyncio.to_thread(run, "--config", installation.config, "token", "revoke", argument)
        assert (done.returncode, done.stderr) == (0, f"revoked {jti}\n")
        async with asyncio.timeout(GUARD_S):
            while (await get(own, "/v1/feed"))[0] != 401:  # noqa: ASYNC110  # the service looks each second
                await asyncio.sleep(0.05)
        rows = await service.store.reading(
            lambda db: db.execute("SELECT jti, expires_us FROM revoked_tokens").fetchall()
        )
    (leaf,) = [each for each in await leaves(installation) if isinstance(each, TokenRevokedLeaf)]
    assert [row[0] for row in rows] == [leaf.token] == [jti]
    known = ("mshp", tuple(sorted([Role.LIAISON, Role.PUBLISHER]))) if by == "token" else (None, ())
    assert (leaf.agency, leaf.roles) == known
