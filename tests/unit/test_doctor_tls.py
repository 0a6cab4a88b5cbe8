"""What doctor says of certificates and tokens."""

from pathlib import Path

import pytest
from tests.certificates import Authority

from vetflow.settings import DicomDestination, Gateway, SecureGateway, Settings, Tls, Web, WebSender
from vetflow.supervisor.doctor import Check, examine
from vetflow.supervisor.parts import plan

CLOUD = WebSender(name="cloud", token="cloud")  # noqa: S106 — a file's name


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A home's secrets with a certificate authority's files."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    return folder


def certified(secrets: Path, name: str, *, days: float = 100) -> Tls:
    """Return settings that name files relative to the secrets directory, as a site does."""
    files = Authority(secrets, "ca").issue(name, days=days)
    kinds = ("certificate", "key", "authorities")
    return Tls(**{kind: Path(getattr(files, kind)).relative_to(secrets) for kind in kinds})


def told(home: Path, about: str, **said: object) -> list[Check]:
    settings = Settings(home=home, database_url="postgresql://nobody@/ledger?host=/nowhere", **said)
    return [check for check in examine(settings) if check.name == about]


@pytest.mark.parametrize(
    ("days", "well", "says"),
    [(100, True, "ends in 99 days"), (10, False, "ends in 9 days"), (-2, False, "has expired")],
)
def test_the_days_left_are_told_and_few_are_not_well(
    tmp_path: Path, secrets: Path, days: float, well: bool, says: str
) -> None:
    tls = SecureGateway(**certified(secrets, "vetflow", days=days).model_dump())

    checks = told(tmp_path, "TLS of gateway", gateway=Gateway(tls=tls))

    own = next(check for check in checks if "vetflow.pem" in check.says)
    assert (own.well, own.says) == (well, f"vetflow.pem {says}")
    assert well or "renew" in own.mend


@pytest.mark.parametrize("spoil", ["missing", "mismatch", "open"])
def test_files_that_can_not_be_used_are_named(tmp_path: Path, secrets: Path, spoil: str) -> None:
    tls, other = certified(secrets, "pacs"), certified(secrets, "other")
    key = secrets / tls.key
    if spoil == "missing":
        key.unlink()
    elif spoil == "mismatch":
        key.write_bytes((secrets / other.key).read_bytes())
    else:
        key.chmod(0o644)
    place = DicomDestination(name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=1, tls=tls)

    [check] = told(tmp_path, "TLS of pacs", destinations=(place,))

    assert not check.well
    assert str(key) in check.mend
    [sink] = told(tmp_path, "PACS pacs", destinations=(place,))
    assert not sink.well


@pytest.mark.parametrize(("token", "well"), [("x" * 32, True), ("guessable", False), (None, False)])
def test_a_token_that_is_missing_or_short_is_not_well(
    tmp_path: Path, secrets: Path, token: str | None, well: bool
) -> None:
    if token is not None:
        (secrets / "cloud").write_text(token)
        (secrets / "cloud").chmod(0o600)
    web = Web(senders=(CLOUD,))

    [check] = told(tmp_path, "token of cloud", web=web)

    assert check.well is well
    assert token is None or token not in check.says + check.mend


@pytest.mark.parametrize(("host", "seen"), [("192.0.2.1", 1), ("127.0.0.1", 0)])
def test_tokens_in_the_clear_are_warned_of(tmp_path: Path, host: str, seen: int) -> None:
    web = Web(host=host, senders=(CLOUD,))

    assert len(told(tmp_path, "web", web=web)) == seen


def test_the_gateway_is_ready_when_both_its_ports_listen_and_the_web_part_is_needed_by_who_stores(
    tmp_path: Path, secrets: Path
) -> None:
    tls = SecureGateway(**certified(secrets, "vetflow").model_dump())
    plain = {part.name: part for part in plan(Settings(home=tmp_path))}
    both = {
        part.name: part for part in plan(Settings(home=tmp_path, gateway=Gateway(tls=tls), web=Web(senders=(CLOUD,))))
    }

    assert plain["gateway"].address == "VETFLOW@127.0.0.1:11112"
    assert both["gateway"].address == "VETFLOW@127.0.0.1:11112+2762"
    assert (plain["web"].needed, plain["web"].after) == (False, ())
    assert (both["web"].needed, both["web"].after) == (True, ("ledger",))


def test_revocation_lists_without_a_certificate_can_not_be_used(tmp_path: Path, secrets: Path) -> None:
    said = certified(secrets, "vetflow")
    authority = Authority(secrets, "ca")
    authority.revoke()
    _, begin, listed = authority.file.read_bytes().partition(b"-----BEGIN X509 CRL")
    authority.file.write_bytes(begin + listed)

    [check] = told(tmp_path, "TLS of gateway", gateway=Gateway(tls=SecureGateway(**said.model_dump())))

    assert not check.well
    assert str(authority.file) in check.mend
