"""The directory file as we write it."""

from hypothesis import given
from hypothesis import strategies as st

from coordinator.directory.reader import examine, read_directory
from coordinator.directory.writer import example, render_directory, with_passwords
from coordinator.model.codes import AgencyKind, EventType, Role
from coordinator.model.directory import DEFAULT_RULES, Account, Agency, Desk, Directory, Limits, ProximityRule

COUNTIES = {
    "29037": "Cass",
    "29047": "Clay",
    "29077": "Greene",
    "29095": "Jackson",
    "29099": "Jefferson",
    "29165": "Platte",
    "29183": "St. Charles",
    "29189": "St. Louis",
    "29510": "St. Louis",
}

plain_names = st.sampled_from(['O\'Fallon "desk"', "C:\\desk", "Ste. Geneviève"]) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20
)
ids = st.from_regex(r"[a-z0-9-]{2,32}", fullmatch=True).filter(lambda one: one != "coordinator")
desks = st.builds(
    Desk, plain_names, st.from_regex(r"\+1[2-9][0-9]{2}55501[0-9]{2}", fullmatch=True), st.just("a@b.example")
)
hashes = st.from_regex(r"[A-Za-z0-9+/]{48}", fullmatch=True)
systems = st.lists(st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True), min_size=1, max_size=3).map(tuple)


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    chosen = draw(st.lists(ids, min_size=1, max_size=3, unique=True))
    agencies = {
        one: Agency(
            id=one,
            name=draw(plain_names),
            kind=AgencyKind.STATE if index == 0 else AgencyKind.LOCAL,
            role=Role.LEAD if index == 0 else Role.LOCAL,
            ori=f"MO{index:07}",
            watch_desk=draw(desks),
            supervisor=draw(desks),
            headquarters=draw(desks),
            counties=draw(st.frozensets(st.sampled_from(sorted(COUNTIES)))),
            accounts=tuple(
                Account(f"u{index}.{number}", draw(hashes), draw(systems), draw(st.booleans()))
                for number in range(draw(st.integers(0, 2)))
            ),
            require_user_id=draw(st.booleans()),
            vhost=draw(st.none() | st.just("own/one")),
        )
        for index, one in enumerate(chosen)
    }
    limits = Limits(draw(st.floats(0.1, 1e6)), draw(st.integers(1, 366)), draw(st.integers(4, 10_000)))
    return Directory(agencies, draw(rules()), limits, draw(st.floats(0, 1_000)))


@st.composite
def rules(draw: st.DrawFn) -> tuple[ProximityRule, ...]:
    if draw(st.booleans()):
        return DEFAULT_RULES
    cut = draw(st.integers(1, len(EventType) - 1))
    parts = (frozenset(list(EventType)[:cut]), frozenset(list(EventType)[cut:]))
    return tuple(
        ProximityRule(f"rule-{i}", "1.0", draw(st.floats(1, 50_000)), draw(st.integers(0, 1_440)), part)
        for i, part in enumerate(parts)
    )


@given(directories())
def test_a_directory_written_and_read_is_the_same(directory: Directory) -> None:
    assert read_directory(render_directory(directory), counties=COUNTIES) == directory


def test_the_example_passes_its_own_check_without_a_warning() -> None:
    reading = examine(example(), counties=COUNTIES)
    assert reading.mistakes == ()
    assert reading.warnings == ()
    assert reading.directory is not None
    assert reading.directory.ids == ("dea", "dps", "hsi", "mshp")
    assert reading.directory.rules == DEFAULT_RULES
    assert reading.directory.limits == Limits()


def test_the_example_has_fictional_numbers_only() -> None:
    reading = examine(example(), counties=COUNTIES)
    assert reading.directory is not None
    for agency in reading.directory.agencies.values():
        for desk in (agency.watch_desk, agency.supervisor, agency.headquarters):
            assert desk.phone[5:10] == "55501"
            assert desk.email.endswith(".example")


def test_real_passwords_are_put_in_and_every_comment_stays() -> None:
    mine = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8S"
    text = with_passwords(example(), {"mshp-cad": mine})
    directory = read_directory(text, counties=COUNTIES)
    before = read_directory(example(), counties=COUNTIES)
    assert isinstance(directory, Directory)
    assert isinstance(before, Directory)
    changed = directory.account("mshp", "mshp-cad")
    assert changed is not None
    assert changed.password_hash == mine
    assert directory.account("mshp", "mshp-desk") == before.account("mshp", "mshp-desk")
    assert text.count("#") == example().count("#")
