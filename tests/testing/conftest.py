"""Fixtures for tests of what tests import."""

from tests.integration.conftest import outside_tests

__all__ = ["outside_tests"]
