"""Whether the service's memory stays flat: its resident size while the whole walk takes many messages.

Run as `python -m tests.benchmarks.memory [--messages N]`, on Linux. The service is a process of its own, so that
nothing of the load is counted. SQLite maps no memory (`mmap_size` is printed). Nothing is asserted.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from coordinator import logs
from coordinator.amqp.definitions import definitions, password_hash
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.topology import plan_topology
from coordinator.bootstrap import running
from coordinator.store import open_ledger
from coordinator.store.asking import Figures, figures
from coordinator.store.connections import MMAP_BYTES
from tests import kit
from tests.benchmarks.walk import PASSWORD, Ground, agreed, drained, notice, say

FIRST = 10_000
CHUNK = 5_000


def resident_mb(pid: int) -> float:
    """Resident size of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


async def counted(url: str) -> Figures:
    """What the store holds now."""
    async with open_ledger(url) as store:
        return await store.reading(figures)


async def measure(messages: int) -> dict[str, object]:
    """Send in chunks; after each, when nothing is owed, look."""
    topology = plan_topology(kit.directory(), vhost="coordination")
    loaded = definitions(topology, coordinator_password_hash=password_hash(PASSWORD, b"salt"))
    sizes: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with PrivateNode(definitions=loaded) as node:
            ground = Ground(node, Path(folder))
            settings = ground.settings("memory")
            words = agreed()
            async with running(settings, ground.key) as service:
                await service.intake.receive(words)
                await drained(service, 0)
            home = Path(folder) / "memory"
            (home / "journal.key").write_text(f"{ground.key.encode()}\n")
            program = Path(sys.executable).parent / "coordinator"
            arguments = ("--config", str(home / "coordinator.toml"), "serve")
            environment = {**os.environ, "COORDINATOR_LOG__LEVEL": "error"}
            serving = await asyncio.create_subprocess_exec(program, *arguments, env=environment)
            for done in range(0, messages, CHUNK):
                await ground.empty()
                await ground.fill([notice(number) for number in range(done, done + CHUNK)])
                while True:
                    found = await counted(settings.store.url)
                    if found.messages >= done + CHUNK + len(words) and not found.owed:
                        break
                    if serving.returncode is not None:
                        msg = f"the service ended with {serving.returncode}"
                        raise RuntimeError(msg)
                    await asyncio.sleep(0.5)
                sizes[done + CHUNK] = round(resident_mb(serving.pid), 1)
                say(f"{done + CHUNK} messages: {sizes[done + CHUNK]} MB")
            serving.terminate()
            await serving.wait()
    later = [size for count, size in sizes.items() if count >= FIRST]
    return {
        "messages": messages,
        "mmap_size": MMAP_BYTES,
        "mb_after": sizes,
        "growth_mb_after_first_10000": round(max(later) - sizes[FIRST], 1),
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    logs.configure("error")
    sys.stdout.write(f"{json.dumps(asyncio.run(measure(options.parse_args().messages)))}\n")


if __name__ == "__main__":
    main()
