"""Holds the conflicts that both sides were told of against those that the scenario expects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.demo.letters import ExpectedConflict, Program
from coordinator.demo.mailroom import Mailroom, Received
from coordinator.demo.telling import Line, Tone


@dataclass(slots=True)
class Dispute:
    """One conflict as its sides were told of it."""

    sides: dict[str, list[Received]] = field(default_factory=dict)
    """By operation: what its agency heard, in the order of its feed."""

    @property
    def operations(self) -> frozenset[str]:
        """The operations whose agencies were told."""
        return frozenset(self.sides)


def disputes(mailroom: Mailroom) -> Mapping[str, Dispute]:
    """Put together what all agencies were told of conflicts, by conflict id."""
    found: dict[str, Dispute] = {}
    for box in mailroom.boxes.values():
        for received in box.of("deconfliction.alert", "deconfliction.closed"):
            said = received.data.get("pointer", received.data)
            sides = found.setdefault(str(said["conflict_id"]), Dispute()).sides
            sides.setdefault(str(said["operation_id"]), []).append(received)
    return found


def found_pairs(mailroom: Mailroom) -> Sequence[frozenset[str]]:
    """The pairs of operations that were found, as their agencies were told."""
    return [dispute.operations for dispute in disputes(mailroom).values()]


def found_lines(program: Program, mailroom: Mailroom) -> Iterator[Line]:
    """Every conflict that was found and every near miss that was not, in words."""
    why = {conflict.operations: conflict.why for conflict in program.conflicts}
    found = found_pairs(mailroom)
    for pair in sorted(found, key=lambda pair: _names(program, pair)):
        yield Line(Tone.CONFLICT, f"conflict: {_names(program, pair)}: {why.get(pair, 'not expected')}")
    for pair, reason in program.apart:
        if pair not in found:
            yield Line(Tone.OVER, f"none:     {_names(program, pair)}: {reason}")


def conflict_faults(program: Program, mailroom: Mailroom) -> Iterator[str]:
    """What is missing, what is more, what was told wrongly, and to whom."""
    expected = {conflict.operations: conflict for conflict in program.conflicts}
    for dispute in disputes(mailroom).values():
        wanted = expected.pop(dispute.operations, None)
        names = _names(program, dispute.operations)
        if wanted is None:
            yield f"a conflict was told between {names}, and none was expected, or it was told twice"
            continue
        for operation, heard in dispute.sides.items():
            yield from (f"{names}: {fault}" for fault in _side_faults(program, wanted, operation, heard))
    for missing in expected.values():
        yield f"no conflict was told between {_names(program, missing.operations)} ({missing.why})"


def _side_faults(
    program: Program, wanted: ExpectedConflict, operation: str, heard: Sequence[Received]
) -> Iterator[str]:
    own = program.operations[operation]
    (other,) = (program.operations[each] for each in wanted.operations - {operation})
    history = tuple(each.data.get("change", each.data.get("reason")) for each in heard)
    if history != wanted.history:
        yield f"{own.agency} heard {', '.join(map(str, history))}"
    for each in heard:
        if each.agency != own.agency:
            yield f"{each.agency} was told of an operation of {own.agency}"
        pointer = each.data.get("pointer")
        if pointer is None:
            continue
        if pointer["other"]["agency"] != other.agency:
            yield f"{own.agency} was pointed to {pointer['other']['agency']}"
        hidden = wanted.sealed is not None and wanted.sealed != operation
        if pointer.get("band") != (None if hidden else wanted.band):
            yield f"{own.agency} was told {pointer.get('band')}, not {wanted.band}"
        if hidden != (pointer.get("eyes") == "headquarters"):
            yield f"{own.agency} was shown a sealed operation, or an open one as if it were sealed"


def _names(program: Program, operations: frozenset[str]) -> str:
    sketches = (program.operations.get(operation) for operation in sorted(operations))
    return " and ".join(
        f"{each.name} of {each.agency}" if each is not None else "an unknown operation" for each in sketches
    )
