"""A study and a session on a server with a password, from the configuration to the export."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa
import yaml

from tests.scripts_tests.test_optimize import poor_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Server
    from tests.scripts_tests.conftest import Cli

SECRET = "s3cr3t"  # noqa: S105 - made up


def test_a_study_on_a_server_tells_its_password_to_no_one(
    cli: Cli, tmp_path: Path, postgres: Server
) -> None:
    config = tmp_path / poor_configuration(cli)
    url = sa.make_url(postgres.new_database()).set(password=SECRET)
    storage = url.render_as_string(hide_password=False)
    text = config.read_text(encoding="utf-8")
    own, n_urls = re.subn(r"(?m)^  storage: .*$", f"  storage: {storage}", text)
    assert n_urls == 2
    config.write_text(own, encoding="utf-8")
    options = ("--dataset-dir", str(cli.data), "--max-experiments", "8", "--json")
    ran = cli("optimize", "--config", str(config), *options)
    assert ran.code == 0, ran.stderr
    assert SECRET not in ran.stdout + ran.stderr
    exported = (tmp_path / "optimized_config.yaml").read_text(encoding="utf-8")
    assert SECRET not in exported
    without = url._replace(password=None).render_as_string()
    assert yaml.safe_load(exported)["study"]["storage"] == without
    trained = cli("train", "--config", str(config), "--dataset-dir", str(cli.data))
    assert trained.code == 0, trained.stderr
    assert SECRET not in trained.stdout + trained.stderr
    (log,) = tmp_path.glob("logs/training/*.log")
    assert SECRET not in log.read_text(encoding="utf-8")
    assert SECRET not in all_text(storage)


def all_text(storage: str) -> str:
    """Return everything that a database holds."""
    engine = sa.create_engine(storage)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = [
            tuple(row)
            for table in tables.sorted_tables
            for row in connection.execute(table.select())
        ]
    engine.dispose()
    assert len(rows) > 20
    return repr(rows)
