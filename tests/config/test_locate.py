"""Which folder, which environment, which files."""

import os
from pathlib import Path

import pytest

from dbroute import ConfigError, DjangoConfig, load_config
from dbroute.config import environment_name, load
from tests.config.loading import DEFAULT, error, view, write
from tests.projects import project

NAMED = "database: {{url: 'sqlite:///{}.sqlite3'}}"


def loaded_name(folder: Path, environ: dict[str, str], **kwargs: object) -> str:
    """Return which file the default database came from."""
    config = load(folder, environ=environ, **kwargs)  # type: ignore[arg-type]
    return Path(str(config.databases["default"].name)).stem


def failure(folder: Path | None, environ: dict[str, str], **kwargs: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, environ=environ, **kwargs)  # type: ignore[arg-type]
    return str(caught.value)


# Environments


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("dev", "dev"),
        ("development", "dev"),
        ("local", "dev"),
        ("test", "test"),
        ("testing", "test"),
        ("stage", "stage"),
        ("staging", "stage"),
        ("prod", "prod"),
        ("production", "prod"),
        ("PROD", "prod"),
        (" production ", "prod"),
        ("eu-west", "eu-west"),
        ("", "dev"),
        ("  ", "dev"),
    ],
)
def test_synonyms_have_one_canonical_name(name: str, canonical: str) -> None:
    assert environment_name({"DJANGO_ENV": name}) == canonical


def test_environment_is_dev_where_nothing_names_one() -> None:
    assert environment_name({}) == "dev"


@pytest.mark.parametrize("file", ["config.prod.yaml", "config.production.yaml"])
@pytest.mark.parametrize("named", ["prod", "production", "Production"])
def test_every_synonym_finds_every_spelling_of_the_file(named: str, file: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": NAMED.format("base"), file: NAMED.format("prod")})

    config = load(tmp_path, environ={"DJANGO_ENV": named})

    assert (config.environment, config.files) == ("prod", ("config.yaml", file))


def test_environment_of_its_own_finds_its_file(tmp_path: Path) -> None:
    write(tmp_path, {"config.eu-west.yaml": NAMED.format("eu")})

    config = load(tmp_path, environ={"DJANGO_ENV": "eu-west"})

    assert (config.environment, config.files) == ("eu-west", ("config.eu-west.yaml",))


def test_environment_can_be_passed_in_above_the_variable(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, "config.prod.yaml": "{routing: {}}"})

    config = load_config(tmp_path, env="production", environ={"DJANGO_ENV": "nonsense"})

    assert config.environment == "prod"


def test_unknown_environment_lists_the_files_found(tmp_path: Path) -> None:
    files = {"config.yaml": DEFAULT, "config.prod.yaml": DEFAULT, "config.stage.yaml": DEFAULT}
    write(tmp_path, {**files, "config.local.yaml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": "qa"})

    assert message == (
        "DJANGO_ENV  environment 'qa' has no file config.qa.yaml; found config.prod.yaml, config.stage.yaml; "
        "add the file, or correct the name"
    )


def test_unknown_environment_suggests_the_one_that_was_meant(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, "config.prod.yaml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": "prd"})

    assert message == (
        "DJANGO_ENV  environment 'prd' has no file config.prd.yaml; found config.prod.yaml; did you mean 'prod'?"
    )


def test_unknown_environment_without_any_file_names_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": "production"})

    assert message == (
        f"DJANGO_ENV  environment 'production' has no file config.prod.yaml; "
        f"there is no config.<environment>.yaml in {tmp_path}; add the file, or correct the name"
    )


def test_unknown_environment_is_told_in_the_order_of_sources_and_hides_no_other_fault(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "database: {url: '${MISSING}', urll: 5}"})

    message = failure(tmp_path, {"DJANGO_ENV": "prod"})

    assert message.splitlines() == [
        "config.yaml:1:17  database.url: variable MISSING is not set; set MISSING, or write ${MISSING:-default}",
        "config.yaml:1:31  database.urll: unknown key; did you mean 'url'?",
        "DJANGO_ENV  environment 'prod' has no file config.prod.yaml; there is no config.<environment>.yaml in "
        f"{tmp_path}; add the file, or correct the name",
    ]


def test_a_file_that_cannot_be_read_hides_no_fault_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "databse: {}", "config.prod.yaml": "database: {url: 'x"})

    message = failure(tmp_path, {"DJANGO_ENV": "prod", "DBROUTE_ROUTIN__BLOG": "blog_db"})

    assert message.splitlines() == [
        "config.yaml:1:1  databse: unknown key; did you mean 'databases'?",
        "config.prod.yaml:1:17  is not YAML: a quote has no end; close the quote in its line",
        "DBROUTE_ROUTIN__BLOG  unknown part 'ROUTIN'; did you mean 'DBROUTE_ROUTING'?",
    ]


def test_unknown_environment_in_dotenv_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, ".env": "A=1\nDBROUTE_X__Y=1\nDJANGO_ENV=qa\n"})

    message = failure(tmp_path, {})

    assert [line.partition(";")[0] for line in message.splitlines()] == [
        ".env:2  unknown part 'X'",
        ".env:3  environment 'qa' has no file config.qa.yaml",
    ]


@pytest.mark.parametrize("name", ["../prod", "a/b", "prod.yaml", "p\0", "é", "*"])
def test_name_that_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": name})

    assert message == "DJANGO_ENV  is no name of an environment; use letters, digits, - and _"


@pytest.mark.parametrize("name", ["dev", "development", "local", "test", "testing"])
def test_dev_and_test_need_no_file(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT})

    config = load(tmp_path, environ={"DJANGO_ENV": name})

    assert config.files == ("config.yaml",)


def test_project_whose_databases_are_in_a_class_needs_no_file(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}

    config = load(tmp_path, environ={"DJANGO_ENV": "prod"}, declared=Declared())

    assert (config.environment, config.files) == ("prod", ())


def test_project_whose_databases_are_in_settings_needs_no_file_for_the_environment(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "django: {DEBUG: false}"})
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}

    config = load(tmp_path, environ={"DJANGO_ENV": "prod"}, settings=view(DATABASES=databases))

    assert config.environment == "prod"


@pytest.mark.parametrize("databases", [{}, {"default": {}}])
def test_empty_databases_in_settings_declare_nothing(databases: dict[str, object], tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "django: {DEBUG: false}"})

    message = failure(tmp_path, {"DJANGO_ENV": "prod"}, settings=view(DATABASES=databases))

    assert message.startswith("DJANGO_ENV  environment 'prod' has no file config.prod.yaml; ")


def test_databases_in_a_file_make_the_file_of_the_environment_needed(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "database: {url_blog: 'sqlite:///b'}"})
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}

    message = failure(tmp_path, {"DJANGO_ENV": "prod"}, settings=view(DATABASES=databases))

    assert message.startswith("DJANGO_ENV  environment 'prod' has no file config.prod.yaml; ")


def test_two_files_for_one_environment_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, "config.prod.yaml": DEFAULT, "config.production.yaml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": "prod"})

    assert message == ("config.production.yaml  is for the same environment as config.prod.yaml; keep one of the two")


@pytest.mark.parametrize("name", ["config", "config.prod", "config.production", "config.local"])
def test_yml_is_refused_by_name(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.prod.yaml": DEFAULT, f"{name}.yml": DEFAULT})

    message = failure(tmp_path, {"DJANGO_ENV": "prod"})

    assert message == f"{name}.yml  ends in .yml and is not read; rename it {name}.yaml"


def test_folder_with_config_yml_alone_says_to_rename_it(tmp_path: Path) -> None:
    write(tmp_path, {"config.yml": DEFAULT})

    message = failure(tmp_path, {})

    assert message.splitlines()[0] == "config.yml  ends in .yml and is not read; rename it config.yaml"


# Layers and environments


def test_config_local_is_the_highest_file(tmp_path: Path) -> None:
    files = {"config.yaml": NAMED.format("base"), "config.prod.yaml": NAMED.format("prod")}
    write(tmp_path, {**files, "config.local.yaml": NAMED.format("local")})

    config = load(tmp_path, environ={"DJANGO_ENV": "prod"})

    assert config.files == ("config.yaml", "config.prod.yaml", "config.local.yaml")
    assert str(config.databases["default"].name).endswith("local.sqlite3")


@pytest.mark.parametrize("name", ["test", "testing"])
def test_test_environment_reads_neither_config_local_nor_dotenv(name: str, tmp_path: Path) -> None:
    files = {"config.yaml": NAMED.format("base"), "config.local.yaml": NAMED.format("local")}
    write(tmp_path, {**files, ".env": "DATABASE_URL=sqlite:///dotenv.sqlite3\nnot a variable at all\n"})

    assert loaded_name(tmp_path, {"DJANGO_ENV": name}) == "base"


def test_test_environment_named_in_dotenv_reads_no_more_of_it(tmp_path: Path) -> None:
    dotenv = "DJANGO_ENV=test\nDATABASE_URL=sqlite:///dotenv.sqlite3\n"
    write(tmp_path, {"config.yaml": NAMED.format("base"), ".env": dotenv})

    config = load(tmp_path, environ={})

    assert (config.environment, Path(str(config.databases["default"].name)).stem) == ("test", "base")


def test_environment_of_the_process_beats_that_of_dotenv(tmp_path: Path) -> None:
    files = {"config.prod.yaml": NAMED.format("prod"), "config.stage.yaml": NAMED.format("stage")}
    write(tmp_path, {**files, ".env": "DJANGO_ENV=prod"})

    assert loaded_name(tmp_path, {"DJANGO_ENV": "stage"}) == "stage"


def test_environment_of_dotenv_counts_where_the_process_names_none(tmp_path: Path) -> None:
    write(tmp_path, {"config.prod.yaml": NAMED.format("prod"), ".env": "DJANGO_ENV=production"})

    assert loaded_name(tmp_path, {"DJANGO_ENV": ""}) == "prod"


def test_only_the_file_of_the_environment_is_enough(tmp_path: Path) -> None:
    write(tmp_path, {"config.prod.yaml": NAMED.format("prod")})

    assert loaded_name(tmp_path, {"DJANGO_ENV": "prod"}) == "prod"


def test_only_files_of_other_environments_leave_no_default(tmp_path: Path) -> None:
    write(tmp_path, {"config.prod.yaml": DEFAULT})

    message = failure(tmp_path, {})

    assert message == (
        "configuration  databases: there is no database 'default'; "
        "add databases.default, or database.url, or set DATABASE_URL"
    )


def test_dotenv_is_not_interpolated(tmp_path: Path) -> None:
    dotenv = "NAME=x\nDATABASE_URL=sqlite:////tmp/${NAME}$NAME.sqlite3\n"
    write(tmp_path, {"config.yaml": "{routing: {}}", ".env": dotenv})

    config = load(tmp_path, environ={})

    assert config.databases["default"].name == "/tmp/${NAME}$NAME.sqlite3"


def test_dotenv_may_have_quotes_comments_and_export(tmp_path: Path) -> None:
    dotenv = '# a comment\nexport PW=\'it is "q"\'\nEMPTY=\nH="h" # another\n'
    write(tmp_path, {"config.yaml": "database: {url: 'postgresql://u:${PW}@${H}/n${EMPTY}'}", ".env": dotenv})

    config = load(tmp_path, environ={})

    assert config.databases["default"].password.reveal() == 'it is "q"'  # type: ignore[union-attr]


def test_line_in_dotenv_that_is_no_variable_is_told_with_its_number_and_without_its_text(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, ".env": "A=1\n'hunter2\nB=2\n"})

    message = failure(tmp_path, {})

    assert message == ".env:2  is not NAME=value; write one variable a line"


def test_dotenv_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT})
    (tmp_path / ".env").write_bytes(b"A=\xff\n")

    message = failure(tmp_path, {})

    assert message == ".env:1  is not UTF-8; save the file as UTF-8"


def test_folder_named_dotenv_is_a_virtual_environment_and_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    write(tmp_path, {"config.yaml": NAMED.format("base")})

    assert loaded_name(tmp_path, {}) == "base"


def test_loading_leaves_the_environment_of_the_process_alone(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, ".env": "DBROUTE_TEST_LEAK=1"})
    before = dict(os.environ)

    with pytest.raises(ConfigError):
        load_config(tmp_path)

    assert dict(os.environ) == before


# The folder


def test_dbroute_config_may_name_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": NAMED.format("base")})

    config = load(environ={"DBROUTE_CONFIG": str(tmp_path)})

    assert config.folder == tmp_path


def test_dbroute_config_may_name_a_file_and_layers_lie_beside_it(tmp_path: Path) -> None:
    files = {"service.yaml": NAMED.format("base"), "service.prod.yaml": NAMED.format("prod"), "config.yaml": "[]"}
    write(tmp_path, files)

    config = load(environ={"DBROUTE_CONFIG": str(tmp_path / "service.yaml"), "DJANGO_ENV": "prod"})

    assert config.files == ("service.yaml", "service.prod.yaml")


def test_path_beats_dbroute_config(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": NAMED.format("base")})

    config = load(tmp_path, environ={"DBROUTE_CONFIG": "/nowhere"})

    assert config.folder == tmp_path


def test_folder_without_configuration_is_told(tmp_path: Path) -> None:
    message = failure(None, {"DBROUTE_CONFIG": str(tmp_path)})

    assert message == f"DBROUTE_CONFIG  {tmp_path} holds no config.yaml; create it, or name another folder"


def test_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    message = failure(tmp_path / "nowhere", {})

    assert message == (f"path  {tmp_path / 'nowhere'} does not exist; name a folder, or a file that ends in .yaml")


def test_file_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"config.toml": ""})

    message = failure(tmp_path / "config.toml", {})

    assert message == f"path  {tmp_path / 'config.toml'} is no .yaml file; name a folder, or a file that ends in .yaml"


def test_path_with_a_nul_is_told(tmp_path: Path) -> None:
    message = failure(None, {"DBROUTE_CONFIG": "/x\0y"})

    assert message == "DBROUTE_CONFIG  /x\\x00y does not exist; name a folder, or a file that ends in .yaml"


SAY_FOLDER = "from dbroute import load_config\nprint(load_config().folder.name)\n"


@pytest.mark.process
def test_folder_of_manage_py_comes_first(tmp_path: Path) -> None:
    site = project(tmp_path / "site", files={"manage.py": SAY_FOLDER, "config.yaml": DEFAULT})
    elsewhere = project(tmp_path / "elsewhere", files={"config.yaml": DEFAULT})

    done = elsewhere._execute([str(site.root / "manage.py")], {}, None)

    assert (done.stdout, done.stderr) == ("site\n", "")


@pytest.mark.process
@pytest.mark.parametrize("module", ["mysite.settings", "mysite.settings.prod", "mysite"])
def test_folder_of_the_settings_modules_project_comes_next(module: str, tmp_path: Path) -> None:
    site = project(tmp_path / "site", files={"mysite/settings.py": "", "config.yaml": DEFAULT})
    elsewhere = project(tmp_path / "elsewhere", files={"config.yaml": DEFAULT})
    env = {"DJANGO_SETTINGS_MODULE": module}
    code = f"import sys; sys.path.insert(0, {str(site.root)!r})\n{SAY_FOLDER}"

    done = elsewhere.python(code, env=env, setup=False)

    assert (done.stdout, done.stderr) == ("site\n", "")


@pytest.mark.process
def test_working_directory_comes_last(tmp_path: Path) -> None:
    here = project(tmp_path / "here", files={"config.yaml": DEFAULT})

    done = here.python(SAY_FOLDER, env={"DJANGO_SETTINGS_MODULE": "not_there.settings"}, setup=False)

    assert (done.stdout, done.stderr) == ("here\n", "")


@pytest.mark.process
def test_nothing_found_names_the_places_looked_in(tmp_path: Path) -> None:
    site = project(tmp_path / "site", files={"mysite/settings.py": ""})
    elsewhere = project(tmp_path / "elsewhere")
    code = f"""
        import sys

        sys.path.insert(0, {str(site.root)!r})
        import dbroute

        try:
            dbroute.load_config()
        except dbroute.ConfigError as error:
            print(error)
    """

    done = elsewhere.python(code, env={"DJANGO_SETTINGS_MODULE": "mysite.settings"}, setup=False)

    assert done.stdout == (
        f"config.yaml  there is none; looked in {site.root}, {elsewhere.root}; "
        "create it there, or set DBROUTE_CONFIG to its folder\n"
    )


def test_relative_sqlite_file_is_relative_to_the_file_not_to_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "database: {url: 'sqlite:///db/default.sqlite3'}"})

    config = load(tmp_path, environ={})

    assert config.databases["default"].name == str(tmp_path / "db/default.sqlite3")
    assert config.database.url == f"sqlite:///{tmp_path}/db/default.sqlite3"


def test_error_helper_shows_whole_messages(tmp_path: Path) -> None:
    assert error(tmp_path, "[]") == ("config.yaml:1:1  has no sections; start it with a section such as 'databases:'")


def test_line_of_a_variable_after_empty_lines_is_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": DEFAULT, ".env": "\n# first\n\nA=1\n\n  \n  DATABASE_URL_FILE=nowhere\n"})

    message = failure(tmp_path, {})

    assert message == (
        ".env:7  names a file that cannot be read: no such file or directory; check the file and its permissions"
    )
