"""The marks of de-identification: what was done to an object, and that it was done under this key (PS3.15 E.1.1)."""

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from vetflow.dicom import codes, profile, raw
from vetflow.dicom.cleaning import Cleaner, coded
from vetflow.dicom.profile import Treatment, tag
from vetflow.dicom.uids import keyed
from vetflow.domain.coding import Code

VERSION = "2"
"""Grows with every change of what stays and what goes."""

_SOP_UID, _METHOD = tag("SOPInstanceUID"), tag("DeidentificationMethod")
_METHODS, _REMOVED = tag("DeidentificationMethodCodeSequence"), tag("PatientIdentityRemoved")
_MODIFIED = tag("LongitudinalTemporalInformationModified")
_EQUIPMENT, _PURPOSE = tag("ContributingEquipmentSequence"), tag("PurposeOfReferenceCodeSequence")
_MANUFACTURER, _VALUE = tag("Manufacturer"), tag("CodeValue")
_GRAPHICS, _CONTENT = tag("GraphicAnnotationSequence"), tag("ContentSequence")
_DEIDENTIFYING = "109104"


def is_ours(source: Dataset, key: bytes) -> bool:
    """Whether an object carries the seal of its UID: it was de-identified under this key, whatever came to it since."""
    return _seal(source, key) in raw.plain(source, _METHOD).split("\\")


def mark(clean: Dataset, cleaner: Cleaner, *, masked: bool) -> None:
    """Write into an object what was done to it: each option only when it was used on this object."""
    done = {profile.treatment(tag) for tag in cleaner.kept}
    moved = not done.isdisjoint({Treatment.DATE, Treatment.TIME})
    used = {
        "113100": True,  # Basic Application Confidentiality Profile
        "113101": masked,  # Clean Pixel Data
        "113103": _GRAPHICS in cleaner.kept,  # Clean Graphics
        "113104": _CONTENT in cleaner.kept,  # Clean Structured Content
        "113105": Treatment.DESCRIPTION in done,  # Clean Descriptors
        "113107": moved,  # Retain Longitudinal Temporal Information with Modified Dates
        "113108": not cleaner.kept.isdisjoint(profile.characteristics()),  # Retain Patient Characteristics
    }
    clean[_METHODS] = _sequence(_METHODS, *(_item(code, clean) for code, was in used.items() if was))
    equipment = raw.blank(clean)
    equipment[_MANUFACTURER] = raw.text_element(_MANUFACTURER, "vetflow", clean)
    equipment[_PURPOSE] = _sequence(_PURPOSE, _item(_DEIDENTIFYING, clean))
    clean[_EQUIPMENT] = _sequence(_EQUIPMENT, equipment)
    texts = {
        _METHOD: f"vetflow {VERSION}\\{_seal(clean, cleaner.key)}",
        _REMOVED: "YES",
        _MODIFIED: "MODIFIED" if moved else "REMOVED",
    }
    for place, text in texts.items():
        clean[place] = raw.text_element(place, text, clean)


def unmark(dataset: Dataset) -> None:
    """Take the marks out of an object that is given its identity back."""
    for place in (_METHOD, _METHODS, _REMOVED, _MODIFIED):
        dataset.pop(place, None)
    kept = [item for item in raw.items(dataset, _EQUIPMENT) or () if not _is_deidentifying(item)]
    dataset.pop(_EQUIPMENT, None)
    if kept:
        dataset[_EQUIPMENT] = _sequence(_EQUIPMENT, *kept)


def _seal(dataset: Dataset, key: bytes) -> str:
    return keyed(f"de-identified\0{raw.plain(dataset, _SOP_UID)}", key).hex()[:16]


def _is_deidentifying(equipment: Dataset) -> bool:
    purposes = raw.items(equipment, _PURPOSE) if _PURPOSE in equipment else None
    return any(raw.plain(purpose, _VALUE) == _DEIDENTIFYING for purpose in purposes or ())


def _item(value: str, like: Dataset) -> Dataset:
    code = codes.canonical(value, "DCM")
    return coded(raw.blank(like), code or Code(value=value, scheme="DCM", meaning=value))


def _sequence(place: BaseTag, *items: Dataset) -> DataElement:
    return DataElement(place, "SQ", list(items))
