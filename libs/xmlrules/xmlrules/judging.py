"""Judge one document in this process: safe parse, then XSD, then every Schematron layer."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from .findings import (
    Finding,
    Judgement,
    LayerResult,
    Outcome,
    Severity,
    Verdict,
    choose,
    fold,
    not_judged,
)
from .packs import LayerSpec, Pack, PackBroken, read_pack
from .places import Element, NoSuchPlace, Places, descend
from .safe import Limits, Unsafe, parse
from .saxon import Hit, NotCompiled, Prepared, Raised, SchematronLayer, SvrlLayer
from .schematron import Unsupported

PACKS_KEPT: Final = 4
RuleLayer = SchematronLayer | SvrlLayer
Place = tuple[Element, str] | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pack with its rule layers compiled; schemas are compiled when their root is first met."""

    pack: Pack
    rules: dict[str, RuleLayer]
    schemas: dict[str, etree.XMLSchema]


_stamps: dict[Path, tuple[tuple[int, int, int], str]] = {}
_kept: OrderedDict[str, Loaded] = OrderedDict()


def loaded(folder: Path) -> Loaded:
    """The pack ready for use, kept per digest; raises `PackBroken`."""
    known = _stamps.get(folder)
    stamp = _stamp(folder)
    if known and known[0] == stamp and known[1] in _kept:
        _kept.move_to_end(known[1])
        return _kept[known[1]]
    pack = read_pack(folder)
    if pack.digest not in _kept:
        _kept[pack.digest] = Loaded(pack, _compiled(pack), {})
    _kept.move_to_end(pack.digest)
    while len(_kept) > PACKS_KEPT:
        _kept.popitem(last=False)
    _stamps[folder] = (stamp, pack.digest)
    return _kept[pack.digest]


def _stamp(folder: Path) -> tuple[int, int, int]:
    try:
        told = (folder / "pack.json").stat()
    except OSError as error:
        raise PackBroken(f"rule pack {folder.name} cannot be read ({error}): import it again") from error
    return told.st_mtime_ns, told.st_size, told.st_ino


def _compiled(pack: Pack) -> dict[str, RuleLayer]:
    layers: dict[str, RuleLayer] = {}
    for spec in pack.layers:
        try:
            if spec.kind != "xsd":
                source = (pack.folder / spec.entry).read_bytes()
                layers[spec.name] = SchematronLayer(source) if spec.kind == "sch" else SvrlLayer(source)
        except (OSError, Unsupported, NotCompiled, etree.LxmlError) as error:
            raise PackBroken(f"rule pack {pack.name}, layer {spec.name}: {error}") from error
    return layers


_DEFAULT_LIMITS: Final = Limits()


def judge_here(
    document: bytes,
    pack: Path,
    layers: Sequence[str] | None = None,
    at: Sequence[int] = (),
    limits: Limits = _DEFAULT_LIMITS,
    max_findings: int = 1000,
    schemas: Path | None = None,
) -> Judgement:
    """Judge a document under the pack in this folder. Only for a single-threaded process; else use `Judge`.

    `layers` are the pack's layer names to run (all when None), in the pack's order; named layers without a schema
    are rules run alone, over fragments too. `schemas` is a pack that lends its schemas to one that has none.
    `at` is the path of child-element indexes to the judged element. Never raises for what is wrong with the document
    or the packs.
    """
    try:
        ready = loaded(pack)
        lender = loaded(schemas) if schemas and not _schema_layers(ready) else ready
    except PackBroken as broken:
        return not_judged(broken.reason, pack.name)
    return _Case(ready, lender, layers, max_findings).judge(document, at, limits)


def _schema_layers(ready: Loaded) -> list[LayerSpec]:
    return [spec for spec in ready.pack.layers if spec.kind == "xsd"]


def _wanted(specs: dict[str, LayerSpec], layers: Sequence[str] | None) -> list[str]:
    if layers is None:
        return list(specs)
    return [*(name for name in specs if name in layers), *(name for name in layers if name not in specs)]


class _Case:
    """One document on its way through the layers."""

    def __init__(self, ready: Loaded, lender: Loaded, layers: Sequence[str] | None, max_findings: int) -> None:
        self._ready, self._pack, self._lender, self._limit = ready, ready.pack, lender, max_findings
        schemas_first = [*_schema_layers(lender), *(spec for spec in ready.pack.layers if spec.kind != "xsd")]
        self._specs = {spec.name: spec for spec in schemas_first}
        self._wanted, self._is_chosen = _wanted(self._specs, layers), layers is not None
        self._results: list[LayerResult] = []
        self._hits: list[tuple[str, Hit, Place]] = []
        self._reasons: list[str] = []

    def judge(self, document: bytes, at: Sequence[int], limits: Limits) -> Judgement:
        """Run the layers in order and sum up."""
        unknown = [name for name in self._wanted if name not in self._specs]
        if unknown:
            return self._stopped(f"pack {self._pack.name} has no layer {', '.join(unknown)}")
        try:
            root = parse(document, limits).getroot()
            judged = descend(root, at)
        except Unsafe as unsafe:
            return self._refused(unsafe)
        except NoSuchPlace as missing:
            self._results.append(LayerResult("xml", Outcome.passed))
            return self._stopped(f"there is no element to judge: {missing}")
        self._results.append(LayerResult("xml", Outcome.passed))
        self._places = Places(root, judged, document)
        self._run(judged, whole=judged is root)
        return self._sum()

    def _refused(self, unsafe: Unsafe) -> Judgement:
        finding = Finding(unsafe.rule, Severity.fatal, "xml", "", unsafe.line, "", fold(unsafe.text))
        self._results.append(LayerResult("xml", Outcome.failed))
        self._skip(self._wanted, "xml failed")
        results = tuple(self._results)
        return Judgement(Verdict.invalid, results, (finding,), 1, "", self._pack.name, self._pack.digest)

    def _stopped(self, reason: str) -> Judgement:
        self._skip(self._wanted, reason)
        return not_judged(reason, self._pack.name, self._pack.digest, tuple(self._results))

    def _skip(self, names: Sequence[str], because: str) -> None:
        self._results += [LayerResult(name, Outcome.skipped, because) for name in names]

    def _run(self, judged: Element, whole: bool) -> None:
        waiting = list(self._wanted)
        while waiting and self._specs[waiting[0]].kind == "xsd":
            name = waiting.pop(0)
            if not self._xsd(name, judged):
                self._skip(waiting, f"{name} {self._results[-1].outcome.value}")
                return
        if not self._about(judged, waiting):
            said = "wrong kind of document, or its envelope is still on"
            self._reasons.append(f"no rule of {', '.join(waiting)} is about {judged.tag}: {said}")
            self._skip(waiting, self._reasons[-1])
        elif waiting:
            document = Prepared(judged, whole)
            for name in waiting:
                self._rules(name, document)

    def _about(self, judged: Element, waiting: Sequence[str]) -> bool:
        """Whether the rule layers are about this root: without a schema before them nobody else would notice.

        Who chose rule layers alone wants them run over whatever there is.
        """
        schema_spoke = self._is_chosen or len(waiting) < len(self._wanted)
        known = frozenset().union(*(self._ready.rules[name].roots for name in waiting))
        return schema_spoke or not known or judged.tag in known

    # -- xsd

    def _xsd(self, name: str, judged: Element) -> bool:
        schema = self._schema(name, judged)
        if isinstance(schema, str):
            self._reasons.append(schema)
            self._results.append(LayerResult(name, Outcome.skipped, schema))
            return False
        if schema.validate(judged):
            self._results.append(LayerResult(name, Outcome.passed, self._lent()))
            return True
        for message, path in _said(schema):
            self._hits.append((name, Hit("XSD", Severity.fatal, fold(message)), self._places.at_libxml(path)))
        self._results.append(LayerResult(name, Outcome.failed, self._lent()))
        return False

    def _lent(self) -> str:
        """Whose schemas were used, when not the pack's own."""
        lender = self._lender.pack
        return "" if lender is self._pack else f"by {lender.name}, sha256 {lender.digest}"

    def _schema(self, name: str, judged: Element) -> etree.XMLSchema | str:
        """The schema for this root, or why there is none."""
        root, owner = str(judged.tag), self._lender
        entry = self._specs[name].roots.get(root)
        if entry is None:
            said = "wrong kind of document, or its envelope is still on"
            return f"pack {owner.pack.name} has no schema for {root}: {said}"
        if entry not in owner.schemas:
            try:
                owner.schemas[entry] = etree.XMLSchema(file=str(owner.pack.folder / entry))
            except etree.LxmlError as error:
                return f"pack {owner.pack.name}: schema {entry} cannot be used: {fold(str(error))}"
        return owner.schemas[entry]

    # -- rules

    def _rules(self, name: str, document: Prepared) -> None:
        because = ""
        try:
            hits = self._ready.rules[name].run(document)
        except Raised as raised:
            hits, because = raised.hits, raised.reason
            self._reasons.append(f"layer {name} could not be judged: {because}")
        self._hits += [(name, hit, self._place(hit, document)) for hit in hits]
        bad = because or any(hit.severity is Severity.fatal for hit in hits)
        self._results.append(LayerResult(name, Outcome.failed if bad else Outcome.passed, because))

    def _place(self, hit: Hit, document: Prepared) -> Place:
        if hit.location:
            return None
        at = document.order.get(hit.node_id)
        return (self._places.elements[0], hit.node) if at is None else (self._places.elements[at], hit.node)

    # -- the sum

    def _sum(self) -> Judgement:
        severities = [hit.severity for _, hit, _ in self._hits]
        chosen = [self._hits[index] for index in choose(severities, self._limit)]
        findings = tuple(self._finding(layer, hit, place) for layer, hit, place in chosen)
        verdict = Verdict.invalid if Severity.fatal in severities else Verdict.valid
        reason = "; ".join(self._reasons)
        return Judgement(
            Verdict.not_judged if reason else verdict,
            tuple(self._results),
            findings,
            len(self._hits),
            reason,
            self._pack.name,
            self._pack.digest,
        )

    def _finding(self, layer: str, hit: Hit, place: Place) -> Finding:
        if place is None and hit.location:
            place = self._places.at_svrl(hit.location)
        if place is None:
            return Finding(hit.rule, hit.severity, layer, hit.location, None, "", hit.text)
        element, node = place
        places = self._places
        return Finding(
            hit.rule,
            hit.severity,
            layer,
            places.path(element, node),
            places.line(element),
            places.value(element, node),
            hit.text,
        )


def _said(schema: etree.XMLSchema) -> list[tuple[str, str]]:
    """Message and node path of every schema error."""
    return [(one.message, one.path or "") for one in schema.error_log]  # type: ignore[attr-defined]  # stubs
