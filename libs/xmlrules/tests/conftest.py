"""What the tests share: the folder of official files, a home for packs, and packs made of small schemas."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
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
XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:order" elementFormDefault="qualified">
<xs:element name="order"><xs:complexType><xs:sequence>
<xs:element name="line" type="xs:decimal" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""
RULES = """<ns prefix="o" uri="urn:order"/><pattern>
<rule context="o:line"><assert id="POSITIVE" test=". &gt; 0">A line is <value-of select="."/>, not above zero</assert>
<report id="LARGE" flag="warning" test=". &gt; 1000">A large line</report></rule></pattern>"""
MORE = """<ns prefix="o" uri="urn:order"/><pattern>
<rule context="/o:order"><assert id="FEW" flag="warning" test="count(o:line) &lt; 3">Many lines</assert></rule></pattern>"""


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
