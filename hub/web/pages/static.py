"""Style, icon and htmx, cached for as long as their content stays the same."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from hub.web.assets import assets
from hub.web.visits import NotFound

router = APIRouter()


@router.get("/static/{name}")
def file(name: str, v: str = "") -> Response:
    """One of the files the pages are made with."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    kept = "public, max-age=31536000, immutable" if asset.digest.startswith(v or "-") else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": kept})
