"""The tables' history leads to exactly the tables there are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Inspector, create_engine, inspect, text
from structlog.testing import capture_logs

from hub.store import set_asides
from hub.store.database import Database, open_database, sqlite_url
from hub.store.migrations import DatabaseUnfit, configuration, migrate
from hub.store.set_asides import Chosen, Sum
from hub.store.tables import metadata
from tests.postgres import Server, shown

OWN = {"alembic_version"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        opened = open_database(sqlite_url(tmp_path / "empty.db"))
        yield opened
        opened.close()
        return
    here: Server = request.getfixturevalue("postgres")
    address = here.create_empty()
    opened = open_database(shown(address))
    yield opened
    opened.close()
    here.drop(address)


def drawn(connection: Connection) -> dict[str, Any]:
    """Everything the database says of its tables."""
    looked = inspect(connection)
    return {name: _table(looked, name) for name in looked.get_table_names() if name not in OWN}


def _table(looked: Inspector, name: str) -> dict[str, Any]:
    return {
        "columns": {each["name"]: _column(each) for each in looked.get_columns(name)},
        "key": looked.get_pk_constraint(name),
        "indexes": sorted(str(each | {"dialect_options": {}}) for each in looked.get_indexes(name)),
        "uniques": sorted(map(str, looked.get_unique_constraints(name))),
        "references": sorted(map(str, looked.get_foreign_keys(name))),
        "checks": sorted(map(str, looked.get_check_constraints(name))),
    }


def _column(told: Any) -> tuple[str, bool, str | None, str | None]:
    return str(told["type"]), told["nullable"], told["default"], getattr(told["type"], "collation", None)


def definitions(connection: Connection) -> list[str]:
    """The indexes as the database itself writes them, expressions and directions included."""
    if connection.dialect.name == "sqlite":
        asked = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        asked = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    return sorted(" ".join(each.split()) for each in connection.execute(text(asked)).scalars())


def test_the_history_leads_to_the_tables_there_are(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        migrated, indexes = drawn(connection), definitions(connection)
    with empty.write() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        made = drawn(connection)
        assert definitions(connection) == indexes
    assert {name: migrated.get(name) for name in made} == made
    assert set(migrated) == set(made)


def test_nothing_is_left_to_migrate(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        before = drawn(connection)
    migrate(empty)
    with empty.read() as connection:
        assert drawn(connection) == before


def test_two_who_migrate_at_once_do_it_once(empty: Database) -> None:
    failed: list[Exception] = []
    at_once = threading.Barrier(2)

    def one() -> None:
        at_once.wait()
        try:
            migrate(empty)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    with empty.read() as connection:
        assert set(drawn(connection)) == set(metadata.tables)


def test_a_step_can_be_taken_back_and_taken_again(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        before = drawn(connection)
    with empty.write() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with empty.read() as connection:
        assert drawn(connection) == {}
    migrate(empty)
    with empty.read() as connection:
        assert drawn(connection) == before


def test_tables_of_a_newer_release_are_left_as_they_are_and_it_is_told(empty: Database) -> None:
    migrate(empty)
    with empty.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with capture_logs() as logged:
        migrate(empty)
    assert [(each["event"], each["tables"]) for each in logged] == [("database.newer", "9999")]
    with empty.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "9999"


def test_a_database_that_does_not_hold_every_character_is_refused(postgres: Server) -> None:
    address = postgres.create_empty("ENCODING 'LATIN1' LOCALE 'C'")
    opened = open_database(shown(address))
    with pytest.raises(DatabaseUnfit, match="LATIN1"):
        migrate(opened)
    opened.close()
    postgres.drop(address)


def test_a_database_that_our_time_limits_do_not_reach_is_refused(postgres: Server) -> None:
    address = postgres.create_empty()
    without = Database(create_engine(address))
    with pytest.raises(DatabaseUnfit, match="without a pooler"):
        migrate(without)
    without.close()
    postgres.drop(address)


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: Any, **_named: Any) -> None:
        raise RuntimeError("the machine stops here")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError):
            migrate(empty)
    with empty.read() as connection:
        assert drawn(connection) == {}
    migrate(empty)


def test_what_was_set_aside_before_the_second_step_is_grouped_and_summed_after_it(empty: Database) -> None:
    _step_to(empty, "0001")
    moment = "2026-11-01T09:30:00.000000+00:00"
    with empty.write() as connection:
        for statement in (
            "INSERT INTO blobs (digest, size, retention, kept_at) VALUES ('d', 1, 'accounting', :at)",
            "INSERT INTO documents (id, noun, connection, external_id, name, digest, size, arrived_at, details, state,"
            " state_at, times_seen)"
            " VALUES (1, 'invoices', 'inkorg', 'm-1', 'f', 'd', 1, :at, '{}', 'set_aside', :at, 1)",
            "INSERT INTO invoices (document_id, kind, number, issue_date, due_date, currency, payable, seller_key,"
            " seller_name, seller_id, buyer_name, buyer_id, buyer_reference, order_reference,"
            " contract_reference, lines)"
            " VALUES (1, 'invoice', 'F-1', '2026-11-01', '2026-12-01', 'SEK', '1250.005', '5560160680', 'Bygg AB', '',"
            " '', '', '', '', '', 0)",
            "INSERT INTO set_asides (document_id, at, stage, fingerprint, code, reasons)"
            " VALUES (1, :at, 'rules', 'f', 'C',"
            ' \'[{"code": "C", "sv": "", "en": "", "sv_do": "", "en_do": "", "location": "", "value": ""}]\')',
        ):
            connection.execute(text(statement), {"at": moment} if ":at" in statement else {})
    migrate(empty)
    with empty.read() as connection:
        (group,) = set_asides.groups(connection)
        chosen = Chosen(seller="bygg", connection="inkorg", amount_from=Decimal(1250), amount_to=Decimal("1250.01"))
        assert set_asides.chosen(connection, chosen) == [1]
    assert group.figures.sums == (Sum("SEK", Decimal("1250.005"), 1),)
    assert group.oldest == datetime.fromisoformat(moment)
    assert group.figures.source == "inkorg"


def _step_to(database: Database, revision: str) -> None:
    with database.write() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
