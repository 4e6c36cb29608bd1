"""What the tests share: the folder of official files, packs made of small schemas, and damaged invoices."""

import copy
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree
from xmlrules import Pack, build_pack
from xmlrules.importing import LayerSource

SHARED = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).parents[4] / "shared")


@pytest.fixture(scope="session")
def official() -> Callable[[str], Path]:
    """The path of an official file; skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs {name} in the folder of official files (HUB_ARTEFACTS)")
        return path

    return find


SCHEMA = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">{}</schema>"""
XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:order"
elementFormDefault="qualified">
<xs:element name="order"><xs:complexType><xs:sequence>
<xs:element name="line" type="xs:decimal" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
</xs:element></xs:schema>"""
RULES = """<ns prefix="o" uri="urn:order"/><pattern>
<rule context="o:line"><assert id="POSITIVE" test=". &gt; 0">A line is <value-of select="."/>, not above zero</assert>
<report id="LARGE" flag="warning" test=". &gt; 1000">A large line</report></rule></pattern>"""
MORE = """<ns prefix="o" uri="urn:order"/><pattern>
<rule context="/o:order"><assert id="FEW" flag="warning" test="count(o:line) &lt; 3">Many lines</assert>
</rule></pattern>"""


def make_pack(home: Path, name: str = "orders", *, rules: str = RULES, xsd: bool = True, replace: bool = False) -> Pack:
    """A small pack: an order of decimal lines, layers xsd, lines and count."""
    source = home / f".source-{name}"
    (source / "xsd").mkdir(parents=True, exist_ok=True)
    (source / "xsd" / "order.xsd").write_text(XSD)
    (source / "lines.sch").write_text(SCHEMA.format(rules))
    (source / "count.sch").write_text(SCHEMA.format(MORE))
    layers = [LayerSource("xsd", "xsd", source / "xsd")] if xsd else []
    layers += [LayerSource(one, "sch", source / f"{one}.sch") for one in ("lines", "count")]
    return build_pack(home, name, "orders", layers, version="1", replace=replace)


@pytest.fixture(scope="session")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="session")
def pack_maker() -> Callable[..., Pack]:
    return make_pack


# -- damaged invoices, the same ones for the same seed

VALUES = (
    "",
    " ",
    "abc",
    "-1",
    "0.001",
    "100000",
    "XX",
    "SE",
    "S",
    "O",
    "true",
    "false",
    "2026-13-40",
    "1 2",
    "EUR",
    "380",
)


def mutants(sources: list[bytes], count: int, seed: int) -> Iterator[etree._Element]:
    """`count` damaged copies of the sources, each hurt in one to three places."""
    chance = random.Random(seed)
    for number in range(count):
        root = etree.fromstring(sources[number % len(sources)])
        for _ in range(chance.randint(1, 3)):
            _hurt(root, chance)
        yield root


def _hurt(root: etree._Element, chance: random.Random) -> None:
    victim = chance.choice(list(root.iterdescendants(etree.Element)))
    chance.choice((_remove, _double, _move, _write, _write, _mark, _unmark, _comment))(victim, root, chance)


def _remove(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    parent = victim.getparent()
    assert parent is not None
    parent.remove(victim)


def _double(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    victim.addnext(copy.deepcopy(victim))


def _move(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    chance.choice(list(root.iter(etree.Element))).append(copy.deepcopy(victim))


def _write(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    leaves = [one for one in root.iter(etree.Element) if not len(one)]
    chance.choice(leaves).text = chance.choice((*VALUES, chance.choice(leaves).text))


def _mark(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    marked = [one for one in root.iter(etree.Element) if one.attrib]
    if marked:
        one = chance.choice(marked)
        one.set(chance.choice(list(one.attrib)), chance.choice(VALUES))


def _unmark(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    victim.attrib.clear()


def _comment(victim: etree._Element, root: etree._Element, chance: random.Random) -> None:
    victim.insert(0, etree.Comment("unseen"))


@pytest.fixture(scope="session", name="mutants")
def mutants_fixture() -> Callable[[list[bytes], int, int], Iterator[etree._Element]]:
    return mutants
