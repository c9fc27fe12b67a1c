"""`coordinator serve` as a process, with agencies whose programs are not ours, until its journal is verified."""

import re
import shutil
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pika  # type: ignore[import-untyped]  # brings no types
import pytest

from coordinator.amqp.node import PrivateNode
from coordinator.journal.tiles import split_bundle
from coordinator.model.leaf import LEAF, Leaf
from tests import kit
from tests.acceptance.commands import Served, fresh_vhost, run, serve
from tests.acceptance.partners import PikaSystem, amqp_consume, amqp_publish
from tests.installation import Installation, install
from tests.integration.traffic import agreements, id_of, notice

DIRECTORY = kit.directory_toml().replace('id = "atf"\n', 'id = "atf"\nrequire_user_id = false\n')
PRIVATE = ("BLUE HERON", "+1573555", "38.5767", "92.1735", "coordinator-fictional", "mshp-fictional")
"""What is in the messages or the configuration, and has no business in a log."""


@pytest.fixture(scope="module")
async def installation(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with fresh_vhost(broker) as vhost:
        yield await install(tmp_path_factory.mktemp("serve"), vhost, DIRECTORY)


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    """A service with which every agency takes part, and may tell every other one."""
    with serve(installation) as running, ExitStack() as stack:
        systems = {agency: stack.enter_context(system(installation, agency)) for agency in kit.AGENCIES}
        words = agreements()
        for word in words:
            systems[word.agency].publish(word.body)
        running.said(len(words), event="message", type="agreement.status", verdict="accepted")
        yield running


@contextmanager
def system(installation: Installation, agency: str) -> Iterator[PikaSystem]:
    with PikaSystem(installation.url(agency), agency) as opened:
        yield opened


@pytest.mark.usefixtures("served")
def test_a_notice_goes_from_one_pika_system_to_another_and_both_sides_of_a_conflict_are_alerted(
    installation: Installation,
) -> None:
    sent, disputed = notice("mshp", ["hsi"]), notice("dea", ["hsi"])
    with system(installation, "mshp") as mshp, system(installation, "dea") as dea, system(installation, "hsi") as hsi:
        mshp.publish(sent)
        receipt = mshp.wait(target={"agency": "mshp", "id": id_of(sent)})
        received = hsi.wait(operation_id=receipt.data["operation_id"])
        dea.publish(disputed)
        pointers = [each.wait("alert", change="opened").data["pointer"] for each in (mshp, dea)]
    assert (receipt.name, receipt.data["recipients"]) == ("message.accepted", ["hsi"])
    assert received.body == sent
    assert received.properties.content_type == "application/cloudevents+json"
    assert received.properties.headers["x-sequence"] >= 1
    assert received.properties.headers["ce-id"] == id_of(sent)
    assert len({pointer["conflict_id"] for pointer in pointers}) == 1
    assert [pointer["other"]["agency"] for pointer in pointers] == ["dea", "mshp"]


@pytest.mark.usefixtures("served")
def test_who_does_not_say_who_they_are_is_refused_and_who_says_another_is_refused_by_the_broker(
    installation: Installation,
) -> None:
    unsaid, foreign = notice("hsi", ["dea"]), notice("hsi", ["dea"])
    with system(installation, "hsi") as hsi:
        hsi.publish(unsaid, user_id=None)
        refusal = hsi.wait(code="user_id_missing")
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="user_id"):
            hsi.publish(foreign, user_id="mshp")
    assert refusal.name == "message.refused"
    fed = run("feed", "--as", "dea", installation=installation).stdout
    assert id_of(unsaid) not in fed
    assert id_of(foreign) not in fed


@pytest.mark.usefixtures("served")
def test_debians_tools_speak_for_an_agency_of_which_no_user_id_is_required_and_for_no_other(
    installation: Installation,
) -> None:
    sent, refused = notice("atf", ["usms"]), notice("usms", ["atf"])
    amqp_publish(installation.url("atf"), "atf", sent)
    amqp_publish(installation.url("usms"), "usms", refused)
    with system(installation, "usms") as usms:
        assert usms.wait(code="user_id_missing").name == "message.refused"
    answers: list[kit.Json] = []
    while not any(each["data"].get("target", {}).get("id") == id_of(sent) for each in answers):
        answers.append(amqp_consume(installation.url("atf"), "out.atf"))
    assert answers[-1]["type"] == "gov.mo.coordination.message.accepted.v1"
    assert id_of(sent) in run("feed", "--as", "usms", "--types", "operation.notice", installation=installation).stdout
    assert id_of(refused) not in run("feed", "--as", "atf", installation=installation).stdout


def test_health_answers_at_the_address_that_the_log_says(served: Served) -> None:
    (started,) = served.said(event="started")
    for page in ("healthz", "readyz"):
        with urllib.request.urlopen(f"{started['http']}/{page}", timeout=30) as answer:  # noqa: S310  # the service's own
            assert answer.status == 200


def leaves_of(folder: Path) -> dict[int, Leaf]:
    """Every entry of a published journal, by position."""
    found: dict[int, Leaf] = {}
    for bundle in (folder / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            index = int(re.sub(r"\.p/.*|[/x]", "", bundle.relative_to(folder / "tile" / "entries").as_posix()))
            leaves = [LEAF.validate_json(entry) for entry in split_bundle(bundle.read_bytes())[0]]
            found |= dict(enumerate(leaves, 256 * index))
    return found


def test_it_stops_in_order_and_its_log_and_its_journal_say_the_same(
    served: Served, installation: Installation, tmp_path: Path
) -> None:
    assert served.stop() == 0
    journal, text = installation.settings.journal.publish_dir, served.log.read_text()
    assert [line["event"] for line in served.lines][-1] == "stopped"
    leaves = leaves_of(journal)
    lines = [line for line in served.lines if line["event"] == "message"]
    for line in lines:
        leaf = leaves[line["position"]]
        assert (line["entry"], f"message.{line['verdict']}") == (leaf.entry, leaf.action)
    about = Counter(leaf.action for leaf in leaves.values() if leaf.channel == "amqp")
    assert about == Counter(f"message.{line['verdict']}" for line in lines)
    assert [word for word in PRIVATE if word in text] == []

    vkey = ("--vkey", installation.folder / "journal.vkey")
    for where in ((journal,), ("--store", installation.settings.store.url)):
        verified = run("audit", "verify", *where, *vkey)
        assert (verified.returncode, verified.stdout) == (0, "")
        assert str(len(leaves)) in verified.stderr
    altered = tmp_path / "altered"
    shutil.copytree(journal, altered)
    bundles = [path for path in (altered / "tile" / "entries").rglob("*") if path.is_file()]
    bundle = max(bundles, key=lambda path: path.stat().st_size)  # the newest, of the width that was signed last
    bundle.write_bytes(bundle.read_bytes().replace(b"message.accepted", b"message.acceptee", 1))
    finding = run("audit", "verify", altered, *vkey)
    assert finding.returncode == 1
    assert bundle.relative_to(altered).as_posix() in finding.stderr


def test_the_line_of_a_message_is_json_that_holds_ids_and_closed_codes_alone(served: Served) -> None:
    known = {"event", "t", "level", "logger", "verdict", "agency", "id", "type", "channel", "bytes", "position"}
    lines = [line for line in served.lines if line["event"] == "message"]
    assert {key for line in lines for key in line} <= known | {"entry", "code", "stage", "field"}
