"""How conflict checks grow with the number of live operations: spread evenly, and clustered in three cities.

Run as `python -m tests.benchmarks.checks [--small N] [--large N]`. Nothing is asserted.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from coordinator.bench.checks import BATCH, measure_checks


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", type=int, default=10_000)
    options.add_argument("--large", type=int, default=1_000_000)
    chosen = options.parse_args()
    small, large = chosen.small, chosen.large
    with tempfile.TemporaryDirectory() as folder:
        even = {n: await measure_checks(Path(folder), n) for n in (small, large)}
        near = {n: await measure_checks(Path(folder), n, clustered=True) for n in (large // 10, large)}
    printed = {
        "batch": BATCH,
        "spread_evenly": {n: asdict(each) for n, each in even.items()},
        "ratio_large_small": round(even[large].ms / even[small].ms, 2),
        "clustered": {n: asdict(each) for n, each in near.items()},
        "ratio_per_candidate": round(near[large].us_per_candidate / near[large // 10].us_per_candidate, 2),
    }
    sys.stdout.write(f"{json.dumps(printed)}\n")


if __name__ == "__main__":
    asyncio.run(main())
