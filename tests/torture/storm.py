"""What is done to a hub at work, drawn from one seed: each blow falls when the work has come so far."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from hub.jobs import holding
from hub.store.database import Database
from hub.store.tables import lanes
from hub.store.tables import work as work_table
from hub.store.work import WorkState
from hub.testing.faults import Fault, Faults
from hub.testing.peer import Peer
from tests.torture.crew import Crew, frozen

TARGET = "mottagare"
_LONGEST_LOCK = 2.5
_TO_BE_NOTICED = 15.0


class Blow(StrEnum):
    """What may befall a hub at work.

    kill    a worker dies by SIGKILL
    cut     the database breaks off its connections (PostgreSQL), or is locked by another process (SQLite)
    freeze  a worker stands still until its leases have run out, and goes on
    peer    the peer dies by SIGKILL, and comes back
    refuse  the peer lets nobody in, until a person lets the connection go on
    """

    KILL = "kill"
    CUT = "cut"
    FREEZE = "freeze"
    PEER = "peer"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Struck:
    """A blow, and how far the work has come when it falls, as a part of the whole."""

    at: float
    blow: Blow
    seed: int


def drawn(seed: int, kills: int, cuts: int, others: tuple[Blow, ...]) -> list[Struck]:
    """The blows of a storm in the order in which they fall."""
    chance = random.Random(f"storm {seed}")
    blows = [Blow.KILL] * kills + [Blow.CUT] * cuts + [*others]
    return sorted((Struck(chance.uniform(0.02, 0.8), each, chance.randrange(2**32)) for each in blows), key=_moment)


def _moment(struck: Struck) -> float:
    return struck.at


@dataclass(frozen=True, slots=True)
class Field:
    """Everything a blow may fall upon."""

    database: Database
    crew: Crew
    peer: Peer
    faults: Faults


def strike(field: Field, struck: Struck) -> None:
    """Let the blow fall, and mend what only a person would mend."""
    chance = random.Random(struck.seed)
    field.crew.muster()
    match struck.blow:
        case Blow.KILL:
            field.crew.kill(chance, _busy(field.database))
        case Blow.CUT:
            _cut(field.database, chance)
        case Blow.FREEZE:
            with frozen(field.crew.one_of(chance, _busy(field.database))):
                time.sleep(field.crew.haste.lease + 1)
        case Blow.PEER:
            field.peer.kill()
            field.peer.restart()
            field.peer.set_faults(field.faults)
        case Blow.REFUSE:
            _refuse(field, chance)


def _busy(database: Database) -> frozenset[int]:
    """The processes that hold a lease; a worker's name holds its process's number."""
    running = select(work_table.c.worker).where(work_table.c.state == WorkState.RUNNING)
    with database.read() as connection:
        names = connection.scalars(running).all()
    return frozenset(int(name.split(":")[1]) for name in names)


def _cut(database: Database, chance: random.Random) -> None:
    if database.is_sqlite:
        _lock(database.engine.url.database or "", chance.uniform(0.5, _LONGEST_LOCK))
    else:
        _terminate(database, chance)


def _lock(file: str, seconds: float) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def _terminate(database: Database, chance: random.Random) -> None:
    """Most of the connections to the database are broken off, wherever they stand."""
    _, how = database.engine.dialect.create_connect_args(database.engine.url)
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(**how, autocommit=True) as connection:
        for (pid,) in connection.execute(others).fetchall():
            if chance.random() < 0.8:
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


def _refuse(field: Field, chance: random.Random) -> None:
    field.peer.set_faults(Faults(always=chance.choice((Fault.UNAUTHORISED, Fault.FORBIDDEN))))
    ends = time.monotonic() + _TO_BE_NOTICED
    while TARGET not in held(field.database) and time.monotonic() < ends:
        time.sleep(0.05)
    field.peer.set_faults(field.faults)
    let_go(field.database)


def let_go(database: Database) -> None:
    """A person lets every held connection go on."""
    for name in held(database):
        holding.resume(database, name, "tortyr")


def held(database: Database) -> list[str]:
    """The lanes that are held."""
    with suppress(SQLAlchemyError), database.read() as connection:
        return list(connection.scalars(select(lanes.c.name).where(lanes.c.held_at.is_not(None))))
    return []
