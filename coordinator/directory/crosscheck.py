"""What no single value shows to be wrong: ids given twice, two leads, rules that overlap or leave a type out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from coordinator.directory.mistakes import Mistake, where
from coordinator.directory.positions import Located, Path
from coordinator.model.codes import AgencyKind, EventType, Role

_UNIQUE: Final = ("an agency's id", "an ORI", "a user", "a rule's id")


def contradictions(located: Located) -> Iterator[Mistake]:
    """Yield what contradicts something else in the file. Works on the raw tables, however wrong their values are."""
    for kind in _UNIQUE:
        yield from _twice(kind, tuple(_named(kind, located.document)), located)
    for role in (Role.LEAD, Role.PATROL):
        yield from _second_holder(role, located)
    yield from _kinds(located)
    yield from _rules(located)


def doubts(located: Located) -> Iterator[Mistake]:
    """Yield what is allowed and probably not meant."""
    yield from _confusable(located)
    agencies = tables(located.document, "agency")
    if not any(agency.get("role") == Role.LEAD for agency in agencies):
        yield Mistake(1, "", "no agency leads: without its word no participation agreement comes into force")
    for index, agency in enumerate(agencies):
        if not tables(agency, "account"):
            path = ("agency", index)
            yield Mistake(located.line(path), where(path, located.document), "no account: it cannot use the broker")


def tables(table: Mapping[str, object], key: str) -> Sequence[Mapping[str, object]]:
    """Return an array of tables as far as it is one; what is none stands as an empty table, so indices hold."""
    found = table.get(key)
    return [one if isinstance(one, Mapping) else {} for one in found] if isinstance(found, list) else []


def _named(kind: str, document: Mapping[str, object]) -> Iterator[tuple[Path, object]]:
    if kind == "a rule's id":
        yield from ((("rule", i, "id"), rule.get("id")) for i, rule in enumerate(tables(document, "rule")))
        return
    for i, agency in enumerate(tables(document, "agency")):
        if kind == "an agency's id":
            yield ("agency", i, "id"), agency.get("id")
        elif kind == "an ORI":
            yield ("agency", i, "ori"), agency.get("ori")
        else:
            for j, account in enumerate(tables(agency, "account")):
                yield ("agency", i, "account", j, "user"), account.get("user")


def _twice(kind: str, named: Sequence[tuple[Path, object]], located: Located) -> Iterator[Mistake]:
    first: dict[str, Path] = {}
    for path, value in named:
        if not isinstance(value, str):
            continue
        if value in first:
            what = f'"{value}" is {kind} already, in line {located.line(first[value])}'
            yield Mistake(located.line(path), where(path, located.document), what)
        first.setdefault(value, path)


def _second_holder(role: Role, located: Located) -> Iterator[Mistake]:
    paths = [("agency", i, "role") for i, a in enumerate(tables(located.document, "agency")) if a.get("role") == role]
    for path in paths[1:]:
        what = f'only one agency can be "{role}", and line {located.line(paths[0])} names it'
        yield Mistake(located.line(path), where(path, located.document), what)


_KINDS: Final[Mapping[str, tuple[AgencyKind, ...]]] = {
    Role.LEAD: (AgencyKind.STATE,),
    Role.PATROL: (AgencyKind.STATE,),
    Role.FEDERAL: (AgencyKind.FEDERAL,),
    Role.LOCAL: (AgencyKind.LOCAL, AgencyKind.STATE),
}
"""The levels of government whose agencies can play each role."""


def _kinds(located: Located) -> Iterator[Mistake]:
    for index, agency in enumerate(tables(located.document, "agency")):
        role, kind = agency.get("role"), agency.get("kind")
        if isinstance(role, str) and role in _KINDS and kind in tuple(AgencyKind) and kind not in _KINDS[role]:
            path = ("agency", index, "role")
            what = f'an agency of kind "{kind}" cannot have the role "{role}"'
            yield Mistake(located.line(path), where(path, located.document), what)


def _rules(located: Located) -> Iterator[Mistake]:
    """Check that each event type stands in exactly one rule; a rule without `event_types` takes what is left."""
    rules = tables(located.document, "rule")
    named = [
        (("rule", i, "event_types", j), word) for i, rule in enumerate(rules) for j, word in enumerate(_words(rule))
    ]
    yield from _twice("in a rule", named, located)
    rests = [("rule", i) for i, rule in enumerate(rules) if "event_types" not in rule]
    for path in rests[1:]:
        what = f"only one rule can be without `event_types`, and line {located.line(rests[0])} begins one"
        yield Mistake(located.line(path), where(path, located.document), what)
    left = sorted(set(EventType) - {word for _, word in named if isinstance(word, str)})
    if rules and left and not rests and not located.faults:
        what = f"no rule for {', '.join(left)}: a rule without `event_types` would take what is left"
        yield Mistake(located.line(("rule", 0)), "rule", what)


def _words(rule: Mapping[str, object]) -> Sequence[object]:
    given = rule.get("event_types")
    return given if isinstance(given, list) else ()


def _confusable(located: Located) -> Iterator[Mistake]:
    seen: dict[str, tuple[str, Path]] = {}
    for path, value in _named("an agency's id", located.document):
        if not isinstance(value, str):
            continue
        other, at = seen.setdefault(_skeleton(value), (value, path))
        if other != value:
            what = f'"{value}" is easily taken for "{other}" of line {located.line(at)}'
            yield Mistake(located.line(path), where(path, located.document), what)


_LOOK: Final = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "8": "b", "2": "z", "-": None})


def _skeleton(agency_id: str) -> str:
    """Return what is left when look-alikes are one (in the manner of Unicode TR 39, for the characters of an id)."""
    return agency_id.translate(_LOOK).replace("rn", "m").replace("vv", "w")
