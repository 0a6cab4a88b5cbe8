"""Who observed what a document says: vetflow as a device, or a person (TID 1002)."""

from highdicom.sr import (
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
)

from vetflow.dicom.identity import MANUFACTURER, ReportIdentity
from vetflow.dicom.uids import derived_uid
from vetflow.dicom.verification import one_line, person_name
from vetflow.domain.standing import Signature

_DEVICE = CodedConcept("121007", "DCM", "Device")
_PERSON = CodedConcept("121006", "DCM", "Person")


def device(identity: ReportIdentity) -> ObserverContext:
    """Return vetflow as the observer, by use case and version."""
    return ObserverContext(
        observer_type=_DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=derived_uid("vetflow", "device", identity.use_case, identity.software),
            name=f"vetflow {identity.use_case}", manufacturer_name=MANUFACTURER,
            model_name=identity.use_case, serial_number=identity.software,
        ),
    )  # fmt: skip


def person(signature: Signature) -> ObserverContext:
    """Return a person as the observer."""
    return ObserverContext(
        observer_type=_PERSON,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=person_name(signature.name), organization_name=one_line(signature.organization)
        ),
    )
