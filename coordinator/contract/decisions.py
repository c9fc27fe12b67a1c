"""The decision table as people read it, written from the rules that the steps judge by."""

from collections.abc import Iterable, Iterator
from typing import Final

from coordinator.model.decisions import EXPLANATIONS, RefusalCode
from coordinator.model.envelope import AgencyEvent
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES
from coordinator.model.rules import AUDIENCES, HEARD, OF_ANY_TYPE, SPEAKERS, Audience

_HEAD: Final = """\
# Who may say what, and who is told

Written by `coordinator schemas write` from the rules that the service judges by (`coordinator/model/rules.py`);
`coordinator schemas check` compares. Do not edit this page by hand.

A message is judged twice: when it comes, by what agreements and the directory say, and again under the lock, by the
state of what it speaks of. Only what goes by agreement is judged a third time, when it is delivered: what has lost its
ground by then is replaced by `feed.withdrawn`. What goes by role is never held.

A message of any type is refused unless it keeps to its [schema](../schemas/README.md), and by these:

"""
_OWN: Final = """
## From the coordinator

No agency may send these, and each goes by role to whomever it concerns.

<!-- table: own -->
| type | what it says | queue | |
|---|---|---|---|
"""


def decisions() -> bytes:
    """Return `docs/decisions.md`."""
    common = "".join(f"- `{code}`: {EXPLANATIONS[code]}\n" for code in OF_ANY_TYPE)
    rows = "".join(_row(model) for model in INCOMING_TYPES)
    own = "".join(
        f"| `{model.name}` | {_said(model.__doc__)} | {model.lane} | {'later' if model.later else 'now'} |\n"
        for model in OUTGOING_TYPES
    )
    details = "".join(part for model in INCOMING_TYPES for part in _detail(model))
    table = (
        "\n## From agencies\n\n<!-- table: decisions -->\n"
        "| type | who may send it | who is told | queue | its clock counts |\n|---|---|---|---|---|\n"
    )
    return f"{_HEAD}{common}{table}{rows}\n{details}{_OWN}{own}".encode()


def _row(model: type[AgencyEvent]) -> str:
    rule = model.rule
    lane = "" if rule.audience is Audience.NOBODY else str(model.lane)
    heard = HEARD[rule.heard]
    return f"| `{model.name}` | {SPEAKERS[rule.speaker]} | {AUDIENCES[rule.audience]} | {lane} | {heard} |\n"


def _detail(model: type[AgencyEvent]) -> Iterator[str]:
    rule = model.rule
    yield f"### {model.name}\n\n{_said(model.__doc__)}. It {rule.effect}.\n"
    if rule.later:
        yield f"Later: {rule.later}.\n"
    yield f"\n{_codes(rule.refusals)}\n"


def _codes(codes: Iterable[RefusalCode]) -> str:
    return "Refused by " + ", ".join(f"`{code}`" for code in codes) + ".\n"


def _said(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].removesuffix(".")
