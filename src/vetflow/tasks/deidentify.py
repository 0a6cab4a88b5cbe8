"""Take owner and clinic out of films before anything looks at them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vetflow.dicom import deidentify as profile
from vetflow.dicom.masks import BURNED_IN
from vetflow.domain.errors import StudyRefused
from vetflow.tasks.retrieve import Study
from vetflow.tasks.step import step
from vetflow.tasks.validate import ValidStudy
from vetflow.wiring import services, unpacking

HELD = "text may be burned into the picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanStudy:
    """De-identified films, and some that no model may see.

    Parameters
    ----------
    keys
        Names of the films' bytes among the derived objects, by number; those refused or held back have none.
    held
        Why a film is held back, for people, by number.
    """

    valid: ValidStudy
    keys: Mapping[int, str]
    held: Mapping[int, str]

    @property
    def study(self) -> Study:
        """The films as they were retrieved."""
        return self.valid.study


@step
def deidentify(valid: ValidStudy) -> CleanStudy:
    """Return the films without owner data, each held back when somebody's name may be burned into it.

    Their bytes are derived once; what leads back to the animal stays sealed in the ledger.
    """
    keys, held, refusals = dict[int, str](), dict[int, str](), dict[int, StudyRefused]()
    for number, film in enumerate(valid.study.films):
        if film.refused:
            continue
        try:
            keys[number] = _derived(film.digest, study_id=valid.study.subject.study_id)
        except StudyRefused as refused:
            if refused.reason == BURNED_IN:
                held[number] = HELD
            else:
                refusals[number] = refused
    return CleanStudy(valid=replace(valid, study=valid.study.without(refusals)), keys=keys, held=held)


def _derived(digest: str, *, study_id: str) -> str:
    """Return the name of a film's de-identified bytes, derived unless they are there."""
    settings = services().settings
    masks = unpacking.rules(settings)
    key = hashlib.sha256("\0".join((digest, "deidentify", profile.VERSION, repr(masks))).encode()).hexdigest()
    if services().derived.get(key) is None:
        film, decoder = services().store.get(digest), unpacking.decoder(settings)
        clean = profile.deidentify(film, key=services().uid_key, masks=masks, decoder=decoder)
        services().ledger.remember(study_id, digest, clean.identity)
        services().derived.put(key, clean.data)
    return key
