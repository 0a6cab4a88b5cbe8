"""The pages and services of the HTTP port."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request, Response, status
from fastapi.responses import PlainTextResponse

Health = Callable[[], Mapping[str, bool]]
"""Return each thing that must work and whether it does."""
Answer = Callable[[Request], Awaitable[Response]]
"""Answers a request."""


async def nobody(_request: Request) -> Response:
    """Answer where no sender is set."""
    words = (
        "Nobody may store or ask here. Let a sender in with a [[web.senders]] of the site's file: its name, and in "
        "token the name of a file in the secrets directory that holds its bearer token.\n"
    )
    return PlainTextResponse(words, status.HTTP_403_FORBIDDEN)


def app(health: Health, store: Answer = nobody, *, advise: Answer = nobody) -> FastAPI:
    """Return the application.

    ``/healthz`` says 200 when everything works and 503 with the culprits when not; ``/dicomweb/studies`` takes
    instances by STOW-RS; ``/films/{sop}/advice`` tells what came of a film.
    """
    made = FastAPI(title="vetflow", docs_url=None, redoc_url=None, openapi_url=None)

    @made.get("/healthz")
    def healthz(response: Response) -> dict[str, object]:
        seen = dict(health())
        well = all(seen.values())
        response.status_code = status.HTTP_200_OK if well else status.HTTP_503_SERVICE_UNAVAILABLE
        return {"status": "ok" if well else "unhealthy", "checks": seen}

    _ = healthz  # FastAPI holds it
    for path in ("/dicomweb/studies", "/dicomweb/studies/{study}"):
        made.add_route(path, store, methods=["POST"])
    made.add_route("/films/{sop}/advice", advise, methods=["GET"])
    return made
