"""What an operator is told when the broker, or its client, refuses; and what a gap among deliveries does."""

import asyncio
from ssl import SSLError

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ConnectionClosed,
    ConnectionNotAllowed,
    IncompatibleProtocolError,
    InvalidFrameError,
    ProbableAuthenticationError,
)
from yarl import URL

from coordinator.amqp.attempts import Attempts
from coordinator.amqp.ingress import Opening
from coordinator.amqp.trouble import broker_errors, reason, refusal
from coordinator.model.errors import BrokerUnavailableError

ADDRESS = URL("amqps://mshp:secret@broker.example/coordination")


def tls_failure() -> AMQPConnectionError:
    error = AMQPConnectionError("certificate verify failed")
    error.__cause__ = SSLError(1, "certificate verify failed")
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ProbableAuthenticationError("ACCESS_REFUSED"), "rabbitmqctl authenticate_user mshp"),
        (InvalidFrameError("no matter"), "rabbitmqctl list_vhosts"),
        (ConnectionNotAllowed("vhost full"), "list_vhost_limits"),
        (IncompatibleProtocolError("HTTP"), "does not speak AMQP 0-9-1"),
        (TimeoutError(), "does not answer"),
        (asyncio.CancelledError(), "does not answer"),
        (tls_failure(), "no TLS with the broker at broker.example:5671: "),
        (OSError(111, "refused"), "no broker at broker.example:5671: check that it runs"),
    ],
)
def test_a_refused_connection_says_what_to_check_and_no_password(error: BaseException, words: str) -> None:
    told = refusal(error, ADDRESS)
    assert words in told
    assert "secret" not in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (None, "it was closed"),
        (asyncio.CancelledError(), "silent for three heartbeats"),
        (TimeoutError(), "does not answer"),
        (ChannelNotFoundEntity("NOT_FOUND - no queue"), "`coordinator topology apply`"),
        (ChannelAccessRefused("ACCESS_REFUSED - write"), "`coordinator topology check`"),
        (ChannelPreconditionFailed("PRECONDITION_FAILED - timed out"), "timed out"),
        (ConnectionClosed(320, "CONNECTION_FORCED"), "320 CONNECTION_FORCED"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_the_end_of_a_channel_is_told_in_a_few_words(error: BaseException | None, words: str) -> None:
    assert words in reason(error)


async def test_the_clients_bare_exception_is_the_brokers_trouble_and_a_bug_is_not() -> None:
    with pytest.raises(BrokerUnavailableError, match="cannot publish"), broker_errors("publish"):
        raise Exception  # noqa: TRY002 - as the client does when a channel is closed without a reason
    with pytest.raises(ZeroDivisionError), broker_errors("publish"):
        raise ZeroDivisionError


async def test_a_missing_delivery_ends_the_channel_before_it_could_be_acknowledged() -> None:
    signal = asyncio.Event()
    opening = Opening("router.in.mshp", None, signal)  # type: ignore[arg-type]  # nothing is asked of the channel
    assert [opening.take(tag) for tag in (1, 2, 4, 5, 3)] == [1, 2, None, None, None]
    assert opening.ended == "delivery 3 is missing before 4"
    assert signal.is_set()


def test_failures_are_remembered_for_a_bounded_number_of_messages() -> None:
    attempts = Attempts(2)
    for number in range(20_001):
        assert not attempts.spent_after_failure("router.in.mshp", str(number), 0)
    assert not attempts.spent_after_failure("router.in.mshp", "0", 0)
    assert attempts.spent_after_failure("router.in.mshp", "20000", 0)
