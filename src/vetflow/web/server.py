"""The HTTP port: uvicorn with a bound on idle connections, and certificates on both sides where a site wants them."""

import asyncio
import ssl
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

Secure = Callable[[], ssl.SSLContext]
"""Gives a server's context for a new connection."""

_IDLE_SECONDS = 15.0
_MOST_CONNECTIONS = 256
_STOP_SECONDS = 4


class PromptProtocol(H11Protocol):
    """Ends connections on which no request has come for a while; uvicorn waits for the end of a header for ever."""

    idle_seconds = _IDLE_SECONDS
    _seen: object = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let a peer in when there are not too many, and look after it."""
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
        self._look()

    def _look(self) -> None:
        """End the connection when it waited for a request at the last look and waits for the same one still."""
        if self.transport.is_closing():
            return
        waiting = not self.cycle or self.cycle.response_complete
        if waiting and self._seen is self.cycle:
            self.transport.abort()
            return
        self._seen = self.cycle if waiting else ""
        self.loop.call_later(self.idle_seconds, self._look)


def server(app: FastAPI, *, host: str, port: int, tls: Secure | None = None) -> uvicorn.Server:
    """Return a server whose ``run`` serves until SIGTERM.

    Parameters
    ----------
    tls
        Makes it HTTPS; ConfigurationError when its files are broken.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PromptProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        headers=[("X-Content-Type-Options", "nosniff")],
        timeout_graceful_shutdown=_STOP_SECONDS,
        ssl_context_factory=(lambda _config, _default: _renewing(tls)) if tls else None,
    )
    return uvicorn.Server(config)


def _renewing(tls: Secure) -> ssl.SSLContext:
    """Return a context that hands each handshake over to the one of that moment."""
    listening = tls()

    def hand_over(peer: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        peer.context = tls()
        # Whether revocation lists are looked at was settled when the connection began: new ones hold from the next on.
        listening.verify_flags = peer.context.verify_flags

    listening.sni_callback = hand_over
    return listening
