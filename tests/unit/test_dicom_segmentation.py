"""Segmentations: every pixel where the model drew it, read back by other people's tools, about the right animal."""

import gzip
import io
import shutil
import subprocess
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, UltrasoundMultiFrameImageStorage
from tests.builders import SERIES_UID, SOP_UID, STUDY_UID, film_bytes, film_dataset, part10

from vetflow.dicom import header
from vetflow.dicom.identity import SERIES_DESCRIPTION, SIGNED_DESCRIPTION, ReportIdentity, to_bytes
from vetflow.dicom.segmentation import segmentations
from vetflow.domain.coding import Code
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, ModelVersion, Verdict
from vetflow.domain.place import Mask, Side
from vetflow.domain.standing import REPLACED, SUGGESTION, Predecessor, Signature, Standing

MODEL = ModelVersion(name="anatomy", version="1.2", digest="ab" * 32, calibration="temperature 1.3")
IDENTITY = ReportIdentity(
    digests=("cd" * 32,), use_case="anatomy", made_at=datetime(2025, 1, 1, 10, tzinfo=UTC), software="0.1.0",
    caveats=("trained on synthetic radiographs",),
)  # fmt: skip
HEART = Code(value="80891009", scheme="SCT", meaning="Heart")
KIDNEY = Code(value="64033007", scheme="SCT", meaning="Kidney")
ANATOMY = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
COSINES = np.array([[np.cos(0.35), np.sin(0.35), 0.0], [0.0, 0.0, -1.0]])
"""Rows and columns of an oblique coronal series."""
ORIGIN, STEP = np.array([-100.0, -50.0, 30.0]), 2.5


def mask(pixels: np.ndarray, label: Code = HEART, *, side: Side | None = None, image: int = 0) -> Mask:
    return Mask(label=label, category=ANATOMY, pixels=pixels, side=side, image=image)


def drawn(*masks: Mask) -> Assessment:
    return Assessment(verdict=Verdict.NOTHING, findings=(), model=MODEL, masks=masks)


def blob(frames: int, rows: int, columns: int, *, seed: int = 1) -> np.ndarray:
    """Return a mask without any symmetry, so that nothing can be flipped, turned or shifted unnoticed."""
    down, across = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    shape = (down > 0.2) & (across > 0.1) & (down + 0.5 * across < 0.9)
    holes = np.random.default_rng(seed).random((frames, rows, columns)) > 0.1
    return shape & holes


def films(count: int = 1, **tags: object) -> list[Dataset]:
    return [header.read(film_bytes(**{"SOPInstanceUID": f"{SOP_UID}.{number}", **tags})) for number in range(count)]


def slices(count: int, *, rows: int = 30, columns: int = 41, **tags: object) -> list[Dataset]:
    """Return the headers of an oblique CT series."""
    normal = np.cross(*COSINES)
    usual = {
        "SOPClassUID": CTImageStorage, "Modality": "CT", "FrameOfReferenceUID": f"{STUDY_UID}.9",
        "ImageOrientationPatient": [f"{value:.8f}" for value in COSINES.ravel()], "PixelSpacing": ["0.7", "0.5"],
        "SliceThickness": "2.5", "PatientOrientation": None, "ImagerPixelSpacing": None, "ViewCodeSequence": None,
    }  # fmt: skip
    placed = [
        {"SOPInstanceUID": f"{SOP_UID}.{number}", "InstanceNumber": str(number + 1),
         "ImagePositionPatient": [f"{value:.6f}" for value in ORIGIN + STEP * number * normal]}
        for number in range(count)
    ]  # fmt: skip
    return [header.read(part10(film_dataset(rows=rows, columns=columns, **{**usual, **own, **tags}))) for own in placed]


def cine(frames: int, **tags: object) -> Dataset:
    pixels = bytes(frames * 64 * 80 * 2)
    return header.read(
        part10(film_dataset(
            SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US", NumberOfFrames=frames, PixelData=pixels, **tags
        ))
    )  # fmt: skip


def enhanced(count: int) -> Dataset:
    """Return a CT series as one image of many frames."""
    parts, image = slices(count), film_dataset(rows=30, columns=41, SOPClassUID=EnhancedCTImageStorage, Modality="CT")
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = parts[0].ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = parts[0].PixelSpacing, parts[0].SliceThickness
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    image.SharedFunctionalGroupsSequence, image.PerFrameFunctionalGroupsSequence = [shared], []
    for part in parts:
        own, position = Dataset(), Dataset()
        position.ImagePositionPatient = part.ImagePositionPatient
        own.PlanePositionSequence = [position]
        image.PerFrameFunctionalGroupsSequence.append(own)
    image.FrameOfReferenceUID, image.NumberOfFrames = f"{STUDY_UID}.9", count
    image.PixelData = bytes(count * 30 * 41 * 2)
    return header.read(part10(image))


def written(sources: Sequence[Dataset], *masks: Mask, standing: Standing = SUGGESTION, image: int = 0) -> Dataset:
    made = segmentations(sources, drawn(*masks), identity=IDENTITY, standing=standing)[image]
    return pydicom.dcmread(io.BytesIO(to_bytes(made)))


def read(document: Dataset) -> hd.seg.Segmentation:
    return hd.seg.segread(io.BytesIO(to_bytes(document)))


def index(document: Dataset) -> list[tuple[int, ...]]:
    """Return segment and place in the order of frames, of each frame."""
    contents = (frame.FrameContentSequence[0] for frame in document.PerFrameFunctionalGroupsSequence)
    return [tuple(content.DimensionIndexValues) for content in contents]


def tool(name: str) -> str:
    return shutil.which(name) or str(Path(pydicom.__file__).parents[4] / "bin" / name)


def dciodvfy(document: Dataset, folder: Path) -> list[str]:
    file = folder / "segmentation.dcm"
    file.write_bytes(to_bytes(document))
    said = subprocess.run([tool("dciodvfy"), file], capture_output=True, text=True, timeout=60, check=False).stderr
    assert "Segmentation" in said
    return [line for line in said.splitlines() if line.startswith(("Error", "Warning"))]


def by_dcmqi(document: Dataset, folder: Path) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return pixels (frames × rows × columns), origin and steps (of columns, rows, frames) of what dcmqi reads."""
    file = folder / "for_dcmqi.dcm"
    file.write_bytes(to_bytes(document))
    arguments = [tool("segimage2itkimage"), "--inputDICOM", file, "--outputDirectory", folder, "-t", "nrrd"]
    subprocess.run(arguments, capture_output=True, timeout=60, check=True)
    return [nrrd(path) for path in sorted(folder.glob("*.nrrd"))]


def nrrd(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    head, _, data = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    vectors = np.array([eval_vector(part) for part in fields["space directions"].split()])
    sizes = [int(size) for size in fields["sizes"].split()]
    raw = gzip.decompress(data) if fields["encoding"] == "gzip" else data
    kind = {"short": "<i2", "unsigned char": "u1", "uint8": "u1"}[fields["type"]]
    return np.frombuffer(raw, kind).reshape(sizes[::-1]), eval_vector(fields["space origin"]), vectors


def eval_vector(text: str) -> np.ndarray:
    return np.array([float(value) for value in text.strip("()").split(",")])


def planted(document: Dataset, source: Dataset) -> Dataset:
    """Return a film's segmentation as a plane in space: dcmqi wants a frame of reference and plane orientation."""
    copy = pydicom.dcmread(io.BytesIO(to_bytes(document)))
    position, orientation, measures = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient, orientation.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 1
    copy.FrameOfReferenceUID, copy.PositionReferenceIndicator = f"{source.StudyInstanceUID}.1", ""
    shared = copy.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    for frame in copy.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence = [position]
    return copy


@pytest.mark.parametrize(
    "tags",
    [
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME2"},
        {"ImagerPixelSpacing": ["0.2", "0.1"]},
        {"PixelSpacing": ["0.2", "0.1"], "PixelSpacingCalibrationType": "FIDUCIAL"},
        {"PatientOrientation": ["CD", "RT"]},
        {"PatientOrientation": ["RT", "CD"]},
        {"rows": 37, "columns": 53},
    ],
    ids=["MONOCHROME1", "MONOCHROME2", "oblong", "calibrated oblong", "rotated", "flipped", "cropped"],
)  # fmt: skip
def test_a_mask_lies_on_a_film_where_it_was_drawn(tags: dict[str, object], tmp_path: Path) -> None:
    source = films(**tags)[0]
    heart, kidney = blob(1, source.Rows, source.Columns), blob(1, source.Rows, source.Columns, seed=2)[:, ::-1]

    document = written([source], mask(heart), mask(kidney, KIDNEY, side=Side.LEFT))

    assert dciodvfy(document, tmp_path) == []
    assert (document.pixel_array == np.concatenate([heart, kidney])).all()
    seen = read(document).get_pixels_by_source_instance([source.SOPInstanceUID])
    assert (seen[..., 0] == heart).all()
    assert (seen[..., 1] == kidney).all()
    by_others = by_dcmqi(planted(document, source), tmp_path)
    assert [(pixels > 0).tolist() for pixels, _, _ in by_others] == [heart.tolist(), kidney.tolist()]


def test_a_film_keeps_its_orientation_and_the_shape_of_its_pixels() -> None:
    square, oblong = films(), films(ImagerPixelSpacing=["0.2", "0.1"], PatientOrientation=["CD", "RT"])
    calibrated = films(PixelSpacing=["0.3", "0.1"])

    assert "PixelAspectRatio" not in written(square, mask(blob(1, 64, 80)))
    assert written(oblong, mask(blob(1, 64, 80))).PixelAspectRatio == [2, 1]
    assert written(oblong, mask(blob(1, 64, 80))).PatientOrientation == ["CD", "RT"]
    assert written(calibrated, mask(blob(1, 64, 80))).PixelAspectRatio == [3, 1]


def test_an_oblique_series_is_one_volume_in_the_place_of_its_slices(tmp_path: Path) -> None:
    sources, uids = slices(7), [f"{SOP_UID}.{number}" for number in range(7)]
    heart, kidney = blob(7, 30, 41), blob(7, 30, 41, seed=2)
    heart[[0, 1, 6]], kidney[:4] = False, False

    document = written(sources, mask(heart), mask(kidney, KIDNEY))

    assert dciodvfy(document, tmp_path) == []
    assert index(document) == [(1, 3), (1, 4), (1, 5), (1, 6), (2, 5), (2, 6), (2, 7)]
    seen = read(document).get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    assert (seen == np.stack([heart, kidney], axis=-1)).all()
    for found, truth, first in zip(by_dcmqi(document, tmp_path), (heart, kidney), (2, 2), strict=True):
        pixels, origin, steps = found
        assert (pixels.astype(bool) == truth[first : first + len(pixels)]).all()
        assert not truth[first + len(pixels) :].any()
        assert np.allclose(origin, ORIGIN + STEP * first * np.cross(*COSINES), atol=1e-3)
        assert np.allclose(steps, [COSINES[0] * 0.5, COSINES[1] * 0.7, STEP * np.cross(*COSINES)], atol=1e-3)


def test_a_series_in_one_file_gives_the_same_pixels_and_places_as_slice_by_slice(tmp_path: Path) -> None:
    heart = blob(5, 30, 41)
    heart[1] = False

    document = written([enhanced(5)], mask(heart))

    assert dciodvfy(document, tmp_path) == []
    apart = written(slices(5), mask(heart))
    assert (document.pixel_array == apart.pixel_array).all()
    for one, other in zip(
        document.PerFrameFunctionalGroupsSequence, apart.PerFrameFunctionalGroupsSequence, strict=True
    ):
        assert one.PlanePositionSequence == other.PlanePositionSequence
    seen = read(document).get_pixels_by_source_frame(SOP_UID, [1, 2, 3, 4, 5], assert_missing_frames_are_empty=True)
    assert (seen[..., 0] == heart).all()


def test_a_mask_of_a_cine_loop_lies_on_its_own_frames(tmp_path: Path) -> None:
    heart = blob(5, 64, 80)
    heart[[0, 2, 4]] = False

    document = written([cine(5)], mask(heart))

    assert dciodvfy(document, tmp_path) == []
    numbers = [
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for frame in document.PerFrameFunctionalGroupsSequence
    ]
    assert numbers == [2, 4]
    assert index(document) == [(1, 2), (1, 4)]
    seen = read(document).get_pixels_by_source_frame(SOP_UID, [1, 2, 3, 4, 5], assert_missing_frames_are_empty=True)
    assert (seen[..., 0] == heart).all()


def test_each_film_of_a_case_gets_a_segmentation_of_its_own() -> None:
    sources = [*films(), *films(SOPInstanceUID=f"{SOP_UID}.7", rows=37, columns=53)]
    lateral, frontal = blob(1, 64, 80), blob(1, 37, 53)

    made = segmentations(sources, drawn(mask(frontal, image=1), mask(lateral)), identity=IDENTITY)

    assert list(made) == [0, 1]
    assert made[0].SOPInstanceUID != made[1].SOPInstanceUID
    assert made[0].SeriesInstanceUID == made[1].SeriesInstanceUID
    for number, truth in enumerate((lateral, frontal)):
        seen = read(made[number]).get_pixels_by_source_instance([sources[number].SOPInstanceUID])
        assert (seen[..., 0] == truth).all()
    assert made[0].SegmentSequence[0].TrackingUID == made[1].SegmentSequence[0].TrackingUID


def test_a_segment_says_what_it_is_on_which_side_and_who_drew_it() -> None:
    document = written(films(), mask(blob(1, 64, 80), KIDNEY, side=Side.LEFT))

    segment = document.SegmentSequence[0]
    what, algorithm = (
        segment.SegmentedPropertyTypeCodeSequence[0],
        segment.SegmentationAlgorithmIdentificationSequence[0],
    )
    assert (segment.SegmentLabel, segment.SegmentAlgorithmType) == ("Kidney, left", "AUTOMATIC")
    assert (what.CodeValue, what.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue) == (KIDNEY.value, "7771000")
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == ANATOMY.value
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("anatomy", "1.2")
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == "123110"
    for told in (MODEL.digest, "temperature 1.3", "trained on synthetic radiographs"):
        assert told in algorithm.AlgorithmParameters
    assert segment.TrackingID == "64033007 left"
    assert segment.TrackingUID == IDENTITY.tracking_uid(films()[0], "64033007 left")


def test_two_structures_of_one_name_are_told_apart() -> None:
    document = written(films(), mask(blob(1, 64, 80)), mask(blob(1, 64, 80, seed=2)))

    first, second = document.SegmentSequence
    assert first.TrackingID != second.TrackingID
    assert first.TrackingUID != second.TrackingUID
    assert document.SegmentsOverlap == "YES"


def test_a_private_label_is_told_to_be_one(tmp_path: Path) -> None:
    own = Code(value="heart-base", scheme="99VETFLOW", meaning="Base of heart")

    document = written(films(), mask(blob(1, 64, 80), own))

    assert document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99VETFLOW"
    warned = "Warning - Unrecognized defined term <99VETFLOW> for value 1 of attribute <Coding Scheme Designator>"
    assert set(dciodvfy(document, tmp_path)) == {warned}


def test_masks_without_a_pixel_are_left_out() -> None:
    empty, heart = np.zeros((1, 64, 80), bool), blob(1, 64, 80)

    document = written(films(), mask(empty, KIDNEY), mask(heart))

    assert [segment.SegmentLabel for segment in document.SegmentSequence] == ["Heart"]
    assert document.SegmentsOverlap == "NO"
    assert segmentations(films(), drawn(mask(empty)), identity=IDENTITY) == {}
    assert segmentations(films(), drawn(), identity=IDENTITY) == {}


def test_a_structure_that_a_veterinarian_rejected_is_left_out() -> None:
    standing = Standing(edition=1, rejected=frozenset({HEART.value}))

    document = written(films(), mask(blob(1, 64, 80)), mask(blob(1, 64, 80), KIDNEY), standing=standing)

    assert [segment.SegmentLabel for segment in document.SegmentSequence] == ["Kidney"]


@pytest.mark.parametrize(
    ("sources", "pixels"),
    [(films(), blob(1, 80, 64)), (films(), blob(2, 64, 80)), (slices(3), blob(2, 30, 41)), ([cine(5)], blob(4, 64, 80)),
     ([*slices(2), *slices(1, rows=31)], blob(3, 30, 41))],
    ids=["turned", "frames on a film", "a slice too few", "a frame too few", "slices of two sizes"],
)  # fmt: skip
def test_a_mask_that_does_not_fit_its_image_is_refused(sources: list[Dataset], pixels: np.ndarray) -> None:
    with pytest.raises(StudyRefused) as refused:
        segmentations(sources, drawn(mask(pixels)), identity=IDENTITY)

    assert refused.value.reason == "mask_shape"


def test_slices_that_lie_in_different_directions_are_no_volume() -> None:
    sources = [*slices(2), *slices(1, ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])]

    with pytest.raises(StudyRefused) as refused:
        segmentations(sources, drawn(mask(blob(3, 30, 41))), identity=IDENTITY)

    assert refused.value.reason == "mask_planes"


@pytest.mark.parametrize(("image", "tags"), [(1, {}), (0, {"SOPClassUID": "1.2.3.4"})], ids=["no image", "no class"])
def test_a_mask_of_no_image_is_refused(image: int, tags: dict[str, object]) -> None:
    with pytest.raises(StudyRefused) as refused:
        segmentations(films(**tags), drawn(mask(blob(1, 64, 80), image=image)), identity=IDENTITY)

    assert refused.value.reason == "report_impossible"


def test_the_segmentation_is_about_the_animal_of_the_film_and_names_the_film() -> None:
    source = header.read(film_bytes(PatientName="Döe^Rex", IssuerOfPatientID="CLINIC"))

    document = written([source], mask(blob(1, 64, 80)))

    for keyword in (
        "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientSexNeutered",
        "PatientSpeciesDescription", "PatientBreedDescription", "PatientWeight", "ResponsiblePerson",
        "AccessionNumber", "StudyID", "StudyDate", "StudyInstanceUID", "AnatomicalOrientationType",
    ):  # fmt: skip
        assert document[keyword].value == source[keyword].value, keyword
    referenced = document.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == SERIES_UID
    assert referenced.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == SOP_UID


@pytest.mark.parametrize(
    "tags",
    [dict.fromkeys(("PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate",
                    "StudyTime", "ReferringPhysicianName", "PatientOrientation", "ImagerPixelSpacing",
                    "LossyImageCompression", "InstanceNumber")),
     {"PatientSex": "MN", "StudyDate": "2025.01.01", "StudyTime": "noon", "PatientName": "no\x7fname^^^^^^"},
     {"ImagerPixelSpacing": ["0", "0"]}, {"ImagerPixelSpacing": ["0.1"]}, {"PixelSpacing": ["0.1", "1000"]}],
    ids=["bare", "junk", "no length", "one length", "needles"],
)  # fmt: skip
def test_what_equipment_writes_freely_does_not_stop_the_segmentation(tags: dict[str, object]) -> None:
    heart = blob(1, 64, 80)

    document = written(films(**tags), mask(heart))

    assert (document.pixel_array == heart).all()


def test_a_bare_header_makes_a_valid_segmentation(tmp_path: Path) -> None:
    bare = ("PatientID", "PatientSex", "StudyID", "StudyDate", "StudyTime", "PatientOrientation", "ImagerPixelSpacing",
            "LossyImageCompression", "InstanceNumber", "BreedRegistrationSequence", "ResponsiblePerson",
            "ResponsiblePersonRole", "PatientSexNeutered", "AnatomicalOrientationType")  # fmt: skip

    document = written(films(**dict.fromkeys(bare)), mask(blob(1, 64, 80)))

    unexplained = [line for line in dciodvfy(document, tmp_path) if "needed to build DICOMDIR" not in line]
    assert unexplained == []


def test_a_segmentation_of_a_lossy_film_says_so(tmp_path: Path) -> None:
    lossy = films(
        LossyImageCompression="01", LossyImageCompressionRatio="10", LossyImageCompressionMethod="ISO_10918_1"
    )

    document = written(lossy, mask(blob(1, 64, 80)))

    assert dciodvfy(document, tmp_path) == []
    assert (document.LossyImageCompression, document.LossyImageCompressionRatio) == ("01", 10)


def test_a_series_whose_slices_say_no_position_still_gets_its_pixels(tmp_path: Path) -> None:
    heart = blob(3, 30, 41)
    sources = slices(3, FrameOfReferenceUID=None)

    document = written(sources, mask(heart))

    assert dciodvfy(document, tmp_path) == []
    assert "FrameOfReferenceUID" not in document
    uids = [f"{SOP_UID}.{number}" for number in range(3)]
    assert (read(document).get_pixels_by_source_instance(uids)[..., 0] == heart).all()


def test_writing_a_segmentation_again_gives_the_same_bytes() -> None:
    made = [segmentations(films(), drawn(mask(blob(1, 64, 80))), identity=IDENTITY)[0] for _ in range(2)]

    assert to_bytes(made[0]) == to_bytes(made[1])


def test_another_film_revision_model_or_edition_is_another_segmentation() -> None:
    source, assessment = films(), drawn(mask(blob(1, 64, 80)))
    retrained = replace(assessment, model=replace(MODEL, digest="ef" * 32))

    uids = {
        segmentations(source, what, identity=identity, standing=Standing(edition=edition))[0].SOPInstanceUID
        for what, identity, edition in (
            (assessment, IDENTITY, 0), (assessment, IDENTITY, 1), (retrained, IDENTITY, 0),
            (assessment, replace(IDENTITY, revision=2), 0), (assessment, replace(IDENTITY, digests=("ee" * 32,)), 0),
        )
    }  # fmt: skip

    assert len(uids) == 5


def test_a_signed_segmentation_says_so_and_names_what_it_follows_from(tmp_path: Path) -> None:
    earlier = Predecessor(sop_class=SEG, sop_uid="1.2.3.1", series_uid="1.2.3.2", study_uid=STUDY_UID, purpose=REPLACED)
    elsewhere = replace(earlier, sop_class="1.2.840.10008.5.1.4.1.1.88.34", sop_uid="1.2.3.3", study_uid="1.2.3.4")
    signature = Signature(name="Roe^Ann", organization="Clinic", at=datetime(2025, 1, 2, tzinfo=UTC))
    standing = Standing(edition=1, signature=signature, predecessors=(earlier, elsewhere))

    suggested, signed = (written(films(), mask(blob(1, 64, 80)), standing=stands) for stands in (SUGGESTION, standing))

    assert (suggested.SeriesDescription, suggested.ContentLabel) == (SERIES_DESCRIPTION, "AI_SUGGESTION")
    assert (signed.SeriesDescription, signed.ContentLabel) == (SIGNED_DESCRIPTION, "AI_SIGNED")
    assert dciodvfy(signed, tmp_path) == []
    followed = signed.ReferencedImageSequence[0]
    assert followed.ReferencedSOPInstanceUID == "1.2.3.1"
    assert followed.PurposeOfReferenceCodeSequence[0].CodeValue == REPLACED.value
    assert signed.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == "1.2.3.3"
    assert signed.StudiesContainingOtherReferencedInstancesSequence[0].StudyInstanceUID == "1.2.3.4"


def test_a_long_series_needs_less_room_than_its_masks_have_already() -> None:
    sources = slices(1, rows=512, columns=512) * 20
    masks = [mask(blob(20, 512, 512, seed=seed), replace(HEART, value=str(seed))) for seed in range(3)]
    held = sum(one.pixels.nbytes for one in masks)

    tracemalloc.start()
    segmentations(sources, drawn(*masks), identity=IDENTITY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < held
