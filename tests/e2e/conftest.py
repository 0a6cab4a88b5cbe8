"""One clinic for all end-to-end tests; a test that ends its tree leaves the next one a start on the same home."""

from collections.abc import Iterator

import pytest
from tests.e2e.clinic import Clinic, opened


@pytest.fixture(scope="session")
def opened_clinic() -> Iterator[Clinic]:
    with opened() as clinic:
        yield clinic


@pytest.fixture
def clinic(opened_clinic: Clinic) -> Clinic:
    """A clinic whose tree is ready for films."""
    if not opened_clinic.runs:
        opened_clinic.start()
    return opened_clinic
