"""
Refuses writes to read-only databases, on the last step before the driver.

A router cannot do it: Django asks ``db_for_write`` also where nothing is written, for an assignment for example. So the
guard is a wrapper around the statements of those connections that are read-only; the others never meet it.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from dbroute.exceptions import ReadOnlyDatabaseError
from dbroute.models import starts_read_only
from dbroute.routing.databases import Database

from .routes import project_table, under_test
from .statements import find_write


def install() -> None:
    """Watch every connection from now on, and those that are open already."""
    connection_created.connect(_watch, dispatch_uid="dbroute.guard")
    for connection in connections.all(initialized_only=True):
        _watch(sender=type(connection), connection=connection)


def refuse_writes(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
) -> Any:  # the signature is Django's, for execute wrappers
    """
    Let a statement through unless it writes.

    Raises:
        ReadOnlyDatabaseError: It writes, and no test runner is at work.
    """
    alias = context["connection"].alias
    table = project_table()
    if table.refuses_writes(alias):
        write = find_write(_text(sql))
        if write is not None:
            database = table.databases[alias]
            raise ReadOnlyDatabaseError(_label(write.table) or write.verb, alias, database.source, _remedy(database))
    return execute(sql, params, many, context)


def _watch(*, sender: type[BaseDatabaseWrapper], connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if under_test() and starts_read_only(connection.settings_dict.get("OPTIONS")):
        # A test runner creates, fills and drops its own copy; also over __no_db__, where the alias says nothing.
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
    database = project_table().databases.get(connection.alias)
    if database is not None and database.refuses_writes and refuse_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(refuse_writes)


def _remedy(database: Database) -> str:
    """Return what lets the write happen, where it should."""
    if database.replica_of is not None:
        return f"write to its primary, '{database.replica_of}'"
    if starts_read_only(connections.settings[database.alias].get("OPTIONS")):
        return "write to another database, or remove default_transaction_read_only from its options"
    return f"write to another database, or set databases.{database.alias}.readonly to false"


def _text(sql: Any) -> str:
    """Return the statement as text; psycopg also takes bytes and composed statements."""
    if isinstance(sql, bytes):
        return sql.decode(errors="replace")
    as_string = getattr(sql, "as_string", None)
    return as_string(None) if as_string is not None else str(sql)


def _label(table: str) -> str:
    """Return the label of the model that has the table; the table's name where none has."""
    for model in apps.get_models(include_auto_created=True):
        # A db_table may hold quotes and a schema of its own.
        if table and model._meta.db_table.split(".")[-1].strip("\"'`") == table and not model._meta.proxy:
            return model._meta.label
    return table
