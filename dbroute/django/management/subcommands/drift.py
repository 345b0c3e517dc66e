"""Compare each database with the rules, say what to do about each difference, and exit 1 if there is one."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from dbroute.django.checks import suggestion
from dbroute.django.migrating.drift import Drift, find_drift
from dbroute.django.migrating.plan import plan_targets
from dbroute.django.routes import project_table

from ..failure import PrintedError


def add_arguments(parser: CommandParser) -> None:
    """Take the databases and the form."""
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="ALIAS",
        help="Compare this database only; may be given several times.",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(*, database: Sequence[str], **options: Any) -> str:
    """
    Return what was compared.

    Raises:
        CommandError: There is no database of that name.
        PrintedError: Something has drifted, or a database could not be asked.
    """
    targets = plan_targets(project_table(), connections.settings)
    aliases = [target.alias for target in targets]
    wanted = [database] if isinstance(database, str) else database
    for alias in wanted:
        if alias not in aliases:
            near = suggestion(alias, aliases)
            raise CommandError(f"There is no database '{alias}'. {near}".rstrip())
    found = find_drift(target for target in targets if not wanted or target.alias in wanted)
    text = _as_json(found) if options["json"] else "\n".join(line for drift in found for line in _lines(drift))
    drifted = [drift.alias for drift in found if drift.findings]
    silent = [drift.alias for drift in found if drift.error]
    problems = [
        f"{what}: {', '.join(names)}" for what, names in (("drifted", drifted), ("cannot be asked", silent)) if names
    ]
    if problems:
        raise PrintedError(text, "; ".join(problems))
    return text


def _lines(drift: Drift) -> Iterator[str]:
    if drift.skipped:
        yield f"{drift.alias}: skipped, {drift.skipped}"
    elif drift.error:
        yield f"{drift.alias}: cannot be asked: {drift.error}"
    elif not drift.findings:
        yield f"{drift.alias}: as the rules say"
    else:
        yield f"{drift.alias}:"
        yield from (f"  {one.name} {one.problem}: {one.remedy}" for one in drift.findings)


def _as_json(found: Sequence[Drift]) -> str:
    return json.dumps(
        [
            {
                "alias": drift.alias,
                "skipped": drift.skipped or None,
                "error": drift.error or None,
                "findings": [
                    {"kind": one.kind, "name": one.name, "problem": one.problem, "remedy": one.remedy}
                    for one in drift.findings
                ],
            }
            for drift in found
        ],
        indent=2,
    )
