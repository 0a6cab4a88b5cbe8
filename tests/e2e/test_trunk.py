"""Two films of a synthetic dog's thorax through every use case of the trunk, from C-STORE to the draft in the PACS."""

import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import BasicTextSRStorage, Comprehensive3DSRStorage, SegmentationStorage
from tests import peers
from tests.certificates import HERE

from vetflow.bench import site
from vetflow.domain.case import CaseState, Queue
from vetflow.domain.delivery import DeliveryState, ResultKind
from vetflow.domain.overview import CaseLine
from vetflow.domain.signalment import Species
from vetflow.domain.use_cases import MODELS
from vetflow.domain.view import Region, View
from vetflow.hospital import modality
from vetflow.phantoms.dicom import Identity, dataset
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import Order
from vetflow.settings import DicomDestination, Gateway, Ports, Quiet, Route, Sender, Settings, Site
from vetflow.supervisor.places import located
from vetflow.wiring import Services, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARTS = ("ledger", "prefect", "gateway", "courier", "worker")
SECONDS = 300
SEED = 41
STUDY = "2.25.20260504"


@dataclass(frozen=True)
class Trunk:
    """A running site and the PACS that gets its results."""

    services: Services
    orthanc: peers.Orthanc

    @property
    def cases(self) -> list[CaseLine]:
        return list(self.services.ledger.cases())

    def settled(self) -> bool:
        """Whether a draft is done, everything else has ended and nothing is owed."""
        drafts = [case for case in self.cases if case.use_case == "draft"]
        owed = self.services.ledger.deliveries(state=DeliveryState.OWED)
        return bool(drafts) and all(case.state.ended for case in self.cases) and not owed

    def draft(self) -> str:
        """Return the text of the latest draft."""
        case = next(case for case in self.cases if case.use_case == "draft")
        text = self.services.ledger.edition(case.id).result(ResultKind.TEXT)
        assert text is not None
        return self.services.store.get(text.digest).decode()


@pytest.fixture(scope="module")
def trunk() -> Iterator[Trunk]:
    # Not pytest's 0700 folder: as root the database runs under another account.
    folder = Path(tempfile.mkdtemp(prefix="vetflow-trunk-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        orthanc = stack.enter_context(peers.orthanc(folder / "orthanc"))
        settings = at(folder / "home", orthanc.dicom)
        settings.secrets.mkdir(parents=True, mode=0o700)
        stack.enter_context(site.running(settings, PARTS))
        services = build(located(settings))
        stack.callback(services.ledger.close)
        receiver = modality.Receiver(
            host=HERE, port=settings.gateway.port, called="VETFLOW", calling="MOD", seconds=20
        )  # fmt: skip
        assert all(sent.taken for sent in modality.send(films(folder), receiver))
        yield Trunk(services, orthanc)


def at(home: Path, dicom: int) -> Settings:
    """Return the settings of a site that runs every use case and sends all of it to one PACS."""
    pacs = DicomDestination(
        name="pacs", kind="dicom", ae_title="ORTHANC", host=HERE, port=dicom, results=("SR", "KOS", "SEG")
    )  # fmt: skip
    return Settings(
        home=home,
        site=Site(name="trunk", simulated=True),
        gateway=Gateway(port=site.free_port(), senders=(Sender(ae_title="MOD"),)),
        completeness=Quiet(seconds={"DX": 2.0}),
        routes=tuple(Route(use_case=name, queue=Queue.STAT) for name in MODELS),
        destinations=(pacs,),
        ports=Ports(prefect=site.free_port(), mlflow=site.free_port(), web=site.free_port()),
    )


def films(folder: Path) -> list[Path]:
    """Write a side view and a ventrodorsal view of one dog."""
    paths: list[Path] = []
    for number, view in enumerate((View.RIGHT_LATERAL, View.VENTRODORSAL), start=1):
        made = trunk_film(Order(seed=SEED, view=view, region=Region.THORAX, species=Species.DOG, lesions=()), size=1024)
        who = Identity(study_uid=STUDY, number=number)
        paths.append(folder / f"{number}.dcm")
        dataset(made.film, seed=SEED, identity=who).save_as(paths[-1], enforce_file_format=True)
    return paths


def test_a_thorax_is_judged_by_every_use_case_and_drafted(trunk: Trunk) -> None:
    end = time.monotonic() + SECONDS
    while not trunk.settled():
        assert time.monotonic() < end, [(case.use_case, case.state, case.reason) for case in trunk.cases]
        time.sleep(0.5)

    assert {case.state for case in trunk.cases} == {CaseState.DONE}
    assert {case.use_case for case in trunk.cases} == set(MODELS)
    held = [dcmread(io.BytesIO(data), stop_before_pixels=True) for data in trunk.orthanc.held()]
    assert {one.SOPClassUID for one in held} >= {BasicTextSRStorage, Comprehensive3DSRStorage, SegmentationStorage}
    text = trunk.draft()
    assert "Vertebrae C7 to" in text
    assert "cardiac silhouette" in text
    assert "leural effusion" in text
    assert "was not asked for" not in text
