"""Writing to Agresso: off until a noun is switched on, and never without a way to see what was written before.

An import runs by itself once it is handed in. Whoever dies over one leaves what may not stand yet, so what is asked for
a second time (the hub does so of what an earlier try began) is looked for as long as an import may take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hub.domain.changes import Change, Receipt
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Refused, Rejected

_FIRST_LOOK, _LONGEST_LOOK = 0.5, 10.0


class _Writing(Protocol):
    @property
    def writes(self) -> tuple[str, ...]: ...


def demand(settings: _Writing, noun: str) -> None:
    """Raises Refused unless the settings say that this noun may be written."""
    if noun not in settings.writes:
        raise Refused(_off(noun))


def demand_asked(column: str, asked: str, shown: str) -> None:
    """See that a row is the one that was asked for: what belongs to another is never taken for ours. Raises Refused."""
    if shown.strip().casefold() != asked.casefold():
        raise Refused(_another(column, asked, shown))


class Patience:
    """Looks for what was handed in, and waits for what is asked for a second time."""

    def __init__(self, seconds: float, sleep: Callable[[float], None]) -> None:
        self._seconds, self._sleep = seconds, sleep
        self._asked: set[str] = set()
        self._missed = ""

    def find(
        self,
        change: Change,
        reference: str,
        look: Callable[[], Receipt | None],
        first: Callable[[], Receipt | None] | None = None,
    ) -> Receipt | None:
        """What `look` finds of the change (`first`, the first time, where that is to see to more). When it was asked
        for before, it is looked for until the time is up.

        Raises Rejected, as uncertain, for what does not come: it is never handed in again unless a person says so.
        """
        self._missed = ""
        if change.key not in self._asked:
            self._asked.add(change.key)
            found = (first or look)()
            self._missed = change.key if found is None else ""
            return found
        found = self.watch(look)
        if found is None:
            raise Rejected((_never_came(reference, self._seconds),), uncertain=True)
        return found

    def just_missed(self, change: Change) -> bool:
        """Whether the last that `find` told was that nothing stands of this very change; told once.

        Then it is handed in without another look: one that fails between the hub's intent and the handing in would
        make a doubt of what was never sent.
        """
        missed, self._missed = self._missed, ""
        return missed == change.key

    def watch(self, look: Callable[[], Receipt | None]) -> Receipt | None:
        """What `look` finds, asked until the time is up; None for what does not come."""
        found, waited, pause = look(), 0.0, _FIRST_LOOK
        while found is None and waited < self._seconds:
            self._sleep(pause)
            found = look()
            waited, pause = waited + pause, min(pause * 2, _LONGEST_LOOK)
        return found


def _never_came(reference: str, patience: float) -> Reason:
    problem = Text(
        f"Ett tidigare försök kan ha lämnat in {reference}, som inte finns i Agresso efter {patience:.0f} sekunder.",
        f"An earlier try may have handed {reference} in; it does not stand in Agresso after {patience:.0f} seconds.",
    )
    remedy = Text(
        "Se efter i Agresso, också bland väntande och avslutade inläsningar. Ligger den i kö: vänta tills den är klar. "
        "Kör sedan igen: finns det då i Agresso lämnas det inte in på nytt, annars görs det.",
        "Look in Agresso, also among waiting and finished imports. While it is queued, wait for its end. Then replay "
        "it: what stands in Agresso by then is not handed in anew, and what does not is.",
    )
    return Reason("AGRESSO-UNCERTAIN", problem, remedy, value=reference)


def _another(column: str, asked: str, shown: str) -> Text:
    return Text(
        f"Agresso tillfrågades om {column} = {asked} och svarade med {shown.strip() or 'en rad utan det'}. Låt mallen "
        f"eller objektet visa {column} och ta det som villkor. Inget lämnas in förrän dess.",
        f"Agresso was asked for {column} = {asked} and answered with {shown.strip() or 'a row without it'}. Have the "
        f"template or object show {column} and take it as a condition. Nothing is handed in before that.",
    )


def _off(noun: str) -> Text:
    return Text(
        f"Skrivning av {noun} till Agresso är inte påslagen. Lägg till {noun} i kopplingens inställning writes, och "
        "låt användaren ha skrivrätt, om det är meningen.",
        f"Writing {noun} to Agresso is not switched on. Add {noun} to the connection's setting writes, and give the "
        "user the right to write, if that is meant.",
    )
