"""Stand-ins for Django's models: what routing looks at, and nothing else."""

from types import SimpleNamespace


class Registry:
    """Stands in for Django's app registry."""

    def __init__(self):
        self.models = {}

    def get_registered_model(self, app_label, model_name):
        return self.models[app_label, model_name.lower()]


def model(label, registry=None, *, auto_created=False, proxy_for=None):
    """Make a class with a ``_meta``; with a registry it is the registered one of its name."""
    app_label, name = label.split(".")
    meta = SimpleNamespace(
        app_label=app_label, model_name=name.lower(), auto_created=auto_created, proxy=proxy_for is not None
    )
    made = type(name, (), {"_meta": meta})
    meta.concrete_model = proxy_for or made
    if registry is not None:
        registry.models[app_label, meta.model_name] = made
    return made


def instance(of, db=None):
    """Make an instance as if it had been read from ``db``."""
    made = of()
    made._state = SimpleNamespace(db=db)
    return made
