"""Finds the RabbitMQ and Erlang programs of this machine, or says which command installs them."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from coordinator.model.errors import ConfigurationError

SERVER_FOLDERS = (
    Path("/usr/lib/rabbitmq/bin"),  # Debian, Ubuntu
    Path("/opt/homebrew/opt/rabbitmq/sbin"),
    Path("/usr/local/opt/rabbitmq/sbin"),
)
"""Where packages put the server's own script, which need not be on PATH."""

DISTRIBUTION_WRAPPER = "rabbitmq-script-wrapper"
"""Debian's stand-in on PATH: it switches to another user and to the machine's own node."""


_INSTALL = {
    "apt-get": "sudo apt-get install -y --no-install-recommends",
    "brew": "brew install",
    "dnf": "sudo dnf install -y",
    "zypper": "sudo zypper install -y",
    "pacman": "sudo pacman -S --noconfirm",
    "apk": "sudo apk add",
}
_PACKAGES = {
    "apt-get": {"rabbitmq": "rabbitmq-server", "erlang": "erlang-base"},
    "brew": {"rabbitmq": "rabbitmq", "erlang": "erlang"},
    "dnf": {"rabbitmq": "rabbitmq-server", "erlang": "erlang"},
    "zypper": {"rabbitmq": "rabbitmq-server", "erlang": "erlang"},
    "pacman": {"rabbitmq": "rabbitmq", "erlang": "erlang"},
    "apk": {"rabbitmq": "rabbitmq-server", "erlang": "erlang"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The programs of one installed RabbitMQ."""

    server: Path
    """`rabbitmq-server`, the script that RabbitMQ itself ships"""
    epmd: Path
    """Erlang's port mapper, without which no node gets a name"""

    @property
    def ctl(self) -> Path:
        """`rabbitmqctl`, which stands beside the server."""
        return self.server.with_name("rabbitmqctl")


def find_installation(folders: tuple[Path, ...] = SERVER_FOLDERS, path: str | None = None) -> Installation:
    """Find RabbitMQ in `folders`, then on `path` (default: the environment's PATH), and Erlang on `path`.

    Raises ConfigurationError when either is missing; the text names the command that installs it.
    """
    search = os.environ.get("PATH", os.defpath) if path is None else path
    server = next(_servers(folders, search), None)
    if server is None:
        msg = f"RabbitMQ is not installed here. Install it with: {install_command('rabbitmq')}"
        raise ConfigurationError(msg)
    epmd = _epmd(search)
    if epmd is None:
        msg = f"Erlang, which RabbitMQ runs on, is not on PATH. Install it with: {install_command('erlang')}"
        raise ConfigurationError(msg)
    return Installation(server=server, epmd=epmd)


def install_command(what: Literal["rabbitmq", "erlang"], path: str | None = None) -> str:
    """Give the one command that installs it with the package manager that stands on `path` (default: PATH)."""
    for manager, packages in _PACKAGES.items():
        if shutil.which(manager, path=path):
            return f"{_INSTALL[manager]} {packages[what]}"
    return f"the package manager of this system (package {what}), or as www.rabbitmq.com says"


def _servers(folders: tuple[Path, ...], search: str) -> Iterator[Path]:
    on_path = [Path(folder) for folder in search.split(os.pathsep) if folder]
    for folder in (*folders, *on_path):
        program = folder / "rabbitmq-server"
        if os.access(program, os.X_OK) and program.resolve().name != DISTRIBUTION_WRAPPER:
            yield program


def _epmd(search: str) -> Path | None:
    """`epmd` stands on PATH beside `erl`, or, in Erlang's own layout, only under its run-time system."""
    erl = shutil.which("erl", path=search)
    if erl is None:
        return None
    on_path = shutil.which("epmd", path=search)
    beside = Path(erl).resolve().parent.parent.glob("erts-*/bin/epmd")
    return Path(on_path) if on_path else next(beside, None)


if __name__ == "__main__":  # for the scripts, before anything is installed: silence, or the sentence to say
    try:
        find_installation()
    except ConfigurationError as missing:
        sys.exit(str(missing))
