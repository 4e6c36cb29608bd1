"""A worker as `hub worker` runs it, in a process of its own, with the faulty peer among its connectors.

Nothing is changed but what waiting costs: a shorter lease, shorter waits and rests between tries, less patience with
a locked database, and rules that let everything pass where the rules are not what is tortured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from unittest import mock

from xmlrules import Judgement

from hub import app
from hub.app import Hub, open_hub
from hub.jobs import routes
from hub.jobs.kinds import Kind
from hub.jobs.ways import Ways
from hub.loader import Plugins, load_plugins
from hub.program.working import working
from hub.store import breakers, database
from hub.testing.peer_target import PEER
from tests.flow.test_read import PASSED
from tests.torture.register import REGISTER
from tests.walks.registry import the_plugins

_BUSY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Haste:
    """How long is waited: the lease, the first and longest wait between two tries and rest of a breaker, in seconds."""

    lease: float = 4.0
    first_wait: float = 0.2
    longest_wait: float = 2.0
    first_rest: float = 1.0
    longest_rest: float = 4.0


class Lenient:
    """Rules that everything passes."""

    def judge(
        self,
        document: bytes,
        pack: Path,
        layers: Sequence[str] | None = None,
        at: Sequence[int] = (),
        schemas: Path | None = None,
    ) -> Judgement:
        """Valid, all of it."""
        return PASSED


def plugins() -> Plugins:
    """The installed plugins, the connector to the faulty peer, and what the records need."""
    loaded, records = load_plugins(), the_plugins()
    ours = {PEER.name: PEER, REGISTER.name: REGISTER}
    extracts = (*loaded.extracts, *records.extracts)
    return replace(loaded, connectors={**loaded.connectors, **records.connectors, **ours}, extracts=extracts)


@contextmanager
def opened(home: Path, haste: Haste, judged: bool = False) -> Iterator[tuple[Hub, Ways]]:
    """The hub at home there, in a hurry; `judged` by the real rules."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(app, "LEASE", timedelta(seconds=haste.lease)))
        stack.enter_context(mock.patch.object(routes, "kinds", _hurried(routes.kinds, haste)))
        stack.enter_context(mock.patch.object(breakers, "FIRST_REST", timedelta(seconds=haste.first_rest)))
        stack.enter_context(mock.patch.object(breakers, "LONGEST_REST", timedelta(seconds=haste.longest_rest)))
        hub = open_hub(home, plugins())
        stack.callback(hub.close)
        yield hub, hub.ways(stack.enter_context(hub.judge()) if judged else Lenient())


def work(home: Path, haste: Haste, judged: bool, told: Pipe) -> None:
    """Work until something is said, or nobody is left to say it."""
    with (
        mock.patch.object(database, "_BUSY_SECONDS", _BUSY_SECONDS),
        opened(home, haste, judged) as (hub, ways),
        working(hub.executor(ways)),
        suppress(EOFError),
    ):
        told.send("working")
        told.recv()


def _hurried(kinds: Callable[[Ways], tuple[Kind, ...]], haste: Haste) -> Callable[[Ways], tuple[Kind, ...]]:
    base, cap = timedelta(seconds=haste.first_wait), timedelta(seconds=haste.longest_wait)

    def hurried(ways: Ways) -> tuple[Kind, ...]:
        return tuple(replace(kind, retry=replace(kind.retry, base=base, cap=cap)) for kind in kinds(ways))

    return hurried
