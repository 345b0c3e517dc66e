"""Routing: merged rules to database aliases. Nothing in here imports Django."""

from .databases import Database
from .routers import AppDatabaseRouter, DatabaseRouter, rule_for
from .rules import Rule
from .table import RouteTable

__all__ = ["AppDatabaseRouter", "Database", "DatabaseRouter", "RouteTable", "Rule", "rule_for"]
