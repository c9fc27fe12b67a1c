"""`coordinator feed --url`: the command as a process, over HTTP with a token and nothing else of the installation."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.feeding import GUARD_S, House, alert, connected, house, marked, notice, prepare

COORDINATOR = str(Path(sys.executable).with_name("coordinator"))


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[House]:
    async with house(prepare(tmp_path)) as opened:
        yield opened


async def begin(made: House, *arguments: str, token: str | None = None) -> asyncio.subprocess.Process:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COORDINATOR_")}
    return await asyncio.create_subprocess_exec(
        COORDINATOR, "feed", "--url", made.address, *arguments,
        env={**plain, "COORDINATOR_TOKEN": made.token("hsi") if token is None else token},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd="/",
    )  # fmt: skip  # the command on one line


async def run(made: House, *arguments: str, token: str | None = None) -> tuple[int, list[bytes], str]:
    process = await begin(made, *arguments, token=token)
    async with asyncio.timeout(GUARD_S):
        out, words = await process.communicate()
    return process.returncode or 0, out.splitlines(), words.decode()


async def test_the_lines_are_those_of_the_feed(made: House) -> None:
    await made.say(notice("mshp", ["hsi"]), *(alert(number) for number in range(3)))
    last = await made.last("hsi")
    page = await made.feed.page("hsi", 0, 1_000)
    assert await run(made) == (0, [each.line for each in page.items], "")
    _, lines, _ = await run(made, "--since", str(last - 2), "--types", "situation.alert")
    assert [marked(json.loads(each)["event"]) for each in lines] == ["O-1", "O-2"]
    assert await run(made, "--since", "latest") == (0, [], "")


async def test_it_follows_until_it_is_interrupted(made: House) -> None:
    process = await begin(made, "--since", "latest", "--follow")
    assert process.stdout is not None
    await connected(made, 1)
    for number in range(3):
        await made.say(alert(number))
        async with asyncio.timeout(GUARD_S):
            line = await process.stdout.readline()
        assert marked(json.loads(line)["event"]) == f"O-{number}"
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(GUARD_S):
        assert await process.wait() == 0
    process.stdout.feed_eof()


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        ((), "", "COORDINATOR_TOKEN"),
        ((), "no.such.token", "refused (401)"),
        (("--since", "99999"), None, "refused (409)"),
        (("--since", "soon"), None, "soon"),
        (("--types", "operation.notic"), None, "did you mean operation.notice?"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    made: House, arguments: tuple[str, ...], token: str | None, words: str
) -> None:
    code, lines, said = await run(made, *arguments, token=token)
    assert (code, lines) == (2, [])
    assert words in said
    assert said.count("\n") == 1
