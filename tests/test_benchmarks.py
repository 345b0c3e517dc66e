"""The benchmarks run, and the bake-off gives dbroute full marks by rules that give none to a silent library."""

import sys
from pathlib import Path

import attrs
import pytest

from benchmarks.bakeoff.contestants import DBROUTE, PEERS
from benchmarks.bakeoff.faults import FAULTS, SECRET, Plant, judged, leaks, named, without_frames
from benchmarks.bakeoff.rows import Row, bake, missed
from benchmarks.peers import REPOSITORY, run
from tests.servers import Server

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/settings.py", line 4, in <module>
    read(conn_max_agee)
         ^^^^^^^^^^^^^
ValueError: something is wrong
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/settings.py", line 4, in <module>
  |     read(conn_max_agee)
  | Several: 1 error
  +-+---------------- 1 ----------------
"""


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    return bake(DBROUTE, sys.executable, tmp_path_factory.mktemp("bakeoff"))


@pytest.mark.process
@pytest.mark.parametrize("fault", FAULTS)
def test_dbroute_gets_full_marks_for_each_fault_alone(row: Row, fault: str) -> None:
    found = attrs.asdict(row.marks[fault])

    assert [column for column, mark in found.items() if mark is False] == []


@pytest.mark.process
def test_dbroute_gets_full_marks_for_several_faults_at_once(row: Row) -> None:
    found = [mark for mark in missed(row) if "at once" in mark]

    assert found == []


@pytest.mark.parametrize("contestant", [DBROUTE, *PEERS], ids=lambda contestant: contestant.name)
def test_every_contestant_meets_every_fault(contestant: object) -> None:
    alone, together = contestant.alone(), contestant.together()

    assert set(alone) == set(together) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_silent_library_gets_no_mark_but_for_silence(fault: str) -> None:
    plant = DBROUTE.alone()[fault]

    marks = judged(fault, plant, 4, False, "System check identified no issues (0 silenced).\n")

    assert not any(mark for column, mark in attrs.asdict(marks).items() if column != "kept")
    assert marks.kept


def test_marks_are_given_for_what_an_answer_names() -> None:
    plant = Plant(key=r"\bdefault\.conn_max_agee\b", file="config.prod.yaml", old="x", new="y")

    marks = judged("typo", plant, 4, True, "config.prod.yaml:4:5  databases.default.conn_max_agee: unknown key\n")

    assert attrs.asdict(marks) == {
        "noticed": True, "key": True, "file": True, "line": True, "layer": True, "remedy": False, "kept": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (TRACEBACK, "Traceback (most recent call last):\nValueError: something is wrong"),
        (GROUP, "  + Exception Group Traceback (most recent call last):\n  | Several: 1 error\n"
                "  +-+---------------- 1 ----------------"),
    ],
)  # fmt: skip
def test_the_frames_of_a_traceback_are_no_part_of_the_answer(output: str, message: str) -> None:
    found = without_frames(output)

    assert found == message


@pytest.mark.parametrize("output", [SECRET, f"app:{SECRET[:6]}...@host", f"app:...{SECRET[-5:]}@host"])
def test_half_a_password_is_a_leak(output: str) -> None:
    assert leaks(output)


def test_a_file_that_cannot_be_parsed_is_named_by_its_name() -> None:
    plant = DBROUTE.together()["not parsable"]

    assert named(plant, "config.local.yaml:3:5  is not YAML")
    assert not named(plant, "config.yaml:3:5  is not YAML")


def test_a_plant_says_which_line_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: 1\nb: 2\n")
    plant = Plant(file="config.yaml", old="b: 2", new="b: 2\nb: 3", mark="b: 3")

    line = plant.into(tmp_path, {})

    assert line == 3
    assert (tmp_path / "config.yaml").read_text() == "a: 1\nb: 2\nb: 3\n"


@pytest.mark.process
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("bakeoff", "| dbroute | 8/8 |"),
        ("config", "600 against 300"),
        ("startup", "django.setup() in a fresh process"),
        ("router", "db_for_read"),
        ("migrations", "| first run, 1 database |"),
    ],
)
def test_a_benchmark_runs_without_the_peers(script: str, says: str) -> None:
    arguments = [] if script == "router" else ["--quick"]

    result = run(sys.executable, ["-m", f"benchmarks.{script}", *arguments], REPOSITORY)

    assert result.returncode == 0, result.stderr
    assert says in result.stdout


@pytest.mark.process
def test_the_benchmark_of_orphans_runs(postgres_server: Server) -> None:
    result = run(sys.executable, ["-m", "benchmarks.orphans", "--quick"], REPOSITORY)

    assert (result.returncode, result.stderr) == (0, "")
    assert "2,000 rows, 20 orphans" in result.stdout


@pytest.mark.process
def test_the_benchmark_of_relations_runs(postgres_server: Server) -> None:
    result = run(sys.executable, ["-m", "benchmarks.relations", "--quick"], REPOSITORY)

    assert (result.returncode, result.stderr) == (0, "")
    assert "select_related() over two" in result.stdout
