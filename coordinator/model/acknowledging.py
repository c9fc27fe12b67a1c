"""Writes what an agency's own system would write: that a message got so far, and that a conflict was taken note of."""

from datetime import datetime

import orjson

from coordinator.model.codes import AcknowledgeLevel, DeclineReason, Marking, Purpose, Regime, Status, YesNo
from coordinator.model.directory import Agency
from coordinator.model.disputes import DeconflictionAcknowledge
from coordinator.model.messages import type_of
from coordinator.model.notices import ReceiptAcknowledge
from coordinator.model.work import Dispatch


def acknowledgement(
    dispatch: Dispatch,
    by: tuple[Agency, str],
    said: tuple[AcknowledgeLevel, str | None, DeclineReason | None],
    message: str,
    now: datetime,
) -> bytes:
    """The message: `by` is the agency with its system, `said` the level, officer and reason, `message` its id.

    Handling and status are those of what it answers.
    """
    agency, system = by
    level, officer, reason = said
    about = orjson.loads(dispatch.body)["data"]
    event = {
        "specversion": "1.0",
        "type": type_of(ReceiptAcknowledge),
        "id": message,
        "source": f"//{agency.id}/{system}",
        "time": now.isoformat(),
        "causationid": dispatch.event_id,
        **({} if dispatch.correlation is None else {"correlationid": dispatch.correlation}),
        "data": {
            "to": [dispatch.sender],
            "originator": {"ori": agency.ori} | ({} if officer is None else {"officer_id": officer}),
            "purpose": about["purpose"],
            "status": about["status"],
            "handling": about["handling"],
            "target": {"agency": dispatch.sender, "id": dispatch.event_id},
            "level": level.value,
            **({} if reason is None else {"reason": reason.value}),
        },
    }
    return orjson.dumps(event)


def note_of_conflict(
    conflict: tuple[str, Status], to: str, by: tuple[Agency, str], said: tuple[str, str, datetime]
) -> bytes:
    """The `deconfliction.acknowledge`: `conflict` is its id and status, `to` the agency of the other side.

    `by` is the agency with its system, `said` the officer, the id of the message and its time.
    """
    (conflict_id, status), (agency, system), (officer, message, now) = conflict, by, said
    event = {
        "specversion": "1.0",
        "type": type_of(DeconflictionAcknowledge),
        "id": message,
        "source": f"//{agency.id}/{system}",
        "time": now.isoformat(),
        "data": {
            "to": [to],
            "originator": {"ori": agency.ori, "officer_id": officer},
            "purpose": Purpose.DECONFLICTION.value,
            "status": status.value,
            "handling": {
                "marking": Marking.AMBER.value,
                "regime": Regime.OPERATIONAL.value,
                "redisseminate": YesNo.NO.value,
            },
            "conflict_id": conflict_id,
        },
    }
    return orjson.dumps(event)
