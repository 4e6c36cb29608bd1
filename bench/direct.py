"""What we stand beside: Saxon used directly with everything kept ready, and peppol-py as it is, each in a process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import saxonche
from peppol_py.validation import validate_peppol_document

_PEPPOL_PY = ["CEN-EN16931-UBL.xsl", "PEPPOL-EN16931-UBL.xsl"]
_SPAWN = multiprocessing.get_context("spawn")
Judging = Callable[[bytes], int]
"""Judges one document and says how much was answered, so that no answer can be left out."""


@contextmanager
def saxon(stylesheets: Sequence[Path], documents: Sequence[bytes]) -> Iterator[Callable[[], int]]:
    """A process that has compiled these stylesheets; each call lets it run them all over all the documents."""
    with _process(_saxon, [str(each) for each in stylesheets], documents) as run:
        yield run


@contextmanager
def peppol_py(documents: Sequence[bytes]) -> Iterator[Callable[[], int]]:
    """A process that validates all the documents with peppol-py's own function at each call."""
    with _process(_peppol_py, [], documents) as run:
        yield run


def _saxon(stylesheets: list[str]) -> Judging:
    processor = saxonche.PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    executables = [compiler.compile_stylesheet(stylesheet_file=each) for each in stylesheets]

    def judge(document: bytes) -> int:
        node = processor.parse_xml(xml_text=document.decode())
        return sum(len(each.transform_to_string(xdm_node=node)) for each in executables)

    return judge


def _peppol_py(_stylesheets: list[str]) -> Judging:
    return lambda document: 1 + len(validate_peppol_document(document, _PEPPOL_PY))


@contextmanager
def _process(
    prepare: Callable[[list[str]], Judging], stylesheets: list[str], documents: Sequence[bytes]
) -> Iterator[Callable[[], int]]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, prepare, stylesheets, list(documents)), daemon=True)
    process.start()
    theirs.close()
    try:
        yield lambda: _asked(ours)
    finally:
        ours.close()
        process.join()


def _asked(channel: Connection) -> int:
    channel.send(None)
    answered: int = channel.recv()
    if answered < 1:
        raise ValueError("nothing was answered: there is no figure to stand beside")
    return answered


def _serve(
    channel: Connection, prepare: Callable[[list[str]], Judging], stylesheets: list[str], documents: list[bytes]
) -> None:
    judge = prepare(stylesheets)
    while True:
        try:
            channel.recv()
        except EOFError:
            return
        channel.send(sum(judge(each) for each in documents))
