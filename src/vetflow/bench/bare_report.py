"""The peer of the report bench: what somebody writes with highdicom alone, the same boxes and nothing else."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForRegion,
    TrackingIdentifier,
)
from highdicom.sr import GraphicTypeValues as Shape
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

_FINDING = Code("27925004", "SCT", "Nodule")
_NAME = "bare"


def bare_report(film: Dataset, boxes: Sequence[NDArray[np.float64]]) -> bytes:
    """Return a TID 1500 report of boxes, each five points, as a file."""
    device = DeviceObserverIdentifyingAttributes(uid=generate_uid(), name=_NAME)
    content = MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(CodedConcept("121007", "DCM", "Device"), device)
        ),
        procedure_reported=Code("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=[_group(film, box, number) for number, box in enumerate(boxes)],
        referenced_images=[film],
    )
    return _file(
        Comprehensive3DSR(
            evidence=[film], content=content, series_instance_uid=generate_uid(), series_number=1,
            sop_instance_uid=generate_uid(), instance_number=1, manufacturer=_NAME, is_complete=True,
        )
    )  # fmt: skip


def _group(film: Dataset, box: NDArray[np.float64], number: int) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    percent = Code("%", "UCUM", "Percent")
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier=f"{_NAME} {number}"),
        referenced_region=ImageRegion(Shape.POLYLINE, box, SourceImageForRegion.from_source_image(film)),
        finding_type=_FINDING, algorithm_id=AlgorithmIdentification(name=_NAME, version="1"),
        measurements=[Measurement(Code("111012", "DCM", "Certainty of Finding"), 90.0, percent)],
        qualitative_evaluations=[
            QualitativeEvaluation(Code("121052", "DCM", "Presence of property"), Code("52101004", "SCT", "Present"))
        ],
        geometric_purpose=Code("75958009", "SCT", "Bounded by"),
    )  # fmt: skip


def bare_presentation(film: Dataset, boxes: Sequence[NDArray[np.float64]]) -> bytes:
    """Return a presentation state of the same boxes with a word at each, as a file."""
    layer = GraphicLayer("FINDINGS", 1)
    annotation = GraphicAnnotation(
        [film], layer,
        graphic_objects=[GraphicObject(GraphicTypeValues.POLYLINE, box, AnnotationUnitsValues.PIXEL) for box in boxes],
        text_objects=[
            TextObject("Nodule 90%", AnnotationUnitsValues.PIXEL, anchor_point=(float(box[0, 0]), float(box[0, 1])))
            for box in boxes
        ],
    )  # fmt: skip
    return _file(
        GrayscaleSoftcopyPresentationState(
            [film], generate_uid(), 2, generate_uid(), 1, manufacturer=_NAME, manufacturer_model_name=_NAME,
            software_versions="1", device_serial_number="1", content_label="FINDINGS",
            graphic_annotations=[annotation], graphic_layers=[layer],
        )
    )  # fmt: skip


def _file(document: Dataset) -> bytes:
    file = BytesIO()
    document.save_as(file, enforce_file_format=True)
    return file.getvalue()
