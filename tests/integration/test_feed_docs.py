"""The commands of `docs/follow-a-feed.md`, run as a reader would run them, with `curl` and a token of their own."""

import asyncio
import json
import subprocess
from pathlib import Path

from coordinator.http.principals import AccessRole
from tests.documents import ROOT, blocks
from tests.integration.feeding import GUARD_S, alert, house, notice, prepare, read_lines

PAGE = ROOT / "docs" / "follow-a-feed.md"


async def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    (block,) = [each for each in blocks(PAGE) if "tests/integration/test_feed_docs.py" in each.run_by]
    first, *commands = block.commands
    assert first.startswith("export FEED=")
    async with house(prepare(tmp_path)) as made:
        await made.say(notice("mshp", ["hsi"]), *(alert(number) for number in range(12)))
        last = await made.last("hsi")
        env = {
            "FEED": f"{made.address}/v1/feed",
            "TOKEN": made.token("hsi", AccessRole.LIAISON, subject="o-7"),
            "PATH": "/usr/bin:/bin",
        }
        said = [await typed(each.partition("  #")[0].strip(), env) for each in commands]
    ten, rest, some, followed, acknowledged = said
    assert [each["sequence"] for each in read_lines(ten)] == list(range(1, 11))
    assert [each["sequence"] for each in read_lines(rest)] == list(range(11, last + 1))
    assert {each["event"]["type"].split(".")[3] for each in read_lines(some)} == {"operation", "situation"}
    ids = [int(line[4:]) for line in followed.splitlines() if line.startswith(b"id: ")]
    assert ids == list(range(1, last + 1))
    assert json.loads(acknowledged)["verdict"] == "accepted"


async def typed(command: str, env: dict[str, str]) -> bytes:
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = await asyncio.to_thread(subprocess.run, shell, env=env, capture_output=True, timeout=GUARD_S, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout
