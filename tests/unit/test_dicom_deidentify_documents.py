"""Reports, key objects, presentation states and segmentations: they keep their sense, and nobody's words."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.builders import SOP_UID, coded, film_bytes, film_dataset
from tests.unit import results

from vetflow.dicom import header
from vetflow.dicom.deidentify import Deidentified, deidentify
from vetflow.dicom.identity import to_bytes
from vetflow.dicom.keyobjects import of_interest
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.dicom.segmentation import segmentations
from vetflow.domain.coding import Code
from vetflow.domain.place import Mask
from vetflow.domain.standing import PRELIMINARY, Predecessor, Standing

KEY = b"a key of the site, 32 bytes long"
FILM = header.read(film_bytes())
SIGNED = Standing(
    edition=1, signature=results.SIGNATURE,
    predecessors=(
        Predecessor(sop_class="1.2.840.10008.5.1.4.1.1.88.34", sop_uid="1.2.3.11", series_uid="1.2.3.12",
                    study_uid="1.2.3.13", purpose=PRELIMINARY),
    ),
)  # fmt: skip


def _report() -> Dataset:
    return report((FILM,), results.ALL, identity=results.IDENTITY, standing=SIGNED)


def _presentation() -> Dataset:
    return presentations((FILM,), results.ALL, identity=results.IDENTITY)[0]


def _key_objects() -> Dataset:
    document = of_interest((FILM,), results.ALL, identity=results.IDENTITY)
    assert document is not None
    return document


def _segmentation() -> Dataset:
    pixels = np.zeros((1, 64, 80), bool)
    pixels[0, 10:30, 10:40] = True
    heart = Code(value="80891009", scheme="SCT", meaning="Heart")
    anatomy = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
    drawn = replace(results.ALL, masks=(Mask(label=heart, category=anatomy, pixels=pixels),))
    return segmentations((FILM,), drawn, identity=results.IDENTITY)[0]


def cleaned(document: Dataset) -> tuple[Deidentified, Dataset]:
    done = deidentify(to_bytes(document), key=KEY)
    return done, pydicom.dcmread(io.BytesIO(done.data))


def methods(document: Dataset) -> set[str]:
    return {item.CodeValue for item in document.DeidentificationMethodCodeSequence}


def errors(document: Dataset, folder: Path) -> list[str]:
    said = results.run("dciodvfy", results.filed(document, folder)).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("made", [_report, _presentation, _key_objects, _segmentation])
def test_documents_stay_valid_and_name_nobody(made: Callable[[], Dataset], tmp_path: Path) -> None:
    done, document = cleaned(made())

    assert errors(document, tmp_path) == []
    for word in (b"Doe", b"Rex", b"Ada", "Müller".encode(), b"Kleintierpraxis", b"Fluid", SOP_UID.encode()):
        assert word not in done.data


def test_the_tree_of_a_report_keeps_codes_numbers_places_and_references() -> None:
    before, after = _report(), cleaned(_report())[1]

    def shape(item: Dataset) -> list[object]:
        return [item.get("ValueType"), [shape(inner) for inner in item.get("ContentSequence", ())]]

    def all_of(item: Dataset, keyword: str) -> list[object]:
        return [element.value for element in item.iterall() if element.keyword == keyword]

    assert shape(after) == shape(before)
    assert all_of(after, "NumericValue") == all_of(before, "NumericValue")
    assert all_of(after, "GraphicData") == all_of(before, "GraphicData")
    assert set(all_of(after, "TextValue")) == {"REMOVED"}
    assert {"113104", "113107"} <= methods(after)
    film = pydicom.dcmread(io.BytesIO(deidentify(film_bytes(), key=KEY).data)).SOPInstanceUID
    assert film in all_of(after, "ReferencedSOPInstanceUID")
    assert all_of(before, "ReferencedSOPInstanceUID").count(SOP_UID) == all_of(after, "ReferencedSOPInstanceUID").count(
        film
    )


def test_a_signed_report_stays_verified_by_nobody_in_particular() -> None:
    document = cleaned(_report())[1]

    assert document.VerificationFlag == "VERIFIED"
    observer = document.VerifyingObserverSequence[0]
    assert (observer.VerifyingObserverName, observer.VerifyingOrganization) == ("REMOVED^", "REMOVED")


def test_a_code_that_no_dictionary_holds_is_exchanged_where_there_must_be_one() -> None:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "CODE"
    item.ConceptNameCodeSequence = [coded("121071", "DCM", "of Mrs Doe")]
    item.ConceptCodeSequence = [coded("REX", "99CLINIC", "Rex Doe")]
    document = film_dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.34", ContentSequence=[item], PixelData=None)

    after = cleaned(document)[1].ContentSequence[0]

    assert after.ConceptNameCodeSequence[0].CodeMeaning == "Finding"
    assert after.ConceptCodeSequence[0].CodeValue == "removed"


def test_modifiers_of_a_code_stay_with_it() -> None:
    view = coded("442441009", "SCT", "Ventro-dorsal")
    view.ViewModifierCodeSequence = [coded("399265009", "SCT", "Axial"), coded("REX", "99CLINIC", "Rex Doe")]

    after = cleaned(film_dataset(ViewCodeSequence=[view]))[1].ViewCodeSequence[0]

    assert after.CodeValue == "442441009"
    assert [item.CodeValue for item in after.ViewModifierCodeSequence] == ["399265009"]


def test_graphics_stay_in_layers_without_their_names() -> None:
    before, (done, after) = _presentation(), cleaned(_presentation())

    layers = [item.GraphicLayer for item in after.GraphicLayerSequence]
    assert len(set(layers)) == len(before.GraphicLayerSequence)
    assert {item.GraphicLayer for item in after.GraphicAnnotationSequence} <= set(layers)
    assert not {item.GraphicLayer for item in before.GraphicLayerSequence} & set(layers)
    assert "113103" in methods(after)
    assert b"vertebra" not in done.data
    for one, other in zip(before.GraphicAnnotationSequence, after.GraphicAnnotationSequence, strict=True):
        drawn, kept = (item.get("GraphicObjectSequence", ()) for item in (one, other))
        assert [graphic.GraphicData for graphic in drawn] == [graphic.GraphicData for graphic in kept]


def test_coordinates_that_read_as_words_lose_their_last_digits_only() -> None:
    outline = np.frombuffer(b"ZZOBERNHARDHUBER", "<f4")[:2].tolist() + np.linspace(100.003, 900.007, 400).tolist()
    spelt = np.frombuffer(b"xMULLERCxMULLERC", "<f4").tolist()
    item = Dataset()
    item.GraphicData = [*outline, *spelt]
    annotation = Dataset()
    annotation.GraphicObjectSequence = [item]

    done, after = cleaned(film_dataset(GraphicAnnotationSequence=[annotation]))

    kept = np.array(after.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData)
    assert np.allclose(kept, np.array(item.GraphicData, np.float32), rtol=2**-15)
    assert b"MULLER" not in done.data
    assert b"BERNHARD" not in done.data


def test_a_segmentation_keeps_its_frames_in_their_order() -> None:
    before, (_, after) = _segmentation(), cleaned(_segmentation())

    assert after.PixelData == before.PixelData
    assert len(after.PerFrameFunctionalGroupsSequence) == len(before.PerFrameFunctionalGroupsSequence)
    assert after.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Heart"
    assert after.SegmentSequence[0].SegmentLabel in {"REMOVED", "HEART"}
