"""Rule packs: a folder of rule files with `pack.json`; read, list, choose by date, compare."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from .findings import Severity

PACK_FILE: Final = "pack.json"
KINDS: Final = ("xsd", "sch", "xslt")


class PackBroken(Exception):
    """The pack on disk cannot be used: missing, unreadable, or other bytes than were imported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer: kind `xsd`, `sch` or `xslt`; `roots` maps `{namespace}name` to the schema file, for xsd."""

    name: str
    kind: str
    entry: str
    roots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """One rule of a layer; `test_digest` changes when what it tests changes."""

    layer: str
    id: str
    severity: Severity
    text: str
    test_digest: str


@dataclass(frozen=True, slots=True)
class Pack:
    """A dated rule pack, known by `digest`; `folder` is what `Judge.judge` takes."""

    name: str
    family: str
    version: str
    fetched: date
    valid_from: date | None
    valid_to: date | None
    superseded: bool
    layers: tuple[LayerSpec, ...]
    rules: tuple[RuleInfo, ...]
    digest: str
    folder: Path


@dataclass(frozen=True, slots=True)
class LayerDiff:
    """The rule ids of one layer that differ between two packs, sorted."""

    layer: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    severity_changed: tuple[str, ...]
    text_changed: tuple[str, ...]


def file_digest(file: Path) -> str:
    """The sha256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digest_of(files: Mapping[str, str]) -> str:
    """The digest of a pack: over its sorted (path, sha256) pairs."""
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def hashed(folder: Path) -> dict[str, str]:
    """Every file under the folder but `pack.json`, with its sha256."""
    found = (file for file in folder.rglob("*") if file.is_file())
    hashes = {file.relative_to(folder).as_posix(): file_digest(file) for file in found}
    hashes.pop(PACK_FILE, None)
    return hashes


# -- pack.json


def write_pack(pack: Pack, folder: Path) -> None:
    """Write `pack.json` into the folder."""
    told = {
        "name": pack.name,
        "family": pack.family,
        "version": pack.version,
        "fetched": pack.fetched.isoformat(),
        "valid_from": pack.valid_from and pack.valid_from.isoformat(),
        "valid_to": pack.valid_to and pack.valid_to.isoformat(),
        "superseded": pack.superseded,
        "layers": [
            {"name": one.name, "kind": one.kind, "entry": one.entry, "roots": dict(one.roots)} for one in pack.layers
        ],
        "digest": pack.digest,
        "rules": [[one.layer, one.id, one.severity.value, one.text, one.test_digest] for one in pack.rules],
    }
    (folder / PACK_FILE).write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_pack(folder: Path, *, verify: bool = True) -> Pack:
    """The pack in this folder. With `verify`, its files are hashed again; raises `PackBroken`."""
    try:
        told = json.loads((folder / PACK_FILE).read_text(encoding="utf-8"))
        pack = _pack(told, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackBroken(f"rule pack {folder.name} cannot be read ({error!r}): import it again") from error
    if verify and digest_of(hashed(folder)) != pack.digest:
        raise PackBroken(f"rule pack {folder.name} holds other files than were imported: import it again")
    return pack


def _pack(told: dict[str, Any], folder: Path) -> Pack:
    return Pack(
        told["name"],
        told["family"],
        told["version"],
        date.fromisoformat(told["fetched"]),
        _day(told["valid_from"]),
        _day(told["valid_to"]),
        told["superseded"],
        tuple(_layer(one) for one in told["layers"]),
        tuple(RuleInfo(layer, name, Severity(word), text, test) for layer, name, word, text, test in told["rules"]),
        told["digest"],
        folder,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _layer(told: dict[str, Any]) -> LayerSpec:
    if told["kind"] not in KINDS:
        raise ValueError(f"layer kind {told['kind']!r}")
    return LayerSpec(told["name"], told["kind"], told["entry"], told["roots"])


def load_pack(home: Path, name: str) -> Pack:
    """The pack of this name, its files verified against its digest; raises `PackBroken`."""
    return read_pack(home / name)


def list_packs(home: Path, broken: list[PackBroken] | None = None) -> tuple[Pack, ...]:
    """All packs under `home` by name, not hashed again. An unreadable one goes to `broken`, or is raised."""
    folders = sorted(file.parent for file in home.glob(f"*/{PACK_FILE}") if not file.parent.name.startswith("."))
    packs: list[Pack] = []
    for folder in folders:
        try:
            packs.append(read_pack(folder, verify=False))
        except PackBroken as error:
            if broken is None:
                raise
            broken.append(error)
    return tuple(packs)


# -- choosing and comparing


def in_force(packs: Iterable[Pack], family: str, on: date) -> Pack | None:
    """The pack of the family that holds on that day; of several, the latest `valid_from`, then not superseded."""
    holding = [pack for pack in packs if pack.family == family and _holds(pack, on)]
    return max(holding, key=_standing, default=None)


def _holds(pack: Pack, on: date) -> bool:
    return (pack.valid_from or date.min) <= on <= (pack.valid_to or date.max)


def _standing(pack: Pack) -> tuple[date, bool, date, str]:
    return pack.valid_from or date.min, not pack.superseded, pack.fetched, pack.name


def diff_packs(old: Pack, new: Pack) -> tuple[LayerDiff, ...]:
    """What changed from one pack to the next, layer by layer, only layers where something did.

    A rule has changed if its test did, or its context, or a variable or function it leans on. Between a compiled
    layer and a source layer tests cannot be compared, so `changed` stays empty there.
    """
    names = dict.fromkeys(one.name for one in (*old.layers, *new.layers))
    diffs = (_layer_diff(name, old, new) for name in names)
    return tuple(
        one for one in diffs if one.added or one.removed or one.changed or one.severity_changed or one.text_changed
    )


Told = dict[str, list[RuleInfo]]


def _layer_diff(layer: str, old: Pack, new: Pack) -> LayerDiff:
    before, after = _by_id(old, layer), _by_id(new, layer)
    both = sorted(before.keys() & after.keys())
    same_kind = _kind(old, layer) == _kind(new, layer)
    return LayerDiff(
        layer,
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(name for name in both if same_kind and _tests(before[name]) != _tests(after[name])),
        tuple(name for name in both if _severities(before[name]) != _severities(after[name])),
        tuple(name for name in both if _texts(before[name]) != _texts(after[name])),
    )


def _by_id(pack: Pack, layer: str) -> Told:
    told: Told = {}
    for rule in pack.rules:
        if rule.layer == layer:
            told.setdefault(rule.id, []).append(rule)
    return told


def _kind(pack: Pack, layer: str) -> str:
    return next((one.kind for one in pack.layers if one.name == layer), "")


def _tests(rules: list[RuleInfo]) -> list[str]:
    return sorted(rule.test_digest for rule in rules)


def _texts(rules: list[RuleInfo]) -> list[str]:
    return sorted(rule.text for rule in rules)


def _severities(rules: list[RuleInfo]) -> list[str]:
    return sorted(rule.severity for rule in rules)
