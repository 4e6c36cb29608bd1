"""Editions: which rule pack judges, decided by dates, and the packs that come with the plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import structlog
from xmlrules import Pack, PackBroken, load_pack

from hub.domain.calendar import city_day
from hub.flow.archives import archived, fetch, fetch_absent, share
from hub.flow.read import Edition
from hub.plugin.connector import PackSource
from hub.store import rule_packs
from hub.store.blobs import BytesMissing
from hub.store.database import Database, now

SCHEMAS = "ubl-xsd"
"""The family of packs that hold the UBL schemas, for rule packs that are published without them."""

_ALWAYS = date(2000, 1, 1)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class KeptEditions:
    """The editions in force, by the days in the database and the packs in the folder."""

    database: Database
    folder: Path
    _met: dict[tuple[str, str], Pack] = field(default_factory=dict)

    def edition(self, family: str) -> Edition | None:
        """The edition that judges that family today, by the city's calendar."""
        with self.database.read() as connection:
            today = city_day(now(connection))
            found = rule_packs.in_force(connection, family, today)
            if found is None:
                return None
            lender = rule_packs.in_force(connection, SCHEMAS, today)
        pack = self._pack(found)
        if pack is not None and any(layer.kind == "xsd" for layer in pack.layers):
            lender = None
        if lender is not None:
            self._pack(lender)
        schemas = self.folder / lender.name if lender else None
        return Edition(found.name, self.folder / found.name, pack is not None and pack.superseded, schemas)

    def _pack(self, found: rule_packs.Activation) -> Pack | None:
        key = found.name, found.digest
        if key not in self._met:
            try:
                self._met[key] = self._load(found)
            except (PackBroken, BytesMissing, OSError) as error:
                _log.warning("rules.unreadable", pack=found.name, why=str(error))
                return None  # whoever judges by it meets the same fault, and says why in the verdict
        return self._met[key]

    def _load(self, found: rule_packs.Activation) -> Pack:
        """The pack that stands here, when it is the one that is meant; else the one that another host shared."""
        try:
            pack = load_pack(self.folder, found.name)
        except PackBroken:
            if found.archive is None:
                raise
            return fetch(self.database, self.folder, found)
        return pack if pack.digest == found.digest or not found.archive else fetch(self.database, self.folder, found)


def provide(database: Database, folder: Path, sources: Iterable[PackSource]) -> dict[str, str]:
    """See that the packs that come with the plugins are built, and in force unless somebody decided otherwise.

    A source looks itself whether its pack stands there as its packages have it now, and makes it anew when not. Packs
    that other hosts have shared, and of which nothing stands here, are fetched.

    The packs that could not be built, each with its reason; the others are there.
    """
    failed: dict[str, str] = {}
    for source in sources:
        try:
            source.build(folder)
            _make_known(database, load_pack(folder, source.name))
        except Exception as error:
            _log.warning("rule pack cannot be built", pack=source.name, exc_info=error)
            failed[source.name] = f"{type(error).__name__}: {error}"
    for missing, why in fetch_absent(database, folder).items():
        _log.warning("rule pack cannot be fetched", pack=missing, why=why)
    return failed


def _make_known(database: Database, pack: Pack) -> None:
    with database.read() as connection:
        known = rule_packs.every(connection).get(pack.name)
    if known is not None and known.digest == pack.digest and known.archive:
        return
    archive = archived(pack)
    begins, ends = (known.active_from, known.active_to) if known else (pack.valid_from or _ALWAYS, pack.valid_to)
    by = known.by if known else None
    with database.write() as connection:
        rule_packs.keep(
            connection,
            pack.name,
            pack.family,
            pack.digest,
            active_from=begins,
            active_to=ends,
            by=by,
        )
        share(connection, pack, archive)
