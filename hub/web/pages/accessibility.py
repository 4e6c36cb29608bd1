"""The accessibility statement that lag 2018:1937 om tillgänglighet till digital offentlig service asks for."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from hub.web.visits import Anyone

router = APIRouter()


@router.get("/tillganglighet")
def statement(visit: Anyone) -> Response:
    """How accessible the console is, and where to complain."""
    return visit.page("accessibility.html")
