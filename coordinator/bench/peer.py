"""How a peer is told what to relay and tells how it went: a line of JSON each way, over its own pipes."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Job:
    """What a peer relays: so many messages, or without end, from a queue to each recipient's `out` queue."""

    url: str
    ingress: str
    recipients: Sequence[str]
    messages: int | None


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a relay did, and how long it took, from the first delivery to the last acknowledgement."""

    messages: int
    publishes: int
    seconds: float

    @property
    def publishes_per_s(self) -> float:
        """Confirmed publishes a second."""
        return self.publishes / self.seconds


def written(job: Job) -> bytes:
    """The job as its line."""
    return orjson.dumps(asdict(job)) + b"\n"


def read(line: bytes) -> Relayed:
    """What a peer told."""
    return Relayed(**orjson.loads(line))


def serve(relay: Callable[[Job], Awaitable[Relayed]]) -> None:
    """Be a peer: read the job, do it on the fastest event loop there is, tell how it went."""
    job = Job(**orjson.loads(sys.stdin.buffer.readline()))

    async def work() -> Relayed:
        return await relay(job)

    with asyncio.Runner(loop_factory=event_loop()) as runner:
        relayed = runner.run(work())
    sys.stdout.buffer.write(orjson.dumps(asdict(relayed)) + b"\n")


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop there is, which the service runs on as well."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415  # not on every platform

    return uvloop.new_event_loop
