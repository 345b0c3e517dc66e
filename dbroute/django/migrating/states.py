"""
Model states that render no more than an operation needs.

Django renders a model and all its relatives again whenever one of them changes. Here a registry of *lean* classes
follows the schema operations: a model is rendered when its own state changed, when a base did, or when what its foreign
keys say about their target did. Whatever looks further (code, reverse relations, operations of other packages) gets a
*complete* registry, rendered from nothing exactly as Django's own; all databases share it, and nothing changes it
afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, cast

from django.apps import apps as installed
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import AppConfigStub, ModelState, ProjectState, StateApps
from django.db.migrations.utils import resolve_relation
from django.db.models.fields.related import RECURSIVE_RELATIONSHIP_CONSTANT

# A model in lower case: app label and name.
Key = tuple[str, str]


class LeanApps(StateApps):
    """A registry in which classes are replaced one at a time, while views of it keep those that they saw."""

    def __init__(self, real_apps: Any, states: dict[Key, ModelState]) -> None:
        self._whole = True
        super().__init__(real_apps, states)
        self._whole = False

    def clear_cache(self) -> None:
        """Forget what follows from the set of models; what each class says of its relatives is not asked here."""
        if self._whole:
            super().clear_cache()
            return
        cached: Any = (self.get_models, self.get_swappable_settings_name)
        for answers in cached:
            answers.cache_clear()

    def replace(self, states: Iterable[ModelState], gone: Iterable[Key]) -> None:
        """Render models anew, and take out those that are gone."""
        states = list(states)
        for label in {state.app_label for state in states} | {label for label, _ in gone}:
            self._own(label)
        for key in gone:
            self.unregister_model(*key)
        for state in states:
            self.unregister_model(state.app_label, state.name_lower)
        self.render_multiple(states)

    def view(self) -> View:
        """Return what the registry holds now."""
        return View(self)

    def _own(self, label: str) -> None:
        """Copy the models of an app, so that views of the registry keep theirs."""
        self.all_models[label] = dict(self.all_models[label])
        if label not in self.app_configs:
            self.app_configs[label] = AppConfigStub(label)
            self.app_configs[label].apps = self
        self.app_configs[label].models = self.all_models[label]


class View(StateApps):
    """The classes that a registry held at one moment; a fork of it can be changed without changing the original."""

    def __init__(self, origin: StateApps) -> None:
        self.__dict__.update(origin.__dict__)
        self.all_models = defaultdict(dict, origin.all_models)
        self.app_configs = dict(origin.app_configs)

    def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
        """Return a model class, by two names or by ``label.name``."""
        if model_name is None:
            app_label, model_name = app_label.split(".")
        try:
            return self.all_models[app_label][model_name.lower()]
        except KeyError:
            raise LookupError(f"App '{app_label}' doesn't have a '{model_name}' model.") from None

    def fork(self) -> LeanApps:
        """Return a registry of its own that begins with these classes."""
        fork = LeanApps.__new__(LeanApps)
        fork.__dict__.update(self.__dict__)
        fork.all_models = defaultdict(dict, {label: dict(found) for label, found in self.all_models.items()})
        fork.app_configs = {}
        for label in self.app_configs:
            stub = AppConfigStub(label)
            stub.apps, stub.models = fork, fork.all_models[label]
            fork.app_configs[label] = stub
        fork._pending_operations = defaultdict(list)
        return fork


class Tracked(dict[Key, ModelState]):
    """
    Model states by key. While an operation changes them, each is copied before it is handed out.

    A shallow copy of this mapping is therefore a picture of all states at that moment.
    """

    fresh: set[Key] | None = None

    def __getitem__(self, key: Key) -> ModelState:
        found = super().__getitem__(key)
        if self.fresh is None or key in self.fresh:
            return found
        self.fresh.add(key)
        copied = _copy(found)
        super().__setitem__(key, copied)
        return copied

    def begin(self, *, everything: bool) -> None:
        """Begin an operation; ``everything`` where it may change models that it does not ask for by name."""
        self.fresh = set()
        if everything:
            for key in list(self):
                self[key]  # copies it

    def end(self) -> None:
        """End the operation."""
        self.fresh = None


class LeanState(ProjectState):
    """
    A project state that notes which models operations change, and renders them when somebody asks.

    Attributes:
        models: The states.
    """

    models: Tracked

    def __init__(self, states: dict[Key, ModelState] | None = None, real_apps: set[str] | None = None) -> None:
        super().__init__(None, real_apps if real_apps is not None else set())
        self.models = Tracked(states or {})
        self._changed: set[Key] = set()
        self._lean: LeanApps | None = None
        self._facts: dict[Key, Any] = {}
        self._complete: StateApps | None = None
        self._unseen: set[Key] = set()  # what has changed since the complete registry was rendered
        self._links: dict[Key, set[Key]] = {}  # what its models name
        self._renewed = 0  # how many of them were rendered again since it was rendered from nothing

    def advance(self, operation: Operation, app_label: str, *, everything: bool) -> None:
        """Let an operation change the state."""
        self.models.begin(everything=everything)
        try:
            operation.state_forwards(app_label, self)
        finally:
            self.models.end()

    def add_model(self, model_state: ModelState) -> None:
        """Note the model."""
        super().add_model(model_state)
        self._note((model_state.app_label, model_state.name_lower))

    def remove_model(self, app_label: str, model_name: str) -> None:
        """Note that the model is gone."""
        super().remove_model(app_label, model_name)
        self._note((app_label, model_name))

    def reload_model(self, app_label: str, model_name: str, delay: bool = False) -> None:
        """Note the model; it will be rendered when somebody asks."""
        self._note((app_label, model_name.lower()))

    def reload_models(self, models: Iterable[Key], delay: bool = True) -> None:
        """Note the models; they will be rendered when somebody asks."""
        for key in models:
            self._note(key)

    def rename_field(self, app_label: str, model_name: str, old_name: str, new_name: str) -> None:
        """Rename a field; those that refer to it are copied first, for Django writes the new name into them."""
        renamed = app_label, model_name
        for key, state in self.models.items():
            for name, field in state.fields.items():
                if key == renamed or renamed in targets_of(field, state):
                    state.fields[name] = field.clone()
        super().rename_field(app_label, model_name, old_name, new_name)

    def clear_delayed_apps_cache(self) -> None:
        """Do nothing: a complete registry has no delayed models."""

    def clone(self) -> ProjectState:
        """Return a state as Django's own, of which everything is a copy."""
        return ProjectState({key: state.clone() for key, state in self.models.items()}, self.real_apps)

    @property
    def apps(self) -> StateApps:
        """The complete registry."""
        return self.complete()

    def complete(self, *, in_order: bool = False) -> StateApps:
        """
        Return a registry in which everything is right, the same one as long as nothing changes.

        Args:
            in_order: Whether its models have to stand in the order of their states; then it is rendered from nothing.
        """
        if self._complete is None or self._unseen or (in_order and self._renewed):
            before = self._links
            self._links = {
                key: before[key] if key in before and key not in self._unseen else _links(state)
                for key, state in self.models.items()
            }
            again = _closure(self._unseen, _both_ways(before, self._links))
            self._renewed += len(again)
            # A class keeps the registry alive in which it was rendered, and that one all classes of its time.
            if self._complete is None or in_order or self._renewed > len(self.models):
                self._renewed = 0
                self._complete = None
                self._complete = StateApps(cast(Any, self.real_apps), self.models)
            else:
                self._complete = _with_new(self._complete, self.models, again)
            self._unseen = set()
        return self._complete

    def lean(self) -> View:
        """Return the lean classes as they are now, after rendering what has changed."""
        if self._lean is None:
            self._lean = LeanApps(self.real_apps, self.models)
            self._facts = {key: _facts(state) for key, state in self.models.items()}
        elif self._changed:
            self._render(self._lean)
        self._changed = set()
        return self._lean.view()

    def picture(self, apps: StateApps | None = None) -> ProjectState:
        """
        Return a state that later operations leave alone.

        Args:
            apps: Its registry; without one it is rendered when somebody asks.
        """
        picture = Picture(dict(self.models), self.real_apps)
        if apps is not None:
            picture.__dict__["apps"] = apps
        return picture

    def branch(self) -> LeanState:
        """Return a state that begins where this one stands and goes its own way."""
        branch = LeanState({key: _copy(state) for key, state in self.models.items()}, self.real_apps)
        branch._lean = self.lean().fork()
        branch._facts = dict(self._facts)
        if not self._unseen:
            branch._complete, branch._links, branch._renewed = self._complete, self._links, self._renewed
        return branch

    def _note(self, key: Key) -> None:
        self._changed.add(key)
        self._unseen.add(key)

    def _render(self, lean: LeanApps) -> None:
        again = {key for key in self._changed if key in self.models}
        gone = self._changed - again
        moved = set()
        for key in again:
            facts = _facts(self.models[key])
            # A model that is new has nobody yet who points at an older class of it.
            if self._facts.get(key, facts) != facts:
                moved.add(key)
            self._facts[key] = facts
        for key in gone:
            self._facts.pop(key, None)
        if moved:
            again |= _closure(moved, self._pointing())
        again = _closure(again, self._derived())
        lean.replace([state for key, state in self.models.items() if key in again], gone)

    def _pointing(self) -> dict[Key, set[Key]]:
        """Return, for each model, those with a foreign key or a many-to-many field to it."""
        found: dict[Key, set[Key]] = defaultdict(set)
        for key, state in self.models.items():
            for target in _targets(state):
                found[target].add(key)
        return found

    def _derived(self) -> dict[Key, set[Key]]:
        """Return, for each model, those that inherit from it."""
        found: dict[Key, set[Key]] = defaultdict(set)
        for key, state in self.models.items():
            for base in state.bases:
                if isinstance(base, str):
                    found[resolve_relation(base, state.app_label)].add(key)
        return found


class Picture(ProjectState):
    """The state before or after one operation."""

    def clear_delayed_apps_cache(self) -> None:
        """Do nothing: what is asked for has been rendered."""


def with_relations(complete: StateApps) -> StateApps:
    """
    Give the models of apps without migrations their relations, which they lack while migrations run.

    Args:
        complete: A complete registry; it is changed, and returned.
    """
    keys = [(state.app_label, state.name_lower) for state in complete.real_models]
    with complete.bulk_update():
        for key in keys:
            complete.unregister_model(*key)
    complete.render_multiple([ModelState.from_model(installed.get_model(*key)) for key in keys])
    return complete


def _with_new(complete: StateApps, states: dict[Key, ModelState], keys: set[Key]) -> StateApps:
    """Return a copy of a complete registry in which some models are rendered again, or gone."""
    renewed = complete.clone()
    with renewed.bulk_update():
        for label, models in renewed.all_models.items():
            for name, model in list(models.items()):
                owner: Any = model._meta.auto_created
                key = (owner._meta.app_label, owner._meta.model_name) if owner else (label, name)
                if key in keys:
                    renewed.unregister_model(label, name)
    rendered = [state for state in renewed.real_models if (state.app_label, state.name_lower) in keys]
    renewed.render_multiple([*rendered, *(state for key, state in states.items() if key in keys)])
    return renewed


def _copy(state: ModelState) -> ModelState:
    """Copy a state as ``ModelState.clone`` does, without checking again what was checked when it was made."""
    copied = object.__new__(type(state))
    copied.__dict__.update(state.__dict__)
    copied.fields = dict(state.fields)
    copied.options = dict(state.options)
    copied.managers = list(state.managers)
    return copied


def _facts(state: ModelState) -> Any:
    """Return what a foreign key to a model says in SQL: the table, and name and type of what can be pointed at."""
    named = {name for constraint in state.options["constraints"] for name in getattr(constraint, "fields", ())}
    named |= {name for together in state.options.get("unique_together") or () for name in together}
    keys = [
        (name, field.deconstruct()[1:])
        for name, field in state.fields.items()
        if field.primary_key or field.unique or name in named
    ]
    return state.name, state.options.get("db_table"), state.options.get("managed"), state.bases, keys


def _targets(state: ModelState) -> Iterator[Key]:
    for field in state.fields.values():
        yield from targets_of(field, state)


def targets_of(field: Any, state: ModelState) -> Iterator[Key]:
    """Yield the models that a field of a model points at, through a table of its own too."""
    remote = field.remote_field
    for target in (getattr(remote, "model", None), getattr(remote, "through", None)):
        if isinstance(target, str) and target != RECURSIVE_RELATIONSHIP_CONSTANT:
            yield resolve_relation(target, state.app_label, state.name_lower)


def _links(state: ModelState) -> set[Key]:
    """Return the models that a model names: what it points at, and what it inherits from."""
    bases = {resolve_relation(base, state.app_label) for base in state.bases if isinstance(base, str)}
    return {*_targets(state), *bases}


def _both_ways(*named: dict[Key, set[Key]]) -> dict[Key, set[Key]]:
    """Return, for each model, those that it names and those that name it."""
    found: dict[Key, set[Key]] = defaultdict(set)
    for links in named:
        for key, others in links.items():
            found[key] |= others
            for other in others:
                found[other].add(key)
    return found


def _closure(keys: set[Key], edges: dict[Key, set[Key]]) -> set[Key]:
    """Return the keys and whatever the edges lead to from them."""
    found, left = set(keys), list(keys)
    while left:
        for key in edges.get(left.pop(), ()):
            if key not in found:
                found.add(key)
                left.append(key)
    return found
