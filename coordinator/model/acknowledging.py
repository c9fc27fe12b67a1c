"""Writes the `receipt.acknowledge` that an agency's own system would write about a message that it was sent."""

from datetime import datetime

import orjson

from coordinator.model.codes import AcknowledgeLevel, DeclineReason
from coordinator.model.directory import Agency
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
