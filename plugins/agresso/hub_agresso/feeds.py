"""What is pulled from Agresso, page by page: over the web API, QueryEngine and Timesheet.

They tell the same rows under other names; what they are read into is the same. See `extracts` for files, and
`hub.plugin.ports.Feed` for the promises.

A cursor holds how far the paging has come, when the pull began and the latest change met so far. The mark is that
change. A change later than the pull's beginning is none: what changes after its page was read is to be asked for the
next time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from hub.domain.texts import Text
from hub.plugin.errors import Refused, Unavailable
from hub.plugin.ports import Flaw, Page
from hub_agresso import rows
from hub_agresso.paging import Told, steps
from hub_agresso.rows import BROWSER, WEB_API, AsItStands, Names, Row
from hub_agresso.settings import Reading, SoapSettings, WebApiSettings
from hub_agresso.soap import Criterion, Services, rows_told, worked_in
from hub_agresso.web_api import WebApi, literal

Values: TypeAlias = Mapping[str, Any]
_TIME = 8
_AN_HOUR, _A_DAY = timedelta(hours=1), timedelta(days=1)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Noun:
    """What one noun is read by, the names of the columns that tell one of its rows from the others, and of those read.

    The dimensions that the settings name are read beside them.
    """

    understand: Callable[[Row], Any]
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()

    def address(self, row: Row) -> str:
        """What tells the row from the others of its listing."""
        return "/".join(row.told(name) for name in self.key)


ORDERS = Noun(rows.order_row, ("company", "order", "line"), rows.ORDER_COLUMNS)
SUPPLIERS = Noun(rows.supplier, ("company", "supplier"), rows.SUPPLIER_COLUMNS)
LEDGER = Noun(rows.ledger_row, ("voucher", "sequence", "account"), rows.LEDGER_COLUMNS)


def read_values(noun: Noun, values: Values, names: Names, reading: Reading, decimals: str = ".") -> Any:
    """What a row says, or the flaw that it is."""
    row = Row(values, names, reading, decimals)
    return rows.read(noun.understand, values, row, noun.address(row) or None)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a paged listing was read, when that was begun by the clocks there, and the latest change met."""

    offset: int = 0
    begun: str = ""
    latest: str = ""

    @classmethod
    def parse(cls, written: str) -> Cursor:
        """Read what `written` wrote."""
        offset, begun, latest, *_ = *written.split(" "), "", ""
        return cls(int(offset or 0), begun, latest)

    @property
    def written(self) -> str:
        """The cursor as the hub keeps it."""
        return f"{self.offset} {self.begun} {self.latest}"

    def after(self, offset: int, changes: Iterable[str]) -> Cursor:
        """Where it has come once a page with those changes is read."""
        met = [each for each in changes if each <= self.begun]
        return replace(self, offset=offset, latest=max(self.latest, *met, ""))


class _Listing:
    """A listing with offset and limit: the web API's objects and QueryEngine's templates are two of them."""

    def __init__(self, noun: Noun, names: Names, reading: WebApiSettings | SoapSettings, title: str) -> None:
        self._noun, self._names, self._reading, self._title = noun, names, reading, title
        self._parsed: tuple[bytes, Sequence[Any], int] | None = None

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        """See `Feed.pages`."""
        known = self._known(since)
        at = Cursor.parse(cursor) if cursor else Cursor(0, _clock(self._reading.now()), _clock(known))
        for step in steps(self._asking(known), self._reading.page, self._reading.overlap, at.offset):
            at = at.after(step.offset, map(self._changed, step.told.rows))
            name, content = f"{self._title} {at.offset}", step.told.content
            yield Page(name, content, at.written, step.last, at.latest, everything=step.last)

    def read(self, content: bytes) -> Iterator[Any]:
        """See `Feed.read`."""
        for values in self._understood(content):
            if isinstance(values, Mapping):
                yield read_values(self._noun, values, self._names, self._reading)
            else:
                yield Flaw(None, rows.kept(values), (rows.no_row(),))

    def everything(self) -> Iterator[Row]:
        """Every row there is, as it stands; some may come twice."""
        for page in self.pages(""):
            yield from self.read_rows(page.content)

    def read_rows(self, content: bytes) -> Iterator[Row]:
        """The rows of one answer, as they stand. Raises Unavailable when one of them is none: it might be any."""
        understood = self._understood(content)
        if not all(isinstance(each, Mapping) for each in understood):
            raise Unavailable(_HALF)
        return (self._row(values) for values in understood)

    def _understood(self, content: bytes) -> Sequence[Any]:
        """The page's rows; those of the page that was asked for last are remembered, and not parsed twice."""
        return self._answered(content)[0]

    def _answered(self, content: bytes) -> tuple[Sequence[Any], int]:
        if self._parsed is None or self._parsed[0] is not content:
            self._parsed = content, *self._rows(content)
        return self._parsed[1:]

    def _asking(self, since: datetime | None) -> Callable[[int, int], Told[Any]]:
        asked_from = self._looking_back(since) if since else None

        def ask(offset: int, limit: int) -> Told[Any]:
            content = self._ask(asked_from, offset, limit)
            found, answered = self._answered(content)
            told = [self._noun.address(self._row(values)) for values in found if isinstance(values, Mapping)]
            return Told(content, found, told, answered)

        return ask

    def _known(self, mark: str) -> datetime | None:
        """The mark as a time. One that is none, or still to come, is no mark at all: everything is asked for."""
        known = self._reading.by_the_clock(mark)
        if mark and (known is None or known > self._reading.now() + _A_DAY):
            _log.warning("%s: the mark %r cannot be asked from; everything is read", self._title, mark[:50])
            return None
        return known

    def _looking_back(self, since: datetime) -> datetime:
        """An hour more where clocks were set in between: they tell the same hour twice then, or leave one out."""
        back = timedelta(minutes=self._reading.look_back)
        zone = ZoneInfo(self._reading.zone)
        before, after = ((since + each).replace(tzinfo=zone).utcoffset() for each in (-back - _AN_HOUR, _AN_HOUR))
        return since - back if before == after else since - back - _AN_HOUR

    def _changed(self, values: Any) -> str:
        stated = self._row(values).told("updated_at") if isinstance(values, Mapping) else ""
        return _clock(self._reading.by_the_clock(stated))

    def _row(self, values: Values) -> Row:
        return AsItStands(values, self._names, self._reading)

    def _ask(self, since: datetime | None, offset: int, limit: int) -> bytes:
        raise NotImplementedError

    def _rows(self, content: bytes) -> tuple[Sequence[Any], int]:
        """What stands in the places of rows, and how many there were with sums."""
        raise NotImplementedError


class WebApiFeed(_Listing):
    """An object of the web API."""

    def __init__(self, noun: Noun, name: str, settings: WebApiSettings, api: WebApi | None = None) -> None:
        super().__init__(noun, WEB_API, settings, name)
        self._name, self._form, self._api = name, settings.date_form, api or WebApi(settings)
        self._select = rows.selected(noun.columns, settings) if settings.select else ""

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()

    def _ask(self, since: datetime | None, offset: int, limit: int) -> bytes:
        where = f"lastUpdated/updatedAt ge {literal(since, self._form)}" if since else ""
        return self._api.page(self._name, where=where, offset=offset, limit=limit, select=self._select)

    def _rows(self, content: bytes) -> tuple[Sequence[Any], int]:
        try:
            told = json.loads(content, parse_float=Decimal)
        except (ValueError, RecursionError):
            raise Unavailable(_HALF) from None
        if not isinstance(told, list):
            raise Unavailable(_NO_LIST)
        return told, len(told)


class TemplateFeed(_Listing):
    """A browser template of QueryEngine."""

    def __init__(self, noun: Noun, template: int, settings: SoapSettings, services: Services | None = None) -> None:
        super().__init__(noun, BROWSER, settings, f"mall {template}")
        self._template, self._services = template, services or Services(settings)

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()

    def _ask(self, since: datetime | None, offset: int, limit: int) -> bytes:
        column = BROWSER["updated_at"]
        stated = [Criterion(column, ">=", since.isoformat(timespec="seconds"), _TIME)] if since else []
        return self._services.result(self._template, offset + 1, offset + limit, stated)

    def _rows(self, content: bytes) -> tuple[Sequence[Any], int]:
        return rows_told(content, self._services.told)


def demanded_template(template: int, name: str) -> int:
    """The number of a template to read by, from the setting of that name. Raises Refused when none is stated."""
    if not template:
        raise Refused(_no_template(name))
    return template


class TimesheetFeed:
    """The hours of Tid & Projekt, a month to a page; the mark is the day up to which was asked."""

    def __init__(self, settings: SoapSettings, services: Services | None = None) -> None:
        self._settings, self._services = settings, services or Services(settings)

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        """See `Feed.pages`. Hours are reported late: the month before the mark is asked for again."""
        begins = date.fromisoformat(cursor) if cursor else self._from(since)
        while True:
            ends = min(_last(begins), self._settings.today())
            content = self._services.timesheet(begins, ends)
            after = _last(begins) + timedelta(days=1)
            last = after > self._settings.today()
            yield Page(f"tid {begins:%Y-%m}", content, after.isoformat(), last, ends.isoformat(), (begins, ends))
            if last:
                return
            begins = after

    def _from(self, since: str) -> date:
        """The first of the month before the mark; the first time, the beginning of last year."""
        if not since:
            return date(self._settings.today().year - 1, 1, 1)
        return (date.fromisoformat(since).replace(day=1) - timedelta(days=1)).replace(day=1)

    def read(self, content: bytes) -> Iterator[Any]:
        """See `Feed.read`."""
        for values in worked_in(content, self._services.told):
            try:
                yield rows.hours(self._settings.company, values)
            except rows.Unreadable as error:
                yield Flaw(None, json.dumps(dict(values), ensure_ascii=False).encode(), (error.reason,))

    def close(self) -> None:
        """Let go of connections."""
        self._services.close()


def _clock(told: datetime | None) -> str:
    """The time as a mark is written; empty for none."""
    return told.isoformat(timespec="seconds") if told else ""


def _last(day: date) -> date:
    """The last of its month."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


_HALF = Text(
    "Agressos sida är inte hel. Inget av den sparades; hubben frågar igen.",
    "Agresso's page is not whole. Nothing of it was kept; the hub asks again.",
)
_NO_LIST = Text(
    "Agresso svarade med något annat än en lista. Kontrollera objektets namn.",
    "Agresso answered with something other than a list. Check the object's name.",
)


def _no_template(name: str) -> Text:
    return Text(
        f"Inställningen {name} saknas, och utan den hämtas inget här. Ange webbläsarmallens nummer (hub connections "
        "check prövar det), eller ta bort kopplingen ur rutten.",
        f"The setting {name} is missing, and without it nothing is had here. State the browser template's number (hub "
        "connections check tries it), or take the connection out of the route.",
    )
