"""Files that an invoice carries, handed out one at a time and never shown inside the console."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from fastapi import APIRouter
from fastapi.responses import Response

from hub.plugin.errors import Rejected
from hub.web.pages.invoices import as_file, content_of, look_at
from hub.web.visits import NotFound, Somebody

router = APIRouter(prefix="/invoices/{document_id}/attachments")


@runtime_checkable
class CarriesFiles(Protocol):
    """A format that can take an attached file out of a document."""

    def attachment(self, document: bytes, path: tuple[int, ...]) -> tuple[str, str, bytes]:
        """Name, media type and bytes of the file that the path leads to. Raises Rejected when there is none."""
        ...


@router.get("/{path}")
def file(visit: Somebody, document_id: int, path: str) -> Response:
    """The attached file. Sent as bytes to be saved, whatever type it claims to be."""
    document = look_at(visit, document_id).document
    format_ = visit.hub.plugins.formats.get(document.noun)
    content = content_of(visit, document)
    if content is None or not isinstance(format_, CarriesFiles):
        raise NotFound
    try:
        name, _, body = format_.attachment(content, _steps(path))
    except Rejected:
        raise NotFound from None
    return Response(body, media_type="application/octet-stream", headers=as_file(name))


def _steps(path: str) -> tuple[int, ...]:
    steps = path.split("-")
    if len(path) > 200 or not all(step.isascii() and step.isdigit() for step in steps):
        raise NotFound
    return tuple(map(int, steps))
