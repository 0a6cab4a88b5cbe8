import importlib.resources
import os
from pathlib import Path
from typing import get_args

import pytest

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.rollout import Phase
from vetflow.domain.use_cases import MODELS
from vetflow.settings import Settings, UseCase, load, write

SITES = importlib.resources.files("vetflow") / "deployments/sites"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)


def site(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "vetflow.toml"
    file.write_text(text)
    return load(home=tmp_path)


@pytest.mark.parametrize("name", ["demo.toml", "clinic.toml"])
def test_the_shipped_sites_are_valid(name: str, tmp_path: Path) -> None:
    settings = load(Path(str(SITES / name)), home=tmp_path)

    assert settings.site.name == name.removesuffix(".toml")
    assert settings.routes[0].use_case == "positioning"
    assert [destination.kind for destination in settings.destinations] == ["dicom", "hl7"]


def test_a_route_may_name_every_use_case_and_no_other() -> None:
    assert set(get_args(UseCase)) == set(MODELS)


def test_a_home_without_a_file_has_every_default(tmp_path: Path) -> None:
    settings = load(home=tmp_path)

    assert settings.file is None
    assert settings.gateway.host == "127.0.0.1"
    assert settings.gateway.senders == ()


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("[gatway]\nport = 1", "gatway", "gateway"),
        ("[gateway]\nprot = 1", "gateway.prot", "port"),
        ('[[routes]]\nusecase = "positioning"', "routes.0.usecase", "use_case"),
        (
            '[[destinations]]\nname="p"\nkind="dicom"\nae_title="P"\nhost="h"\nport=1\nresult=["SR"]',
            "destinations.0.result",
            "results",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_nearest_valid_key(
    text: str, key: str, nearest: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        site(tmp_path, text)

    assert f"{tmp_path / 'vetflow.toml'}: {key} is not a key here; the nearest valid key is {nearest}" in str(
        refused.value
    )


def test_a_wrong_value_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"vetflow\.toml: gateway\.port: .*65535"):
        site(tmp_path, "[gateway]\nport = 70000")


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"not valid TOML: .*line 1"):
        site(tmp_path, "[gateway\nport = 1")


def test_two_destinations_of_one_name_are_refused(tmp_path: Path) -> None:
    one = '[[destinations]]\nname="p"\nkind="hl7"\nhost="h"\nport=1\n'

    with pytest.raises(ConfigurationError, match="share a name"):
        site(tmp_path, one + one)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VETFLOW_GATEWAY__PORT", "104")

    settings = site(tmp_path, '[gateway]\nport = 11112\nae_title = "ME"')

    assert (settings.gateway.port, settings.gateway.ae_title) == (104, "ME")


def test_an_unknown_variable_is_named_with_the_nearest_valid_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VETFLOW_GATEWAY__PROT", "104")

    with pytest.raises(ConfigurationError, match=r"VETFLOW_GATEWAY__PROT: .*nearest valid key is port"):
        site(tmp_path, "[gateway]\nport = 11112")


def test_places_are_not_set_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set VETFLOW_HOME instead"):
        site(tmp_path, 'home = "/x"')


def test_settings_that_are_written_are_read_back_the_same(tmp_path: Path) -> None:
    demo = load(Path(str(SITES / "demo.toml")), home=tmp_path)

    write(demo, tmp_path / "vetflow.toml")
    again = load(home=tmp_path)

    assert again.model_dump(exclude={"file"}) == demo.model_dump(exclude={"file"})
    assert again.phases == dict.fromkeys(MODELS, Phase.INTEGRATED)
