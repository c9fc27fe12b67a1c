"""The service is killed at every step of the walk, the relay and the seal, and what was promised still holds."""

import asyncio
import contextlib
import json
import secrets
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.amqp.node import PrivateNode
from coordinator.bootstrap import make_intake
from coordinator.journal.findings import Verdict, verdict
from coordinator.journal.verify import verify_directory
from coordinator.model.leaf import MessageAcceptedLeaf
from coordinator.store import open_ledger, open_store
from coordinator.store.sqlite import SqliteReader
from tests import kit
from tests.conftest import EVERYTHING, Vhost
from tests.forked import FORKED
from tests.installation import Installation, Partner, install
from tests.integration.crashing import RELAY, SEAL, WALK, serve
from tests.integration.traffic import GUARD_S, agreements, apart, id_of, leaves, notice, paid, short, states, until

SENDERS = ("mshp", "dea", "hsi")
Crash = tuple[str, int]
"""At which step, and the how manieth time."""


@dataclass(slots=True)
class Ledger:
    """What the agencies know, whatever becomes of the service: everything that the broker confirmed to them."""

    published: list[tuple[str, bytes]] = field(default_factory=list)
    disputes: set[frozenset[str]] = field(default_factory=set)
    """Pairs of operations at one place and time."""
    _places: int = 0

    async def publish(self, partners: dict[str, Partner]) -> None:
        """One agency plans something, and another at the same place; then what was said before comes once more."""
        first, second = (SENDERS[(self._places + step) % 3] for step in (0, 1))
        area = apart(self._places)
        self._places += 1
        both = [(first, notice(first, ["usms", second], area=area)), (second, notice(second, ["atf"], area=area))]
        for agency, body in [*both, *self.published[-1:]]:
            await partners[agency].publish(body)
        self.published += both
        operations = (json.loads(body)["data"]["operation_id"] for _, body in both)
        self.disputes.add(frozenset(operations))


@asynccontextmanager
async def serving(installation: Installation, *crash: str | int) -> AsyncIterator[BaseProcess]:
    """The service in a process of its own, which is gone after the block."""
    process = FORKED.Process(target=serve, args=(installation.config, installation.folder / "log", *crash))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


async def end_of(process: BaseProcess) -> int | None:
    async with asyncio.timeout(GUARD_S):
        while process.is_alive():  # noqa: ASYNC110  # another process has no event of ours
            await asyncio.sleep(0.01)
    return process.exitcode


async def killed_at(step: str, number: int, installation: Installation, ledger: Ledger) -> None:
    """Serve until the step is reached for that time, while agencies publish."""
    gone = asyncio.Event()
    async with serving(installation, step, number) as process, asyncio.TaskGroup() as group:
        group.create_task(keep_publishing(installation, ledger, gone))
        code = await end_of(process)
        gone.set()  # and what is being published is published to the end, so that the ledger knows it
    assert code == -signal.SIGKILL, said(installation)


async def keep_publishing(installation: Installation, ledger: Ledger, gone: asyncio.Event) -> None:
    async with _partners(installation) as partners:
        while not gone.is_set():
            await ledger.publish(partners)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(gone.wait(), 0.1)


@asynccontextmanager
async def _partners(installation: Installation) -> AsyncIterator[dict[str, Partner]]:
    mshp, dea, hsi = (Partner(installation, agency) for agency in SENDERS)
    async with mshp, dea, hsi:
        yield {each.agency: each for each in (mshp, dea, hsi)}


def said(installation: Installation) -> str:
    return (installation.folder / "log").read_text()[-2_000:]


async def recover(installation: Installation, ledger: Ledger) -> None:
    """Serve without a fault until everything is told, then stop in order."""
    async with open_ledger(installation.settings.store.url) as store:
        before = await starts(store)
    async with serving(installation) as process, open_ledger(installation.settings.store.url) as store:
        await until(lambda: all_told(store, ledger, before))
        process.terminate()
        assert await end_of(process) == 0, said(installation)


async def all_told(store: SqliteReader, ledger: Ledger, before: int) -> bool:
    told = await accepted(store) >= set(map(id_of, bodies(ledger))) and await paid(store)
    return told and await starts(store) > before


async def starts(store: SqliteReader) -> int:
    return sum(leaf.action == "service.started" for leaf in await leaves(store))


def bodies(ledger: Ledger) -> list[bytes]:
    return [body for _, body in ledger.published]


async def accepted(store: SqliteReader) -> set[str]:
    return {leaf.message for leaf in await leaves(store) if isinstance(leaf, MessageAcceptedLeaf)}


async def examine(installation: Installation, ledger: Ledger) -> None:
    async with open_ledger(installation.settings.store.url) as store:
        await everything_happened_once(store, ledger)
        await every_delivery_ended(store)
        await each_feed_arrived_whole(store, installation)
        await what_is_published_is_what_was_signed(store, installation)


async def everything_happened_once(store: SqliteReader, ledger: Ledger) -> None:
    journal = await leaves(store)
    assert len(journal) == await store.size()
    counted = Counter(leaf.message for leaf in journal if isinstance(leaf, MessageAcceptedLeaf))
    assert {counted[id_of(body)] for body in bodies(ledger)} == {1}
    opened = Counter(frozenset(getattr(leaf, "operations", ())) for leaf in journal if leaf.action == "conflict.opened")
    assert opened == Counter(ledger.disputes)
    operations = await store.reading(lambda db: db.execute("SELECT id FROM operations").fetchall())
    assert {each for (each,) in operations} == {each for pair in ledger.disputes for each in pair}


async def every_delivery_ended(store: SqliteReader) -> None:
    """Each that a leaf owes is there, confirmed, and settled: once, but for the receipts of what came again."""
    journal = await leaves(store)
    owed = Counter(each.id for leaf in journal for each in getattr(leaf, "owed", ()))
    settled = Counter(each for leaf in journal if leaf.action == "relay.settled" for each in leaf.dispatches)
    again = {each for leaf in journal for each in getattr(leaf, "again", ())}
    assert await states(store) == dict.fromkeys(owed, "confirmed")
    assert set(owed.values()) == {1}
    assert settled.keys() == owed.keys()
    assert {count for each, count in settled.items() if each not in again} == {1}


async def each_feed_arrived_whole(store: SqliteReader, installation: Installation) -> None:
    """Whatever was repeated had the same id, number and content; without repeats the queues hold the feed."""
    for agency in kit.AGENCIES:
        feed = await store.feed(agency, 0, 10_000)
        assert [each.sequence for each in feed] == list(range(1, len(feed) + 1))
        arrived = await emptied(installation, agency)
        assert arrived == {(each.id, each.sequence, each.body) for each in feed}
        alerts = Counter(json.loads(each.body)["subject"] for each in feed if short(each.type) == "deconfliction.alert")
        assert set(alerts.values()) <= {1}


async def emptied(installation: Installation, agency: str) -> set[tuple[str, int, bytes]]:
    found = set()
    async with Partner(installation, agency) as partner:
        for lane in ("out", "alert"):
            queue = await partner.channel.get_queue(f"{lane}.{agency}", ensure=False)
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                if "x-sequence" in message.headers:  # a heartbeat has none
                    found.add((str(message.message_id), int(str(message.headers["x-sequence"])), message.body))
    return found


async def what_is_published_is_what_was_signed(store: SqliteReader, installation: Installation) -> None:
    folder = installation.settings.journal.publish_dir

    def read(path: str) -> bytes | None:
        return (folder / path).read_bytes() if (folder / path).is_file() else None

    finding = verify_directory(read, installation.key.verifier, None)
    assert verdict(finding) is Verdict.TRUE, finding
    assert getattr(finding, "size", None) == await store.size()


async def survives(installation: Installation, crashes: Sequence[Crash]) -> None:
    async with open_store(installation.settings.store.url, "dps") as store:
        await make_intake(store, installation.directory, "missouri").receive(agreements())
    ledger = Ledger()
    for step, number in crashes:
        await killed_at(step, number, installation, ledger)
    await recover(installation, ledger)
    await examine(installation, ledger)


@pytest.mark.parametrize(
    "crashes",
    [
        [(step, 1 + at % 3) for at, step in enumerate(WALK)],
        [(step, 1 + at % 2) for at, step in enumerate(RELAY)],
        [(step, 1) for step in SEAL],
    ],
    ids=["walk", "relay", "seal"],
)
async def test_killed_at_every_step_nothing_is_lost_and_everything_happens_once(
    tmp_path: Path, vhost: Vhost, crashes: list[Crash]
) -> None:
    await survives(await install(tmp_path, vhost), crashes)


@given(st.lists(st.tuples(st.sampled_from([*WALK, *RELAY, *SEAL]), st.integers(1, 4)), min_size=2, max_size=3))
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
async def test_killed_at_any_steps_one_after_the_other_the_same_holds(
    broker: PrivateNode, crashes: list[Crash]
) -> None:
    vhost = Vhost(broker, f"test-{secrets.token_hex(4)}")
    await vhost.manage("PUT", f"vhosts/{vhost.name}")
    await vhost.manage("PUT", f"permissions/{vhost.name}/{broker.layout.user}", EVERYTHING)
    with tempfile.TemporaryDirectory() as folder:
        await survives(await install(Path(folder), vhost), crashes)
    await vhost.manage("DELETE", f"vhosts/{vhost.name}")
