"""Make rule packs: from an official zip or single file, or from files of installed packages. All or nothing."""

import hashlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

from lxml import etree

from .findings import fold, id_in, severity_of
from .packs import LayerSpec, Pack, PackBroken, RuleInfo, digest_of, hashed, read_pack, write_pack
from .saxon import SVRL, svrl_text, told_text
from .schematron import Unsupported, compile_schematron

MAX_FILES: Final = 2000
MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_RATIO: Final = 200
_XS: Final = "http://www.w3.org/2001/XMLSchema"
_XSL: Final = "http://www.w3.org/1999/XSL/Transform"
_SUFFIXES: Final = frozenset({".xsd", ".sch", ".xsl", ".xslt"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_STATED: Final = re.compile(rb"Schematron version\s+(\d+(?:\.\d+)+)")
_TRANSACTION: Final = re.compile(r"PEPPOLBIS-(T\d+)$")
_LAYER_NAMES: Final = {
    "CEN-EN16931-UBL": "en16931",
    "EN16931-UBL-validation": "en16931",
    "PEPPOL-EN16931-UBL": "peppol",
    "PEPPOL-EN16931-UBL-SB": "peppol-selfbilling",
}
_CHECK_SECONDS: Final = 300


class PackRefused(Exception):
    """The pack was not imported, for this reason; nothing of it was kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LayerSource:
    """Where `build_pack` takes a layer from: `path` is a folder of schemas for `xsd`, else the rule file."""

    name: str
    kind: str
    path: Path


@dataclass(frozen=True, slots=True)
class _Label:
    name: str
    family: str | None
    version: str | None
    fetched: date | None
    valid_from: date | None
    valid_to: date | None
    superseded: bool


def import_pack(
    file: Path,
    home: Path,
    *,
    name: str | None = None,
    sha256: str | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
    fetched: date | None = None,
    version: str | None = None,
    superseded: bool = False,
    replace: bool = False,
) -> Pack:
    """Import a zip of rule files, or one .sch, .xsl, .xslt or .xsd file, as pack `home/name`.

    Every rule file is compiled before anything is kept. Raises `PackRefused`: wrong digest, unsafe or foreign
    archive, unsupported construct, or other bytes under a name already taken (unless `replace`). `fetched` is today
    when not said. The same bytes again are welcome and renew the dates.
    """
    content = _content(file, sha256)
    label = _Label(name or _stem(file), None, version, fetched, valid_from, valid_to, superseded)
    with _workshop(home, label.name) as folder:
        _unpack(file, content, folder)
        return _finish(folder, home, label, _recognised(folder), replace)


def build_pack(
    home: Path,
    name: str,
    family: str,
    layers: Sequence[LayerSource],
    *,
    version: str = "",
    fetched: date | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
    superseded: bool = False,
    replace: bool = False,
) -> Pack:
    """Make pack `home/name` from files of installed packages; raises `PackRefused` as `import_pack` does."""
    label = _Label(name, family, version, fetched, valid_from, valid_to, superseded)
    with _workshop(home, name) as folder:
        specs = tuple(_taken(source, folder) for source in layers)
        return _finish(folder, home, label, specs, replace)


# -- reading what is offered


def _stem(file: Path) -> str:
    return file.name.removesuffix(file.suffix)


def _content(file: Path, sha256: str | None) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PackRefused(f"{file.name} cannot be read: {error.strerror or error}") from error
    seen = hashlib.sha256(content).hexdigest()
    if sha256 and seen != sha256.strip().lower():
        raise PackRefused(f"{file.name} has sha256 {seen}, not {sha256}: fetch it again from its publisher")
    return content


def _unpack(file: Path, content: bytes, folder: Path) -> None:
    if content.startswith(b"PK"):
        _unzip(file.name, content, folder)
    elif file.suffix.lower() in _SUFFIXES:
        (folder / file.name).write_bytes(content)
    else:
        raise PackRefused(f"{file.name} is neither a zip nor a .sch, .xsl, .xslt or .xsd file")


def _unzip(name: str, content: bytes, folder: Path) -> None:
    """Unpack the very bytes whose digest was looked at; the file may be another by now."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            _check_entries(entries)
            for entry in entries:
                if PurePosixPath(entry.filename).suffix.lower() in _SUFFIXES:
                    _extract(archive, entry, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise PackRefused(f"{name} is not a readable zip: {error}") from error


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise PackRefused(f"the zip has {len(entries)} files; at most {MAX_FILES} are taken")
    if len({one.filename.lower() for one in entries}) < len(entries):
        raise PackRefused("the zip holds the same file name twice")
    if sum(one.file_size for one in entries) > MAX_UNPACKED:
        raise PackRefused(f"the zip unpacks to more than {MAX_UNPACKED} bytes")
    for entry in entries:
        _check_entry(entry)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    outside = path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if outside or kind not in (0, stat.S_IFREG):
        raise PackRefused(f"the zip holds {entry.filename!r}, which would not stay a plain file in its folder")
    if entry.flag_bits & 1:
        raise PackRefused(f"{entry.filename} in the zip is encrypted")
    if entry.file_size > 1_000_000 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise PackRefused(f"{entry.filename} unpacks to over {MAX_RATIO} times its size: not a rule file")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as made:
        left = entry.file_size
        while chunk := source.read(min(65536, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise PackRefused(f"{entry.filename} is larger than the zip says")
            made.write(chunk)


def _taken(source: LayerSource, folder: Path) -> LayerSpec:
    """Copy a layer's files under `folder/<layer>`."""
    target = folder / source.name
    try:
        if source.kind == "xsd":
            shutil.copytree(source.path, target, ignore=_only_schemas)
            return LayerSpec(source.name, "xsd", "", _roots(folder, sorted(target.rglob("*.xsd"))))
        target.mkdir()
        shutil.copyfile(source.path, target / source.path.name)
    except OSError as error:
        raise PackRefused(f"layer {source.name} cannot be taken from {source.path.name}: {error}") from error
    if source.kind not in {"sch", "xslt"}:
        raise PackRefused(f"layer {source.name} has kind {source.kind!r}; known are xsd, sch and xslt")
    return LayerSpec(source.name, source.kind, f"{source.name}/{source.path.name}")


def _only_schemas(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".xsd") and not (Path(folder) / name).is_dir()}


# -- recognising layers


def _recognised(folder: Path) -> tuple[LayerSpec, ...]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    schemas = [file for file in files if file.suffix.lower() == ".xsd"]
    layers = [LayerSpec("xsd", "xsd", "", _roots(folder, schemas))] if schemas else []
    layers += [_rule_layer(file, folder) for file in files if file.suffix.lower() != ".xsd"]
    names = [one.name for one in layers]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PackRefused(f"two files would be layer {', '.join(twice)}")
    if not layers:
        raise PackRefused("there is no .sch, .xsl, .xslt or .xsd file in it: not a rule pack")
    return tuple(layers)


def _rule_layer(file: Path, folder: Path) -> LayerSpec:
    kind = "sch" if file.suffix.lower() == ".sch" else "xslt"
    return LayerSpec(_layer_name(file), kind, file.relative_to(folder).as_posix())


def _layer_name(file: Path) -> str:
    transaction = _TRANSACTION.match(file.stem)
    if transaction:
        return transaction[1]
    if file.suffix.lower() != ".sch" and re.match(r"sven?faktura", file.stem, re.IGNORECASE):
        return "svefaktura"
    return _LAYER_NAMES.get(file.stem, file.stem)


def _roots(folder: Path, schemas: Sequence[Path]) -> dict[str, str]:
    """The root elements: those of the schemas in a `maindoc` folder, else of schemas no other one pulls in."""
    main = [file for file in schemas if file.parent.name == "maindoc"]
    read = {file: _read(file) for file in schemas}
    pulled = {target for file, tree in read.items() for target in _pulled(file, tree)}
    entries = main or [file for file in schemas if file.resolve() not in pulled]
    roots: dict[str, str] = {}
    for file in entries:
        for name in _declared(read[file]):
            roots.setdefault(name, file.relative_to(folder).as_posix())
    if not roots:
        raise PackRefused("the schemas declare no root element")
    return roots


def _read(file: Path) -> etree._ElementTree:
    try:
        return etree.parse(str(file), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise PackRefused(f"{file.name} is not readable XML: {error}") from error


def _pulled(file: Path, tree: etree._ElementTree) -> Iterator[Path]:
    for one in tree.getroot().iterchildren(f"{{{_XS}}}import", f"{{{_XS}}}include", f"{{{_XS}}}redefine"):
        location = one.get("schemaLocation")
        if location:
            yield (file.parent / location).resolve()


def _declared(tree: etree._ElementTree) -> Iterator[str]:
    root = tree.getroot()
    namespace = root.get("targetNamespace")
    for one in root.iterchildren(f"{{{_XS}}}element"):
        yield f"{{{namespace}}}{one.get('name')}" if namespace else str(one.get("name"))


def _family(layers: Sequence[LayerSpec]) -> str:
    names = {one.name for one in layers}
    roots = [root for one in layers for root in one.roots]
    if names & {"en16931", "peppol", "peppol-selfbilling"}:
        return "peppol-billing"
    if "svefaktura" in names or any(root.startswith("{urn:sfti:") for root in roots):
        return "svefaktura"
    if any(re.fullmatch(r"T\d+", name) for name in names):
        return "peppol-postaward"
    if names == {"xsd"} and all(root.startswith("{urn:oasis:names:specification:ubl:") for root in roots):
        return "ubl-xsd"
    return "other"


# -- checking and keeping


@contextmanager
def _workshop(home: Path, name: str) -> Iterator[Path]:
    """A folder beside the packs that is gone afterwards unless it was renamed into place."""
    if not _NAME.fullmatch(name):
        raise PackRefused(f"{name!r} cannot be a pack's name: use letters, digits, dot, dash, plus and underscore")
    home.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _finish(folder: Path, home: Path, label: _Label, layers: tuple[LayerSpec, ...], again: bool) -> Pack:
    rules = tuple(rule for layer in layers for rule in _rules(folder, layer))
    files = hashed(folder)
    pack = Pack(
        label.name,
        label.family or _family(layers),
        label.version if label.version is not None else _version(folder, label.name, layers),
        label.fetched or date.today(),  # noqa: DTZ011 - the day where the operator sits
        label.valid_from,
        label.valid_to,
        label.superseded,
        layers,
        rules,
        digest_of(files),
        home / label.name,
    )
    _refuse_other_bytes(pack, again)
    write_pack(pack, folder)
    _check_compiles(folder)
    _put(folder, pack.folder)
    return pack


def _refuse_other_bytes(pack: Pack, again: bool) -> None:
    if again or not pack.folder.exists():
        return
    try:
        same = read_pack(pack.folder, verify=False).digest == pack.digest
    except PackBroken:
        same = False
    if not same:
        raise PackRefused(
            f"there is a pack {pack.name} with other bytes: give this one another name, or say that it replaces it"
        )


def _version(folder: Path, name: str, layers: Sequence[LayerSpec]) -> str:
    found = _VERSION.search(name)
    if found:
        return found[0]
    sources = (folder / one.entry for one in layers if one.entry)
    stated = (_STATED.search(file.read_bytes()[:65536]) for file in sources)
    return next((match[1].decode() for match in stated if match), "")


def _rules(folder: Path, layer: LayerSpec) -> Iterator[RuleInfo]:
    readers: dict[str, Callable[[Path, str], Iterator[RuleInfo]]] = {"sch": _sch_rules, "xslt": _xslt_rules}
    if layer.kind in readers:
        yield from readers[layer.kind](folder / layer.entry, layer.name)
        return
    for entry in sorted(set(layer.roots.values())):
        try:
            etree.XMLSchema(file=str(folder / entry))
        except etree.LxmlError as error:
            raise PackRefused(f"schema {entry} cannot be used: {fold(str(error))}") from error


def _sch_rules(file: Path, layer: str) -> Iterator[RuleInfo]:
    try:
        sheet = compile_schematron(file.read_bytes())
    except Unsupported as error:
        raise PackRefused(f"{file.name}: {error}") from error
    if not sheet.rules:
        raise PackRefused(f"{file.name} holds no rule")
    for rule in sheet.rules:
        yield RuleInfo(layer, rule.id, rule.severity, rule.message, rule.digest)


def _xslt_rules(file: Path, layer: str) -> Iterator[RuleInfo]:
    root = _read(file).getroot()
    if root.tag not in {f"{{{_XSL}}}stylesheet", f"{{{_XSL}}}transform"}:
        raise PackRefused(f"{file.name} is not a stylesheet")
    told = list(root.iter(f"{{{SVRL}}}failed-assert", f"{{{SVRL}}}successful-report"))
    if not told:
        raise PackRefused(f"{file.name} writes no SVRL: not compiled Schematron")
    for one in told:
        text = svrl_text(one)
        test = hashlib.sha256(fold(one.get("test", "")).encode()).hexdigest()[:16]
        severity = severity_of(_said(one, "flag"), _said(one, "role"))
        yield RuleInfo(layer, _said(one, "id") or id_in(text) or "NO-ID", severity, text, test)


def _said(element: etree._Element, name: str) -> str | None:
    """An SVRL attribute, written literally or by an `xsl:attribute` of fixed text."""
    for child in element.iterchildren(f"{{{_XSL}}}attribute"):
        if child.get("name") == name:
            return told_text(child) or child.get("select", "").strip("'")
    return element.get(name)


def _check_compiles(folder: Path) -> None:
    """Let Saxon compile every layer in a process of its own, since this one may have other threads."""
    from_here = [path for path in sys.path if path]
    command = [sys.executable, "-P", "-c", _CHECK, str(folder), *from_here]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_CHECK_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise PackRefused(f"the rules did not compile within {_CHECK_SECONDS} seconds") from error
    if done.returncode:
        raise PackRefused(fold(done.stdout.decode(errors="replace")) or "the rules could not be compiled")


_CHECK: Final = "import sys; sys.path[:] = sys.argv[2:]; from xmlrules.worker import check; check(sys.argv[1])"


def _put(folder: Path, place: Path) -> None:
    """Rename the finished folder into place; an old pack steps aside first and goes last."""
    folder.chmod(0o755)
    if not place.exists():
        folder.rename(place)
        return
    aside = Path(tempfile.mkdtemp(prefix=".old-", dir=place.parent))
    place.rename(aside / "pack")
    folder.rename(place)
    shutil.rmtree(aside, ignore_errors=True)
