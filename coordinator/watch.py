"""What is due by the clock: the heartbeat now; escalation, expiry, review and retention have their place here."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from coordinator.model.answers import HeartbeatBody, ServiceHeartbeat
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Purpose, Status
from coordinator.model.errors import StoreUnavailableError
from coordinator.ports import Publisher, Store
from coordinator.steps.route import OWN_HANDLING

BEAT_S = 60.0


@dataclass(slots=True)
class Watch:
    """Beats to every agency each minute, so that silence never reads as "no conflicts"."""

    store: Store
    publisher: Publisher
    agencies: Iterable[str]
    domain: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    beat_s: float = BEAT_S

    async def run(self) -> None:
        """Beat for ever. A beat that fails is not owed: the next one comes."""
        while True:
            await self.publisher.ready()
            try:
                await self.beat()
            except StoreUnavailableError as error:
                structlog.get_logger("watch").warning("no_heartbeat", reason=str(error))
            await asyncio.sleep(self.beat_s)

    async def beat(self) -> None:
        """Beat once."""
        sequences = await self.store.last_sequences()
        for agency in self.agencies:
            await self.publisher.beat(agency, self._body(agency, sequences.get(agency, 0)))

    def _body(self, agency: str, last_sequence: int) -> bytes:
        event = ServiceHeartbeat(
            specversion="1.0",
            id=self.new_id(),
            source=f"//{COORDINATOR}/{self.domain}",
            time=self.clock(),
            dataclassification=OWN_HANDLING.marking,
            data=HeartbeatBody(
                to=(agency,),
                purpose=Purpose.DECONFLICTION,
                status=Status.ACTUAL,
                handling=OWN_HANDLING,
                last_sequence=last_sequence,
            ),
        )
        return event.model_dump_json(exclude_none=True).encode()
