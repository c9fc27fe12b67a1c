"""The directory file: every mistake is named with its line, and a sound file reads as what it says."""

import pytest

from coordinator.directory.mistakes import Mistake
from coordinator.directory.reader import examine, read_directory
from coordinator.model.codes import AgencyKind, EventType, Role
from coordinator.model.directory import DEFAULT_RULES, Account, Desk, Directory, Limits

COUNTIES = {"29019": "Boone", "29051": "Cole", "29189": "St. Louis", "29510": "St. Louis"}
HASH = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8S"
SOUND = f"""\
[limits]
area_km2 = 1000
window_days = 7
vertices = 100

[extent]
margin_km = 20.5

[[rule]]
id = "near"
version = "2"
distance_m = 290
widen_minutes = 60

[[rule]]
id = "covert"
version = "3"
distance_m = 800
widen_minutes = 90
event_types = ["surveillance", "undercover_meet"]

[[agency]]
id = "dps"
name = "Public Safety"
kind = "state"
role = "lead"
ori = "MOEX00001"
counties = "all"
watch_desk = {{ name = "Desk", phone = "+15735550100", email = "desk@dps.example" }}
supervisor = {{ name = "Supervisor", phone = "+15735550101", email = "supervisor@dps.example" }}
headquarters.name = "Headquarters"
headquarters.phone = "+15735550102"
headquarters.email = "hq@dps.example"

[[agency.account]]
user = "dps"
password_hash = "{HASH}"
systems = ["desk"]

[[agency]]
id = "hsi"
name = "Homeland Security Investigations"
kind = "federal"
role = "federal"
ori = "MOEX00002"
require_user_id = false
vhost = "hsi"
counties = [
    "Cole",
    "29510",  # the city
    "boone county",
]

[agency.watch_desk]
name = "Desk"
phone = "+13145550110"
email = "desk@hsi.example"

[agency.supervisor]
name = "Supervisor"
phone = "+13145550111"
email = "supervisor@hsi.example"

[agency.headquarters]
name = "Headquarters"
phone = "+13145550112"
email = "hq@hsi.example"

[[agency.account]]
user = "hsi-cad"
password_hash = "{HASH}"
systems = ["cad", "mobile"]

[[agency.account]]
user = "hsi-old"
password_hash = "{HASH}"
systems = ["old"]
enabled = false
"""


def read(text: str) -> tuple[Mistake, ...]:
    return examine(text, counties=COUNTIES).mistakes


def spoil(old: str, new: str) -> tuple[str, int]:
    """Replace one passage of the sound file; return it with the line in which `new` has its mark."""
    assert SOUND.count(old) == 1, f"{old!r} must stand in the sound file once"
    marked = SOUND.replace(old, new)
    return marked.replace("§", ""), marked[: marked.index("§")].count("\n") + 1


def test_a_sound_file_reads_as_what_it_says() -> None:
    directory = read_directory(SOUND, counties=COUNTIES)
    assert isinstance(directory, Directory)
    assert directory.ids == ("dps", "hsi")
    assert directory.limits == Limits(1000, 7, 100)
    assert directory.extent_margin_km == 20.5
    hsi = directory.agency("hsi")
    assert hsi is not None
    assert (hsi.kind, hsi.role, hsi.ori) == (AgencyKind.FEDERAL, Role.FEDERAL, "MOEX00002")
    assert hsi.counties == {"29051", "29510", "29019"}
    assert hsi.supervisor == Desk("Supervisor", "+13145550111", "supervisor@hsi.example")
    assert hsi.accounts == (
        Account("hsi-cad", HASH, ("cad", "mobile")),
        Account("hsi-old", HASH, ("old",), enabled=False),
    )
    assert (hsi.require_user_id, hsi.vhost) == (False, "hsi")
    dps = directory.lead
    assert dps is not None
    assert dps.counties == set(COUNTIES)
    assert dps.headquarters.phone == "+15735550102"


def test_a_rule_without_event_types_takes_what_is_left() -> None:
    directory = read_directory(SOUND, counties=COUNTIES)
    assert isinstance(directory, Directory)
    assert directory.rule_for(EventType.RAID).id == "near"
    assert directory.rule_for(EventType.SURVEILLANCE).id == "covert"
    assert frozenset[EventType]().union(*(rule.event_types for rule in directory.rules)) == frozenset(EventType)


def test_without_rules_limits_and_extent_the_defaults_apply() -> None:
    directory = read_directory(SOUND[SOUND.index("[[agency]]") :], counties=COUNTIES)
    assert isinstance(directory, Directory)
    assert directory.rules == DEFAULT_RULES
    assert directory.limits == Limits(50_000, 31, 1_000)
    assert directory.extent_margin_km == 50


def test_windows_line_ends_change_nothing_but_the_fingerprint() -> None:
    unix, windows = (read_directory(text, counties=COUNTIES) for text in (SOUND, SOUND.replace("\n", "\r\n")))
    assert isinstance(unix, Directory)
    assert isinstance(windows, Directory)
    assert unix == windows
    assert unix.fingerprint != windows.fingerprint
    assert unix.fingerprint.startswith("sha-256:")


CASES = [
    # what is not TOML
    ('ori = "MOEX00001"', "ori = §MOEX00001", "column 7", "text is written in quotes"),
    ('version = "2"', 'version = §"2', "column 13", "not TOML"),
    ("[extent]", "§[extent", "column 8", "not TOML"),
    ('systems = ["cad", "mobile"]', 'systems = §["cad", "mobile"', "", "not TOML"),
    ("window_days = 7", "window_days = 7\n§window_days = 8", "", "given already"),
    ('[[agency]]\nid = "hsi"', '§[limits]\nid = "hsi"', "", "twice"),
    # what is unknown or missing
    ('ori = "MOEX00002"', '§orl = "MOEX00002"\nori = "MOEX00002"', "agency[hsi]", "did you mean `ori`?"),
    ("margin_km = 20.5", "§qqqq = 1", "extent", "known here: margin_km"),
    ("[extent]", "§[extend]", "", "did you mean `extent`?"),
    ('[[agency]]\nid = "dps"\n', "§[[agency]]\n", "agency[#1]", "`id` is missing"),
    (
        '[agency.watch_desk]\nname = "Desk"\nphone = "+13145550110"',
        '§[agency.watch_desk]\nname = "Desk"',
        "agency[hsi].watch_desk",
        "`phone` is missing",
    ),
    ("supervisor = {", "§supervisors = {", "agency[dps]", "did you mean `supervisor`?"),
    ('user = "hsi-cad"\n', '§usr = "hsi-cad"\n', "agency[hsi].account[#1]", "did you mean `user`?"),
    # wrong types
    ("window_days = 7", 'window_days = §"7"', "limits.window_days", "whole number"),
    ("window_days = 7", "window_days = §7.5", "limits.window_days", "whole number"),
    ("margin_km = 20.5", "margin_km = §nan", "extent.margin_km", "finite number"),
    ("require_user_id = false", 'require_user_id = §"no"', "agency[hsi].require_user_id", "true or false"),
    ('name = "Public Safety"', "name = §7", "agency[dps].name", "text in quotes"),
    ('counties = "all"', 'counties = §"Cole"', "agency[dps].counties", "list in square brackets"),
    ("[agency.headquarters]", "§[[agency.headquarters]]", "agency[hsi].headquarters", "[agency.headquarters]"),
    ("[limits]", "§[[limits]]", "limits", "must be a table: [limits]"),
    # wrong values
    ('id = "dps"', 'id = §"DPS"', "agency[DPS].id", "small letters"),
    ('id = "dps"', 'id = §"d\\n"', "agency[#1].id", "small letters"),
    ('id = "hsi"', 'id = §"coordinator"', "agency[coordinator].id", "the service itself"),
    ('name = "Public Safety"', 'name = §"Public\\nSafety"', "agency[dps].name", "one line"),
    ('name = "Public Safety"', 'name = §"Public \\u202eSafety"', "agency[dps].name", "one line"),
    ('name = "Public Safety"', 'name = §""', "agency[dps].name", "not be empty"),
    ('kind = "state"', 'kind = §"stat"', "agency[dps].kind", 'did you mean "state"?'),
    ('role = "lead"', 'role = §"boss"', "agency[dps].role", "one of"),
    ('ori = "MOEX00001"', 'ori = §"MO0001"', "agency[dps].ori", "ORI"),
    ('phone = "+13145550111"', 'phone = §"314-555-0111"', "agency[hsi].supervisor.phone", "+15735550100"),
    ('email = "hq@hsi.example"', 'email = §"hq at hsi"', "agency[hsi].headquarters.email", "e-mail"),
    ('    "Cole",', '    §"Coal",', "agency[hsi].counties[#1]", 'did you mean "Cole"?'),
    ('"boone county",', '§"St. Louis",', "agency[hsi].counties[#3]", '"29189" or "29510"'),
    ('"29510",', '§"17031",', "agency[hsi].counties[#2]", "no county"),
    ('user = "hsi-cad"', 'user = §"guest"', "agency[hsi].account[guest].user", "RabbitMQ"),
    ('systems = ["old"]', "systems = §[]", "agency[hsi].account[hsi-old].systems", "not be empty"),
    ('systems = ["old"]', 'systems = §["Old!"]', "agency[hsi].account[hsi-old].systems[#1]", "small letters"),
    ('vhost = "hsi"', 'vhost = §"h si"', "agency[hsi].vhost", "slashes"),
    ('"surveillance", ', '§"survellance", ', "rule[covert].event_types[#1]", 'did you mean "surveillance"?'),
    ("distance_m = 800", "distance_m = §-1", "rule[covert].distance_m", "greater than or equal to 1"),
    ("widen_minutes = 90", "widen_minutes = §5000", "rule[covert].widen_minutes", "less than or equal to 1440"),
    ("area_km2 = 1000", "area_km2 = §0", "limits.area_km2", "greater than 0"),
    # what contradicts something else
    ('id = "hsi"', 'id = §"dps"', "agency[dps].id", "already, in line 23"),
    ('ori = "MOEX00002"', 'ori = §"MOEX00001"', "agency[hsi].ori", "already, in line 27"),
    ('user = "hsi-cad"', 'user = §"dps"', "agency[hsi].account[dps].user", "already, in line 36"),
    ('user = "hsi-old"', 'user = §"hsi-cad"', "agency[hsi].account[hsi-cad].user", "already"),
    ('kind = "federal"\nrole = "federal"', 'kind = "state"\nrole = §"lead"', "agency[hsi].role", "line 26 names it"),
    ('role = "federal"', 'role = §"patrol"', "agency[hsi].role", 'kind "federal" cannot'),
    ('id = "covert"', 'id = §"near"', "rule[near].id", "already, in line 10"),
    ('"undercover_meet"]', '"undercover_meet",\n  §"surveillance"]', "rule[covert].event_types[#3]", "already"),
    ('event_types = ["surveillance", "undercover_meet"]', "§", "rule[covert]", "line 9 begins one"),
    ('[[rule]]\nid = "near"', '§[[rule]]\nevent_types = ["raid"]\nid = "near"', "rule", "no rule for arrest_warrant,"),
]


@pytest.mark.parametrize(("old", "new", "where", "what"), CASES, ids=[case[1].replace("\n", " ") for case in CASES])
def test_a_mistake_is_named_with_its_line(old: str, new: str, where: str, what: str) -> None:
    text, line = spoil(old, new)
    if what.endswith("begins one"):
        line = 15  # the mark stands where the key is missing, and a table is named by its header
    found = read(text)
    assert any(one.line == line and one.where == where and what in one.what for one in found), found


@pytest.mark.parametrize("wrong", ["", "short", HASH + "A", HASH[:-1] + "=", HASH[:-1] + "\\n", "hunter2"])
def test_a_password_hash_of_another_form_is_refused_and_never_shown(wrong: str) -> None:
    text = SOUND.replace(f'user = "dps"\npassword_hash = "{HASH}"', f'user = "dps"\npassword_hash = "{wrong}"')
    (mistake,) = read(text)
    assert (mistake.line, mistake.where) == (37, "agency[dps].account[dps].password_hash")
    assert not wrong or wrong not in mistake.what


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines() -> None:
    text = SOUND
    for old, new in (
        ("area_km2 = 1000", "area_km2 = many"),
        ("margin_km = 20.5", "margin_km = some"),
        ('kind = "state"', 'kind = "stat"'),
        ('"29510",', '"17031",'),
        ('phone = "+13145550111"', 'phone = "314-555-0111"'),
    ):
        text = text.replace(old, new)
    assert [mistake.line for mistake in read(text)] == [2, 7, 25, 50, 61]


def test_a_file_without_agencies_says_how_to_begin() -> None:
    assert read("") == (Mistake(1, "", "no agency is given; the first begins with [[agency]]"),)
    assert read("agency = 3") == (Mistake(1, "agency", "must be written in double brackets: [[agency]]"),)


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5_000, "x = 1" + "0" * 5_000, "\x00", "\ufeff", "[" * 9_000, '"""', "= ="]
)
def test_text_of_any_kind_is_answered_with_mistakes(text: str) -> None:
    assert read(text)


@pytest.mark.parametrize("other", ["d-ps", "dp5", "dps-"])
def test_confusable_ids_are_warned_of(other: str) -> None:
    reading = examine(SOUND.replace('id = "hsi"', f'id = "{other}"'), counties=COUNTIES)
    assert reading.directory is not None
    assert reading.warnings == (Mistake(41, f"agency[{other}].id", f'"{other}" is easily taken for "dps" of line 23'),)


def test_a_domain_that_nobody_leads_and_an_agency_without_account_are_warned_of() -> None:
    text = SOUND.replace('role = "lead"', 'role = "patrol"')
    text = text[: text.index('[[agency.account]]\nuser = "hsi-cad"')]
    reading = examine(text, counties=COUNTIES)
    assert reading.directory is not None
    assert [(warning.line, warning.where) for warning in reading.warnings] == [(1, ""), (40, "agency[hsi]")]
