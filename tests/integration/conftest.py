"""Fixtures for tests inside of Django."""

import pytest
from django.test import utils


@pytest.fixture
def outside_tests(monkeypatch):
    """Take the test environment's sign away, as if this were production; the databases stay those of the tests."""
    monkeypatch.delattr(utils._TestState, "saved_data")
