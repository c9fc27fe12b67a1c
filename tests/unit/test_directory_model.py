"""What the directory answers about parties and rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.model.codes import AgencyKind, EventType, Role
from coordinator.model.directory import Account, Agency, Desk, Directory, ProximityRule, Reach

DESK = Desk("Desk", "+15735550100", "desk@dps.example")
HASH = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8S"


def agency(agency_id: str, role: Role, kind: AgencyKind, counties: frozenset[str], *accounts: Account) -> Agency:
    return Agency(
        id=agency_id,
        name=agency_id.upper(),
        kind=kind,
        role=role,
        ori="MOEX00001",
        watch_desk=DESK,
        supervisor=DESK,
        headquarters=DESK,
        counties=counties,
        accounts=accounts,
    )


DPS = agency("dps", Role.LEAD, AgencyKind.STATE, frozenset({"29051", "29019"}), Account("dps", HASH, ("desk",)))
MSHP = agency("mshp", Role.PATROL, AgencyKind.STATE, frozenset({"29051"}), Account("troop-f", HASH, ("cad",)))
HSI = agency("hsi", Role.FEDERAL, AgencyKind.FEDERAL, frozenset(), Account("hsi", HASH, ("cad",), enabled=False))
DIRECTORY = Directory({one.id: one for one in (MSHP, HSI, DPS)})


def test_the_directory_knows_its_agencies() -> None:
    assert DIRECTORY.ids == ("dps", "hsi", "mshp")
    assert DIRECTORY.agency("mshp") is MSHP
    assert DIRECTORY.agency("atf") is None
    assert DIRECTORY.lead is DPS
    assert DIRECTORY.patrol is MSHP
    assert Directory({"hsi": HSI}).lead is None


def test_an_account_is_found_only_at_its_own_agency() -> None:
    assert DIRECTORY.account("mshp", "troop-f") == MSHP.accounts[0]
    assert DIRECTORY.account("dps", "troop-f") is None
    assert DIRECTORY.account("atf", "troop-f") is None
    assert DIRECTORY.account("hsi", "hsi") == HSI.accounts[0]
    assert DIRECTORY.users() == {"dps": "dps", "troop-f": "mshp", "hsi": "hsi"}


def test_agencies_are_found_by_the_counties_they_cover() -> None:
    assert DIRECTORY.covering(frozenset({"29051"})) == ("dps", "mshp")
    assert DIRECTORY.covering(frozenset({"29019", "29510"})) == ("dps",)
    assert DIRECTORY.covering(frozenset({"29510"})) == ()
    assert DIRECTORY.covering(frozenset()) == ()


def test_the_agencies_cannot_be_changed_behind_its_back() -> None:
    given_agencies = {"dps": DPS}
    directory = Directory(given_agencies)
    given_agencies["hsi"] = HSI
    assert directory.ids == ("dps",)
    with pytest.raises(TypeError):
        directory.agencies["hsi"] = HSI  # type: ignore[index]  # what a careless caller would try


def test_the_default_rules_are_those_of_the_domain() -> None:
    raid, surveillance = DIRECTORY.rule_for(EventType.RAID), DIRECTORY.rule_for(EventType.SURVEILLANCE)
    assert (raid.distance_m, raid.widen_minutes, raid.version) == (290, 60, "1")
    assert (surveillance.distance_m, surveillance.widen_minutes, surveillance.version) == (800, 60, "1")
    assert DIRECTORY.rule_for(EventType.UNDERCOVER_MEET) is surveillance
    assert DIRECTORY.stricter(EventType.RAID, EventType.SURVEILLANCE) is surveillance
    assert DIRECTORY.stricter(EventType.RAID, EventType.RAID) is raid
    assert DIRECTORY.widest() == Reach(800, 60)


def test_when_each_side_is_stricter_in_one_bound_both_rules_are_cited() -> None:
    rest = frozenset(EventType) - {EventType.RAID}
    far, long = (
        ProximityRule("far", "2", 900, 30, frozenset({EventType.RAID})),
        ProximityRule("a-long", "7", 300, 90, rest),
    )
    directory = Directory({"dps": DPS}, (far, long))
    both = directory.stricter(EventType.RAID, EventType.SWEEP)
    assert (both.id, both.version, both.distance_m, both.widen_minutes) == ("a-long+far", "7+2", 900, 90)


bounds = st.tuples(st.sampled_from([100.0, 290.0, 800.0]), st.sampled_from([0, 60, 90]))


@given(bounds, bounds, st.sampled_from(EventType), st.sampled_from(EventType))
def test_the_stricter_rule_is_the_same_from_both_sides_and_never_laxer(
    a: tuple[float, int], b: tuple[float, int], one: EventType, other: EventType
) -> None:
    kinds = list(EventType)
    rules = (ProximityRule("a", "1", *a, frozenset(kinds[:7])), ProximityRule("b", "1", *b, frozenset(kinds[7:])))
    directory = Directory({"dps": DPS}, rules)
    found = directory.stricter(one, other)
    assert found == directory.stricter(other, one)
    for event_type in (one, other):
        rule = directory.rule_for(event_type)
        assert found.distance_m >= rule.distance_m
        assert found.widen_minutes >= rule.widen_minutes
    reach = directory.widest()
    assert found.distance_m <= reach.distance_m
    assert found.widen_minutes <= reach.widen_minutes
