"""What tests of the HTTP door post with, and what they post."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import aiohttp

from coordinator.http.principals import AccessRole
from tests import kit
from tests.installation import Installation
from tests.kit import Json

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def now(body: bytes) -> bytes:
    """The same message as if written now: the service reads a real clock."""
    return json.dumps({**json.loads(body), "time": datetime.now(UTC).isoformat()}).encode()


def notice(agency: str, to: list[str], **changes: object) -> bytes:
    """A plan that begins in an hour."""
    start = datetime.now(UTC) + timedelta(hours=1)
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return now(kit.body(agency, "operation.notice", kit.plan(to, **{**window, **changes})))


def apart(number: int) -> Json:
    """Places that are kilometres from each other."""
    place = [-94.5 + 0.05 * (number % 70), 36.7 + 0.05 * (number // 70 % 60)]
    return {"type": "Point", "coordinates": place, "radius_m": 50}


def acknowledgement(agency: str, target: str) -> bytes:
    """A message that is no operation and no alert, and so is under a rate."""
    said = {**kit.common(["mshp"]), "target": {"agency": "mshp", "id": target}, "level": "displayed"}
    return now(kit.body(agency, "receipt.acknowledge", said))


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    document: Json

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.document["errors"]]

    @property
    def elements(self) -> list[Json]:
        """Of a batch's answer."""
        return list(self.document)  # type: ignore[arg-type]  # an array there


@dataclass(slots=True)
class Poster:
    """An agency's system that posts."""

    address: str
    bearer: Mapping[str, str]
    session: aiohttp.ClientSession = field(init=False)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self.session = aiohttp.ClientSession(self.address, connector=connector, headers=self.bearer)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.session.close()

    async def post(self, body: object, content_type: str = STRUCTURED, **headers: str) -> Answer:
        more = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.session.post("/v1/messages", data=body, headers=more) as answer:
            content = await answer.read()
            return Answer(answer.status, answer.headers, json.loads(content) if content else {})


def poster(
    address: str, installation: Installation, agency: str = "mshp", *roles: AccessRole, subject: str = "cad"
) -> Poster:
    """A system of an agency with its token."""
    return Poster(address, installation.bearer(agency, *roles, subject=subject))
