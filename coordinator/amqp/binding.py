"""From a message of an agency's queue to a submission: who sent it, what is wrong with it, its CloudEvent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from aiormq.abc import DeliveredMessage
from pamqp.commands import Basic

from coordinator.amqp.guard import UnreadableHeaders
from coordinator.model import binding
from coordinator.model.binding import BINARY, STRUCTURED, detached, digest_of, media_type
from coordinator.model.decisions import RefusalCode
from coordinator.model.directory import Agency
from coordinator.model.envelope import MAX_BODY_BYTES
from coordinator.model.leaf import Channel
from coordinator.model.work import Submission

_PREFIXES: Final = ("ce-", "cloudEvents:", "cloudEvents_")
"""How binary mode marks a CloudEvent's attributes: the RabbitMQ binding's way, and the two of the AMQP 1.0 binding."""
_EXTRA_ROUTES: Final = frozenset({"CC", "BCC"})
"""Headers by which RabbitMQ sends a message to further queues."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a delivery brought, with its body cut so that a queue full of large ones fits in memory."""

    properties: Basic.Properties
    body: bytes
    """At most 64 KiB and one byte."""
    digest: str
    """Of the whole body."""
    redelivered: bool = False
    """Whether the broker has delivered it before, to us or to who was here before us."""

    @classmethod
    def of(cls, message: DeliveredMessage) -> Self:
        """Take what is needed of a message, and let go of the rest."""
        body = message.body
        return cls(message.header.properties, body[: MAX_BODY_BYTES + 1], digest_of(body), bool(message.redelivered))

    @property
    def headers(self) -> Mapping[str, object]:
        """The header table."""
        headers = self.properties.headers
        return {} if headers is None else headers

    @property
    def delivery_count(self) -> int:
        """How often a quorum queue has taken the message back before."""
        count = self.headers.get("x-delivery-count")
        return count if isinstance(count, int) and not isinstance(count, bool) else 0


def submission(content: Content, agency: Agency, received: datetime) -> Submission:
    """Read what an agency's ingress queue delivered; `agency` owns the queue, and so has sent it.

    Flawed messages keep their body as it came. Binary mode is turned into the structured form.
    """
    flaw = find_flaw(content, agency)
    body, digest = content.body, content.digest
    if flaw is None and _media_type(content) == BINARY:
        body = structured(content.headers, body)
        digest = digest_of(body)
        flaw = RefusalCode.TOO_LARGE if len(body) > MAX_BODY_BYTES else None
    user, jws = content.properties.user_id, content.headers.get("x-jws")
    return Submission(
        body=body[: MAX_BODY_BYTES + 1],
        agency=agency.id,
        account=user if user is not None and agency.account(user) is not None else None,
        channel=Channel.AMQP,
        received=received,
        digest=digest,
        flaw=flaw,
        jws=detached(jws),
    )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the broker gave up delivering, with the queue it gave up on and why, where it says so."""

    submission: Submission
    """`agency` is empty when it did not die in an agency's ingress queue."""
    queue: str | None
    reason: str | None


def dead_letter(content: Content, agencies: Mapping[str, Agency], received: datetime) -> DeadLetter:
    """Read what the queue of dead letters delivered; `agencies` are the owners by ingress queue.

    Only the first entry of `x-death` is believed: the broker puts its own there, and a sender could add any other.
    """
    deaths = content.headers.get("x-death")
    death = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    queue, reason = death.get("queue"), death.get("reason")
    agency = agencies.get(queue) if isinstance(queue, str) else None
    if agency is not None:
        submitted = submission(content, agency, received)
    else:
        flaw = RefusalCode.UNREADABLE_HEADERS if isinstance(content.headers, UnreadableHeaders) else None
        submitted = Submission(content.body, "", None, Channel.AMQP, received, content.digest, flaw)
    return DeadLetter(submitted, *(text if isinstance(text, str) else None for text in (queue, reason)))


def find_flaw(content: Content, agency: Agency) -> RefusalCode | None:
    """Return what forbids to look into the body, if anything does; nothing of the body is parsed for this."""
    properties, headers = content.properties, content.headers
    if isinstance(headers, UnreadableHeaders) or not isinstance(headers.get("x-jws", ""), str):
        return RefusalCode.UNREADABLE_HEADERS
    if properties.reply_to or not _EXTRA_ROUTES.isdisjoint(headers):
        return RefusalCode.FORBIDDEN_PROPERTY
    sender = _sender_flaw(properties.user_id, agency)
    if sender is not None:
        return sender
    if properties.content_encoding:
        return RefusalCode.CONTENT_ENCODING
    media_type = _media_type(content)
    if media_type != STRUCTURED and not (media_type == BINARY and _prefix(headers)):
        return RefusalCode.CONTENT_TYPE
    return RefusalCode.TOO_LARGE if len(content.body) > MAX_BODY_BYTES else None


def structured(headers: Mapping[str, object], data: bytes) -> bytes:
    """Turn a CloudEvent in binary mode into the structured JSON form (`model/binding.py`)."""
    prefix = _prefix(headers)
    attributes = {key.removeprefix(prefix): _plain(value) for key, value in headers.items() if key.startswith(prefix)}
    return binding.structured(attributes, data)


def _sender_flaw(user: str | None, agency: Agency) -> RefusalCode | None:
    """RabbitMQ checks the `user_id` property only when it is there (`broker.md`, 17): so it must be there."""
    if not user:
        return RefusalCode.USER_ID_MISSING if agency.require_user_id else None
    account = agency.account(user)
    return None if account is not None and account.enabled else RefusalCode.SENDER_MISMATCH


def _media_type(content: Content) -> str:
    return media_type(content.properties.content_type or "")


def _prefix(headers: Mapping[str, object]) -> str:
    """Return how the attributes are marked; empty when this is no CloudEvent in binary mode."""
    return next((prefix for prefix in _PREFIXES if f"{prefix}specversion" in headers), "")


def _plain(value: object) -> object:
    """Return a header's value as JSON has it: the AMQP binding may send `time` as a timestamp."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if isinstance(value, str | int | bool) else str(value)
