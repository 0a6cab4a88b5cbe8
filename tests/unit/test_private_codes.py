"""Codes of our own: each stands in the dictionary for readers, and fits every reader's Code Value."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vetflow.domain.coding import SCHEME, own

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "private-codes.md"


def written() -> Iterator[tuple[str, str]]:
    """Yield value and meaning of each call in the source that names the scheme, or the function that adds it."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call):
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                names = {one.id for one in (call.func, *given) if isinstance(one, ast.Name)}
                texts = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                words = [text for text in texts if text != SCHEME]
                if len(words) == 2 and (names & {"own", "SCHEME"} or words != texts):
                    yield words[0], words[1]


def test_the_dictionary_for_readers_holds_every_private_code_and_no_other() -> None:
    listed = re.findall(r"`([a-z-]+)` (?:\| )?([A-Z][^|·]*?) [|·]", PAGE.read_text(encoding="utf-8"))

    codes = set(written())

    assert {("summary", "Summary of the assessment"), ("tags", "Header of the image"), ("note", "AI note")} <= codes
    assert codes == set(listed)


def test_a_private_code_fits_a_code_value() -> None:
    assert own("a" * 16, "Something").value == "a" * 16
    with pytest.raises(ValueError, match="at most 16 characters"):
        own("a" * 17, "Something")
