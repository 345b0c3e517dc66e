"""
Runs the property tests again and again with other seeds, for as long as it is told: `make prove MINUTES=10`.

The first finding ends it with exit code 1 and its seed, with which
`pytest -m hypothesis --hypothesis-seed=…` repeats it.
"""

import argparse
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
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "hypothesis",
            f"--hypothesis-seed={seed}",
            "tests/config",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{done.stdout}{done.stderr}\nfound with seed {seed} in round {rounds + 1}")
            return 1
        rounds += 1
        print(f"seed {seed}: {done.stdout.strip().splitlines()[-1]}", flush=True)
    print(f"{rounds} rounds in {options.minutes:g} minutes, no finding")
    return 0


if __name__ == "__main__":
    sys.exit(main())
