from pathlib import Path

import pytest

from vetflow.cli.reference import commands_page, settings_page
from vetflow.rest.schema import schema_text

PAGES = Path(__file__).parents[2] / "docs/reference"


@pytest.mark.parametrize(("name", "page"), [("commands.md", commands_page), ("settings.md", settings_page)])
def test_every_command_and_setting_is_documented(name: str, page: object) -> None:
    written = (PAGES / name).read_text(encoding="utf-8")

    assert written == page(), "run: python -m vetflow.cli.reference docs/reference"


def test_the_published_schema_is_the_one_results_are_written_by() -> None:
    written = (PAGES / "result.schema.json").read_text(encoding="utf-8")

    assert written == schema_text(), "run: python -m vetflow.cli.reference docs/reference"


def test_every_setting_says_what_it_means() -> None:
    silent = [line for line in settings_page().splitlines() if line.startswith("| `") and line.endswith("|  |")]

    assert silent == []


def test_every_command_says_what_it_does_and_what_its_options_are() -> None:
    lines = commands_page().splitlines()

    assert "None" not in lines
    assert [line for line in lines if line.startswith("- `") and line.endswith("`")] == []
