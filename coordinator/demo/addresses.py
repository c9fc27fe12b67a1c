"""What a person needs who wants to look around while the demo stays up: addresses, and commands to paste."""

import shlex
from collections.abc import Iterator

from coordinator.demo.stage import Stage


def addresses(stage: Stage, http: str) -> Iterator[str]:
    """Every address, then commands that are ready to paste."""
    journal, vkey = shlex.quote(str(stage.journal)), shlex.quote(str(stage.vkey))
    store = stage.settings.store.url
    coordinator = f"coordinator --config {shlex.quote(str(stage.config))}"
    yield "\nEverything stays up until Ctrl-C; then it is gone. The passwords are thrown away with it.\n"
    for agency, url in sorted(stage.broker.account_urls.items()):
        yield f"  {agency:<10} {url}"
    yield f"  operator   {stage.broker.operator_url}"
    yield f"  http       {http}/readyz"
    yield f"  journal    {stage.journal}"
    yield f"  vkey       {stage.vkey}"
    yield f"  store      {store}"
    yield f"  log        {stage.log}"
    yield "\nTo paste:\n"
    yield f"  coordinator audit verify {journal} --vkey {vkey}"
    yield f"  coordinator audit verify --store {shlex.quote(store)} --vkey {vkey}"
    yield f"  {coordinator} feed --as mshp --types deconfliction.alert"
    yield f"  {coordinator} doctor"
