"""
Runs the property tests again and again with other seeds, for as long as it is told: `make prove MINUTES=10`.

Each round also deletes from other graphs of rows over three databases. The first finding ends it with exit code 1 and
its seed, with which `pytest -m hypothesis --hypothesis-seed=…` or `DELETION_SEED=… pytest -k end_like` repeats it.
"""

import argparse
import os
import subprocess
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the first seed")
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    rounds = 0
    while time.monotonic() < end:
        seed = options.seed + rounds
        for chosen in (
            ("-m", "hypothesis", f"--hypothesis-seed={seed}", "tests/config"),
            ("-k", "end_like", "tests/relations/test_deleting.py"),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", *chosen],
                env={**os.environ, "DELETION_SEED": str(seed)},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(f"{done.stdout}{done.stderr}\nfound with seed {seed} in round {rounds + 1}")
                return 1
            print(f"seed {seed}: {done.stdout.strip().splitlines()[-1]}", flush=True)
        rounds += 1
    print(f"{rounds} rounds in {options.minutes:g} minutes, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
