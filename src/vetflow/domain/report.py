"""A draft report as values: what is said of a study, by whom and in which section, before it is put into words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vetflow.domain.coding import Code
from vetflow.domain.differentials import Advice, Differential
from vetflow.domain.finding import Assessment, ModelVersion, Presence
from vetflow.domain.heart import Range
from vetflow.domain.place import Side
from vetflow.domain.priors import Priors
from vetflow.domain.signalment import Signalment
from vetflow.domain.standing import SUGGESTION, Standing
from vetflow.domain.urgency import Urgency
from vetflow.domain.view import Region, View


class System(StrEnum):
    """Where among the findings a statement stands."""

    HEART = "heart"
    LUNGS = "lungs"
    PLEURA = "pleura"
    MEDIASTINUM = "mediastinum"
    WALL = "wall"
    """Ribs, sternum and diaphragm."""
    SPINE = "spine"
    STOMACH = "stomach"
    BOWEL = "bowel"
    LIVER = "liver"
    SPLEEN = "spleen"
    URINARY = "urinary"
    PERITONEUM = "peritoneum"
    OTHER = "other"


class Degree(StrEnum):
    """How sure, in a radiologist's words."""

    POSSIBLE = "possible"
    PROBABLE = "probable"
    VERY_LIKELY = "very likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Certainties from which a finding is called more than possible, 0 to 1."""

    probable: float = 0.75
    very_likely: float = 0.9

    def degree(self, certainty: float) -> Degree:
        """Return the word for a certainty."""
        if certainty >= self.very_likely:
            return Degree.VERY_LIKELY
        return Degree.PROBABLE if certainty >= self.probable else Degree.POSSIBLE


SCALE = Scale()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One film of the study, by tags."""

    view: View | None = None
    region: Region | None = None
    modality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What people and tags say of the study; none of it is the AI's, and none of it but ``history`` can name anybody.

    Parameters
    ----------
    breed
        Of CID 7480.
    history
        As the clinic wrote it, free text that may name whom it likes: it stands in the draft, no model reads it, and it
        is left out of this value's own text, which logs and exceptions may print.
    region
        What the study is of.
    films
        In the order that findings number them.
    asked
        How soon the clinic wants it read.
    """

    signalment: Signalment = field(default_factory=Signalment)
    breed: Code | None = None
    age_years: float | None = None
    weight_kg: float | None = None
    history: str = field(default="", repr=False)
    region: Region | None = None
    films: tuple[Shot, ...] = ()
    priors: Priors = field(default_factory=Priors)
    asked: Urgency = Urgency.ROUTINE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opinion:
    """What a use case came to.

    Parameters
    ----------
    films
        Which films of the study its images are, by number from 0; empty means all, in their order.
    urgency
        How soon it wants the study read; None when it does not judge that.
    caveats
        What a reader must know of the model.
    standing
        What a veterinarian rejected of it is not said.
    """

    use_case: str
    assessment: Assessment
    films: tuple[int, ...] = ()
    urgency: Urgency | None = None
    caveats: tuple[str, ...] = ()
    standing: Standing = SUGGESTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number beside what is normal, where somebody has published that.

    Parameters
    ----------
    error
        How far off it may be, in its unit: half the width of the 95 % interval; None when that is not known.
    film
        Number of the film it was measured on, from 1; None in a study of one film.
    """

    name: Code
    value: float
    unit: Code
    normal: Range | None = None
    error: float | None = None
    film: int | None = None

    @property
    def lies(self) -> str:
        """``within``, ``above`` or ``below`` the reference range; empty without one."""
        if self.normal is None:
            return ""
        if self.value > self.normal.high:
            return "above"
        return "below" if self.normal.low is not None and self.value < self.normal.low else "within"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that a use case says, in no words yet.

    Parameters
    ----------
    certainty, degree
        0 to 1 and its word; None when it has no probability.
    says
        The use case's own sentence.
    why
        Why it can't be told; empty unless undetermined.
    site
        Where, empty for what says it by itself.
    labels
        Of several findings of one kind, such as vertebrae, in their order.
    films
        Numbers of the films it is about, from 1; empty when it is about all, as is what is absent from the animal.
    sought
        It answers a question about disease; what merely names and counts is no part of an impression.
    """

    code: Code
    presence: Presence
    system: System = System.OTHER
    certainty: float | None = None
    degree: Degree | None = None
    says: str = ""
    why: str = ""
    site: str = ""
    side: Side | None = None
    labels: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    films: tuple[int, ...] = ()
    sought: bool = True

    @property
    def name(self) -> str:
        """What it is about, in words."""
        return self.code.meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Which model speaks, and what a reader must know of it."""

    use_case: str
    model: ModelVersion
    caveats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How soon the study should be read.

    Parameters
    ----------
    raised
        The AI wants it sooner than the clinic asked for, for these reasons.
    """

    urgency: Urgency
    raised: bool = False
    because: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that a draft report says.

    Parameters
    ----------
    quality
        About the films themselves.
    said
        About the animal, most urgent first; what no use case looked at is not among them.
    differentials
        For each statement of the impression that the table knows.
    repeat
        Numbers of films worth taking again, from 1.
    """

    given: Given
    voices: tuple[Voice, ...] = ()
    quality: tuple[Statement, ...] = ()
    said: tuple[Statement, ...] = ()
    priority: Priority
    differentials: tuple[tuple[Statement, Differential], ...] = ()
    advice: tuple[Advice, ...] = ()
    repeat: tuple[int, ...] = ()

    def of(self, system: System) -> tuple[Statement, ...]:
        """Return what is said of a system."""
        return tuple(one for one in self.said if one.system is system)

    def being(self, presence: Presence) -> tuple[Statement, ...]:
        """Return what was looked for and is there, or is not, or can't be told.

        Films may differ: what is there on one is there, and what can't be told on one is not absent.
        """
        rank = (Presence.PRESENT, Presence.UNDETERMINED, Presence.ABSENT).index
        sought = [one for one in self.said if one.sought]
        told = {
            one.code: min((other.presence for other in sought if other.code == one.code), key=rank) for one in sought
        }
        return tuple(one for one in sought if one.presence is presence is told[one.code])

    @property
    def impressions(self) -> tuple[Statement, ...]:
        """What is there, once each: as sure as on the film that is surest, with the figures and numbers of all."""
        alike: dict[object, list[Statement]] = {}
        for one in self.being(Presence.PRESENT):
            alike.setdefault((one.code, one.side), []).append(one)
        return tuple(_once(many) for many in alike.values())

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What was measured to answer a question about disease."""
        return tuple(figure for one in self.said if one.sought for figure in one.figures)


def _once(many: Sequence[Statement]) -> Statement:
    return replace(
        max(many, key=lambda one: one.certainty or 0.0),
        figures=tuple(figure for one in many for figure in one.figures),
        films=tuple(sorted({film for one in many for film in one.films})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A section of a draft in words: what stands under a heading of a structured report (TID 2000).

    Parameters
    ----------
    heading, concept
        Concept names of the section and of its text.
    """

    heading: Code
    concept: Code
    text: str
