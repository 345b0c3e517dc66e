"""Fixtures for tests of relations."""

from tests.integration.conftest import outside_tests

__all__ = ["outside_tests"]
