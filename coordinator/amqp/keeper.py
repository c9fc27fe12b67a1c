"""Keeps processes and their temporary folder from outliving their owner, however the owner ends."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping
from pathlib import Path

from coordinator.model.errors import ConfigurationError

_KEEPER = """
trap '' HUP INT TERM
mkdir -m 700 "$1" && mkdir "$1/running" && echo kept || exit 1
cat > /dev/null                  # ends when the owner closes the pipe, or dies in any way
mv "$1/running" "$1/ended"       # whatever was about to start finds no place to sign in, and gives up
for group in "$1"/ended/*; do
    [ -f "$group" ] && kill -s KILL -- "-$(cat "$group")"  # dash knows `--` only after `-s`
done
tries=0
until rm -rf -- "$1" || [ $tries = 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
"""
"""A shell that outlives its owner by a moment: it ends every process that signed in, then removes the folder."""

_SIGN_IN = 'echo $$ > "$0" && exec "$@"'
"""Becomes the program once its process group stands in a file of `running`: no moment lies between."""


class Keeper:
    """Owns a temporary folder and the processes started through it; `close`, or the owner's end, ends them all."""

    def __init__(self, folder: Path) -> None:
        """Take the path of a folder that does not exist yet; `open` makes it."""
        self.folder = folder
        self._shell: Process | None = None
        self._kept: dict[str, Process] = {}

    async def open(self) -> None:
        """Make the folder and begin to keep it; raises ConfigurationError when it cannot be made."""
        shell = await _session("/bin/sh", "-c", _KEEPER, "keeper", str(self.folder), stdin=PIPE, stdout=PIPE)
        self._shell = shell
        if shell.stdout is None or await shell.stdout.readline() != b"kept\n":
            msg = f"cannot make the temporary folder {self.folder}: check that its parent exists and has room"
            raise ConfigurationError(msg)

    async def spawn(self, name: str, *command: str, env: Mapping[str, str], output: Path) -> Process:
        """Start a program as the leader of its own process group; what it prints is added to `output`."""
        sign_in = str(self.folder / "running" / name)
        with output.open("ab") as log:
            process = await _session(
                "/bin/sh", "-c", _SIGN_IN, sign_in, *command, env=env, cwd=self.folder, stdout=log.fileno()
            )
        self._kept[name] = process
        return process

    async def ended(self, name: str) -> None:
        """Wait for a program to end, then end what it left behind in its group."""
        process = self._kept[name]
        await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        (self.folder / "running" / name).unlink(missing_ok=True)
        del self._kept[name]

    async def close(self) -> None:
        """End every process at once and remove the folder. What is not awaited here happens all the same."""
        if self._shell is None or self._shell.stdin is None:
            return
        self._shell.stdin.close()
        await self._shell.wait()
        for process in self._kept.values():
            with contextlib.suppress(ProcessLookupError):  # as a rule the shell was here before
                process.kill()
            await process.wait()
        self._kept.clear()


async def _session(
    *command: str,
    stdout: int,
    stdin: int = DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a program in a session of its own, where no key pressed in the owner's terminal reaches it."""
    return await asyncio.create_subprocess_exec(
        *command, stdin=stdin, stdout=stdout, stderr=STDOUT, env=env, cwd=cwd, start_new_session=True
    )
