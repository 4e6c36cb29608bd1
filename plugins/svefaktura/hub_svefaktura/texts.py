"""What a finding means and what to do about it, in Swedish and English.

The words stand in `rules/texts/*.toml`, one table for each rule:

    ["BR-02"]
    sv = "…"        what is wrong         en = "…"
    sv_do = "…"     what to do about it   en_do = "…"

Rules that differ only in a parameter share one `[[pattern]]` with the same four keys and `rule`, a regex whose
named groups are fields in the text. `{cat}` is what the group matched, or, where the file has `[tables.cat]`,
that entry's text in the language asked for; `{cat.code}` is another column of the entry. A value that its table
lacks means that the pattern is not for that rule. A rule's own table goes before every pattern.

`{value}`, `{location}` and `{official}` are filled from the finding. A part in square brackets that mentions one
of them, as in "Koden[ {value}] är okänd", is left out when there is nothing to fill it with.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, TypeAlias, cast

Language: TypeAlias = Literal["sv", "en"]
LANGUAGES: tuple[Language, ...] = ("sv", "en")
KEYS = ("sv", "sv_do", "en", "en_do")
GENERAL = "GENERAL"
UNQUOTED = "GENERAL-UNQUOTED"
SHOWN: Mapping[str, int] = {"official": 600, "location": 300}
SHOWN_OTHERWISE = 80

_FROM_FINDING = frozenset({"value", "location", "official"})
_FIELD = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*\{(?:value|location|official)\}[^\[\]]*)\]")
_SHOUTED_ID = re.compile(r"^\[[A-Za-z0-9-]+\]\s*-?\s*")

Row: TypeAlias = Mapping[str, str]
Tables: TypeAlias = Mapping[str, Mapping[str, Row]]


@dataclass(frozen=True, slots=True)
class RuleText:
    """What is wrong, and what to do about it, in one language."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Four texts for every rule whose id the regex matches in full."""

    rule: re.Pattern[str]
    texts: Row
    tables: Tables

    def written_for(self, rule: str) -> Row | None:
        """Promises the four texts with the rule's own fields filled, or None when the pattern is not for it."""
        match = self.rule.fullmatch(rule)
        if match is None:
            return None
        groups = match.groupdict()
        if any(name in self.tables and text not in self.tables[name] for name, text in groups.items()):
            return None
        return {key: _with_groups(self.texts[key], groups, self.tables, key[:2]) for key in KEYS}


@dataclass(frozen=True, slots=True)
class Library:
    """All the texts: those of single rules, then the patterns in the order of their files."""

    rules: Mapping[str, Row]
    patterns: tuple[Pattern, ...]

    def find(self, rule: str) -> Row | None:
        """Promises the rule's own texts before any pattern's, and None for a rule nobody has written about."""
        own = self.rules.get(rule)
        if own is not None:
            return own
        return next((found for each in self.patterns if (found := each.written_for(rule)) is not None), None)


def text_for(rule: str, language: Language, *, official: str = "", location: str = "", value: str = "") -> RuleText:
    """Promises a text for any rule id; one that is not known gets a general text quoting the official message.

    What the document holds is shown as it stands, shortened, and never read as a placeholder.
    """
    finding = {"rule": rule, "official": _official(official), "location": location, "value": value}
    shown = {name: _shown(text, SHOWN.get(name, SHOWN_OTHERWISE)) for name, text in finding.items()}
    texts = _texts(rule) or _general(quoted=bool(shown["official"]))
    return RuleText(_filled(texts[language], shown), _filled(texts[f"{language}_do"], shown))


def is_known(rule: str) -> bool:
    """Promises whether somebody has written about this rule, so that the general text is not needed."""
    return _texts(rule) is not None


@cache
def library() -> Library:
    """Promises every text file of the package, read once; a faulty entry is named in the ValueError."""
    folder = resources.files(__package__) / "rules" / "texts"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda f: f.name)
    rules: dict[str, Row] = {}
    patterns: list[Pattern] = []
    for file in files:
        more, families = read_texts(file.name, file.read_text(encoding="utf-8"))
        _refuse_twins(file.name, rules, more)
        rules |= more
        patterns += families
    return Library(rules, tuple(patterns))


def read_texts(name: str, content: str) -> tuple[dict[str, Row], list[Pattern]]:
    """Promises one file's rules and patterns, each with all four texts and no field that nothing can fill."""
    entries = tomllib.loads(content)
    tables = cast(Tables, entries.pop("tables", {}))
    families = cast("list[Row]", entries.pop("pattern", []))
    rules = {rule: _checked(f"{name}: {rule}", row, frozenset()) for rule, row in entries.items()}
    return rules, [_pattern(name, row, tables) for row in families]


def _pattern(name: str, row: Row, tables: Tables) -> Pattern:
    rule = re.compile(row.get("rule", ""))
    where = f"{name}: {rule.pattern or 'a pattern without a rule'}"
    return Pattern(rule, _checked(where, row, frozenset(rule.groupindex)), tables)


def _checked(where: str, row: Row, groups: frozenset[str]) -> Row:
    for key in KEYS:
        if not str(row.get(key, "")).strip():
            raise ValueError(f"{where}: the text {key} is missing; write it in the file")
        unknown = {field.split(".")[0] for field in _FIELD.findall(row[key])} - groups - _FROM_FINDING - {"rule"}
        if unknown:
            raise ValueError(f"{where}: nothing fills {', '.join(sorted(unknown))} in {key}; correct the field")
    return row


def _refuse_twins(name: str, known: Mapping[str, Row], more: Mapping[str, Row]) -> None:
    twins = sorted(known.keys() & more.keys())
    if twins:
        raise ValueError(f"{name}: {', '.join(twins)} stands in another file too; keep one of the texts")


@lru_cache(maxsize=4096)
def _texts(rule: str) -> Row | None:
    return library().find(rule)


def _general(*, quoted: bool) -> Row:
    return library().rules[GENERAL if quoted else UNQUOTED]


def _with_groups(text: str, groups: Mapping[str, str], tables: Tables, language: str) -> str:
    def fill(match: re.Match[str]) -> str:
        group, _, column = match[1].partition(".")
        if group not in groups:
            return match[0]
        row = tables.get(group, {}).get(groups[group])
        return groups[group] if row is None else _column(row, column, language)

    return _FIELD.sub(fill, text)


def _column(row: Row, column: str, language: str) -> str:
    if not column:
        return row[language]
    return row[column] if column in row else row[f"{language}_{column}"]


def _filled(text: str, shown: Mapping[str, str]) -> str:
    kept = _OPTIONAL.sub(lambda part: part[1] if _has_all(part[1], shown) else "", text)
    return _FIELD.sub(lambda field: shown.get(field[1]) or "–", kept)


def _has_all(part: str, shown: Mapping[str, str]) -> bool:
    return all(shown.get(name) for name in _fields(part))


def _fields(text: str) -> Iterator[str]:
    return (match[1] for match in _FIELD.finditer(text))


def _official(message: str) -> str:
    return _SHOUTED_ID.sub("", message.strip())


def _shown(text: str, most: int) -> str:
    """A document may hold a megabyte in one field: only the beginning is looked at."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
