"""Publishes one message as an agency's system would; used by the commands that speak as an agency."""

import aio_pika
import aiormq

from coordinator.amqp.probe import connect
from coordinator.amqp.trouble import reason
from coordinator.model.errors import BrokerUnavailableError

CONTENT_TYPE = "application/cloudevents+json"


async def publish_once(url: str, exchange: str, body: bytes, user: str) -> None:
    """Publish to an ingress exchange, and return when the broker has it safe.

    Raises `BrokerUnavailableError` when it cannot be reached, does not let the account in or does not take it.
    """
    message = aio_pika.Message(
        body, content_type=CONTENT_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, user_id=user
    )
    connection = await connect(url)
    try:
        async with connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            target = await channel.get_exchange(exchange, ensure=False)
            await target.publish(message, "", mandatory=True, timeout=10)
    except (aiormq.AMQPError, OSError, TimeoutError) as error:
        msg = f"the broker did not take the message on {exchange} ({reason(error)}): see `coordinator topology check`"
        raise BrokerUnavailableError(msg) from error
