"""The HTTP door put together from the settings: what proves callers, and over what it may be spoken to."""

import ipaddress
import ssl
from collections.abc import Collection

import structlog

from coordinator import chores
from coordinator.domain import system_clock
from coordinator.http.app import tls_of
from coordinator.http.bearer import MAX_REVOKED, Bearer, Parties, Revocations
from coordinator.http.signins import SignIns
from coordinator.http.tokens import Tokens, load_token_keys
from coordinator.intake import Intake
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError
from coordinator.model.plan import Ask
from coordinator.model.policy import Policy
from coordinator.settings import HttpSettings, Settings
from coordinator.store import tokens
from coordinator.store.reading import read_head
from coordinator.store.sqlite import SqliteReader

SHUT = "there is no [http] token_key, so the HTTP door is shut and only health is served; `coordinator token key`"


def tokens_of(settings: Settings, directory: Directory) -> Tokens:
    """What issues and reads this installation's tokens; raises `ConfigurationError`."""
    return Tokens(load_token_keys(settings.http.token_key), settings.domain.origin, settings.domain.id, directory)


def bearer_of(settings: Settings, directory: Directory, store: SqliteReader, intake: Intake) -> Bearer | None:
    """What proves callers; None where the installation has no token key, and so no door."""
    if not settings.http.token_key.exists():
        structlog.get_logger("service").warning("door_shut", reason=SHUT)
        return None

    async def revoked() -> Collection[str]:
        now_us = int(system_clock().timestamp() * 1_000_000)
        return await store.reading(lambda db: tokens.revoked(db, now_us, MAX_REVOKED))

    async def newer(version: int) -> Policy | None:
        known = await store.reading(lambda db: read_head(db).policy_version)
        return await store.policy() if known > version else None

    sign_ins = SignIns(lambda failures: intake.chore(Ask(), chores.sign_ins_failed(failures)))
    parties = Parties(lambda: intake.policy, newer)
    return Bearer(tokens_of(settings, directory), Revocations(revoked), parties, sign_ins)


def transport_of(http: HttpSettings) -> ssl.SSLContext | None:
    """How connections are secured; raises `ConfigurationError` where tokens would cross a network in the clear."""
    if http.tls_cert is not None:
        return tls_of(http.tls_cert, http.tls_key)
    if http.token_key.exists() and not http.behind_proxy and not is_loopback(http.host):
        msg = (
            f"[http] host = {http.host!r} is open to other machines without TLS, and tokens would cross the network in "
            "the clear: set tls_cert and tls_key, or behind_proxy = true where TLS ends in front, or host 127.0.0.1"
        )
        raise ConfigurationError(msg)
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host; a name but `localhost` may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
