"""
What one question to `django.db.router` costs, in nanoseconds and against a router that returns a constant.

Rounds of all candidates alternate, and the median of a candidate's rounds counts: what the machine does besides hits
all of them alike.
"""

import platform
import statistics
import timeit

import django
from django.conf import settings

ROUNDS = 31
CALLS = 20_000


class Constant:
    """The floor: what any router costs that Django has to ask."""

    def db_for_read(self, model, **hints):
        return "blog_db"


def main() -> None:
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
        DATABASES={
            alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"} for alias in ("default", "blog_db")
        },
        DATABASE_ROUTING_RULES={"auth": "blog_db"},
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.db.utils import ConnectionRouter

    from dbroute.routing import DatabaseRouter

    floor, ours = ConnectionRouter([Constant()]), ConnectionRouter([DatabaseRouter()])
    user, session = User(), Session()
    user._state.db, session._state.db = "blog_db", "default"
    floor_cases = {
        "constant router": lambda: floor.db_for_read(User),
        "constant router, instance": lambda: floor.db_for_read(User, instance=user),
    }
    cases = {
        "ruled model": (lambda: ours.db_for_read(User), "constant router"),
        "unruled model": (lambda: ours.db_for_read(Session), "constant router"),
        "ruled model, instance": (lambda: ours.db_for_read(User, instance=user), "constant router, instance"),
        "unruled model, instance": (lambda: ours.db_for_read(Session, instance=session), "constant router, instance"),
        "foreign instance": (lambda: ours.db_for_read(Session, instance=user), "constant router, instance"),
    }
    calls = {**floor_cases, **{name: call for name, (call, _) in cases.items()}}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            rounds[name].append(timeit.timeit(call, number=CALLS) / CALLS * 1e9)
    medians = {name: statistics.median(times) for name, times in rounds.items()}
    print(f"Python {platform.python_version()}, Django {django.get_version()}")
    print(f"{'db_for_read':28} {'ns':>6} {'ratio':>6}")
    for name in floor_cases:
        print(f"{name:28} {medians[name]:6.0f} {1:6.2f}")
    for name, (_, against) in cases.items():
        print(f"{name:28} {medians[name]:6.0f} {medians[name] / medians[against]:6.2f}")


if __name__ == "__main__":
    main()
