"""What the JSON of a result holds: the published schema, version 1.

A new version is made whenever a field comes, goes or changes its meaning: a reader may trust the version it knows.
"""

import json
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from vetflow.domain.finding import Presence, Verdict
from vetflow.domain.place import Side

SCHEMA_ID = "https://github.com/vetflow/vetflow/schemas/result-1.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Certainty = Annotated[float, Field(ge=0, le=1)]
Place = Annotated[tuple[float, float], Field(description="Column and row in pixels of the image, from its top left.")]
Uid = Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]


class Value(BaseModel):
    """Frozen; a key that does not exist is an error, and every key is always there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        from_attributes=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


class Coded(Value):
    """A coded concept, as DICOM writes it (PS3.3 section 8)."""

    value: str
    """Code value."""
    scheme: str
    """Coding scheme designator, such as SCT, DCM, UCUM or 99VETFLOW (documented under private codes)."""
    meaning: str
    """Words for people."""


class Landmark(Value):
    """A named point on the finding's image."""

    name: Coded
    """What it is."""
    at: Place
    """Column and row, pixels: (0, 0) is the top left corner of the top left pixel (PS3.3 C.18.6)."""


class Line(Value):
    """A named open polyline on the finding's image."""

    name: Coded
    """What it is."""
    points: tuple[Place, ...] = Field(min_length=2)
    """From end to end, each a column and a row."""


class Box(Value):
    """An axis-aligned box on the finding's image, in pixel edges: one over pixel columns 3 to 5 is from 3 to 6."""

    left: float
    """Left edge, pixels."""
    top: float
    """Top edge, pixels."""
    right: float
    """Right edge, pixels."""
    bottom: float
    """Bottom edge, pixels."""


class Measurement(Value):
    """A number with its unit."""

    name: Coded
    """What was measured."""
    value: float
    """How much."""
    unit: Coded
    """UCUM unit."""
    lines: tuple[Line, ...]
    """What it was measured along."""


class Finding(Value):
    """One statement about one image."""

    code: Coded
    """What was looked for."""
    presence: Presence
    """Whether it is there (CID 240)."""
    certainty: Certainty | None
    """How sure the model is of this statement; null for what follows from tags alone."""
    says: str
    """One sentence for people."""
    source: Literal["tags", "picture"]
    """What the statement rests on: the image's header or its pixels."""
    reason: Coded | None
    """Reason of a quality problem (CID 7011); null elsewhere."""
    site: Coded | None
    """Anatomy; null when none is meant."""
    side: Side | None
    """Side of the animal, never of the viewer."""
    image: int = Field(ge=0)
    """Number of its image in `images`, from 0."""
    frame: Annotated[int, Field(ge=1)] | None
    """Number of the frame, from 1; null for an image of one."""
    box: Box | None
    """Where, cut at the image's edges; null for the whole image."""
    points: tuple[Landmark, ...]
    """Landmarks."""
    measurements: tuple[Measurement, ...]
    """Numbers."""
    label: str
    """Tells findings of one code, site and side apart, such as T4; empty when there is one."""
    tracking_id: str
    """Names the same finding in every revision of the study; the report bears it too (112039, DCM)."""
    tracking_uid: Uid
    """The same as a UID (112040, DCM)."""


class Rejected(Value):
    """A finding that a veterinarian rejected: named, and not claimed."""

    code: Coded
    """What had been claimed."""
    tracking_id: str
    """As in the edition that claimed it."""
    tracking_uid: Uid
    """As in the edition that claimed it."""


class Structure(Value):
    """A structure drawn pixel by pixel in a DICOM segmentation."""

    label: Coded
    """What it is (Segmented Property Type)."""
    category: Coded
    """What kind of thing that is (Segmented Property Category)."""
    side: Side | None
    """Side of the animal."""
    image: int = Field(ge=0)
    """Number of its image in `images`, from 0; 0 for a structure of a whole CT series."""
    segmentation_uid: Uid
    """SOP Instance UID of the segmentation that holds its pixels."""
    tracking_id: str
    """Names the same structure in every revision of the study; its segment bears it too (0062,0020)."""
    tracking_uid: Uid
    """The same as a UID (0062,0021)."""


class Image(Value):
    """An image that was judged, by its original UIDs."""

    study_uid: Uid
    """Study Instance UID."""
    series_uid: Uid
    """Series Instance UID."""
    sop_class: Uid
    """SOP Class UID."""
    sop_uid: Uid
    """SOP Instance UID."""
    rows: int = Field(ge=1)
    """Pixels from top to bottom."""
    columns: int = Field(ge=1)
    """Pixels from left to right."""
    frames: int = Field(ge=1)
    """1 for an image of one."""


class Model(Value):
    """The model that looked at the pixels."""

    name: str
    """Name in the registry."""
    version: str
    """Version in the registry."""
    weights_sha256: str
    """SHA-256 of the weights, hexadecimal."""
    calibration: str
    """How certainty was calibrated; empty when it was not."""
    caveats: tuple[str, ...]
    """What a reader must know of it, such as what it was trained on."""


class Signature(Value):
    """The veterinarian who signed."""

    name: str
    """As a DICOM person name, Family^Given."""
    organization: str
    """Where the signer works."""
    at: AwareDatetime
    """When."""


class Result(Value):
    """What one use case came to on the images of one case.

    It holds the original UIDs of the images, because who reads it looks them up in the clinic's own PACS; it belongs on
    the clinic's side only. It names neither animal nor owner.
    """

    schema_id: Literal["https://github.com/vetflow/vetflow/schemas/result-1.json"] = Field(alias="$schema")
    """Schema and version of this text."""
    case_id: str = Field(pattern="^case-")
    """Opaque id of the case."""
    use_case: str
    """Such as positioning or cardiac."""
    status: Literal["suggestion", "signed"]
    """Nothing is verified until a veterinarian has signed."""
    signature: Signature | None
    """Who signed; null for a suggestion."""
    edition: int = Field(ge=0)
    """0 for what the case wrote, then one more for each later one; the highest holds."""
    revision: Annotated[int, Field(ge=1)] | None
    """Of the study; null for a case of one film."""
    made_at: AwareDatetime
    """When the assessment was made."""
    software: str
    """Version of vetflow."""
    model: Model | None
    """Null when no model looked."""
    verdict: Verdict
    """In one word."""
    abstained: str
    """Why nothing, or not everything, is said; empty when all was judged."""
    advice: str
    """What the technologist is told: whether to take a film again, and why; empty where a use case gives no advice."""
    images: tuple[Image, ...] = Field(min_length=1)
    """What was judged."""
    findings: tuple[Finding, ...]
    """Problems first; what was looked for and not found, and what can't be told, follow."""
    rejected: tuple[Rejected, ...]
    """What a veterinarian rejected of it."""
    structures: tuple[Structure, ...]
    """What segmentations hold."""

    @model_validator(mode="after")
    def _signed_by_somebody(self) -> "Result":
        if (self.status == "signed") != (self.signature is not None):
            raise ValueError("a result is signed when it has a signature, and a suggestion when it has none")
        return self


def schema_text() -> str:
    """Return the JSON Schema of a result, as it is published."""
    made = Result.model_json_schema(mode="serialization")
    return json.dumps({"$schema": _DIALECT, "$id": SCHEMA_ID, **made}, indent=2, ensure_ascii=False) + "\n"
