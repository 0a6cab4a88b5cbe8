"""All DICOM objects of one result, kind by kind."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from vetflow.dicom.capture import capture
from vetflow.dicom.identity import ReportIdentity
from vetflow.dicom.keyobjects import of_interest, quality_issues
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.dicom.segmentation import segmentations
from vetflow.domain.delivery import ResultKind
from vetflow.domain.finding import Assessment
from vetflow.domain.standing import SUGGESTION, Predecessor, Standing

_Numbered = Iterable[tuple[int, Dataset]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What results are written from.

    Parameters
    ----------
    sources
        Original headers of the images, in the order that findings number them.
    standing
        Without predecessors; those are given by kind.
    predecessors
        Objects of an earlier edition, revision or model, by kind.
    pictures
        Images with what was found drawn in, by number: rows × columns × red, green, blue.
    """

    sources: tuple[Dataset, ...]
    assessment: Assessment
    identity: ReportIdentity
    standing: Standing = SUGGESTION
    predecessors: Mapping[ResultKind, tuple[Predecessor, ...]] = field(
        default_factory=dict[ResultKind, tuple[Predecessor, ...]]
    )
    pictures: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict[int, NDArray[np.uint8]])

    def stands(self, kind: ResultKind) -> Standing:
        """Return where an object of a kind stands: it follows from those of its own kind."""
        return replace(self.standing, predecessors=self.predecessors.get(kind, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An object of a result.

    Parameters
    ----------
    image
        Number of the image it is of, 0 for what is of several.
    """

    kind: ResultKind
    document: Dataset
    image: int = 0

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return str(self.document.SOPInstanceUID)


def objects(outcome: Outcome, kinds: Collection[ResultKind]) -> Iterator[Made]:
    """Yield the objects of some kinds; a kind that nothing fits gives none, one that is no object is passed over.

    Raises
    ------
    StudyRefused
        As the writer of each kind.
    """
    for kind, write in _WRITERS.items():
        if kind in kinds:
            yield from (Made(kind=kind, document=document, image=image) for image, document in write(outcome))


def _reports(outcome: Outcome) -> _Numbered:
    standing = outcome.stands(ResultKind.SR)
    yield 0, report(outcome.sources, outcome.assessment, identity=outcome.identity, standing=standing)


def _presentations(outcome: Outcome) -> _Numbered:
    standing = outcome.stands(ResultKind.GSPS)
    made = presentations(outcome.sources, outcome.assessment, identity=outcome.identity, standing=standing)
    return ((0, document) for document in made)


def _segmentations(outcome: Outcome) -> _Numbered:
    standing = outcome.stands(ResultKind.SEG)
    return segmentations(outcome.sources, outcome.assessment, identity=outcome.identity, standing=standing).items()


def _captures(outcome: Outcome) -> _Numbered:
    standing, identity = outcome.stands(ResultKind.SC), outcome.identity
    for number, picture in sorted(outcome.pictures.items()):
        source = outcome.sources[number]
        yield number, capture(source, picture, outcome.assessment, identity=identity, standing=standing)


def _key_objects(outcome: Outcome) -> _Numbered:
    standing, identity = outcome.stands(ResultKind.KOS), outcome.identity
    for document in quality_issues(outcome.sources, outcome.assessment, identity=identity, standing=standing):
        yield 0, document
    if selected := of_interest(outcome.sources, outcome.assessment, identity=identity, standing=standing):
        yield 0, selected


_WRITERS: Mapping[ResultKind, Callable[[Outcome], _Numbered]] = {
    ResultKind.SR: _reports,
    ResultKind.GSPS: _presentations,
    ResultKind.SEG: _segmentations,
    ResultKind.SC: _captures,
    ResultKind.KOS: _key_objects,
}
