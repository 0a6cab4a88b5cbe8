"""Take owner and clinic out of a film before anything looks at it."""

import hashlib
from dataclasses import dataclass

from vetflow.dicom import deidentify as profile
from vetflow.tasks.step import step
from vetflow.tasks.validate import ValidFilm
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFilm:
    """A de-identified film.

    Parameters
    ----------
    key
        Name of its bytes among the derived objects.
    """

    valid: ValidFilm
    key: str


@step
def deidentify(valid: ValidFilm) -> CleanFilm:
    """Return the film without owner data; its bytes are derived once, its UID map stays in the ledger."""
    digest = valid.film.digest
    key = hashlib.sha256("\0".join((digest, "deidentify", profile.VERSION)).encode()).hexdigest()
    if services().derived.get(key) is None:
        clean = profile.deidentify(services().store.get(digest), key=services().uid_key)
        services().ledger.remember(valid.film.subject.study_id, clean.replaced)
        services().derived.put(key, clean.data)
    return CleanFilm(valid=valid, key=key)
