from pathlib import Path

import pytest
from tests.archives import free_port
from tests.builders import film_bytes

from vetflow.domain.priors import Missing
from vetflow.settings import load
from vetflow.tasks.priors import priors
from vetflow.wiring import build, use_services

AWAY = '[[prior_sources]]\nname = "archive"\nkind = "dicom"\nae_title = "PACS"\nhost = "127.0.0.1"\n'
WRONG = '[[prior_sources]]\nname = "cloud"\nkind = "dicomweb"\nurl = "http://127.0.0.1:1/x"\ntoken = "no.token"\n'


@pytest.mark.parametrize(
    ("file", "reason"),
    [("", Missing.NOT_ASKED), (AWAY + f"port = {free_port()}\n", Missing.TIMED_OUT), (WRONG, Missing.REFUSED)],
    ids=["nobody to ask", "away", "no token"],
)
def test_no_prior_is_no_reason_to_stop(tmp_path: Path, file: str, reason: Missing) -> None:
    (tmp_path / "vetflow.toml").write_text(file)
    services = build(load(home=tmp_path))
    digest = services.store.put([film_bytes()])

    with use_services(services):
        found = priors.fn(digest)

    assert [one.reason for one in found.missing] == [reason]
