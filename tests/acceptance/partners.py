"""Agencies' systems that are not ours: pika, and the commands of Debian's amqp-tools."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import pika  # type: ignore[import-untyped]  # brings no types

from tests.kit import Json

PATIENCE_S = 40
MEDIA_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came out of a queue."""

    body: bytes
    properties: pika.BasicProperties

    @property
    def event(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def data(self) -> Json:
        found: Json = self.event["data"]
        return found

    @property
    def name(self) -> str:
        return str(self.event["type"]).removeprefix("gov.mo.coordination.").removesuffix(".v1")


class PikaSystem:
    """An agency's system on pika: it publishes with confirms, and reads its two queues."""

    def __init__(self, url: str, agency: str) -> None:
        self._agency = agency
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._connection.is_open:
            self._connection.close()

    def publish(self, body: bytes, **properties: object) -> None:
        """Publish to the agency's ingress; raises what pika raises when the broker does not take it."""
        given = {"user_id": self._agency, "content_type": MEDIA_TYPE, "delivery_mode": 2, **properties}
        self._channel.basic_publish(
            f"in.{self._agency}", "", body, properties=pika.BasicProperties(**given), mandatory=True
        )

    def read(self, lane: str = "out") -> Iterator[Received]:
        """What comes to one of the queues, heartbeats left out; ends when nothing comes for long."""
        for method, properties, body in self._channel.consume(f"{lane}.{self._agency}", inactivity_timeout=PATIENCE_S):
            if method is None:
                return
            self._channel.basic_ack(method.delivery_tag)
            received = Received(body, properties)
            if received.name != "service.heartbeat":
                yield received

    def wait(self, lane: str = "out", **fields: object) -> Received:
        """Wait for a message whose data has these fields."""
        for received in self.read(lane):
            if fields.items() <= received.data.items():
                self._channel.cancel()
                return received
        msg = f"{self._agency} got nothing with {fields}"
        raise AssertionError(msg)


def amqp_publish(url: str, agency: str, body: bytes) -> None:
    """Publish with Debian's tool, which cannot set `user_id`."""
    command = ["amqp-publish", f"--url={url}", f"--exchange=in.{agency}", "--routing-key=", "--persistent"]
    subprocess.run([*command, f"--content-type={MEDIA_TYPE}"], input=body, check=True, timeout=PATIENCE_S)


def amqp_consume(url: str, queue: str) -> Json:
    """Take one message with Debian's tool, printed by `cat`."""
    command = ["amqp-consume", f"--url={url}", f"--queue={queue}", "--count=1", "cat"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE_S)
    found: Json = json.loads(done.stdout)
    return found
