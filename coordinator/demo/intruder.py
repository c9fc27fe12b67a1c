"""What an agency's account tries against another agency, and how the broker itself answers."""

from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelClosed

from coordinator.amqp.trouble import broker_errors
from coordinator.demo.scenario import IntrusionRow

_TIMEOUT_S: Final = 10.0
_REFUSALS: Final = ("ACCESS_REFUSED", "PRECONDITION_FAILED")
"""The broker's words for 403 and 406; any other, such as NOT_FOUND, would prove nothing."""
NEEDS_OWN_ACCOUNTS: Final = frozenset({"foreign_exchange", "foreign_queue"})
"""What a broker can refuse only to an account that has its agency's rights and no others."""


async def intrude(url: str, row: IntrusionRow) -> str | None:
    """Try it with the agency's own account; return the broker's words of refusal, or None when it let it pass."""
    with broker_errors(f"connect as {row.agency}"):
        connection = await aio_pika.connect(url, timeout=_TIMEOUT_S)
    async with connection:
        with broker_errors(f"try what {row.agency} must not"):
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            try:
                await _attempt(channel, row)
            except ChannelClosed as refusal:
                if str(refusal).startswith(_REFUSALS):
                    return str(refusal)
                raise
    return None


async def _attempt(channel: AbstractChannel, row: IntrusionRow) -> None:
    match row.tries:
        case "foreign_user_id":
            await _publish(channel, f"in.{row.agency}", row.against)
        case "foreign_exchange":
            await _publish(channel, f"in.{row.against}", None)
        case "foreign_queue":
            queue = await channel.get_queue(f"alert.{row.against}", ensure=False)
            await queue.consume(_nothing, timeout=_TIMEOUT_S)


async def _publish(channel: AbstractChannel, exchange: str, user: str | None) -> None:
    message = aio_pika.Message(b"{}", content_type="application/cloudevents+json", user_id=user)
    await (await channel.get_exchange(exchange, ensure=False)).publish(message, "", timeout=_TIMEOUT_S)


async def _nothing(_message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """Receive what is not ours, without an acknowledgement."""
