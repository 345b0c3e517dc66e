"""
Runs the bake-off and prints its table: ``python -m benchmarks.bakeoff --peers DIR``.

Without ``--peers`` dbroute bakes alone. ``--write`` puts the table into the documentation, ``--answers`` shows what
each process printed, ``--missed`` what each contestant did not reach.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import REPOSITORY, add_peers_option, peers_python, versions

from .contestants import DBROUTE, PEERS
from .rows import bake, missed, table

PAGE = REPOSITORY / "docs" / "explanation" / "bakeoff.md"
BEGIN, END = "<!-- bake-off: begin -->\n", "<!-- bake-off: end -->\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bakeoff", description=__doc__)
    add_peers_option(parser)
    parser.add_argument("--quick", action="store_true", help="leave the peers out")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(REPOSITORY)}")
    parser.add_argument("--answers", action="store_true", help="show what each process prints")
    parser.add_argument("--missed", action="store_true", help="list the marks that each contestant did not reach")
    options = parser.parse_args(arguments)
    peers = () if options.quick or options.peers is None else PEERS
    if options.write and not peers:
        parser.error("--write needs --peers")
    python = peers_python(options.peers) if peers else Path(sys.executable)
    rows = []
    with tempfile.TemporaryDirectory() as root:
        for number, contestant in enumerate((DBROUTE, *peers)):
            folder = Path(root) / str(number)
            folder.mkdir()
            rows.append(bake(contestant, python, folder, show=options.answers))
    packages = dict.fromkeys(name for row in rows for name in row.contestant.packages)
    text = table(rows, versions(python, ["django", *packages, "dj-database-url"]))
    print(text)
    if options.missed:
        for row in rows:
            print(f"{row.contestant.name}:", *(missed(row) or ["nothing missed"]), sep="\n  ")
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
