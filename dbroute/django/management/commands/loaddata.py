"""``loaddata``: without ``--database`` each object goes to the home of its model."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from django.core.management.commands.loaddata import Command as DjangoCommand
from django.core.serializers.base import DeserializedObject
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

from dbroute.django.routes import project_table

from ..data import AnyAlias, FollowsRules


class Command(FollowsRules, DjangoCommand):
    """Django's ``loaddata``, with a transaction on each database that objects go to."""

    # Django's own attribute; None while natural keys are looked up, so that the routers are asked.
    using: str | None  # type: ignore[assignment]
    _by_rules = False
    _homes: dict[str, set[type[Any]]]  # the models loaded so far, by the alias of their home

    def handle_by_rules(self, *args: Any, **options: Any) -> str | None:
        """Let Django hold the transaction on ``default``, and join the others when the first object for them comes."""
        self._by_rules, self._homes, self._left_out = True, {}, Counter[tuple[str, str]]()
        try:
            return super().handle(*args, **{**options, "database": DEFAULT_DB_ALIAS})
        finally:
            self._by_rules = False

    def loaddata(self, fixture_labels: Sequence[str]) -> None:
        """Load all fixtures, then check constraints and reset sequences on every database before any commits."""
        if not self._by_rules:
            super().loaddata(fixture_labels)
            return
        with ExitStack() as self._transactions:
            try:
                super().loaddata(fixture_labels)
            finally:
                self.using = DEFAULT_DB_ALIAS
            for alias, models in self._homes.items():
                self._finish(alias, models)
        for (label, alias), count in sorted(self._left_out.items() if self.verbosity else ()):
            self.stderr.write(f"Left out {count} object(s) of {label}: its database '{alias}' is read-only.")

    def load_label(self, fixture_label: str) -> None:
        """Load one fixture; natural keys in it are looked up on the home of the model that they name."""
        if self._by_rules:
            self.using = DEFAULT_DB_ALIAS
            self.find_fixtures(fixture_label)  # remembered by Django; file names may hold an alias
            self.using = None
        super().load_label(fixture_label)

    def save_obj(self, obj: DeserializedObject) -> bool:
        """Save one object to the home of its model; leave it out where that is read-only."""
        if not self._by_rules:
            return super().save_obj(obj)
        model = type(obj.object)
        if obj.object._meta.app_config in self.excluded_apps or model in self.excluded_models:
            return False
        home = router.db_for_write(model)
        if project_table().refuses_writes(home):
            self._left_out[model._meta.label, home] += 1
            return False
        self._join(home)
        self.using = AnyAlias()
        try:
            saved = super().save_obj(obj)
        finally:
            self.using = None
        if home != DEFAULT_DB_ALIAS:
            # What stays in self.models is checked by Django, on default.
            self.models.discard(model)
            self._homes[home].add(model)
        return saved

    def _join(self, alias: str) -> None:
        if alias != DEFAULT_DB_ALIAS and alias not in self._homes:
            self._transactions.enter_context(transaction.atomic(using=alias))
            self._transactions.enter_context(connections[alias].constraint_checks_disabled())
            self._homes[alias] = set()

    def _finish(self, alias: str, models: set[type[Any]]) -> None:
        """Do what Django does at the end, on a database that is not its own."""
        connection = connections[alias]
        try:
            connection.check_constraints(table_names=[model._meta.db_table for model in models])
        except Exception as error:
            error.args = (f"Problem installing fixtures: {error}",)
            raise
        self.reset_sequences(connection, models)
