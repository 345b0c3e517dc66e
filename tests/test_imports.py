"""The rooms of the house import one way, and without Django where they promise it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.projects import REPOSITORY, clean_environment

PACKAGE = REPOSITORY / "dbroute"


@pytest.mark.process
@pytest.mark.parametrize(
    "module",
    ["dbroute", "dbroute.routing", "dbroute.routing.routers", "dbroute.config", "dbroute.cli", "dbroute.testing"],
)
def test_import_leaves_django_alone(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name.split('.')[0] == 'django'])"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


# Arrows between the rooms

# A room may import itself and the rooms named here, at the top of a module and inside functions.
ARROWS = {
    "exceptions": set(),
    "models": {"exceptions"},
    "config": {"exceptions", "models"},
    "routing": {"exceptions", "models"},
    "cli": {"__init__", "exceptions", "models", "config"},
    "__main__": {"cli"},
    "testing": {"exceptions", "models", "config", "routing"},
    "__init__": {"exceptions", "models", "config"},
    "django": {"exceptions", "models", "config", "routing"},
}

# The imports inside functions that go against the arrows, module to module: the whole list.
DEFERRED = {
    ("dbroute", "dbroute.django.settings"),  # configure
    ("dbroute.models", "dbroute.config"),  # DjangoConfig.load
    ("dbroute.models", "dbroute.django.settings"),  # DjangoConfig.get_all_settings
    ("dbroute.routing.routers", "dbroute.django.routes"),  # a router without a table asks for the project's
    ("dbroute.testing.connections", "dbroute.django.guard"),  # override_config changes what Django has
    ("dbroute.testing.override", "dbroute.django.routes"),
    ("dbroute.testing.project", "dbroute.django.settings"),
    ("dbroute.testing.plugin", "dbroute.django.migrating.for_tests"),  # test databases in lockstep
    ("dbroute.testing.runner", "dbroute.django.migrating.for_tests"),
}

# Only the configuration may know these.
OF_CONFIG = {"dynaconf", "dj_database_url", "yaml", "dotenv"}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the dotted name and the file of each module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def room(module: str) -> str:
    """Return the room of a module: the first name below ``dbroute``."""
    return [*module.split("."), "__init__"][1]


class Imports(ast.NodeVisitor):
    """
    The imports of one module.

    Attributes:
        found: Imported module, and whether the import stands inside a function.
    """

    def __init__(self, module: str, path: Path, known: set[str]) -> None:
        self.found: set[tuple[str, bool]] = set()
        self._package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        self._known = known
        self._depth = 0
        self.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        """Leave out what only type checkers read."""
        if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found |= {(name.name, bool(self._depth)) for name in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            above = self._package.split(".")[: len(self._package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
        for name in node.names:
            full = f"{base}.{name.name}"
            self.found.add((full if full in self._known else base, bool(self._depth)))

    def visit_Call(self, node: ast.Call) -> None:
        """Count ``import_module("dbroute.x")`` as well."""
        if ast.unparse(node.func).endswith("import_module") and node.args and isinstance(node.args[0], ast.Constant):
            self.found.add((str(node.args[0].value), bool(self._depth)))
        self.generic_visit(node)


def imports() -> Iterator[tuple[str, str, bool]]:
    """Yield importing module, imported module and whether it is deferred, for the whole package."""
    files = dict(modules())
    for module, path in files.items():
        for imported, deferred in sorted(Imports(module, path, set(files)).found):
            yield module, imported, deferred


def test_rooms_import_one_way() -> None:
    known = dict(modules())

    against = [
        (module, imported, "deferred" if deferred else "at the top")
        for module, imported, deferred in imports()
        if imported in known
        and room(module) != room(imported)
        and room(imported) not in ARROWS[room(module)]
        and not (deferred and (module, imported) in DEFERRED)
    ]

    assert against == []


def test_list_of_deferred_imports_holds_nothing_stale() -> None:
    deferred = {(module, imported) for module, imported, inside in imports() if inside}

    assert DEFERRED - deferred == set()


def test_only_the_django_room_imports_django() -> None:
    importing = {room(module) for module, imported, _ in imports() if imported.split(".")[0] == "django"}

    assert importing <= {"django", "testing"}


# Django's runner imports it by its name when it has read the settings, and it is a class of Django's.
RUNNER = ("dbroute.testing.runner", "django")


@pytest.mark.process
@pytest.mark.parametrize("module", ["dbroute.testing.runner", "dbroute.testing.plugin"])
def test_test_runner_and_plugin_leave_the_line_in_settings_its_first_import(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith('dbroute.django')])"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_tests_side_imports_django_only_inside_functions() -> None:
    early = [
        (module, imported)
        for module, imported, deferred in imports()
        if room(module) == "testing" and not deferred and imported.startswith(("django", "dbroute.django"))
    ]
    early = [(module, imported) for module, imported in early if (module, imported.split(".")[0]) != RUNNER]

    assert early == []


def test_only_the_configuration_room_knows_the_libraries_of_the_configuration() -> None:
    importing = {room(module) for module, imported, _ in imports() if imported.split(".")[0] in OF_CONFIG}

    assert importing == {"config"}
