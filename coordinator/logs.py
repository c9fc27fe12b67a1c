"""Logging, set up once: our own records and those of libraries go through one renderer, one line each."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TextIO

import orjson
import structlog

MAX_TEXT = 512
MAX_DEPTH = 4
MAX_ITEMS = 50
_OWN = frozenset({"_record", "_from_structlog", "_logger", "_name"})
"""Keys by which structlog speaks to itself; it takes them away before a line is written."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str = "info", style: str = "json", stream: TextIO | None = None) -> None:
    """Set up logging for the process: `style` is json or console; `stream` is stderr unless given."""
    target = stream or sys.stderr
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="t"),
        structlog.processors.format_exc_info,
        guard,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(serializer=to_line)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        Formatter(
            foreign_pre_chain=[add_logger, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, guard, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    for noisy in ("aio_pika", "aiormq", "aiohttp.access", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Whatever it says of a connection it raises as well, and we say that in an operator's words.
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            add_logger,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        cache_logger_on_first_use=False,
    )


def silence() -> None:
    """For commands that answer a person: what matters is in their answer, and their output is nobody's log."""
    logging.getLogger().handlers[:] = [logging.NullHandler()]
    structlog.configure(
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )


class Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats whatever comes: what cannot be shown, as a library's wrong arguments, is a line that says so."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raise."""
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  # a log line never raises, whatever is in it
            fields = {
                "event": "cannot be shown",
                "template": plain(record.msg),
                "reason": type(error).__name__,
                "logger": clip(record.name),
                "level": record.levelname.lower(),
                "t": datetime.fromtimestamp(record.created, UTC).isoformat(),
            }
            return to_line(fields)


def add_logger(
    logger: logging.Logger | None, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Say which part speaks."""
    record = event.get("_record")
    name = record.name if isinstance(record, logging.LogRecord) else getattr(logger, "name", None)
    event["logger"] = name
    return event


def guard(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Make every value safe to write: nothing in a record can raise, forge a second line or grow without bound."""
    for key in list(event):
        if key in _OWN:
            continue
        safe = plain(event[key])
        clean = clip(str(key))
        if clean != key:
            del event[key]
        event[clean] = safe
    return event


def plain(value: object, depth: int = 0) -> object:  # noqa: PLR0911  # one case a kind of value
    """A value as JSON can hold it: texts without control characters and clipped, everything else bounded."""
    try:
        match value:
            case None | bool() | float():
                return value
            case int():
                return value if -(2**53) < value < 2**53 else clip(str(value))
            case str():
                return clip(value)
            case bytes() | bytearray() | memoryview():
                return f"<{memoryview(value).nbytes} bytes>"
            case Mapping() if depth < MAX_DEPTH:
                pairs = list(value.items())[:MAX_ITEMS]
                return {clip(str(key)): plain(item, depth + 1) for key, item in pairs}
            case list() | tuple() | set() | frozenset() if depth < MAX_DEPTH:
                return [plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
            case _:
                return clip(str(value))
    except Exception:  # noqa: BLE001  # a log line never raises, whatever is in it
        return f"<{type(value).__name__} that cannot be shown>"


def clip(text: str) -> str:
    """A text on one line: control, line-separating and bidirectional characters and surrogates become escapes."""
    limit = MAX_TEXT * 16 if "\n" in text and "Traceback" in text[:64] else MAX_TEXT
    if len(text) > limit:
        text = f"{text[:limit]}…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _harmless(char) else ascii(char)[1:-1] for char in text)


def _harmless(char: str) -> bool:
    return char.isprintable() and not "\ud800" <= char <= "\udfff"


def to_line(event: MutableMapping[str, object], **_options: object) -> str:
    """One JSON object on one line."""
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
