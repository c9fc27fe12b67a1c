"""The metrics of a real service: they move when the thing happens, and the page stands whatever else does not."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from coordinator.bootstrap import Service, running
from coordinator.domain import system_clock
from coordinator.http.metrics import Page, Reading
from coordinator.metering import METRICS, STORE_UP, Meter
from coordinator.store import open_ledger
from coordinator.store.connections import READERS
from coordinator.store.sqlite import SqliteReader
from coordinator.tally import Distribution
from tests import kit
from tests.conftest import Vhost
from tests.installation import Installation, Partner, install
from tests.integration import traffic

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    made = await install(tmp_path, vhost)
    with made.config.open("a") as config:  # its last section is [http]
        config.write("metrics_port = 0\n")
    return made


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Service]:
    async with running(installation.settings, installation.key) as started:
        await started.intake.receive(traffic.agreements())
        await traffic.until(lambda: traffic.paid(started.store))
        yield started


async def get(address: str | None, accept: str = "text/plain") -> tuple[str, str]:
    """What a scrape is answered: the content type, and the page."""
    assert address is not None
    async with aiohttp.ClientSession() as session, session.get(address, headers={"Accept": accept}) as answer:
        assert answer.status == 200, await answer.text()
        return answer.headers["Content-Type"], await answer.text()


def samples(families: list[Metric]) -> Samples:
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


async def scrape(service: Service) -> Samples:
    _, page = await get(service.metrics_address)
    return samples(list(parse_text(page)))


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def value(service: Service, name: str, **labels: str) -> float:
    return (await scrape(service))[key(name, **labels)]


async def grows(service: Service, above: float, name: str, **labels: str) -> None:
    """Wait until a metric is above a value."""

    async def grown() -> bool:
        return await value(service, name, **labels) > above

    await traffic.until(grown)


def meter(service: Service, store: SqliteReader, store_s: float) -> Meter:
    """A meter of that service that asks that store."""
    return Meter(
        service.intake.tally, store, service.inbound, service.publisher, service.relay, service.seal,
        service.posting, service.feed, kit.AGENCIES, system_clock, store_s,
    )  # fmt: skip


async def test_both_formats_are_parsed_by_prometheus_own_parsers_and_tell_every_metric(service: Service) -> None:
    wanted = {metric.name.removesuffix("_total").removesuffix("_info") for metric in METRICS}
    accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3"
    plain_type, plain = await get(service.metrics_address)
    open_type, modern = await get(service.metrics_address, accept)
    named = [{each.name for each in parse(page)} for parse, page in ((parse_text, plain), (parse_openmetrics, modern))]
    assert plain_type.startswith("text/plain; version=0.0.4")
    assert open_type.startswith("application/openmetrics-text; version=1.0.0")
    assert modern.endswith("# EOF\n")
    assert all(wanted <= {name.removesuffix("_info") for name in each} for each in named)
    assert "process_resident_memory_bytes" in named[0]


async def test_what_is_accepted_refused_and_sent_twice_is_counted(service: Service, installation: Installation) -> None:
    before = await scrape(service)
    sent = traffic.notice("mshp", ["hsi"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent, sent, b"{}{}", traffic.notice("mshp", ["coordinator"], area=traffic.apart(7)))
        await grows(service, 0, "coordinator_duplicates_total")
        await grows(service, 1, "coordinator_accepted_total", type="operation.notice.v1")
    await traffic.until(lambda: traffic.paid(service.store))
    await grows(service, before[key("coordinator_publishes_total", agency="hsi", lane="out", outcome="confirmed")],
                "coordinator_publishes_total", agency="hsi", lane="out", outcome="confirmed")  # fmt: skip
    after = await scrape(service)
    words = len(traffic.agreements())
    assert before[key("coordinator_accepted_total", type="agreement.status.v1")] == words
    assert after[key("coordinator_accepted_total", type="operation.notice.v1")] == 2
    assert after[key("coordinator_refusals_total", code="not_json")] == 1
    assert after[key("coordinator_refusals_total", code="too_deep")] == 0
    assert after[key("coordinator_duplicates_total")] == 1
    assert after[key("coordinator_issued_total", type="message.refused.v1")] == 1
    assert after[key("coordinator_batch_messages_sum")] == words + 4
    assert after[key("coordinator_commit_seconds_count")] >= after[key("coordinator_batch_messages_count")]
    assert after[key("coordinator_commit_seconds_sum")] > 0
    assert after[key("coordinator_journal_entries")] >= words + 4
    assert after[key("coordinator_feed_last_sequence", agency="hsi")] > before[
        key("coordinator_feed_last_sequence", agency="hsi")
    ]  # fmt: skip


async def test_a_conflict_is_open_and_a_checkpoint_follows(service: Service, installation: Installation) -> None:
    assert await value(service, "coordinator_open_conflicts", level="none") == 0
    async with Partner(installation, "mshp") as mshp, Partner(installation, "dea") as dea:
        await mshp.publish(traffic.notice("mshp", ["coordinator"]))
        await dea.publish(traffic.notice("dea", ["coordinator"]))
    await grows(service, 0, "coordinator_open_conflicts", level="none")
    entries = await value(service, "coordinator_journal_entries")
    await grows(service, entries - 1, "coordinator_published_entries")
    assert await value(service, "coordinator_checkpoint_entries") >= entries


async def test_a_missing_queue_is_returned_is_owed_for_long_and_is_parked_in_the_end(
    service: Service, installation: Installation
) -> None:
    service.relay.park_after = 2
    name = installation.vhost.name
    await installation.vhost.manage("DELETE", f"queues/{name}/out.dea")
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(traffic.notice("mshp", ["dea"]))
        await grows(service, 0, "coordinator_publishes_total", agency="dea", lane="out", outcome="returned")
        await grows(service, 0, "coordinator_parked_dispatches")
    after = await scrape(service)
    assert after[key("coordinator_publishes_total", agency="dea", lane="out", outcome="returned")] == 2
    assert after[key("coordinator_publishes_total", agency="hsi", lane="out", outcome="returned")] == 0
    assert after[key("coordinator_oldest_owed_seconds", agency="dea", lane="out")] == 0


async def test_what_is_owed_has_an_age_on_its_line_alone(service: Service, installation: Installation) -> None:
    name = installation.vhost.name
    await installation.vhost.manage("DELETE", f"queues/{name}/out.dea")
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(traffic.notice("mshp", ["dea", "hsi"]))
        await grows(service, 0, "coordinator_owed_again_dispatches")
        await grows(service, 0, "coordinator_resting_lines")
    await grows(service, 0.5, "coordinator_oldest_owed_seconds", agency="dea", lane="out")
    after = await scrape(service)
    assert after[key("coordinator_oldest_owed_seconds", agency="hsi", lane="out")] == 0
    assert after[key("coordinator_owed_dispatches")] == 1
    assert after[key("coordinator_store_up")] == 1


async def test_a_lost_connection_is_a_new_generation_and_what_was_unsettled_is_delivered_again(
    service: Service, installation: Installation
) -> None:
    await grows(service, 0, "coordinator_session_generation", session="intake")
    before = await scrape(service)
    async with Partner(installation, "mshp") as mshp:
        async with service.store.transaction():  # nothing is recorded, so nothing is settled
            await mshp.publish(traffic.notice("mshp", ["hsi"]))
            await grows(service, 0, "coordinator_in_batch_messages")
            await installation.vhost.ctl("close_all_connections", "a test cuts every line")
        await grows(service, 0, "coordinator_redeliveries_total")
        await grows(service, 0, "coordinator_duplicates_total")
    after = await scrape(service)
    for session in ("intake", "relay"):
        generation = key("coordinator_session_generation", session=session)
        assert after[generation] == before[generation] + 1
        assert after[key("coordinator_session_up", session=session)] == 1
        assert key("coordinator_blocked_seconds_total", session=session) in after
    assert before[key("coordinator_redeliveries_total")] == 0
    assert after[key("coordinator_accepted_total", type="operation.notice.v1")] == 1


async def test_requests_are_counted_by_route_and_strangers_make_no_new_ones(service: Service) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/healthz", "/healthz", "/nothing/here", "/nor/here"):
            async with session.get(f"{service.address}{path}"):
                pass
        async with session.request("PROPFIND", f"{service.address}/healthz") as strange:
            assert strange.status == 405
        async with session.get(f"{service.address}/metrics") as hidden:
            assert hidden.status == 404
        metrics = str(service.metrics_address).removesuffix("/metrics")
        async with session.get(f"{metrics}/healthz") as elsewhere:
            assert elsewhere.status == 404
    counted = {
        labels: number
        for (name, labels), number in (await scrape(service)).items()
        if name == "coordinator_http_request_seconds_count"
    }
    assert counted == {
        frozenset({("method", "GET"), ("route", "/healthz"), ("status", "200")}): 2,
        frozenset({("method", "GET"), ("route", "unmatched"), ("status", "404")}): 3,
        frozenset({("method", "other"), ("route", "unmatched"), ("status", "405")}): 1,
    }


async def test_what_is_posted_waits_while_the_store_is_taken(service: Service) -> None:
    words = traffic.agreements()

    async def taken() -> bool:
        return service.posting.waiting == 0

    async with service.store.transaction():  # nothing can be recorded
        first = asyncio.create_task(service.posting.post("mshp/cad", words[:1]))
        await asyncio.sleep(0)
        assert service.posting.waiting == 1
        await traffic.until(taken)
        others = asyncio.create_task(service.posting.post("dea/cad", words[1:4]))
        await grows(service, 2, "coordinator_posts_waiting")
    await asyncio.gather(first, others)

    async def nothing_waits() -> bool:
        return await value(service, "coordinator_posts_waiting") == 0

    await traffic.until(nothing_waits)


async def test_who_follows_a_feed_is_counted_while_they_do(service: Service, installation: Installation) -> None:
    assert await value(service, "coordinator_feed_listeners") == 0
    headers = installation.bearer("hsi")
    url = f"{service.address}/v1/feed/sse"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as stream:
        assert stream.status == 200
        await grows(service, 0, "coordinator_feed_listeners")
        assert key("coordinator_feed_lag_messages") in await scrape(service)

    async def gone() -> bool:
        return await value(service, "coordinator_feed_listeners") == 0

    await traffic.until(gone)


async def test_the_page_stands_without_the_store_and_says_so(service: Service, tmp_path: Path) -> None:
    async with open_ledger(f"sqlite:///{tmp_path}/nowhere.db") as missing:
        reading = await meter(service, missing, 5).measure()
    told = {metric.name for metric in reading}
    assert reading[STORE_UP] == {(): 0.0}
    assert "coordinator_session_generation" in told
    assert "coordinator_parked_dispatches" not in told


async def test_a_store_that_hangs_is_waited_for_a_while_and_asked_once(
    service: Service, installation: Installation
) -> None:
    url = installation.settings.store.url
    free = threading.Event()
    async with open_ledger(url) as busy:
        hanging = [asyncio.ensure_future(busy.reading(lambda _: free.wait(30))) for _ in range(READERS)]
        asked = meter(service, busy, 0.05)
        first, second = await asked.measure(), await asked.measure()
        free.set()
        await asyncio.gather(*hanging)
        asked.store_s = 30
        third = await asked.measure()
    assert [each[STORE_UP] for each in (first, second, third)] == [{(): 0.0}, {(): 0.0}, {(): 1.0}]


async def test_scrapes_at_once_share_one_reading_and_a_later_one_reads_anew() -> None:
    read, now = 0, 100.0

    async def measure() -> Reading:
        nonlocal read
        read += 1
        await asyncio.sleep(0)
        return {STORE_UP: {(): 1.0}}

    page = Page(METRICS, measure, 1.0, lambda: now)
    pages = await asyncio.gather(*(page.page(modern=number % 2 == 0) for number in range(20)))
    assert (read, len(set(pages))) == (1, 2)
    now += 1.0
    await page.page(modern=True)
    assert read == 2


async def test_a_scrape_that_is_given_up_leaves_the_next_one_its_answer() -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def measure() -> Reading:
        begun.set()
        await goes_on.wait()
        return {STORE_UP: {(): 1.0}}

    page = Page(METRICS, measure)
    first, second = (asyncio.create_task(page.page(modern=True)) for _ in range(2))
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    goes_on.set()
    assert b"coordinator_store_up 1.0" in await second


async def test_a_long_distribution_is_told_cumulatively() -> None:
    (batch,) = (metric for metric in METRICS if metric.name == "coordinator_batch_messages")
    values = Distribution((1, 10))
    for each in (1, 2, 3, 50):
        values.add(each)

    async def measure() -> Reading:
        return {batch: {(): values}}

    told = samples(list(parse_text((await Page(METRICS, measure).page(modern=False)).decode())))
    assert [told[key("coordinator_batch_messages_bucket", le=le)] for le in ("1.0", "10.0", "+Inf")] == [1, 3, 4]
    assert told[key("coordinator_batch_messages_sum")] == 56
