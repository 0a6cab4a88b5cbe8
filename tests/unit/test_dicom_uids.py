"""UIDs that follow from what they name."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vetflow.dicom.uids import derived_uid, keyed_uid
from vetflow.domain.study import is_uid

KEY = b"0123456789abcdef"
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(texts, min_size=1), st.lists(texts, min_size=1))
def test_the_same_parts_give_the_same_uid_and_others_another(one: list[str], other: list[str]) -> None:
    assert (derived_uid(*one) == derived_uid(*other)) == (one == other)


def test_parts_cannot_run_into_each_other() -> None:
    assert derived_uid("ab", "c") != derived_uid("a", "bc")
    with pytest.raises(ValueError, match="NUL"):
        derived_uid("a\0b")
    with pytest.raises(ValueError, match="one or more"):
        derived_uid()


@given(texts)
def test_every_uid_is_a_version_8_uuid_below_2_25(text: str) -> None:
    for uid in (derived_uid(text), keyed_uid(text, KEY)):
        number = uuid.UUID(int=int(uid.removeprefix("2.25.")))
        assert is_uid(uid)
        assert (number.version, number.variant) == (8, uuid.RFC_4122)


def test_a_replacement_cannot_be_told_without_the_key() -> None:
    assert keyed_uid("1.2.3", KEY) == keyed_uid("1.2.3", KEY)
    assert keyed_uid("1.2.3", KEY) != keyed_uid("1.2.3", KEY[::-1]) != derived_uid("1.2.3")
    with pytest.raises(ValueError, match="16 bytes"):
        keyed_uid("1.2.3", b"short")
