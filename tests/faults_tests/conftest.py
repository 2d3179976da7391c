"""The command line, as in the tests of the scripts."""

from tests.scripts_tests.conftest import cli, few_data, process_cli

__all__ = ["cli", "few_data", "process_cli"]
