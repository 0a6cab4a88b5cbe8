"""What Prefect imports in the middle of a first run; done before the fork, every run is spared it."""

from importlib import import_module

_LATE = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "encodings.idna",
    "prefect.concurrency.services",
    "prefect.events.worker",
    "prefect.task_engine",
    "prefect.utilities.visualization",
    "pydantic.v1",
    "rich._emoji_codes",
)


def load() -> None:
    """Import them; a name that a version of Prefect no longer has is an error."""
    for name in _LATE:
        import_module(name)
