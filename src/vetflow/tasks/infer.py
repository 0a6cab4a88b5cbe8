"""Let the champion look at a de-identified film, in the sandbox."""

from dataclasses import dataclass

from vetflow.domain.errors import TransientError
from vetflow.ports import Seen
from vetflow.tasks.deidentify import CleanFilm
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFilm:
    """A film and what the model saw on it."""

    clean: CleanFilm
    seen: Seen


@step
def infer(clean: CleanFilm, *, model: str) -> SeenFilm:
    """Return what the champion sees; it abstains on species outside its card."""
    champion = services().ledger.champion(model)
    film = services().derived.get(clean.key)
    if champion is None or film is None:
        raise TransientError(f"no champion of {model} is registered" if film else "the de-identified film is gone")
    return SeenFilm(clean=clean, seen=services().reader.look(film, champion))
