"""Every construct of Schematron that is accepted means what the standard says; every other one is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from xmlrules import Severity, Unsupported, compile_schematron
from xmlrules.saxon import NotCompiled, Prepared, Raised, SchematronLayer
from xmlrules.schematron import only_elements

HEAD = '<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2" {}>'


def schema(body: str, attributes: str = "") -> bytes:
    return (HEAD.format(attributes) + body + "</schema>").encode()


def told(body: str, document: str, attributes: str = "") -> list[tuple[str, str]]:
    """Rule id and message of every hit."""
    root = etree.fromstring(document)
    return [(hit.rule, hit.text) for hit in SchematronLayer(schema(body, attributes)).run(Prepared(root, True))]


def fired(body: str, document: str, attributes: str = "") -> list[str]:
    return [rule for rule, _ in told(body, document, attributes)]


def test_an_assert_speaks_when_false_and_a_report_when_true() -> None:
    body = """<pattern><rule context="a"><assert id="A" test="b">no b</assert><assert id="B" test="c">no c</assert>
        <report id="C" test="b">b</report><report id="D" test="c">c</report></rule></pattern>"""
    assert told(body, "<a><b/></a>") == [("B", "no c"), ("C", "b")]


def test_in_a_pattern_a_node_meets_its_first_rule_only_and_every_pattern_anew() -> None:
    body = """<pattern><rule context="b[@x]"><assert id="FIRST" test="false()"/></rule>
        <rule context="b"><assert id="SECOND" test="false()"/></rule></pattern>
        <pattern><rule context="*"><assert id="OTHER" test="false()"/></rule></pattern>"""
    assert fired(body, "<a><b x='1'/><b/></a>") == ["FIRST", "SECOND", "OTHER", "OTHER", "OTHER"]


def test_a_rule_that_says_nothing_still_takes_its_nodes() -> None:
    body = """<pattern><rule context="b[@x]"/><rule context="b"><assert id="B" test="false()"/></rule></pattern>"""
    assert fired(body, "<a><b x='1'/></a>") == []


def test_findings_of_a_pattern_stand_in_document_order() -> None:
    body = """<pattern><rule context="c"><assert test="false()">c<value-of select="@n"/></assert></rule>
        <rule context="b"><assert test="false()">b<value-of select="@n"/></assert></rule></pattern>"""
    told_ = told(body, "<a><b n='1'><c n='2'/></b><c n='3'/><b n='4'/></a>")
    assert [text for _, text in told_] == ["b1", "c2", "c3", "b4"]


def test_lets_of_schema_pattern_and_rule_are_seen_in_their_places() -> None:
    body = """<let name="s" value="count(//b)"/><pattern><let name="p" value="a/@limit"/>
        <rule context="b"><let name="r" value="@n + $s"/>
        <assert id="A" test="$r &lt; $p"><value-of select="($s, $p, $r)"/></assert></rule></pattern>"""
    assert told(body, "<a limit='4'><b n='1'/><b n='2'/></a>") == [("A", "2 4 4")]


def test_patterns_may_use_one_name_for_different_lets() -> None:
    body = """<let name="x" value="'schema'"/>
        <pattern><let name="x" value="'one'"/><let name="y" value="concat($x, '!')"/>
        <rule context="a"><report test="true()"><value-of select="$y"/></report></rule></pattern>
        <pattern><let name="x" value="'two'"/><let name="y" value="concat($x, '?')"/>
        <rule context="a"><report test="true()"><value-of select="$x, $y"/></report></rule></pattern>
        <pattern><rule context="a"><report test="true()"><value-of select="$x"/></report></rule></pattern>"""
    assert [text for _, text in told(body, "<a/>")] == ["one!", "two two?", "schema"]


def test_a_clashing_let_in_a_context_is_refused() -> None:
    body = """<pattern><let name="x" value="1"/><rule context="a[$x]"/></pattern>
        <pattern><let name="x" value="2"/><rule context="a"/></pattern>"""
    with pytest.raises(Unsupported, match=r"\$x in a context"):
        compile_schematron(schema(body))


def test_a_let_may_hold_content() -> None:
    body = """<let name="codes"><c xmlns="">A</c><c xmlns="">B</c></let>
        <pattern><rule context="a"><assert id="C" test="@c = $codes/c"/></rule></pattern>"""
    assert fired(body, "<a c='B'/>") == []
    assert fired(body, "<a c='X'/>") == ["C"]


def test_an_abstract_pattern_takes_its_parameters_as_text() -> None:
    body = """<pattern abstract="true" id="need"><rule context="$where"><let name="n" value="'$what'"/>
        <assert id="N" test="$what"><name/> has no <value-of select="$n"/> of $whatever</assert></rule></pattern>
        <pattern is-a="need" id="one"><param name="where" value="a"/><param name="what" value="b"/></pattern>
        <pattern is-a="need" id="two"><param name="where" value="b"/><param name="what" value="@c"/></pattern>"""
    assert told(body, "<a><b/></a>") == [("N", "b has no @c of $whatever")]


def test_an_abstract_rule_is_written_in_where_it_is_extended() -> None:
    body = """<pattern><rule abstract="true" id="base"><let name="l" value="'x'"/>
        <assert id="BASE" test="@k = $l"/></rule>
        <rule abstract="true" id="more"><extends rule="base"/><assert id="MORE" test="@m"/></rule>
        <rule context="b"><assert id="OWN" test="@o"/><extends rule="more"/></rule></pattern>"""
    assert fired(body, "<a><b k='x'/></a>") == ["OWN", "MORE"]


def test_messages_carry_values_names_and_markup() -> None:
    body = """<pattern><rule context="b"><assert id="M" test="false()">
        In <name/> of <name path=".."/>: <emph>see <value-of select="@x"/></emph>, <span class="s">please</span>
        </assert></rule></pattern>"""
    assert told(body, "<a><b x='&lt;1&gt;  2'/></a>") == [("M", "In b of a: see <1> 2, please")]


def test_severity_comes_from_flag_then_role_of_the_check_then_of_its_rule() -> None:
    body = """<pattern><rule context="a" flag="warning"><assert id="A" flag="information" role="fatal" test="1"/>
        <assert id="B" role="warn" test="1"/><assert id="C" test="1"/></rule>
        <rule context="b"><assert id="D" test="1"/><assert id="E" flag="odd" test="1"/></rule></pattern>"""
    severities = {rule.id: rule.severity for rule in compile_schematron(schema(body)).rules}
    assert severities == {
        "A": Severity.information,
        "B": Severity.warning,
        "C": Severity.warning,
        "D": Severity.fatal,
        "E": Severity.fatal,
    }


def test_functions_and_keys_inside_the_schema_work() -> None:
    body = """<ns prefix="u" uri="utils"/>
        <xsl:function name="u:even" as="xs:boolean"><xsl:param name="n"/>
        <xsl:sequence select="xs:integer($n) mod 2 = 0"/></xsl:function>
        <xsl:key name="by" match="b" use="@n"/>
        <pattern><rule context="b"><assert id="E" test="u:even(@n)"/>
        <assert id="K" test="count(key('by', @n)) = 1"/></rule></pattern>"""
    names = (
        'xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:u="utils"'
    )
    assert fired(body, "<a><b n='2'/><b n='3'/><b n='2'/></a>", names) == ["K", "E", "K"]


@pytest.mark.parametrize(
    ("context", "hits"),
    [("@x", 2), ("text()", 1), ("comment()", 1), ("processing-instruction()", 1), ("/", 1), ("b/@x | c", 2)],
)
def test_contexts_may_be_other_nodes_than_elements(context: str, hits: int) -> None:
    body = f"""<pattern><rule context="{context}"><report id="R" test="true()"/></rule></pattern>"""
    assert fired(body, "<a x='1'><b x='2'>t</b><!--c--><?p i?><c/></a>") == ["R"] * hits


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("a", True),
        ("//x:a/*", True),
        ("/a | b[@c = '|@d']/x:e", True),
        ("(/a | /b)[@c]", True),
        ("a[b[c]/@d]", True),
        ("*:a", True),
        ("@a", False),
        ("a/@b", False),
        ("a | text()", False),
        ("/", False),
        ("node()", False),
        ("attribute::a", False),
        ("a | (: c :) @b", False),
        ("key('k', 'v')", False),
    ],
)
def test_attributes_are_visited_only_where_a_context_may_match_them(context: str, expected: bool) -> None:
    assert only_elements(context) is expected


def test_a_phase_restricts_the_patterns() -> None:
    body = """<phase id="p"><active pattern="two"/></phase>
        <pattern id="one"><rule context="a"><report id="ONE" test="true()"/></rule></pattern>
        <pattern id="two"><rule context="a"><report id="TWO" test="true()"/></rule></pattern>"""
    assert fired(body, "<a/>") == ["ONE", "TWO"]
    assert fired(body, "<a/>", 'defaultPhase="p"') == ["TWO"]
    assert [rule.id for rule in compile_schematron(schema(body), phase="p").rules] == ["TWO"]


def test_binding_xslt_means_xpath_one() -> None:
    body = """<pattern><rule context="a"><report id="R" test="'10' &gt; '9'"/>
        <report id="F" test="b = 1 and number(b)"/>
        </rule></pattern>"""
    source = schema(body).replace(b'"xslt2"', b'"xslt"')
    hits = SchematronLayer(source).run(Prepared(etree.fromstring("<a><b>1</b><b>2</b></a>"), True))
    assert [hit.rule for hit in hits] == ["R", "F"]


def test_comments_instructions_prose_and_known_diagnostics_are_no_hindrance() -> None:
    body = """<!-- c --><?p i?><title>T</title><p>prose</p><pattern><title>t</title><p>p</p><!-- c -->
        <rule context="a"><!-- c --><p>p</p>
        <assert id="A" test="b" diagnostics="d"><!-- c -->no b<?p i?></assert></rule>
        </pattern><diagnostics><diagnostic id="d">More</diagnostic></diagnostics>"""
    assert told(body, "<a/>") == [("A", "no b")]


def test_a_check_without_id_gets_one_that_survives_the_next_edition() -> None:
    one = '<rule context="a"><assert test="b">B</assert><assert test="c">[C-01]-C</assert></rule>'
    two = '<rule context="a"><assert test="x">X</assert><assert test="b">B, reworded</assert></rule>'
    before = [rule.id for rule in compile_schematron(schema(f"<pattern>{one}</pattern>")).rules]
    after = [rule.id for rule in compile_schematron(schema(f"<pattern>{two}</pattern>")).rules]
    assert before[1] == "C-01"
    assert before[0] == after[1]
    assert before[0].startswith("NO-ID-")


def test_a_digest_follows_what_the_test_leans_on() -> None:
    body = """<let name="codes" value="'{}'"/><let name="all" value="tokenize($codes, ' ')"/>
        <pattern><rule context="a"><assert id="A" test="@c = $all"/><assert id="B" test="@d"/></rule></pattern>"""
    old, new = (compile_schematron(schema(body.format(codes))).rules for codes in ("A B", "A B C"))
    assert old[0].digest != new[0].digest
    assert old[1].digest == new[1].digest


PATTERN = '<pattern><rule context="a"><assert id="A" test="b">{}</assert></rule></pattern>'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('<include href="x.sch"/>', "include"),
        ('<pattern documents="x"><rule context="a"/></pattern>', "documents"),
        ('<pattern><rule context="a" subject="b"/></pattern>', "subject"),
        ('<pattern><rule context="a"><extends href="x"/></rule></pattern>', "href"),
        ('<pattern><rule context="a"><extends rule="x"/></rule></pattern>', "no such abstract rule"),
        (
            '<pattern><rule abstract="true" id="x"><extends rule="x"/></rule>'
            '<rule context="a"><extends rule="x"/></rule></pattern>',
            "circle",
        ),
        ('<pattern is-a="x"/>', "no abstract pattern"),
        ("<pattern><rule/></pattern>", "without context"),
        ('<pattern><rule context="a"><assert id="A">x</assert></rule></pattern>', "without test"),
        ('<pattern><rule context="a">stray</rule></pattern>', "text directly"),
        ("<pattern><group/></pattern>", "group"),
        ('<xsl:template xmlns:xsl="http://www.w3.org/1999/XSL/Transform" match="/"/>', "template"),
        ('<x:y xmlns:x="urn:x"/>', "urn:x"),
        (
            PATTERN.format('<xsl:value-of xmlns:xsl="http://www.w3.org/1999/XSL/Transform" select="."/>'),
            "inside a message",
        ),
        (PATTERN.format("<title/>"), "inside a message"),
        ('<pattern><rule context="a"><assert id="A" test="b" diagnostics="d"/></rule></pattern>', "diagnostic"),
        ('<phase id="p"><active pattern="x"/></phase><pattern id="y"/>', ""),
        ('<let name="x"/>', "without name or value"),
    ],
)
def test_an_unknown_construct_is_refused_never_skipped(body: str, said: str) -> None:
    attributes = 'defaultPhase="p"' if "phase" in body else ""
    with pytest.raises(Unsupported) as caught:
        compile_schematron(schema(body, attributes))
    assert said in caught.value.what


@pytest.mark.parametrize(
    "source", [b"", b"<a/>", b"<schema", HEAD.format("").replace("xslt2", "sql").encode() + b"</schema>"]
)
def test_a_file_that_is_no_schema_is_refused(source: bytes) -> None:
    with pytest.raises(Unsupported):
        compile_schematron(source)


def test_a_wrong_expression_is_refused_when_compiled() -> None:
    with pytest.raises(NotCompiled):
        SchematronLayer(schema('<pattern><rule context="a"><assert test="b ==="/></rule></pattern>'))


TREES = st.recursive(
    st.sampled_from(["<a/>", "<b/>", "<c/>", "<b x='1'/>"]),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", st.sampled_from("abc"), st.lists(inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["b", "b/c", "b/c/b", "b/c/@x", "c/b", "b/b"]), min_size=1, max_size=9), st.data())
def test_bans_speak_alike_grouped_or_not(paths: list[str], data: st.DataObject) -> None:
    document = etree.fromstring(f"<a>{data.draw(TREES)}{data.draw(TREES)}</a>")
    body = "".join(f'<assert id="{at}-{path}" test="not({path})"/>' for at, path in enumerate(paths))
    layer = SchematronLayer(schema(f'<pattern><rule context="/a">{body}</rule></pattern>'))
    expected = [f"{at}-{path}" for at, path in enumerate(paths) if document.xpath(path)]
    assert [hit.rule for hit in layer.run(Prepared(document, True))] == expected


RAISING = """<let name="g" value="xs:decimal(/a/@g)"/><pattern><rule context="b"><let name="l" value="xs:decimal(@l)"/>
    <assert id="LOCAL" test="$l &gt; 0"/><assert id="FINE" test="@fine"/><assert id="GLOBAL" test="$g &gt; 0"/>
    <assert id="OWN" test="xs:decimal(@o) &gt; 0">m</assert></rule></pattern>"""


def test_a_rule_that_raises_is_named_and_the_others_still_speak() -> None:
    layer = SchematronLayer(schema(RAISING, 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'))
    document = etree.fromstring("<a g='x'><b l='y' o='z'/><b l='1' o='0' fine=''/></a>")
    with pytest.raises(Raised) as caught:
        layer.run(Prepared(document, True))
    for name in ("LOCAL", "GLOBAL", "OWN"):
        assert f"rule {name} raised" in caught.value.reason
    assert [hit.rule for hit in caught.value.hits] == ["FINE", "OWN"]


def test_a_rule_set_cannot_read_files() -> None:
    layer = SchematronLayer(
        schema("""<pattern><rule context="a"><assert id="F" test="unparsed-text('/etc/hostname')"/></rule></pattern>""")
    )
    with pytest.raises(Raised, match="prohibited"):
        layer.run(Prepared(etree.fromstring("<a/>"), True))


@given(TREES)
def test_first_match_agrees_with_a_plain_reading_of_the_tree(tree: str) -> None:
    body = """<pattern><rule context="a/b"><report id="R1" test="true()"/></rule>
        <rule context="b[@x] | c"><report id="R2" test="true()"/></rule></pattern>"""
    root = etree.fromstring(f"<r>{tree}</r>")
    expected = []
    for element in root.iter():
        parent = element.getparent()
        if element.tag == "b" and parent is not None and parent.tag == "a":
            expected.append("R1")
        elif element.tag == "c" or (element.tag == "b" and element.get("x")):
            expected.append("R2")
    assert [hit.rule for hit in kept(body).run(Prepared(root, True))] == expected


_layers: dict[str, SchematronLayer] = {}


def kept(body: str) -> SchematronLayer:
    if body not in _layers:
        _layers[body] = SchematronLayer(schema(body))
    return _layers[body]
