"""Parse XML from strangers: no DTD, no entities, no network, bounded size and depth, no mixed content."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lxml import etree

Tree = etree._ElementTree
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how deep a document may be. Sizes in bytes; the root stands at depth 1."""

    max_bytes: int = 64 * _MIB
    max_depth: int = 200
    allow_mixed: bool = False


class Unsafe(Exception):
    """The document was refused before any rule saw it; `rule` is one of our stable XML-* ids."""

    def __init__(self, rule: str, text: str, line: int | None = None) -> None:
        super().__init__(rule, text, line)
        self.rule, self.text, self.line = rule, text, line


def line_of(element: etree._Element) -> int | None:
    """The line the tree itself remembers for an element; not to be trusted beyond 65,534."""
    line: int | None = element.sourceline  # type: ignore[assignment]  # the stubs know no type for it
    return line


_DEFAULT_LIMITS: Final = Limits()
_MAGIC: Final = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
)
_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_KNOWN: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "iso-8859-1",
    "iso8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
_WIDE: Final = {"utf-16", "utf-16le", "utf-16be", "ucs-2", "iso-10646-ucs-2"}
_DECLARED: Final = re.compile(r"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_HTML: Final = re.compile(r"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_MIXED: Final = etree.XPath("//*[*][text()[normalize-space()]][1]")
_BLANK: Final = " \t\r\n"


def parse(document: bytes, limits: Limits = _DEFAULT_LIMITS) -> Tree:
    """The document as a tree in which nothing was fetched or expanded.

    Raises `Unsafe` with rule XML-EMPTY, XML-NOT-XML, XML-BROKEN, XML-ENCODING, XML-DTD, XML-TOO-LARGE,
    XML-TOO-DEEP or XML-MIXED. A DOCTYPE is refused before the parser proper sees the file. Comments and processing
    instructions stay; a text node may be as large as the document.
    """
    _refuse_by_size(document, limits)
    _refuse_foreign(document)
    tree = _tree(_checked(document), limits)
    _refuse_deep(tree, limits)
    if not limits.allow_mixed:
        _refuse_mixed(tree)
    return tree


def _refuse_by_size(document: bytes, limits: Limits) -> None:
    if not document or document.isspace():
        raise Unsafe("XML-EMPTY", "the file is empty: nothing to judge")
    if len(document) > limits.max_bytes:
        raise Unsafe("XML-TOO-LARGE", f"the file has {len(document)} bytes; at most {limits.max_bytes} are read")


def _refuse_foreign(document: bytes) -> None:
    for magic, name in _MAGIC:
        if document.startswith(magic):
            raise Unsafe("XML-NOT-XML", f"this is {name}, not XML: send the XML file itself")


def _checked(document: bytes) -> bytes:
    """The document in UTF-8 without byte order mark, once its encoding and its prolog are known to be in order."""
    codec, body = _codec(document)
    text = _decoded(body, codec)
    _refuse_other_text(text)
    _refuse_doctype(text)
    return body if codec == "utf-8" else text.encode("utf-8", "surrogatepass")


def _codec(document: bytes) -> tuple[str, bytes]:
    mark, codec = next(((b, c) for b, c in _BOMS if document.startswith(b)), (b"", ""))
    body = document[len(mark) :]
    if codec == "utf-32":
        raise Unsafe("XML-ENCODING", "UTF-32 is not read: save the file as UTF-8", 1)
    if not mark and body[:2] in (b"<\x00", b"\x00<"):
        codec = "utf-16-le" if body[:1] == b"<" else "utf-16-be"
    return _agreed(codec, _declared(body, codec or "iso-8859-1")), body


def _declared(body: bytes, codec: str) -> str:
    found = _DECLARED.match(body[:1024].decode(codec, "replace"))
    return found.group(1).strip().lower() if found else ""


def _agreed(seen: str, declared: str) -> str:
    """The one encoding that the bytes and the declaration agree on."""
    if declared and declared not in _KNOWN and declared not in _WIDE:
        raise Unsafe("XML-ENCODING", f"unknown encoding {declared!r}: save the file as UTF-8", 1)
    if seen.startswith("utf-16"):
        agree = not declared or (declared in _WIDE and declared[-2:] not in {"le", "be"} - {seen[-2:]})
    else:
        agree = declared not in _WIDE and (not seen or _KNOWN.get(declared or "utf-8") == seen)
    if not agree:
        raise Unsafe("XML-ENCODING", f"the file says encoding {declared!r} but its bytes are {seen or 'not'}", 1)
    return seen or _KNOWN.get(declared, "utf-8")


def _decoded(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        text = f"byte {error.start} is not {codec}: declare the encoding the file really has, or save as UTF-8"
        raise Unsafe("XML-ENCODING", text, line) from error


def _refuse_other_text(text: str) -> None:
    start = text[:1024].lstrip(_BLANK)
    if _HTML.match(start):
        raise Unsafe("XML-NOT-XML", "this is an HTML page, not the XML file")
    if start and not start.startswith("<"):
        name = "JSON" if start[0] in "{[" else "plain text or an unknown format"
        raise Unsafe("XML-NOT-XML", f"this is {name}, not XML: the first character must be <")


_SKIPPED: Final = (("<!--", "-->"), ("<?", "?>"))


def _refuse_doctype(text: str) -> None:
    """Walk over the prolog only; the parser proper never meets a DOCTYPE."""
    at = _past_blank(text, 0)
    while (closed := _past_item(text, at)) > at:
        at = _past_blank(text, closed)
    if text.startswith("<!DOCTYPE", at):
        line = text.count("\n", 0, at) + 1
        raise Unsafe("XML-DTD", "a DOCTYPE is never accepted: remove it, and every entity with it", line)


def _past_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _past_item(text: str, at: int) -> int:
    for opened, closed in _SKIPPED:
        if text.startswith(opened, at):
            end = text.find(closed, at + len(opened))
            return at if end < 0 else end + len(closed)
    return at


def _tree(body: bytes, limits: Limits) -> Tree:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=True,
        remove_blank_text=False,
    )
    try:
        tree = etree.ElementTree(etree.fromstring(body, parser))
    except etree.XMLSyntaxError as error:
        raise _refusal(error, limits) from error
    if tree.docinfo.internalDTD is not None:
        raise Unsafe("XML-DTD", "a DOCTYPE is never accepted: remove it, and every entity with it", 1)
    return tree


def _refusal(error: etree.XMLSyntaxError, limits: Limits) -> Unsafe:
    line, said = error.lineno, error.msg or "not well-formed"
    if "depth" in said.lower():
        return _too_deep(limits, line)
    return Unsafe("XML-BROKEN", f"not well-formed, cut or damaged: {said}", line)


def _too_deep(limits: Limits, line: int | None) -> Unsafe:
    return Unsafe("XML-TOO-DEEP", f"elements stand deeper than {limits.max_depth} levels", line)


@lru_cache(maxsize=4)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("(" + "/*" * (depth + 1) + ")[1]")


def _refuse_deep(tree: Tree, limits: Limits) -> None:
    found = _deeper_than(limits.max_depth)(tree)
    if isinstance(found, list) and found and isinstance(found[0], etree._Element):
        raise _too_deep(limits, line_of(found[0]))


def _refuse_mixed(tree: Tree) -> None:
    found = _MIXED(tree)
    if isinstance(found, list) and found and isinstance(found[0], etree._Element):
        name = etree.QName(found[0]).localname
        raise Unsafe("XML-MIXED", f"element {name} holds both elements and text", line_of(found[0]))
