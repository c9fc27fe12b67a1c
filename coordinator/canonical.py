"""The one log line of a message, written after the commit."""

import logging
from collections.abc import Iterable

import structlog

from coordinator.model.work import Judged, Receipt


def log_messages(settled: Iterable[tuple[Judged, Receipt]]) -> None:
    """Write the lines of what was committed."""
    log = structlog.get_logger("intake").bind()
    if log.is_enabled_for(logging.INFO):
        for judged, receipt in settled:
            log.info("message", **canonical(judged, receipt))


def canonical(judged: Judged, receipt: Receipt) -> dict[str, object]:
    """The one log line of a message: ids and closed codes only; its `entry` finds the leaf."""
    submission, event, refused = judged.submission, judged.event, receipt.refused
    fields: dict[str, object] = {
        "verdict": receipt.verdict.value,
        "agency": submission.agency,
        "id": judged.claim.id,
    }
    if event is not None:
        fields["type"] = event.name
    fields |= {"channel": submission.channel.value, "bytes": len(submission.body)}
    if receipt.position is not None:
        fields |= {"position": receipt.position, "entry": receipt.entry}
    if refused is not None:
        fields |= {"code": refused.code.value, "stage": refused.stage.value}
        if refused.field is not None:
            fields["field"] = refused.field
    return fields
