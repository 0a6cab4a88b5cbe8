"""Take owner and clinic out of a film before anything looks at it."""

import hashlib
from dataclasses import dataclass

from vetflow.dicom import deidentify as profile
from vetflow.dicom.masks import BURNED_IN
from vetflow.domain.errors import StudyRefused
from vetflow.tasks.step import step
from vetflow.tasks.validate import ValidFilm
from vetflow.wiring import services, unpacking

HELD = "text may be burned into the picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFilm:
    """A de-identified film, or one that no model may see.

    Parameters
    ----------
    key
        Name of its bytes among the derived objects; empty when it is held back.
    held
        Why it is held back, for people; empty when it is not.
    """

    valid: ValidFilm
    key: str
    held: str = ""


@step
def deidentify(valid: ValidFilm) -> CleanFilm:
    """Return the film without owner data, or held back when somebody's name may be burned into it.

    Its bytes are derived once; what leads back to the animal stays sealed in the ledger.
    """
    digest, settings = valid.film.digest, services().settings
    masks = unpacking.rules(settings)
    key = hashlib.sha256("\0".join((digest, "deidentify", profile.VERSION, repr(masks))).encode()).hexdigest()
    if services().derived.get(key) is None:
        film = services().store.get(digest)
        try:
            clean = profile.deidentify(film, key=services().uid_key, masks=masks, decoder=unpacking.decoder(settings))
        except StudyRefused as refused:
            if refused.reason != BURNED_IN:
                raise
            return CleanFilm(valid=valid, key="", held=HELD)
        services().ledger.remember(valid.film.subject.study_id, digest, clean.identity)
        services().derived.put(key, clean.data)
    return CleanFilm(valid=valid, key=key)
