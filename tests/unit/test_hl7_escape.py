from hypothesis import given
from hypothesis import strategies as st

from vetflow.hl7.escape import clean, escaped, unescaped

anything = st.text(alphabet=st.characters(codec=None), max_size=60)
nasty = st.text(alphabet="|^~\\&\r\n\x0b\x1cEFSTRbrXH. é", max_size=40)


@given(anything | nasty)
def test_text_comes_back_as_it_was_with_line_ends_made_alike(text: str) -> None:
    assert unescaped(escaped(text)) == clean(text)


@given(anything | nasty)
def test_no_value_can_end_its_field_or_its_segment_or_its_frame(text: str) -> None:
    value = escaped(text)

    assert not set("|^~&\r\n\x0b\x1c") & set(value)
    value.encode("utf-8")


def test_line_ends_become_breaks() -> None:
    assert escaped("Rex\rOBX|99\r\nend") == "Rex\\.br\\OBX\\F\\99\\.br\\end"


def test_escapes_of_other_kinds_are_left_alone() -> None:
    assert unescaped("\\H\\bold\\N\\ \\X41\\") == "\\H\\bold\\N\\ \\X41\\"
