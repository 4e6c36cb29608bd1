"""Rule packs between hosts: every pack's files also lie in the database, and a host that lacks them fetches them."""

from __future__ import annotations

import fcntl
import hashlib
import io
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from xmlrules import Pack, PackBroken, load_pack
from xmlrules.packs import PACK_FILE

from hub.domain.documents import RetentionClass
from hub.store import blobs, rule_packs
from hub.store.blobs import BytesMissing
from hub.store.database import Database
from hub.store.rule_packs import Activation

_LOCK_FILE = ".lock"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def archived(pack: Pack) -> bytes:
    """The pack's files as one zip: the same bytes for the same files, whoever makes it."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(each for each in pack.folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(pack.folder).as_posix(), _LONG_AGO)
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def share(connection: Connection, pack: Pack, archive: bytes) -> None:
    """Keep the archive of a pack that is known there, for the hosts that lack it."""
    digest = hashlib.sha256(archive).hexdigest()
    blobs.keep(connection, digest, len(archive), blobs.packed(io.BytesIO(archive)), RetentionClass.TECHNICAL)
    rule_packs.share(connection, pack.name, pack.digest, digest)


def fetch_absent(database: Database, folder: Path) -> dict[str, str]:
    """Fetch every pack that other hosts shared and that this folder has nothing of; what cannot be, and why not."""
    failed: dict[str, str] = {}
    with database.read() as connection:
        known = rule_packs.every(connection).values()
    for each in known:
        if each.archive and not (folder / each.name / PACK_FILE).exists():
            try:
                fetch(database, folder, each)
            except (PackBroken, BytesMissing, OSError) as error:
                failed[each.name] = str(error)
    return failed


def fetch(database: Database, folder: Path, wanted: Activation) -> Pack:
    """The pack as it was shared, put in the folder in place of what stood there. Raises PackBroken."""
    if wanted.archive is None:
        raise PackBroken(f"rule pack {wanted.name} is not on this host, and no other host has shared it")
    with _one_at_a_time(folder):
        standing = _standing(folder, wanted)
        return standing or _put(folder, wanted, blobs.content(database, wanted.archive))


def _standing(folder: Path, wanted: Activation) -> Pack | None:
    """The pack, when another process of this host has fetched it meanwhile."""
    try:
        pack = load_pack(folder, wanted.name)
    except PackBroken:
        return None
    return pack if pack.digest == wanted.digest else None


def _put(folder: Path, wanted: Activation, archive: bytes) -> Pack:
    coming, going = (folder / f".{wanted.name}-{each}-{secrets.token_hex(4)}" for each in ("coming", "going"))
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            opened.extractall(coming)
        if load_pack(folder, coming.name).digest != wanted.digest:
            raise PackBroken(
                f"rule pack {wanted.name} was shared with other files than it is known by: import it again"
            )
        place = folder / wanted.name
        if place.exists():
            place.rename(going)
        coming.rename(place)
    finally:
        for each in (coming, going):
            shutil.rmtree(each, ignore_errors=True)
    return load_pack(folder, wanted.name)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Processes of one host, and their threads, take turns."""
    with (folder / _LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
