"""The route table: rules and databases, compiled once into answers by model class."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self, cast

import attrs

from .databases import Database
from .rules import HAND_WRITTEN, Rule
from .scope import clear_for_migrations, keep, migrated_here

DEFAULT = "default"

Model = type[Any]


class Registry(Protocol):
    """The part of Django's app registry that routing asks."""

    def get_registered_model(self, app_label: str, model_name: str) -> Model:
        """Return the model class, or raise LookupError."""
        ...


class Homes(dict[Model, str | None]):
    """
    Where a model is read and written, by class: its home, or the database that is being migrated where its tables are
    there too; ``None`` where the table has no opinion.

    A class that is not the registered one is answered and forgotten: migrations build historical classes by the
    thousand, and a key would keep each of them alive.
    """

    def __init__(self, table: "Callable[[], RouteTable]") -> None:
        super().__init__()
        self._table = table
        clear_for_migrations(self)

    def __missing__(self, model: Model) -> str | None:
        table = self._table()
        here = migrated_here()
        if here is not None and table.is_second_home(here, model):
            return here
        home = table.home(model) if table.has_opinion else None
        if table.registers(model):
            keep(self, model, home)
        return home


def _never() -> bool:
    return False


def _as_tuple(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(rules)


@attrs.frozen(eq=False)
class RouteTable:
    """
    Answers which database is whose home.

    Attributes:
        rules: As configured; where two match, the more specific decides, and of equals the first.
        databases: Alias to :class:`~dbroute.routing.databases.Database`.
        registry: Django's app registry. Without it nothing is kept by class, so that every look-up is a slow one.
        under_test: Says whether a test runner is at work: readonly and ``migrate: false`` databases are its own then.
        homes: The look-up by model class.
        has_opinion: False where no rule, replica, readonly or ``migrate: false`` exists: Django decides alone.
    """

    rules: tuple[Rule, ...] = attrs.field(default=(), converter=_as_tuple)
    databases: Mapping[str, Database] = attrs.field(factory=dict)
    registry: Registry | None = None
    under_test: Callable[[], bool] = _never
    homes: Homes = attrs.field(init=False, repr=False)
    has_opinion: bool = attrs.field(init=False)
    _decided: dict[tuple[str, str], Rule | None] = attrs.field(factory=dict, init=False, repr=False)

    @homes.default
    def _no_homes_yet(self) -> Homes:
        return Homes(lambda: self)

    @has_opinion.default
    def _whether_anything_is_said(self) -> bool:
        return bool(self.rules) or not all(database.is_plain for database in self.databases.values())

    @classmethod
    def from_settings(
        cls,
        databases: Mapping[str, Mapping[str, Any]],
        rules: Mapping[str, str],
        *,
        sources: Mapping[str, str] | None = None,
        registry: Registry | None = None,
        under_test: Callable[[], bool] = _never,
    ) -> Self:
        """
        Compile what Django's settings say.

        Args:
            databases: DATABASES.
            rules: DATABASE_ROUTING_RULES.
            sources: Where each rule stands; those without a source are called hand-written.
            registry: See :class:`RouteTable`.
            under_test: See :class:`RouteTable`.
        """
        sources = sources or {}
        return cls(
            rules=[Rule(key, alias, sources.get(key, HAND_WRITTEN)) for key, alias in rules.items()],
            databases={alias: Database.from_settings(alias, entry) for alias, entry in databases.items()},
            registry=registry,
            under_test=under_test,
        )

    def home(self, model: Model) -> str:
        """Return the alias that the model's rule names, else ``default``."""
        return _alias_of(self.rule_for(model))

    def home_of_label(self, app_label: str, model_name: str) -> str:
        """Return the home of a model that is known by name only; the name may be in CamelCase."""
        return _alias_of(self._rule_for_label(app_label, model_name))

    def home_of_app(self, app_label: str) -> str:
        """Return the alias that the app's rule names, else ``default``; rules for single models do not count."""
        return _alias_of(self._decide(app_label, ""))

    def homes_of_app(self, app_label: str) -> set[str]:
        """Return every alias on which a model of an app may live."""
        return {self.home_of_app(app_label), *(rule.alias for rule in self.rules if rule.may_match_of(app_label))}

    def rule_for(self, model: Model) -> Rule | None:
        """Return the rule that decides the model's home; ``None`` where none does."""
        meta = owner_of(model)._meta
        return self._decide(meta.app_label, meta.model_name)

    def registers(self, model: Model) -> bool:
        """Say whether this is the class that the app registry knows under its name."""
        if self.registry is None:
            return False
        meta = model._meta
        try:
            return self.registry.get_registered_model(meta.app_label, meta.model_name) is model
        except LookupError:
            return False

    def homes_in_rules(self) -> list[str]:
        """Return ``default`` and every alias that a rule names: in the order of DATABASES, unknown ones at the end."""
        named = {rule.alias: None for rule in self.rules}
        known = [alias for alias in self.databases if alias in named and alias != DEFAULT]
        return [DEFAULT, *known, *(alias for alias in named if alias not in self.databases and alias != DEFAULT)]

    def primary(self, alias: str | None) -> str | None:
        """Return the alias itself, or the primary of which it is a replica."""
        database = self.databases.get(alias) if alias else None
        return database.replica_of if database is not None and database.replica_of else alias

    def modelled_on(self, alias: str) -> str:
        """Return the alias whose tables this one has: itself, or the end of its ``migrates_like``."""
        seen = set()
        while (database := self.databases.get(alias)) is not None and database.migrates_like and alias not in seen:
            seen.add(alias)
            alias = database.migrates_like
        return alias

    def is_second_home(self, alias: str, model: Model) -> bool:
        """Say whether the model's tables are on this database because it ``migrates_like`` their home."""
        original = self.modelled_on(alias)
        return original != alias and original == self.home(model)

    def takes_migrations(self, alias: str) -> bool:
        """Say whether migrations run on this database at all, whatever the model."""
        database = self.databases.get(alias)
        if database is None or database.is_plain:
            return True
        if database.replica_of is not None:
            return False
        return database.test_migrate and self.under_test()

    def takes_historical(self, alias: str, app_label: str, model_name: str) -> bool:
        """Say whether a table that a migration names belongs on this database, whatever the code says of it today."""
        home = _alias_of(self._decide(app_label, model_name))
        return self.takes_migrations(alias) and self.modelled_on(alias) == home

    def refuses_writes(self, alias: str) -> bool:
        """Say whether writes to this database are refused; a test runner may write everywhere."""
        database = self.databases.get(alias)
        return database is not None and database.refuses_writes and not self.under_test()

    def _rule_for_label(self, app_label: str, model_name: str) -> Rule | None:
        if self.registry is not None:
            try:
                return self.rule_for(self.registry.get_registered_model(app_label, model_name))
            except LookupError:
                pass  # a model of a migration that the code no longer has
        return self._decide(app_label, model_name)

    def _decide(self, app_label: str, model_name: str) -> Rule | None:
        key = (app_label, model_name)
        if key not in self._decided:
            self._decided[key] = most_specific(rule for rule in self.rules if rule.matches(app_label, model_name))
        return self._decided[key]


def most_specific(rules: Iterable[Rule]) -> Rule | None:
    """Return the rule that decides among those that match; the first one of equals."""
    return max(rules, key=lambda rule: rule.specificity, default=None)


def owner_of(model: Model) -> Model:
    """
    Return the model whose home is this one's: the declaring one of a many-to-many table, the concrete one of a proxy.

    The database cache's stand-in class has neither attribute, and a swapped or historical model has its own ones.
    """
    meta: Any = model._meta
    declaring: Any = getattr(meta, "auto_created", False)
    if declaring:
        return owner_of(declaring)
    if meta.proxy and meta.concrete_model is not None:
        return cast(Model, meta.concrete_model)
    return model


def _alias_of(rule: Rule | None) -> str:
    return rule.alias if rule is not None else DEFAULT
