"""How values stand in rows, both ways; shared by every store."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import TypeAdapter

from coordinator.model.answers import CloseReason
from coordinator.model.authority import Terms
from coordinator.model.codes import (
    AgreementState,
    Band,
    Caution,
    CredentialState,
    EventType,
    Function,
    Lane,
    Status,
)
from coordinator.model.decisions import QuarantineReason
from coordinator.model.geometry import Shape
from coordinator.model.operations import Authority, Contact
from coordinator.model.policy import AgreementWord, CredentialWord
from coordinator.model.volume import Card, Conflict, Match, OperationState, Pair, Registered, Volume
from coordinator.model.work import Dead, Dispatch

Row = Sequence[Any]  # a driver's row: the schema says what is in it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
US_PER_HOUR = 3_600_000_000
TERMS: TypeAdapter[Terms] = TypeAdapter(Terms)


def to_us(moment: datetime) -> int:
    """Microseconds since the Unix epoch."""
    return (moment - EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The moment of so many microseconds since the Unix epoch, in UTC."""
    return EPOCH + microseconds * _MICROSECOND


OPERATION_COLUMNS = (
    "id, agency, revision, status, event_type, state, live, start_us, end_us, core, reach_m, card, authority, position"
)


def operation_row(registered: Registered, position: int) -> tuple[object, ...]:
    """An operation with its position as `OPERATION_COLUMNS`."""
    volume, card = registered.volume, registered.volume.card
    contact = orjson.Fragment(card.contact.model_dump_json())
    shown = {"contact": contact, "caution": card.caution, "sealed": card.sealed}
    return (
        volume.operation_id,
        volume.agency,
        volume.revision,
        volume.status.value,
        volume.event_type.value,
        registered.state.value,
        registered.live,
        to_us(volume.start),
        to_us(volume.end),
        volume.shape.wkb(),
        volume.shape.reach_m,
        orjson.dumps(shown).decode(),
        registered.authority.model_dump_json() if registered.authority else None,
        position,
    )


def operation_of(row: Row) -> Registered:
    """An operation from `OPERATION_COLUMNS`."""
    (
        operation_id, agency, revision, status, event_type, state, _live, start_us, end_us, core, reach_m, card,
        authority, _position,
    ) = row  # fmt: skip  # the columns in their order
    shown = orjson.loads(card)
    volume = Volume(
        operation_id=operation_id,
        agency=agency,
        revision=revision,
        status=Status(status),
        event_type=EventType(event_type),
        shape=Shape.of_wkb(bytes(core), reach_m),
        start=from_us(start_us),
        end=from_us(end_us),
        card=Card(
            Contact.model_construct(**{"officer_id": None, **shown["contact"]}),
            tuple(Caution(code) for code in shown["caution"]),
            bool(shown["sealed"]),
        ),
    )
    rests_on = Authority.model_validate_json(authority) if authority is not None else None
    return Registered(volume, OperationState(state), rests_on)


CONFLICT_COLUMNS = (
    "first, second, id, open, rule, rule_version, distance_m, gap_s, band, act_by_us, first_revision, second_revision, "
    "episode, closed_because"
)


def conflict_row(conflict: Conflict) -> tuple[object, ...]:
    """A conflict as `CONFLICT_COLUMNS`."""
    match = conflict.match
    return (
        conflict.pair.first, conflict.pair.second, conflict.id, conflict.open, match.rule, match.rule_version,
        match.distance_m, match.gap_s, match.band.value, to_us(match.act_by), *conflict.revisions, conflict.episode,
        conflict.closed_because.value if conflict.closed_because else None,
    )  # fmt: skip  # the columns in their order


def conflict_of(row: Row) -> Conflict:
    """A conflict from `CONFLICT_COLUMNS`."""
    (
        first, second, conflict_id, is_open, rule, version, distance_m, gap_s, band, act_by_us, one, two, episode,
        reason,
    ) = row  # fmt: skip  # the columns in their order
    match = Match(rule, version, distance_m, gap_s, Band(band), from_us(act_by_us))
    return Conflict(
        conflict_id,
        Pair(first, second),
        bool(is_open),
        match,
        (one, two),
        episode,
        CloseReason(reason) if reason is not None else None,
    )


def agreement_word_row(word: AgreementWord, position: int) -> tuple[object, ...]:
    """A word as agreement_id, agency, position, terms, state."""
    return word.agreement_id, word.agency, position, word.terms.model_dump_json(), word.state.value


def agreement_word_of(row: Row) -> AgreementWord:
    """A word from agreement_id, agency, terms, state."""
    agreement_id, agency, terms, state = row
    return AgreementWord(agreement_id, agency, TERMS.validate_json(terms), AgreementState(state))


def credential_word_row(word: CredentialWord, position: int) -> tuple[object, ...]:
    """A word as agreement_id, officer_id, agency, position, state, functions, from_us, to_us."""
    functions = orjson.dumps(word.functions).decode()
    window = to_us(word.valid_from), to_us(word.valid_to)
    return word.agreement_id, word.officer_id, word.agency, position, word.state.value, functions, *window


def credential_word_of(row: Row) -> CredentialWord:
    """A word from agreement_id, officer_id, agency, state, functions, from_us, to_us."""
    agreement_id, officer_id, agency, state, functions, from_us_, to_us_ = row
    return CredentialWord(
        agreement_id,
        officer_id,
        agency,
        CredentialState(state),
        tuple(Function(name) for name in orjson.loads(functions)),
        from_us(from_us_),
        from_us(to_us_),
    )


_LANES = {lane.value: lane for lane in Lane}
DISPATCH_COLUMNS = (
    "d.key, d.id, d.recipient, d.lane, d.sequence, m.type, m.id, m.agency, m.source, m.body, d.recorded, d.attempts, "
    "d.agreement, m.correlation, m.jws"
)


def dispatch_of(row: Row) -> Dispatch:
    """A dispatch with its content, from `DISPATCH_COLUMNS`."""
    # The columns are the fields in their order; by position they are set in half the time, and there are many.
    key, dispatch_id, recipient, lane, *rest = row
    return Dispatch(key, dispatch_id, recipient, _LANES[lane], *rest)


DEAD_COLUMNS = "id, queue, agency, account, reason, body, received_us, attempts, state"


def dead_row(dead: Dead) -> tuple[object, ...]:
    """A dead message as `DEAD_COLUMNS`."""
    received = to_us(dead.received)
    who = dead.agency, dead.account
    return dead.id, dead.queue, *who, dead.reason.value, dead.body, received, dead.attempts, dead.state


def dead_of(row: Row) -> Dead:
    """A dead message from `DEAD_COLUMNS`."""
    dead_id, queue, agency, account, reason, body, received_us, attempts, state = row
    return Dead(
        dead_id,
        queue,
        agency,
        account,
        QuarantineReason(reason),
        bytes(body),
        from_us(received_us),
        attempts,
        state,
    )
