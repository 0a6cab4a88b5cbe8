import secrets

import pytest

from vetflow.adapters.sealing import KeyRing
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.privacy import Sealed

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)
PLAIN = b'{"owner": "Doe^Jane"}'
ABOUT = ("study-1", "a" * 64)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing({"old": OLD, "new": NEW})


def test_what_is_sealed_opens_again_and_shows_nothing(ring: KeyRing) -> None:
    sealed = ring.seal(PLAIN, *ABOUT)

    assert ring.unseal(sealed, *ABOUT) == PLAIN
    assert (sealed.key_id, ring.current) == ("new", "new")
    assert b"Doe" not in sealed.data


def test_the_same_bytes_are_never_sealed_alike(ring: KeyRing) -> None:
    sealed = [ring.seal(PLAIN, *ABOUT) for _ in range(64)]

    assert len({one.data[:12] for one in sealed}) == 64
    assert len({one.data for one in sealed}) == 64


def test_an_older_key_still_opens_what_it_sealed(ring: KeyRing) -> None:
    before = KeyRing({"old": OLD}).seal(PLAIN, *ABOUT)

    assert ring.unseal(before, *ABOUT) == PLAIN


def test_without_its_key_nothing_opens_and_the_key_is_named(ring: KeyRing) -> None:
    sealed = ring.seal(PLAIN, *ABOUT)

    with pytest.raises(ConfigurationError, match="lacks the key new"):
        KeyRing({"old": OLD}).unseal(sealed, *ABOUT)


@pytest.mark.parametrize("about", [("study-2", ABOUT[1]), (ABOUT[0], "b" * 64), ABOUT[::-1], (ABOUT[0],), ()])
def test_a_sealing_put_in_another_place_does_not_open(ring: KeyRing, about: tuple[str, ...]) -> None:
    sealed = ring.seal(PLAIN, *ABOUT)

    with pytest.raises(StudyRefused) as refused:
        ring.unseal(sealed, *about)

    assert refused.value.reason == "map_damaged"


def test_one_flipped_bit_anywhere_is_seen(ring: KeyRing) -> None:
    sealed = ring.seal(PLAIN, *ABOUT)

    for place in range(len(sealed.data)):
        data = bytearray(sealed.data)
        data[place] ^= 1
        with pytest.raises(StudyRefused, match="was changed"):
            ring.unseal(Sealed(key_id="new", data=bytes(data)), *ABOUT)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 20, 27])
def test_a_sealing_cut_short_is_seen(ring: KeyRing, length: int) -> None:
    sealed = ring.seal(PLAIN, *ABOUT)

    with pytest.raises(StudyRefused, match="was changed"):
        ring.unseal(Sealed(key_id="new", data=sealed.data[:length]), *ABOUT)


def test_what_it_is_about_cant_be_divided_otherwise(ring: KeyRing) -> None:
    sealed = ring.seal(PLAIN, "ab", "c")

    with pytest.raises(StudyRefused):
        ring.unseal(sealed, "a", "bc")
    with pytest.raises(ValueError, match="NUL"):
        ring.unseal(sealed, "ab\0c")
