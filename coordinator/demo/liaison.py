"""An agency's own system at its own account: plain aio-pika, as its developers would write it."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage, AbstractQueue

from coordinator.amqp.trouble import broker_errors
from coordinator.demo.mailroom import Received
from coordinator.model.codes import Lane
from coordinator.model.envelope import TYPE_PREFIX

CONTENT_TYPE = "application/cloudevents+json"
_TIMEOUT_S = 10.0
_PREFETCH = 100


class Liaison:
    """Publishes to the agency's exchange and reads the agency's two queues; use it as an async context manager."""

    def __init__(self, agency: str, url: str, user: str | None, take: Callable[[Received], None]) -> None:
        """Take the address with the agency's account; `user` is what `user_id` says, and None where it says nothing."""
        self.agency = agency
        self._url = url
        self._user = user
        self._take = take
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None
        self._reading: dict[Lane, tuple[AbstractQueue, str]] = {}

    async def __aenter__(self) -> Self:
        """Connect, and read both queues."""
        with broker_errors(f"connect as {self.agency}"):
            self._connection = await aio_pika.connect(self._url, timeout=_TIMEOUT_S)
            publishing = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchange = await publishing.get_exchange(f"in.{self.agency}", ensure=False)
            self._channel = await self._connection.channel()
            await self._channel.set_qos(prefetch_count=_PREFETCH)
        for lane in Lane:
            await self.read(lane)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; what is unread stays in the queues."""
        if self._connection is not None:
            await self._connection.close()

    async def send(self, body: bytes) -> None:
        """Publish a message, and return when the broker has it safe."""
        if self._exchange is None:
            msg = f"{self.agency} is not connected"
            raise RuntimeError(msg)
        message = aio_pika.Message(
            body,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            user_id=self._user,
        )
        with broker_errors(f"publish as {self.agency}"):
            await self._exchange.publish(message, "", mandatory=True, timeout=_TIMEOUT_S)

    async def read(self, lane: Lane) -> None:
        """Begin to read one of the two queues."""
        if self._channel is None:
            msg = f"{self.agency} is not connected"
            raise RuntimeError(msg)
        with broker_errors(f"read {lane.value}.{self.agency}"):
            queue = await self._channel.get_queue(f"{lane.value}.{self.agency}", ensure=False)
            tag = await queue.consume(lambda message: self._receive(lane, message), timeout=_TIMEOUT_S)
        self._reading[lane] = (queue, tag)

    async def rest(self, lane: Lane) -> None:
        """Leave a queue alone until `read`."""
        queue, tag = self._reading.pop(lane)
        with broker_errors(f"stop reading {lane.value}.{self.agency}"):
            await queue.cancel(tag, timeout=_TIMEOUT_S)

    async def _receive(self, lane: Lane, message: AbstractIncomingMessage) -> None:
        received = _read(self.agency, lane, message)
        if received is not None:
            self._take(received)
        await message.ack()


def _read(agency: str, lane: Lane, message: AbstractIncomingMessage) -> Received | None:
    """Return what a delivery says; None for a heartbeat, which has no number."""
    sequence = message.headers.get("x-sequence")
    if not isinstance(sequence, int):
        return None
    return Received(
        agency=agency,
        lane=lane,
        dispatch=str(message.message_id),
        sequence=sequence,
        name=str(message.type).removeprefix(TYPE_PREFIX).removesuffix(".v1"),
        body=message.body,
        event=orjson.loads(message.body),
        claimed=(str(message.headers.get("ce-source")), str(message.headers.get("ce-id"))),
    )
