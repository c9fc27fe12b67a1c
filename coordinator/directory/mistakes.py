"""What is wrong in a directory file, in words for the person who edits it, with the line to look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coordinator.directory.form import FORMS, nearest
from coordinator.directory.positions import Fault, Located, Path

_SHOWN: Final = 40
"""How much of a wrong value is shown, in characters."""


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to mend, or to look at where it is only a warning."""

    line: int
    """From 1."""
    where: str
    """Table and key, for instance `agency[mshp].watch_desk.phone`; empty for the file itself."""
    what: str


_FORMS: Final[Mapping[str, str]] = {
    "id": "must be 2 to 32 small letters, digits and hyphens",
    "ori": "must be an ORI: two capital letters, then seven capitals or digits",
    "phone": "must be a telephone number with country code and without spaces, as +15735550100",
    "email": "must be an e-mail address",
    "user": "must be 1 to 63 small letters, digits, dots, hyphens and underscores, a letter or digit first",
    "password_hash": "is not RabbitMQ's form (48 Base64 characters): `coordinator directory password-hash` makes one",
    "systems": "must be 1 to 32 small letters, digits and hyphens",
    "version": "must be 1 to 16 letters, digits, dots and hyphens",
    "vhost": "must be 1 to 64 letters, digits, dots, hyphens, underscores and slashes",
}
"""What a value must look like, by the key it belongs to."""

_TYPES: Final[Mapping[str, str]] = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false, without quotes",
    "list_type": "must be a list in square brackets",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}

_ARRAYS: Final = frozenset({"agency", "account", "rule"})
"""The tables that are written in double brackets."""


def of_faults(faults: Iterable[Fault]) -> Iterator[Mistake]:
    """Say what is not TOML at all."""
    for fault in faults:
        where = "" if fault.column is None else f"column {fault.column}"
        match fault.what:
            case "Cannot overwrite a value":
                yield Mistake(fault.line, where, "this key has been given already in this table")
            case "Invalid value":
                yield Mistake(fault.line, where, "not TOML: invalid value (text is written in quotes)")
            case what:
                yield Mistake(fault.line, where, f"not TOML: {what[:1].lower()}{what[1:]}")


def of_validation(error: ValidationError, located: Located) -> Iterator[Mistake]:
    """Say what is missing, unknown or of the wrong form."""
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        if detail["type"] == "missing" and not located.faults:
            yield _missing(path, located)
        elif detail["type"] == "extra_forbidden":
            yield _unknown(path, located)
        elif detail["type"] != "missing":  # behind a fault in the syntax, what seems missing may only be unread
            yield Mistake(located.line(path), where(path, located.document), _wrong(detail, path))


def _missing(path: Path, located: Located) -> Mistake:
    *table, key = path
    if path == ("agency",):
        return Mistake(1, "", "no agency is given; the first begins with [[agency]]")
    form = f" (a table [{'.'.join(_names(path))}])" if _names(path) in FORMS else ""
    return Mistake(located.line(path), where(tuple(table), located.document), f"`{key}` is missing{form}")


def _unknown(path: Path, located: Located) -> Mistake:
    *table, key = path
    known = FORMS[_names(tuple(table))].model_fields
    near = nearest(str(key), known)
    hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
    return Mistake(located.line(path), where(tuple(table), located.document), f"unknown key `{key}`; {hint}")


def _wrong(detail: ErrorDetails, path: Path) -> str:
    key = _names(path)[-1] if _names(path) else ""
    given = detail["input"]
    match detail["type"]:
        case "string_pattern_mismatch":
            words = _FORMS.get(key, detail["msg"])
            return words if key == "password_hash" else f'"{str(given)[:_SHOWN]}" {words}'
        case "enum":
            allowed = str(detail["ctx"]["expected"]).replace("'", '"') if "ctx" in detail else ""
            near = nearest(str(given), allowed.replace(" or ", ", ").replace('"', "").split(", "))
            hint = f'did you mean "{near}"?' if near else f"one of {allowed}"
            return f'unknown word "{str(given)[:_SHOWN]}"; {hint}'
        case "value_error" if "ctx" in detail:
            return str(detail["ctx"]["error"])
        case "model_type":
            return f"must be a table: [{'.'.join(_names(path))}]"
        case "list_type" if key in _ARRAYS:
            return f"must be written in double brackets: [[{'.'.join(_names(path))}]]"
        case kind:
            return _TYPES.get(kind, detail["msg"].replace("Input should", "must").replace("List should", "must"))


def _names(path: Path) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def where(path: Path, document: object) -> str:
    """Write a path for a person: tables of an array by their `id` or `user`, else by number from 1."""
    words = ""
    for step in path:
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
            words += f"[{_title(document) or f'#{step + 1}'}]"
        else:
            document = document.get(step) if isinstance(document, Mapping) else None
            words += f".{step}" if words else step
    return words


def _title(table: object) -> str | None:
    if not isinstance(table, Mapping):
        return None
    title = table.get("id", table.get("user"))
    return title if isinstance(title, str) and title.isprintable() and 0 < len(title) <= _SHOWN else None
