"""Let the champion look at a de-identified film, in the sandbox."""

from dataclasses import dataclass

from vetflow.domain.errors import TransientError
from vetflow.domain.sight import Sight
from vetflow.ports import Champion, Seen
from vetflow.tasks.deidentify import CleanFilm
from vetflow.tasks.retrieve import Film
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFilm:
    """A film and what the model saw on it."""

    clean: CleanFilm
    seen: Seen
    champion: Champion

    @property
    def film(self) -> Film:
        """The film as it was retrieved."""
        return self.clean.valid.film

    @property
    def sight(self) -> Sight | None:
        """What the model saw, None when it abstained."""
        return self.seen.sight

    @property
    def abstained(self) -> str:
        """Why the model abstained, empty when it did not."""
        return self.seen.abstained


@step
def infer(clean: CleanFilm, *, model: str) -> SeenFilm:
    """Return what the champion sees; it abstains on species outside its card and on films held back from it."""
    champion = services().ledger.champion(model)
    if champion is None:
        raise TransientError(f"no champion of {model} is registered")
    if clean.held:
        held = Seen(sight=None, preview=b"", scale=1.0, abstained=clean.held)
        return SeenFilm(clean=clean, seen=held, champion=champion)
    film = services().derived.get(clean.key)
    species = clean.valid.film.evidence.signalment.species
    if film is None:
        raise TransientError("the de-identified film is gone")
    seen = services().reader.look(film, champion, species=species)
    return SeenFilm(clean=clean, seen=seen, champion=champion)
