"""
What models live through, told in steps; a story keeps its own models, and asks the world for those of others.

Each is a function of the world and an app that yields a step for each migration in which it goes on.
"""

from collections.abc import Callable, Iterator

from ..history import App, Step, World
from .code import data, of_postgres, raw_sql, separate, strangers
from .fields import own_types, plain_life, values_of_the_database, walk
from .relations import across_apps, explicit_through, family, loose, people, published
from .shapes import constraints, foreign_child, indexes, inheritance, options, parent_of_others, unmanaged

Story = Callable[[World, App], Iterator[Step]]

STORIES: tuple[Story, ...] = (
    published, walk, parent_of_others, family, inheritance, data, across_apps, plain_life, options, strangers,
    explicit_through,
    constraints, separate, foreign_child, raw_sql, values_of_the_database, people, indexes, loose, unmanaged, own_types,
    of_postgres,
)  # fmt: skip
