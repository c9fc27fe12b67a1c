"""What the walk takes for random: identifiers that sort by time, and salts, none of them twice."""

from uuid import UUID

from coordinator.domain import SALT_BYTES, Identifiers, Salts
from coordinator.model.identity import moment_half


def test_no_identifier_comes_twice_however_many_are_taken() -> None:
    fresh = Identifiers(at_once=4)
    taken = [fresh() for _ in range(1_000)]
    assert len(set(taken)) == len(taken)
    assert {UUID(each).version for each in taken} == {7}
    assert [str(UUID(each)) for each in taken] == taken


def test_identifiers_say_when_they_were_taken() -> None:
    """Not when their random part was made, which is made for many at once."""
    fresh = Identifiers()
    before, first = Identifiers(1)(), fresh()
    moments = [fresh()[: len(moment_half(0))] for _ in range(200)]
    assert before[: len(moment_half(0))] <= first[: len(moment_half(0))] <= moments[0]
    assert moments == sorted(moments)


def test_each_commitment_has_a_salt_of_its_own() -> None:
    fresh = Salts(at_once=4)
    taken = [fresh() for _ in range(100)]
    assert len(set(taken)) == len(taken)
    assert {len(each) for each in taken} == {SALT_BYTES}
