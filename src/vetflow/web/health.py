"""The health endpoint, for load balancers and monitors."""

from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI, Response, status

Health = Callable[[], Mapping[str, bool]]
"""Return each thing that must work and whether it does."""


def app(health: Health) -> FastAPI:
    """Return the application: ``/healthz`` says 200 when everything works and 503 with the culprits when not."""
    made = FastAPI(title="vetflow", docs_url=None, redoc_url=None, openapi_url=None)

    @made.get("/healthz")
    def healthz(response: Response) -> dict[str, object]:
        seen = dict(health())
        well = all(seen.values())
        response.status_code = status.HTTP_200_OK if well else status.HTTP_503_SERVICE_UNAVAILABLE
        return {"status": "ok" if well else "unhealthy", "checks": seen}

    _ = healthz  # FastAPI holds it
    return made


def serve(health: Health, *, host: str, port: int) -> None:
    """Serve until SIGTERM."""
    uvicorn.run(app(health), host=host, port=port, access_log=False, log_level="warning")
