"""Claims: of all documents with one key, one may be delivered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from hub.store import claims
from hub.store.claims import BUSINESS, BYTES
from hub.store.database import Database
from tests.store.rows import arrive


def documents_in(database: Database, number: int) -> list[int]:
    with database.write() as connection:
        return [arrive(connection, f"m-{each}") for each in range(number)]


def test_of_many_threads_that_claim_one_key_at_once_exactly_one_holds_it(database: Database) -> None:
    waiting = documents_in(database, 8)
    at_once = Barrier(len(waiting))

    def claim(document: int) -> int:
        at_once.wait()
        with database.write() as connection:
            return claims.take(connection, BUSINESS, "the key", document)

    with ThreadPoolExecutor(len(waiting)) as threads:
        told = list(threads.map(claim, waiting))
    assert len(set(told)) == 1
    assert told[0] in waiting


def test_who_holds_a_claim_holds_it_still_when_it_is_taken_again(database: Database) -> None:
    first, second = documents_in(database, 2)
    with database.write() as connection:
        assert claims.take(connection, BYTES, "k", first) == first
        assert claims.take(connection, BYTES, "k", second) == first
        assert claims.take(connection, BYTES, "k", first) == first


def test_the_kinds_of_claims_are_apart(database: Database) -> None:
    first, second = documents_in(database, 2)
    with database.write() as connection:
        claims.take(connection, BYTES, "k", first)
        assert claims.take(connection, BUSINESS, "k", second) == second


def test_a_claim_that_is_given_up_goes_to_the_next_who_asks(database: Database) -> None:
    first, second = documents_in(database, 2)
    with database.write() as connection:
        claims.take(connection, BYTES, "k", first)
        claims.take(connection, BUSINESS, "k", first)
        claims.give_up(connection, first)
        assert claims.take(connection, BYTES, "k", second) == second
        assert claims.take(connection, BUSINESS, "k", second) == second


def test_a_claim_of_a_transaction_that_fails_is_nobodys(database: Database) -> None:
    first, second = documents_in(database, 2)

    class Stop(Exception):
        pass

    try:
        with database.write() as connection:
            claims.take(connection, BYTES, "k", first)
            raise Stop
    except Stop:
        pass
    with database.write() as connection:
        assert claims.take(connection, BYTES, "k", second) == second
