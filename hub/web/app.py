"""The web door put together: pages, intake and static files over one hub."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from hub import __version__
from hub.app import Hub
from hub.web.assets import assets
from hub.web.headers import SafeHeaders
from hub.web.pages import (
    accessibility,
    attachments,
    connections,
    health,
    incidents,
    intake,
    invoices,
    login,
    orders,
    plans,
    replays,
    rules,
    schedules,
    set_aside,
    start,
    static,
    units,
    work,
)
from hub.web.rendering import environments
from hub.web.speech import tongues
from hub.web.visits import Console, NotFound, NotLoggedIn, WordWrong, anyone

_ROOMS = (
    accessibility,
    attachments,
    connections,
    health,
    incidents,
    intake,
    invoices,
    login,
    orders,
    plans,
    replays,
    rules,
    schedules,
    set_aside,
    start,
    static,
    units,
    work,
)


def create_app(hub: Hub) -> FastAPI:
    """The console and the intake of that hub, ready to be served. The caller closes the hub."""
    app = FastAPI(title="inkopshub", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    spoken = tongues()
    assets()
    app.state.console = Console(hub, spoken, environments(spoken, hub.plugins))
    for room in _ROOMS:
        app.include_router(room.router)
    app.add_exception_handler(NotLoggedIn, _to_login)
    app.add_exception_handler(WordWrong, _word_wrong)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(HTTPException, _not_served)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(Exception, _fault)
    app.add_middleware(SafeHeaders)
    return app


def _to_login(request: Request, _error: Exception) -> Response:
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": "/login"})
    wanted = request.url.path if request.method == "GET" else "/"
    query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
    answer = RedirectResponse("/login", status_code=303)
    anyone(request).set_cookie(answer, login.WANTED_COOKIE, (wanted + query)[:500], 600)
    return answer


def _word_wrong(request: Request, _error: Exception) -> Response:
    return anyone(request).page("word_wrong.html", 403)


def _not_found(request: Request, _error: Exception) -> Response:
    return anyone(request).page("not_found.html", 404)


def _not_served(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException) or error.status_code != 404:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return JSONResponse({"status": status}, status)
    return _not_found(request, error)


def _fault(_request: Request, _error: Exception) -> Response:
    """Said without the database or the templates, since either may be what failed; the server logs the error."""
    said = (
        "Ett fel uppstod i hubben. Inget är förlorat. Försök igen, och kontakta hubbens förvaltare om felet kvarstår.\n"
        "A fault occurred in the hub. Nothing is lost. Try again; if it persists, tell whoever administers the hub.\n"
    )
    return PlainTextResponse(said, 500, headers={"Cache-Control": "no-store"})
