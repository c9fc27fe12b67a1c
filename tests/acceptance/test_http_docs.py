"""The documents' HTTP: `curl` as a reader types it, against a running service, with a token of the command's."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.bootstrap import Service, running
from tests import kit
from tests.conftest import Vhost
from tests.documents import ROOT, Block, blocks, table
from tests.installation import Installation, install
from tests.integration import traffic
from tests.integration.posting import apart, notice

OURS = "tests/acceptance/test_http_docs.py"
CONNECT, OPERATE = ROOT / "docs/connect-an-agency.md", ROOT / "docs/operate.md"
BIN = Path(sys.executable).parent


def ours(document: Path) -> Block:
    (found,) = (block for block in blocks(document) if OURS in block.run_by)
    return found


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    return await install(tmp_path, vhost)


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Service]:
    async with running(installation.settings, installation.key) as started:
        await started.intake.receive([traffic.as_of_now(each) for each in kit.agreements()])
        yield started


async def typed(command: str, installation: Installation, **more: str) -> str:
    """Type a command in a shell, in the installation's folder; returns what it printed."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COORDINATOR_")}
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", command,
        cwd=installation.folder,
        env={**plain, "PATH": f"{BIN}{os.pathsep}{plain['PATH']}", **more},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, wrong = await process.communicate()
    assert process.returncode == 0, f"{command}\n{said.decode()}{wrong.decode()}"
    return said.decode()


async def test_curl_posts_what_the_document_says(service: Service, installation: Installation) -> None:
    folder = installation.folder
    (folder / "notice.json").write_bytes(notice("mshp", ["hsi"]))
    two = [notice("mshp", ["hsi"], area=apart(number)) for number in (1, 2)]
    (folder / "two-notices.json").write_bytes(b"[\n" + b",\n".join(two) + b"\n]\n")
    token = (await typed("coordinator token issue --as mshp/cad --role publisher", installation)).strip()
    exported, *posts = ours(CONNECT).commands
    assert exported.startswith("export DOOR=")
    said = [await typed(command, installation, DOOR=service.address, TOKEN=token) for command in posts]
    first, again, batch = (json.loads(each) for each in said)
    assert (first["verdict"], first["deconfliction"], first["counties"]) == ("accepted", "none_known", ["Cole"])
    assert again == {**first, "verdict": "duplicate"}
    assert [each["status"] for each in batch] == [201, 201]


async def test_the_operators_commands_issue_and_revoke(service: Service, installation: Installation) -> None:
    del service
    said = [await typed(command, installation) for command in ours(OPERATE).commands]
    assert said[0].count(".") == 2
    shown = json.loads(said[1])
    assert (shown["agency"], shown["subject"], shown["roles"]) == ("mshp", "b-101", ["watch"])
    assert said[2] == ""


async def test_every_answer_of_the_document_is_an_answer_of_http(service: Service, installation: Installation) -> None:
    """Some of them, by `curl` alone: nothing of ours is on the other side."""
    (installation.folder / "notice.json").write_bytes(notice("mshp", ["hsi"]))
    token = (await typed("coordinator token issue --as mshp/cad --role liaison", installation)).strip()
    post = 'curl -sS -o /dev/null -w "%{http_code}" "$DOOR/v1/messages" --data-binary @notice.json'
    kind = '-H "Content-Type: application/cloudevents+json"'
    bearer = '-H "Authorization: Bearer $TOKEN"'
    told = [
        await typed(f"{post} {kind}", installation, DOOR=service.address),
        await typed(f"{post} {kind} {bearer}", installation, DOOR=service.address, TOKEN=token),
        await typed(f"{post} {kind} {bearer}", installation, DOOR=service.address, TOKEN=f"{token[:-4]}AAAA"),
    ]
    listed = {row[0] for row in table(CONNECT, "answers")}
    assert told == ["401", "403", "401"]
    assert set(told) <= listed
