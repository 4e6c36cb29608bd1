"""What strangers send is refused by name before any rule sees it."""

import contextlib
import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from xmlrules import Limits, Unsafe, parse

BOMB = (
    b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY l0 "lol">'
    + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]>\n"
)


def refused(document: bytes, limits: Limits | None = None) -> Unsafe:
    with pytest.raises(Unsafe) as caught:
        parse(document, limits or Limits())
    return caught.value


@pytest.mark.parametrize("document", [b"", b"  \n\t "])
def test_an_empty_file_is_named_empty(document: bytes) -> None:
    assert refused(document).rule == "XML-EMPTY"


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (b"%PDF-1.7\n...", "PDF"),
        (b"PK\x03\x04rest", "zip"),
        (gzip.compress(b"<a/>", mtime=0), "gzip"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\n <html lang='sv'><p></html>", "HTML"),
        (b'{"a": 1}', "JSON"),
        (b"Hej, fakturan kommer i morgon.", "plain text"),
        ("Räkning".encode("utf-16"), "plain text"),
    ],
)
def test_a_file_that_is_not_xml_is_named_for_what_it_is(document: bytes, name: str) -> None:
    error = refused(document)
    assert error.rule == "XML-NOT-XML"
    assert name in error.text


@pytest.mark.parametrize(
    ("document", "line"),
    [(b"<a>\n<b>\n</a>", 3), (b"<a>\n<b/>", 2), (b"<a>\n\n<b x=1/></a>", 3), (b"<a/>\n<b/>", 2), (b"<a><!-- cut", 1)],
)
def test_a_cut_or_malformed_file_is_broken_at_its_line(document: bytes, line: int) -> None:
    error = refused(document)
    assert (error.rule, error.line) == ("XML-BROKEN", line)


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("<?xml version='1.0' encoding='UTF-8'?>\n<a>å</a>".encode("latin-1"), 2),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", 1),
        (b"<?xml version='1.0' encoding='UTF-16'?><a/>", 1),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?><a/>", 1),
        ("<?xml version='1.0' encoding='UTF-8'?><a/>".encode("utf-16"), 1),
        ("<?xml version='1.0' encoding='UTF-16BE'?><a/>".encode("utf-16-le"), 1),
        (b"<?xml version='1.0' encoding='UTF-7'?><a/>", 1),
        ("<a/>".encode("utf-32"), 1),
        ("\ufeff<a/>".encode("utf-16-le")[:-1], 1),
    ],
)
def test_an_encoding_that_is_wrong_or_unknown_is_refused(document: bytes, line: int) -> None:
    error = refused(document)
    assert (error.rule, error.line) == ("XML-ENCODING", line)


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (b"<!DOCTYPE a><a/>", 1),
        (b"<!-- x -->\n<?p <!DOCTYPE?>\n<!DOCTYPE a SYSTEM 'http://host.example/a.dtd'><a/>", 3),
        (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", 1),
        (BOMB + b"<a>&l11;</a>", 2),
        (BOMB + b"<a b='&l11;'/>", 2),
        ("\ufeff<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>".encode("utf-16-be"), 1),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>\n<!DOCTYPE a><a>å</a>".encode("latin-1"), 2),
    ],
)
def test_any_doctype_is_refused_where_it_stands(document: bytes, line: int) -> None:
    error = refused(document)
    assert (error.rule, error.line) == ("XML-DTD", line)


def test_a_bomb_takes_no_memory() -> None:
    tracemalloc.start()
    refused(BOMB + b"<a b='&l11;'>&l11;</a>")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_doctype_inside_a_comment_or_text_is_no_doctype() -> None:
    tree = parse(b"<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE a>]]></a>")
    assert tree.getroot().text == "<!DOCTYPE a>"


def test_an_undeclared_entity_is_broken_xml() -> None:
    assert refused(b"<a>&nbsp;</a>").rule == "XML-BROKEN"


def test_size_is_bounded() -> None:
    assert refused(b"<a>" + b"x" * 100 + b"</a>", Limits(max_bytes=50)).rule == "XML-TOO-LARGE"


@pytest.mark.parametrize("levels", [201, 2500, 100_000])
def test_depth_is_bounded(levels: int) -> None:
    assert refused(b"<a>" * levels + b"</a>" * levels).rule == "XML-TOO-DEEP"


def test_the_deepest_allowed_level_is_allowed() -> None:
    parse(b"<a>" * 200 + b"</a>" * 200)


def test_mixed_content_is_refused_at_its_element() -> None:
    error = refused(b"<a>\n<b>\n<c/>text</b></a>")
    assert (error.rule, error.line) == ("XML-MIXED", 2)


def test_comments_and_instructions_beside_text_are_not_mixed_content() -> None:
    tree = parse(b"<a><b>te<!-- c -->xt<?p i?></b> <c/> </a>")
    assert etree.tostring(tree) == b"<a><b>te<!-- c -->xt<?p i?></b> <c/> </a>"


@pytest.mark.parametrize(
    "document",
    [
        "\ufeff<a>å</a>".encode(),
        "\ufeff<?xml version='1.0' encoding='utf-8'?><a>å</a>".encode(),
        "<a>å</a>".encode("utf-16"),
        "<a>å</a>".encode("utf-16-be"),
        "\ufeff<?xml version='1.0' encoding='UTF-16'?><a>å</a>".encode("utf-16-be"),
        "<?xml version='1.0' encoding='utf-16LE'?><a>å</a>".encode("utf-16-le"),
        "<?xml version='1.0' encoding='ISO-8859-1'?><a>å</a>".encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252" standalone="yes"?><a>å</a>'.encode("cp1252"),
    ],
)
def test_the_encodings_in_use_are_read(document: bytes) -> None:
    assert parse(document).getroot().text == "å"


def test_an_attachment_over_ten_megabytes_is_read() -> None:
    size = 11 * 1024 * 1024
    tree = parse(b"<a><b>" + b"QUJD" * (size // 4) + b"</b></a>")
    assert len(tree.findtext("b") or "") == size


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_rule(document: bytes) -> None:
    rule = "XML-"
    with contextlib.suppress(Unsafe):
        parse(document)
        rule = "none"
    assert rule == "none" or refused(document).rule.startswith(rule)


@given(st.text(alphabet="<!DOCTYPE a[]>&;-?x\n 'EN", max_size=60))
def test_no_document_that_is_accepted_has_a_doctype(text: str) -> None:
    try:
        tree = parse(text.encode())
    except Unsafe:
        return
    assert tree.docinfo.internalDTD is None
