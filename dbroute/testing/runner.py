"""``TEST_RUNNER = "dbroute.testing.runner.LockstepRunner"``: Django's runner, all test databases made in one pass."""

from typing import Any

from django.test.runner import DiscoverRunner
from django.test.utils import setup_databases


class LockstepRunner(DiscoverRunner):
    """Makes and migrates all test databases in lockstep; everything else is Django's."""

    def setup_databases(self, **kwargs: Any) -> Any:
        """Make the test databases."""
        from dbroute.django.migrating.for_tests import setup_databases as in_lockstep

        return in_lockstep(
            setup_databases,
            self.verbosity,
            self.interactive,
            time_keeper=self.time_keeper,
            keepdb=self.keepdb,
            debug_sql=self.debug_sql,
            parallel=self.parallel,
            **kwargs,
        )
