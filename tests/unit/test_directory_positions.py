"""Where each key of a TOML text stands, in all the ways that TOML has of writing one."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.directory.positions import Fault, Path, locate

TEXT = '''\
title = "x"
"quoted.key" . b = { c = [1, 2], d = "e" }
text = """
[not.a.table]
k = 3
"""
list = [  # one
  "a", "b",

  # nothing here
  { c = [
    1 ] },
  """
[x]
"""
]
[[agency]]
id = "a"
[agency.desk]  # of the first
phone = 'p'
[[agency.account]]
user = "u"
[[agency.account]]
user = "v"
  [[ "agency" ]]
desk.phone.work = "q"
[agency.account.x]
[last]
'''
EXPECTED: dict[Path, int] = {
    ("title",): 1,
    ("quoted.key",): 2,
    ("quoted.key", "b", "c", 1): 2,
    ("quoted.key", "b", "d"): 2,
    ("text",): 3,
    ("list",): 7,
    ("list", 0): 8,
    ("list", 1): 8,
    ("list", 2): 12,
    ("list", 2, "c", 0): 12,
    ("list", 3): 15,
    ("agency",): 17,
    ("agency", 0): 17,
    ("agency", 0, "id"): 18,
    ("agency", 0, "desk"): 19,
    ("agency", 0, "desk", "phone"): 20,
    ("agency", 0, "account", 0): 21,
    ("agency", 0, "account", 0, "user"): 22,
    ("agency", 0, "account", 1, "user"): 24,
    ("agency", 1): 25,
    ("agency", 1, "desk"): 26,
    ("agency", 1, "desk", "phone", "work"): 26,
    ("agency", 1, "account", "x"): 27,
    ("last",): 28,
}


@pytest.mark.parametrize("path", EXPECTED, ids=str)
def test_a_key_is_found_however_it_is_written(path: Path) -> None:
    assert locate(TEXT).line(path) == EXPECTED[path]


def test_what_is_missing_has_the_line_of_its_table() -> None:
    located = locate(TEXT)
    assert located.line(("agency", 1, "ori")) == 25
    assert located.line(("agency", 0, "desk", "email")) == 19
    assert located.line(("limits",)) == 1
    assert located.line(()) == 1


def test_the_document_is_what_the_standard_reader_reads() -> None:
    located = locate(TEXT)
    assert located.document == tomllib.loads(TEXT)
    assert located.faults == ()


def test_reading_goes_on_after_each_fault() -> None:
    located = locate(
        'x = Foo\ny = Bar\nlist = [\n "a"\n "b",\n]\n[t]\na = 1\na = 2\n[t]\nb = 3\n[u]\nq = "\nw = [ "a",\ne = 1\n'
    )
    assert located.document == {"t": {"a": 1}, "u": {"e": 1}}
    assert [(fault.line, fault.column) for fault in located.faults] == [
        (1, 5),
        (2, 5),
        (5, 2),
        (9, None),
        (10, None),
        (13, 6),
        (14, None),
    ]


def test_text_that_never_ends_is_named_where_it_begins() -> None:
    assert locate('a = 1\nb = """\nthe rest\n').faults == (Fault(2, None, "Unterminated string"),)


keys = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
values = st.recursive(
    st.integers(-5, 5) | st.sampled_from(["x", "[t]", "a = 1", "#", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(keys, values, max_size=4)


def write(value: object, newline: str) -> str:
    """Write a TOML value; lists are broken over lines."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {write(one, '')}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ",".join(f"{newline}{write(one, newline)}" for one in value) + f"{newline}]"
    return f'"""{newline}{value}"""' if isinstance(value, str) else str(value)


@given(st.lists(st.tuples(tables, tables), max_size=3), st.sampled_from(["", "\n", "\n\n  # x = [\n"]))
def test_every_key_of_any_document_is_found_in_the_line_that_names_it(
    document: list[tuple[dict[str, object], dict[str, object]]], newline: str
) -> None:
    lines: list[str] = []
    expected: dict[Path, int] = {}
    for index, (outer, inner) in enumerate(document):
        for header, path, table in (("[[top]]", ("top", index), outer), ("[top.DEEP]", ("top", index, "DEEP"), inner)):
            lines.append(header)
            expected[path] = len(lines)
            for key, value in table.items():
                lines += f"{key} = {write(value, newline)}".split("\n")
                expected[(*path, key)] = len(lines) - f"{key} = {write(value, newline)}".count("\n")
    located = locate("\n".join(lines))
    assert located.document == tomllib.loads("\n".join(lines))
    assert located.faults == ()
    assert {path: located.lines[path] for path in expected} == expected


@given(st.text(alphabet="ab=[]{}\".'\n#, 1\\", max_size=60))
def test_any_text_is_read_or_faulted_exactly_when_the_standard_reader_does(text: str) -> None:
    located = locate(text)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert located.faults
    else:
        assert located.document == document
        assert located.faults == ()
