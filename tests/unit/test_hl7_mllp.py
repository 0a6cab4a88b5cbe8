import pytest
from hypothesis import given
from hypothesis import strategies as st

from vetflow.hl7.mllp import FrameError, Unframer, framed

messages = st.lists(st.binary(max_size=50).filter(lambda data: b"\x1c\r" not in data and not data.endswith(b"\x1c")))


@given(messages, st.integers(min_value=1, max_value=9))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(sent: list[bytes], size: int) -> None:
    stream = b"".join(framed(message) for message in sent)
    unframer = Unframer()

    got = [m for at in range(0, len(stream), size) for m in unframer.feed(stream[at : at + size])]

    assert got == sent
    assert not unframer.partial


def test_half_a_frame_is_held_back() -> None:
    unframer = Unframer()

    assert unframer.feed(framed(b"MSH|")[:-1]) == []
    assert unframer.partial


def test_a_stream_that_is_not_mllp_is_refused() -> None:
    with pytest.raises(FrameError):
        Unframer().feed(b"GET / HTTP/1.1\r\n")


def test_a_frame_without_end_is_refused_before_it_fills_memory() -> None:
    unframer = Unframer(largest=1000)

    with pytest.raises(FrameError):
        for _ in range(30):
            unframer.feed(b"\x0b" + b"x" * 99)
