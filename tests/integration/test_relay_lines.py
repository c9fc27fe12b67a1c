"""Each line at its own pace: whatever befalls one recipient's queue, the others get theirs."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from coordinator.bootstrap import Service, make_intake, running
from coordinator.chores import released
from coordinator.model.plan import Ask
from coordinator.model.work import Dispatch, Submission
from coordinator.paying import IN_FLIGHT
from coordinator.rests import LONGEST_REST_S
from coordinator.store import open_store
from tests import kit
from tests.conftest import Vhost
from tests.installation import Installation, Partner, install
from tests.integration.doors import resume, suspend
from tests.integration.relaying import limit, parked_ids, relaying, remove, restore, suspension
from tests.integration.traffic import (
    agreements,
    apart,
    dispatch_of,
    id_of,
    leaves,
    notice,
    paid,
    short,
    states,
    times,
    until,
)


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    return await install(tmp_path, vhost)


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Service]:
    async with relaying(installation) as started:
        yield started


def submission(body: bytes) -> Submission:
    return kit.submission("mshp", body, received=datetime.now(UTC))


async def bodies(partner: Partner, wanted: list[bytes]) -> list[bytes]:
    """Read until all of these have come; what comes again counts where it came first."""
    found: list[bytes] = []
    while not set(wanted) <= set(found):
        found += [each.body for each in await partner.read("out", 1)]
    return [each for each in dict.fromkeys(found) if each in wanted]


async def test_a_queue_that_does_not_answer_holds_up_nobody_else(service: Service, installation: Installation) -> None:
    sent = [notice("mshp", ["dea", "hsi"], area=apart(number)) for number in range(120)]
    await suspend(installation.vhost, "out.dea")
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        for start in (0, 40, 80):
            await mshp.publish(*sent[start : start + 40])
            assert await bodies(hsi, sent[start : start + 40]) == sent[start : start + 40]
        assert not await times(service.store, "relay.unknown")  # no outcome was waited for
        assert 0 < service.publisher.status().in_flight <= IN_FLIGHT
        await until(lambda: times(service.store, "relay.unknown"))
        late = notice("mshp", ["dea", "hsi"], area=apart(121))
        await mshp.publish(late)
        assert await bodies(hsi, [late]) == [late]
    await resume(installation.vhost, "out.dea")
    async with Partner(installation, "dea") as dea:
        assert await bodies(dea, [*sent, late]) == [*sent, late]
    await until(lambda: paid(service.store))
    assert not await parked_ids(service)


async def test_one_receipt_does_not_wait_behind_what_is_owed_to_others(installation: Installation) -> None:
    settings, others = installation.settings, ["dea", "dps", "hsi", "jackson-so", "mshp"]
    backlog = [notice("mshp", ["dea", "dps", "hsi"], area=apart(number % 300)) for number in range(400)]
    async with open_store(settings.store.url, "dps") as store:
        intake = make_intake(store, installation.directory, settings.domain.id)
        await intake.receive([*agreements(), *map(submission, backlog)])
        alone = notice("mshp", ["usms"])
        await intake.receive([submission(alone)])
        feeds = [await store.feed(agency, 0, 10_000) for agency in others]
    assert sum(map(len, feeds)) > 1_600
    async with running(settings, installation.key) as service:
        await until(lambda: paid(service.store))
        order = [
            each
            for leaf in await leaves(service.store)
            if leaf.action == "relay.settled"
            for each in getattr(leaf, "dispatches", ())
        ]
        mine = await dispatch_of(service.store, "usms", id_of(alone))
    assert order.index(mine.id) < len(order) / 2


async def test_what_can_never_be_sent_is_parked_at_once_and_its_line_goes_on(
    service: Service, installation: Installation
) -> None:
    good, giant, next_one = (notice("mshp", ["hsi"], area=apart(number)) for number in range(3))
    await service.intake.receive([submission(good), submission(giant)._replace(jws="x" * 200_000)])
    await until(lambda: parked_ids(service))
    stuck = await dispatch_of(service.store, "hsi", id_of(giant))
    assert await parked_ids(service) == [stuck.id]
    assert await times(service.store, "relay.parked") == {stuck.id: 1}
    assert not await times(service.store, "relay.refused")
    assert not service.relay.status().resting
    await service.intake.receive([submission(next_one)])
    async with Partner(installation, "hsi") as hsi:
        assert await bodies(hsi, [good, next_one]) == [good, next_one]
    await until(lambda: paid(service.store))


async def test_a_line_rests_only_until_it_is_tried_again_and_never_once_nothing_is_owed(
    service: Service, installation: Installation
) -> None:
    await remove(installation, "out.dea")
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(notice("mshp", ["dea"]))
    await until(lambda: parked_ids(service))

    async def awake() -> bool:
        return not service.relay.status().resting

    await until(awake)
    assert await paid(service.store)


async def test_a_failed_delivery_is_due_later_each_time(service: Service, installation: Installation) -> None:
    service.relay.park_after = 1_000
    await remove(installation, "out.dea")
    sent = notice("mshp", ["dea"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent)
    due: list[int] = []

    def look(db: sqlite3.Connection) -> int:
        row = db.execute("SELECT max(due_ms) FROM dispatches WHERE state = 'owed' AND attempts > 0").fetchone()
        return row[0] or 0

    async def more() -> bool:
        found = await service.store.reading(look)
        if found and (not due or found > due[-1]):
            due.append(found)
        return len(due) == 5

    await until(more)
    pauses = [later - earlier for earlier, later in pairwise(due)]
    assert pauses[-1] > 2 * pauses[0] > 0
    await restore(installation, "out.dea")
    await until(lambda: paid(service.store))


async def test_a_full_queue_that_takes_some_is_given_all_in_the_end(
    service: Service, installation: Installation
) -> None:
    service.relay.park_after = 1_000
    await limit(installation, "out.dea", 5)
    sent = [notice("mshp", ["dea"], area=apart(number)) for number in range(60)]
    async with Partner(installation, "mshp") as mshp, Partner(installation, "dea") as dea:
        await mshp.publish(*sent)
        assert set(await bodies(dea, sent)) == set(sent)
    await until(lambda: paid(service.store))
    assert set((await states(service.store)).values()) == {"confirmed"}


async def test_parked_deliveries_that_are_released_go_in_their_order(
    service: Service, installation: Installation
) -> None:
    service.relay.park_after = 2
    await remove(installation, "out.dea")
    sent = [notice("mshp", ["dea"], area=apart(number)) for number in range(40)]
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(*sent)
        await dispatch_of(service.store, "dea", id_of(sent[-1]))
    await until(lambda: paid(service.store))
    await restore(installation, "out.dea")
    await service.intake.chore(Ask(), released(await parked_ids(service)))
    async with Partner(installation, "dea") as dea:
        assert await bodies(dea, sent) == sent


async def test_what_is_parked_or_rests_is_withdrawn_when_its_agreement_is_suspended(
    service: Service, installation: Installation
) -> None:
    await remove(installation, "out.dea")
    first, second = (notice("mshp", ["dea"], area=apart(number)) for number in range(2))
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(first)
        await until(lambda: parked_ids(service))
        service.relay.rests.first_s = LONGEST_REST_S  # nothing of the line is leased any more during this test
        await mshp.publish(second)
        await until(lambda: times(service.store, "relay.returned"))
        waiting = [await dispatch_of(service.store, "dea", id_of(each)) for each in (first, second)]
        await mshp.publish(suspension(service, "mshp"))
    for each in waiting:
        await until(partial(withdrawn, service, each))
    assert await times(service.store, "feed.withdrawn") == {each.id: 1 for each in waiting}


async def withdrawn(service: Service, dispatch: Dispatch) -> bool:
    (found,) = await service.store.feed(dispatch.recipient, dispatch.sequence - 1, 1)
    return short(found.type) == "feed.withdrawn"
