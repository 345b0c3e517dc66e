import pytest

from dbroute.routing import Database


def test_entry_without_dbroute_is_a_plain_database():
    database = Database.from_settings("default", {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"})

    assert database == Database("default", source="settings.DATABASES")
    assert database.is_plain


def test_every_key_of_dbroute_is_read():
    entry = {
        "TEST": {"MIGRATE": False},
        "DBROUTE": {
            "readonly": True,
            "migrate": False,
            "replica_of": "a",
            "weight": 3,
            "migrates_like": "b",
            "source": "config.yaml:4:3",
        },
    }

    database = Database.from_settings("x", entry)

    assert database == Database(
        "x",
        readonly=True,
        migrate=False,
        replica_of="a",
        weight=3,
        migrates_like="b",
        test_migrate=False,
        source="config.yaml:4:3",
    )


@pytest.mark.parametrize(
    ("options", "readonly"),
    [
        ({"options": "-c default_transaction_read_only=on"}, True),
        ({"options": "-cdefault_transaction_read_only=on"}, True),
        ({"options": "-c search_path=x -c default_transaction_read_only=TRUE"}, True),
        ({"options": "--default-transaction-read-only=1"}, True),
        ({"options": "-c default_transaction_read_only='on'"}, True),
        ({"default_transaction_read_only": "on"}, True),
        ({"default_transaction_read_only": True}, True),
        ({"options": "-c default_transaction_read_only=off"}, False),
        ({"options": "-c default_transaction_read_only=on -c default_transaction_read_only=off"}, False),
        ({"options": "-c application_name=default_transaction_read_only"}, False),
        ({"default_transaction_read_only": False}, False),
        ({"options": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_option_that_opens_transactions_read_only_implies_readonly(options, readonly):
    database = Database.from_settings("analytics", {"OPTIONS": options})

    assert database.readonly is readonly


@pytest.mark.parametrize(
    ("database", "refuses"),
    [
        (Database("a"), False),
        (Database("a", migrate=False), False),
        (Database("a", readonly=True), True),
        (Database("a", replica_of="b"), True),
    ],
)
def test_read_only_databases_and_replicas_refuse_writes(database, refuses):
    assert database.refuses_writes is refuses
