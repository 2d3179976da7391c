"""The command line as a process, as in the tests of the scripts."""

from tests.scripts_tests.conftest import cache, cli, few_data

__all__ = ["cache", "cli", "few_data"]
