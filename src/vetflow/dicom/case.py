"""A case as each of its results sees it: its images, what stands of its findings, and the UIDs that follow."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from vetflow.dicom.identity import ReportIdentity, stand_in
from vetflow.domain import clipping
from vetflow.domain.clipping import Extent
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, Finding
from vetflow.domain.standing import Standing
from vetflow.domain.upheld import Upheld, upheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a result is written from.

    Parameters
    ----------
    sources
        The images' original headers, in the order that findings number them; the first gives animal and study.
    images
        Stand-ins for them, as highdicom can bear them.
    stands
        What a veterinarian left of the assessment.
    """

    sources: tuple[Dataset, ...]
    images: tuple[Dataset, ...]
    assessment: Assessment
    identity: ReportIdentity
    standing: Standing
    stands: Upheld

    def uid(self, *what: str) -> str:
        """Return the UID of a named part of a result."""
        return self.identity.uid(self.assessment, *what, edition=self.standing.edition)

    def tracking_uid(self, identifier: str) -> str:
        """Return the UID of a tracking identifier."""
        return self.identity.tracking_uid(self.sources[0], identifier)

    @property
    def claimed(self) -> list[tuple[str, Finding]]:
        """Findings that stand, each brought inside its image, with their tracking identifiers."""
        return [(name, self._inside(finding)) for name, finding in self.stands.claimed]

    @property
    def rejected(self) -> list[Finding]:
        """Findings that a veterinarian rejected."""
        return [finding for _, finding in self.stands.rejected]

    def image(self, finding: Finding) -> Dataset:
        """Return the stand-in of a finding's image; StudyRefused ``report_impossible`` when the case has no such."""
        if finding.image >= len(self.images):
            raise StudyRefused("report_impossible", "A finding is of an image that the case does not have.")
        return self.images[finding.image]

    def _inside(self, finding: Finding) -> Finding:
        image = self.image(finding)
        extent = Extent(columns=int(image.Columns), rows=int(image.Rows), frames=int(image.NumberOfFrames))
        return clipping.inside(finding, extent)


def case_of(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity, standing: Standing
) -> Case:
    """Return a case from what the task has of it."""
    images = tuple(stand_in(source) for source in sources)
    return Case(
        sources=tuple(sources), images=images, assessment=assessment, identity=identity, standing=standing,
        stands=upheld(assessment, standing),
    )  # fmt: skip
