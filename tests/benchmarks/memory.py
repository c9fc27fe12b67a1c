"""Whether the service's memory stays flat: its resident size while the whole walk takes many messages.

Run as `python -m tests.benchmarks.memory [--messages N]`, on Linux. The service is a process of its own, so that
nothing of the load is counted. SQLite maps no memory (`mmap_size` is printed). Nothing is asserted.
"""

import argparse
import asyncio
import json
import re
import sys
from pathlib import Path

from coordinator import logs
from coordinator.bench.ground import Ground, set_up
from coordinator.bench.rates import COPIES, agree, drained
from coordinator.bench.servers import coordinator
from coordinator.bench.traffic import notice
from coordinator.store import open_ledger
from coordinator.store.connections import MMAP_BYTES
from coordinator.store.gauging import paid

FIRST = 10_000
CHUNK = 5_000


def resident_mb(pid: int) -> float:
    """Resident size of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


async def sizes_mb(ground: Ground, messages: int) -> dict[int, float]:
    """Send in chunks; after each, when nothing is owed, look."""
    sizes: dict[int, float] = {}
    with ground.fresh("memory") as home:
        async with open_ledger(home.url) as store:
            numbered = (await store.reading(paid)).numbered
            async with coordinator(home) as server:
                for done in range(0, messages, CHUNK):
                    await ground.empty()
                    await ground.fill([notice(number) for number in range(done, done + CHUNK)])
                    await server.outlives(drained(store, numbered + (done + CHUNK) * COPIES))
                    sizes[done + CHUNK] = round(resident_mb(server.process.pid), 1)
                    sys.stderr.write(f"{done + CHUNK} messages: {sizes[done + CHUNK]} MB\n")
    return sizes


async def measure(messages: int) -> dict[str, object]:
    """The sizes, and how much they grew after the first 10,000 messages."""
    async with set_up() as ground:
        await agree(ground)
        sizes = await sizes_mb(ground, messages)
    later = [size for count, size in sizes.items() if count >= FIRST]
    return {
        "messages": messages,
        "mmap_size": MMAP_BYTES,
        "mb_after": sizes,
        "growth_mb_after_first_10000": round(max(later) - sizes[FIRST], 1) if FIRST in sizes else None,
    }


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    logs.configure("error")
    sys.stdout.write(f"{json.dumps(asyncio.run(measure(options.parse_args().messages)))}\n")


if __name__ == "__main__":
    main()
