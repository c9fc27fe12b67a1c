"""What the broker or its client refuses, as one error whose text says what to check."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLError
from typing import Final

from aiormq.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ConnectionClosed,
    ConnectionNotAllowed,
    IncompatibleProtocolError,
    InvalidFrameError,
    ProbableAuthenticationError,
    ProtocolSyntaxError,
)
from yarl import URL

from coordinator.model.errors import BrokerUnavailableError

_FROM_THE_CLIENT: Final = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
_ADVICE: Final[dict[type[Exception], str]] = {
    ChannelNotFoundEntity: "`coordinator topology apply` makes what is missing",
    ChannelAccessRefused: "`coordinator topology check` compares the permissions",
}


@contextmanager
def broker_errors(what: str) -> Iterator[None]:
    """Turn what the client raises inside into BrokerUnavailableError: "cannot <what>: <why>".

    A lost heartbeat raises CancelledError in whoever waits for the broker, though nobody cancelled them
    (`broker.md`, 6): that is the broker's trouble as well. A cancellation that was asked for passes, and the client may
    answer one with an error of its own, so that counts as the cancellation, too.
    """
    try:
        yield
    except (asyncio.CancelledError, *_FROM_THE_CLIENT) as error:
        if not _cancelled_on_purpose():
            raise BrokerUnavailableError(_sentence(what, error)) from error
        if isinstance(error, asyncio.CancelledError):
            raise
        raise asyncio.CancelledError from error
    except Exception as error:
        if type(error) is not Exception:  # the client's bare one: a channel was closed, and there was no reason
            raise
        raise BrokerUnavailableError(_sentence(what, error)) from error


def _cancelled_on_purpose() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def reason(error: BaseException | None) -> str:
    """Say in a few words why a connection or channel ended."""
    match error:
        case None:
            return "it was closed"
        case asyncio.CancelledError():
            return "the broker has been silent for three heartbeats, or closed the connection"
        case TimeoutError():
            return "the broker does not answer"
        case ChannelNotFoundEntity() | ChannelAccessRefused():
            return f"{error}; {_ADVICE[type(error)]}"
        case ConnectionClosed():
            return " ".join(str(part) for part in error.args if part is not None)
        case _:
            return str(error) or type(error).__name__


def refusal(error: BaseException, url: URL) -> str:
    """Say why a connection was not had, and what to check; the password is never in it.

    The client loses the broker's words about a vhost that is missing, forbidden or full (`broker.md`, 11).
    """
    place, user, vhost = f"{url.host}:{url.port or _default_port(url)}", url.user or "guest", _vhost(url)
    cause = error.__cause__
    match error:
        case ProbableAuthenticationError() | AuthenticationError():
            return (
                f"the broker at {place} refused the account {user}: check user and password "
                f"(rabbitmqctl authenticate_user {user} ...)"
            )
        case InvalidFrameError() | ConnectionNotAllowed():
            return (
                f"the broker at {place} refused vhost {vhost} to {user}: check that it exists (rabbitmqctl "
                f"list_vhosts), that the account may enter it (rabbitmqctl list_permissions -p {vhost}), and the "
                "connection limits (rabbitmqctl list_vhost_limits, list_user_limits)"
            )
        case ProtocolSyntaxError() | IncompatibleProtocolError():
            return f"what answers at {place} does not speak AMQP 0-9-1: check the address"
        case TimeoutError() | asyncio.CancelledError():
            return f"the broker at {place} does not answer: check that it runs and is not suspended"
        case _ if isinstance(cause, SSLError):
            return f"no TLS with the broker at {place}: {cause}"
        case _:
            return f"no broker at {place}: check that it runs, and the address ({error})"


def _sentence(what: str, error: BaseException) -> str:
    return f"cannot {what}: {reason(error)}"


def _default_port(url: URL) -> int:
    return 5671 if url.scheme == "amqps" else 5672


def _vhost(url: URL) -> str:
    return url.path.removeprefix("/") or "/"
