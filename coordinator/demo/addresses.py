"""What a person needs who wants to look around while the demo stays up: addresses, and commands to paste."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from coordinator.demo.ground import Json
from coordinator.demo.letters import Letter, Program
from coordinator.demo.parties import ori_of, phone_of
from coordinator.demo.stage import Stage
from coordinator.domain import system_id
from coordinator.door import tokens_of
from coordinator.http.principals import Principal
from coordinator.model.access import AccessRole
from coordinator.model.answers import Change
from coordinator.model.base import COORDINATOR
from coordinator.model.identity import RANDOM_BYTES, uuid7

_SENDER = ("mshp", "troop-c")
_NAMES = ("TRY THIS", "TRY THAT", "TRY THE WEB")
_TOKEN_LIVES = timedelta(hours=8)


def addresses(stage: Stage, http: str, program: Program) -> Iterator[str]:
    """Every address, then commands that are ready to paste; writes the notice that one of them sends."""
    journal, vkey = shlex.quote(str(stage.journal)), shlex.quote(str(stage.vkey))
    store = stage.settings.store.url
    command = shlex.quote(_command())
    configured = f"{command} --config {shlex.quote(str(stage.config))}"
    # One each, for one operation is registered once: the readme's program sends the first, commands the others.
    notice, other, posted = (stage.folder / name for name in ("notice.json", "other-notice.json", "event.json"))
    for which, file in enumerate((notice, other)):
        file.write_bytes(_written(_notice(program, which)))
    posted.write_bytes(_written(_event(_notice(program, 2))))
    yield "\nEverything stays up until Ctrl-C; then it is gone. The passwords are thrown away with it.\n"
    for agency, url in sorted(stage.broker.account_urls.items()):
        yield f"  {agency:<10} {url}"
    yield f"  operator   {stage.broker.operator_url}"
    yield f"  http       {http}"
    yield f"  journal    {stage.journal}"
    yield f"  vkey       {stage.vkey}"
    yield f"  store      {store}"
    yield f"  log        {stage.log}"
    yield f"  notice     {notice}"
    yield "\nTo paste:\n"
    yield f"  {command} audit verify {journal} --vkey {vkey}"
    yield f"  {command} audit verify --store {shlex.quote(store)} --vkey {vkey}"
    yield f"  {configured} operations list --as mshp"
    yield f"  {configured} conflicts list --as mshp"
    yield f"  {configured} feed --as mshp --types deconfliction.alert"
    yield f"  export TOKEN={_token(stage)}"
    yield from (f"  {line}" for line in _requests(http, posted))
    if stage.broker.own_accounts:
        yield f"  {configured} send {shlex.quote(str(other))} --as {'/'.join(_SENDER)}"
    yield f"  {configured} doctor"


def _token(stage: Stage) -> str:
    """A token of the Patrol's, to send and to read with."""
    principal = Principal(_SENDER[0], _SENDER[1], frozenset({AccessRole.PUBLISHER, AccessRole.LIAISON}))
    tokens = tokens_of(stage.settings, stage.parties.directory)
    return tokens.issue(principal, datetime.now(UTC), _TOKEN_LIVES, system_id())


def _requests(http: str, event: Path) -> Iterator[str]:
    """The commands that send, read the feed and list conflicts over HTTP; each prints what it got."""
    call = 'curl -sSf -H "Authorization: Bearer $TOKEN"'
    content = f"-H 'Content-Type: application/cloudevents+json' --data-binary @{shlex.quote(str(event))}"
    yield f"{call} {content} {http}/v1/messages"
    yield f"{call} '{http}/v1/feed?limit=10'"
    yield f"{call} '{http}/v1/conflicts?state=open'"


def left_behind(stage: Stage) -> Iterator[str]:
    """Where the journal was left, and how to verify it."""
    journal, vkey = shlex.quote(str(stage.journal)), shlex.quote(str(stage.vkey))
    yield f"\nThe journal is left in {stage.journal}, with its verifier key. To verify it, offline:"
    yield f"  {shlex.quote(_command())} audit verify {journal} --vkey {vkey}"


def _command() -> str:
    """How this program is called here."""
    found = shutil.which("coordinator")
    own = Path(sys.argv[0]).absolute()
    return "coordinator" if found is not None and Path(found).samefile(own) else str(own)


def _notice(program: Program, which: int) -> Json:
    """A notice of the Patrol's on ground that another agency will be on: the receipt shows a conflict."""
    letter = _disputed(program)
    event = orjson.loads(letter.body)
    data = event["data"]
    number = next(at for at, row in enumerate(program.scenario.agency) if row.id == _SENDER[0])
    data |= {"to": [COORDINATOR], "originator": {"ori": ori_of(number)}, "lead": _SENDER[0], "name": _NAMES[which]}
    data["contact"] = {"callback": phone_of(number), "backup": phone_of(number, 1)}
    data["operation_id"] = uuid7(which, letter.body[-RANDOM_BYTES:])
    return {"type": event["type"], "data": data}


def _event(notice: Json) -> Json:
    """The notice in its whole envelope, as it is posted."""
    source = f"//{'/'.join(_SENDER)}"
    return {
        "specversion": "1.0",
        "id": system_id(),
        "source": source,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **notice,
    }


def _written(event: Json) -> bytes:
    return orjson.dumps(event, option=orjson.OPT_INDENT_2)


def _disputed(program: Program) -> Letter:
    """The notice of another agency's operation whose conflict is still open."""
    disputed = {
        program.operations[each].key
        for conflict in program.conflicts
        for each in conflict.operations
        if conflict.history == (Change.OPENED,) and conflict.sealed is None
    }
    return next(letter for letter in program.letters if letter.key in disputed and letter.agency != _SENDER[0])
