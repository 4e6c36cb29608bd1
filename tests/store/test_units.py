"""The register of units as it is kept."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from hub.domain.identifiers import OrganisationNumber
from hub.domain.units import Unit
from hub.store import units
from hub.store.database import Database
from tests.store.rows import a_unit, address, gln

BARE = a_unit("107")
FULL = a_unit(
    "215",
    gln=gln(1),
    peppol_id=address("0007:2120000142"),
    reference_required=True,
    reference_pattern=r"\d{5}[A-ZÅÄÖ]*",
)
BY_GLN = a_unit("300", peppol_id=address(f"0088:{gln(2)}"))
REGISTER: list[Unit] = [BARE, FULL, BY_GLN]


@pytest.fixture
def register(database: Database) -> Database:
    """A database with the register in it."""
    with database.write() as connection:
        units.replace_all(connection, REGISTER)
    return database


def test_units_come_back_as_they_were_kept(register: Database) -> None:
    with register.read() as connection:
        assert units.every(connection) == REGISTER
        assert units.get(connection, "215") == FULL
        assert units.get(connection, "404") is None
        assert units.count(connection) == 3


def test_a_new_register_stands_instead_of_the_old_one(register: Database) -> None:
    with register.write() as connection:
        units.replace_all(connection, [BARE])
        assert units.every(connection) == [BARE]
        units.replace_all(connection, [])
        assert units.count(connection) == 0


def test_a_register_that_cannot_be_kept_leaves_the_old_one(register: Database) -> None:
    twice = [FULL, a_unit("216", gln=FULL.gln)]
    with pytest.raises(IntegrityError), register.write() as connection:
        units.replace_all(connection, twice)
    with register.read() as connection:
        assert units.every(connection) == REGISTER


def test_a_unit_is_found_by_its_address_and_by_its_gln_whichever_way_either_is_stated(register: Database) -> None:
    with register.read() as connection:
        assert units.by_address(connection, address("0007:212000-0142")) == FULL
        assert units.by_address(connection, address(f"0088:{gln(1)}")) == FULL
        assert units.by_gln(connection, gln(1)) == FULL
        assert units.by_address(connection, address(f"0088:{gln(2)}")) == BY_GLN
        assert units.by_gln(connection, gln(2)) == BY_GLN


def test_a_unit_is_not_found_by_what_is_not_its_own(register: Database) -> None:
    with register.read() as connection:
        assert units.by_gln(connection, gln(3)) is None
        assert units.by_address(connection, address("0007:5560160680")) is None
        assert units.by_address(connection, address(f"0192:{gln(1)}")) is None
        assert units.by_organisation(connection, OrganisationNumber.parse("556016-0680")) == []


def test_units_that_share_an_organisation_number_are_found_together(register: Database) -> None:
    with register.read() as connection:
        assert units.by_organisation(connection, BARE.organisation_number) == REGISTER
