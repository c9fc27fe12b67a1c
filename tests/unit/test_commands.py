"""The list of commands: it says what each one does, and none loads more than it needs."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from coordinator.cli import PLACES, make_app

HEAVY = ("aio_pika", "aiohttp", "alembic", "shapely", "sqlalchemy")


@pytest.mark.parametrize("name", PLACES)
def test_the_list_says_of_a_command_what_it_says_of_itself(name: str) -> None:
    said = PLACES[name].says.removesuffix(".")
    assert (PLACES[name].command.help or "").replace("\n", " ").startswith(said)
    assert said[:40] in CliRunner().invoke(make_app(), ["--help"], terminal_width=200).stdout


def test_a_command_that_there_is_not_is_refused_with_the_nearest() -> None:
    refused = CliRunner().invoke(make_app(), ["migrat"])
    assert refused.exit_code == 2
    assert "'migrate'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "but"),
    [
        (["--help"], ()),
        (["config", "show", "--help"], ()),
        (["audit", "--help"], ()),
        (["dead", "--help"], ("shapely",)),
    ],
    ids=lambda each: " ".join(each) or "nothing",
)
def test_what_a_command_does_not_need_is_not_loaded(arguments: list[str], but: tuple[str, ...]) -> None:
    program = (
        "import sys; from coordinator.cli import main; sys.argv = ['coordinator', *sys.argv[1:]]\n"
        f"try: main()\nfinally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == str([name for name in HEAVY if name in but])
