"""The messages of the benchmark: notices of about 1 KB, spread over the state and the hours so that few conflict."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aio_pika

from coordinator.bench.parties import RECIPIENTS, SENDER, event
from coordinator.domain import system_id

STRUCTURED = "application/cloudevents+json"
PLAIN = "application/json"
"""FastStream parses JSON of no other type."""
_COLOURS = ("BLUE", "GREY", "WHITE", "GREEN", "BLACK", "SILVER", "GOLDEN")
_BLOCK = 2_000
"""Notices that share a window of 45 minutes; the next ones begin three hours later, beyond any rule's reach."""


def ids() -> Iterator[str]:
    """Fresh ids."""
    while True:
        yield system_id()


def notice(number: int) -> bytes:
    """An operation notice, its place from its number."""
    now = datetime.now(UTC)
    start = now + timedelta(hours=1 + 3 * (number // _BLOCK))
    spread = random.Random(number)  # noqa: S311  # a seed that reproduces
    place = [spread.uniform(-94.5, -90.5), spread.uniform(36.8, 38.8)]
    plan = {
        "to": RECIPIENTS,
        "operation_id": system_id(),
        "name": f"{_COLOURS[number % len(_COLOURS)]} HERON",
        "event_type": "search_warrant",
        "duty": "none",
        "start": start,
        "end": start + timedelta(minutes=45),
        "area": {"type": "Point", "coordinates": place, "radius_m": 100.0},
        "lead": SENDER,
        "participating": [SENDER, "stl-pd", "dps"],
        "joint_with": [system_id() for _ in range(3)],
        "contact": {"callback": "+15735550110", "backup": "+15735550111"},
        "plainclothes": False,
        "caution": ["armed", "dogs", "fortified"],
    }
    return event(SENDER, "operation.notice", plan, system_id(), now)


def message(body: bytes, user: str, content_type: str = STRUCTURED) -> aio_pika.Message:
    """As an agency's system sends it."""
    return aio_pika.Message(
        body, user_id=user, content_type=content_type, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
    )
