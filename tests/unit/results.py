"""What the tests of written results share: findings to write, and the readers and validators that others wrote."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MultiFrameGrayscaleWordSecondaryCaptureImageStorage
from tests.builders import film_dataset

from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box, Landmark, Line, Side
from vetflow.domain.standing import PRELIMINARY, Predecessor, Signature

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "results.md"
MODEL = ModelVersion(name="heart", version="1.2", digest="ab" * 32, calibration="temperature 1.3")
IDENTITY = ReportIdentity(
    digests=("cd" * 32,), use_case="cardiac", made_at=datetime(2025, 1, 1, 10, tzinfo=UTC), software="0.1.0",
    revision=1, caveats=("trained on synthetic radiographs",),
)  # fmt: skip
SIGNATURE = Signature(name="Müller^Ada", organization="Kleintierpraxis", at=datetime(2025, 1, 2, 9, tzinfo=UTC))
FIRST = Predecessor(
    sop_class="1.2.840.10008.5.1.4.1.1.88.34", sop_uid="2.25.11", series_uid="2.25.12", study_uid="2.25.13",
    purpose=PRELIMINARY,
)  # fmt: skip


def own(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="99VETFLOW", meaning=meaning)


EFFUSION = Finding(
    code=Code(value="60046008", scheme="SCT", meaning="Pleural effusion"), presence=Presence.PRESENT,
    says="Fluid in the left pleural space.", source="picture", certainty=0.87, site=PART_CODES[Part.PLEURA],
    side=Side.LEFT, box=Box(left=10, top=20, right=40, bottom=50),
)  # fmt: skip
HEART = Finding(
    code=own("heart-size", "Heart size"), presence=Presence.ABSENT, says="The heart measures 9.7 vertebrae.",
    source="picture", certainty=0.9, site=PART_CODES[Part.HEART],
    points=(Landmark(name=PART_CODES[Part.CARINA], at=(30.5, 20.25)),),
    measurements=(
        Measurement(
            name=own("vhs", "Vertebral heart score"), value=9.71,
            unit=Code(value="{vertebrae}", scheme="UCUM", meaning="vertebrae"),
            lines=(
                Line(name=Code(value="103339001", scheme="SCT", meaning="Long Axis"), points=((30.5, 20.25), (44, 52))),
                Line(name=Code(value="103340004", scheme="SCT", meaning="Short Axis"), points=((28, 40), (50, 31))),
            ),
        ),
    ),
)  # fmt: skip
EXPOSURE = Finding(
    code=own("exposure", "Exposure out of range"), presence=Presence.PRESENT, says="The film is overexposed.",
    source="tags", reason=Code(value="111212", scheme="DCM", meaning="Over exposed"),
    measurements=(
        Measurement(
            name=own("deviation-index", "Deviation index (IEC 62494-1)"), value=2.5,
            unit=Code(value="1", scheme="UCUM", meaning="no units"),
        ),
    ),
)  # fmt: skip
ALL = Assessment(verdict=Verdict.FINDINGS, findings=(EFFUSION, HEART, EXPOSURE), model=MODEL)


def of(*findings: Finding) -> Assessment:
    return Assessment(verdict=Verdict.FINDINGS, findings=findings, model=MODEL)


def ct_slice(pixels: np.ndarray | None = None, **tags: object) -> Dataset:
    """Return an oblique slice of a dog's CT."""
    made = film_dataset(rows=64, columns=80)
    for keyword in (
        "PresentationIntentType", "PresentationLUTShape", "PixelIntensityRelationship",
        "PixelIntensityRelationshipSign", "ImagerPixelSpacing", "DetectorType", "PositionerType", "ViewPosition",
        "ViewCodeSequence", "ExposureIndex", "TargetExposureIndex", "DeviationIndex", "ImageLaterality",
        "PatientOrientation",
    ):  # fmt: skip
        del made[keyword]
    made.SOPClassUID, made.Modality = CTImageStorage, "CT"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = "2.25.77", ""
    made.ImageOrientationPatient = [0.8, 0.6, 0, 0, 0, -1]
    made.ImagePositionPatient, made.PixelSpacing, made.SliceThickness = [-20, -31.5, 12], [0.5, 0.5], "1.25"
    made.WindowCenter, made.WindowWidth, made.RescaleIntercept, made.RescaleType = "0", "400", "-1024", "HU"
    return changed(made, pixels, **tags)


def many_frames(pixels: np.ndarray, **tags: object) -> Dataset:
    """Return an image of several frames; pixels are frames × rows × columns."""
    made = film_dataset(rows=pixels.shape[1], columns=pixels.shape[2])
    made.SOPClassUID, made.Modality = MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "OT"
    made.ConversionType, made.NumberOfFrames, made.FrameIncrementPointer = "WSD", len(pixels), 0x00181063
    made.FrameTime = "40"
    return changed(made, pixels, **tags)


def changed(image: Dataset, pixels: np.ndarray | None, **tags: object) -> Dataset:
    if pixels is not None:
        image.Rows, image.Columns = pixels.shape[-2:]
        image.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in tags.items():
        setattr(image, keyword, value)
    return image


def filed(document: Dataset, folder: Path, name: str = "result") -> Path:
    """Write a result to a file."""
    path = folder / f"{name}.dcm"
    path.write_bytes(to_bytes(document))
    return path


def read_back(document: Dataset) -> Dataset:
    return pydicom.dcmread(io.BytesIO(to_bytes(document)))


def content(item: Dataset) -> Iterator[Dataset]:
    for below in item.get("ContentSequence", ()):
        yield below
        yield from content(below)


def named(document: Dataset, code: str) -> list[Dataset]:
    return [
        item for item in content(document)
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodeValue == code
    ]  # fmt: skip


def groups(document: Dataset) -> dict[str, Dataset]:
    """Return measurement groups by tracking identifier."""
    return {named(group, "112039")[0].TextValue: group for group in named(document, "125007")}


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool of the system or of the environment; skip where it is not installed."""
    found = shutil.which(tool) or Path(pydicom.__file__).parents[4] / "bin" / tool
    if not Path(found).exists():
        pytest.skip(f"{tool} is not installed")
    return subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60, check=False)


def unexplained(document: Dataset, folder: Path) -> list[str]:
    """Return what dciodvfy says of a result and the page of results does not explain; errors are never explained."""
    done = run("dciodvfy", filed(document, folder))
    said = [line for line in done.stderr.splitlines() if line.startswith(("Error", "Warning"))]
    assert done.stderr.strip(), "dciodvfy names the class it checks"
    return [line for line in said if line.startswith("Error") or not any(known in line for known in explained())]


def explained() -> list[str]:
    """Return the warnings that the page of results lists: what stands in backquotes at the start of a list's line."""
    section = PAGE.read_text(encoding="utf-8").partition("## What validators say")[2].partition("\n## ")[0]
    return [line.split("`")[1] for line in section.splitlines() if line.startswith("- `")]
