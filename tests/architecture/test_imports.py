import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "monai", "great_expectations", "mlflow", "prefect", "highdicom", "sqlalchemy", "pydantic")


def imported_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy_before_it_knows_the_command() -> None:
    assert imported_by("import vetflow.cli.app").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "part",
    ["vetflow.supervisor.tree", "vetflow.supervisor.assembly", "vetflow.supervisor.reception", "vetflow.web.server"],
)
def test_long_running_parts_carry_no_machine_learning(part: str) -> None:
    assert imported_by(f"import {part}").isdisjoint({"torch", "monai", "great_expectations", "mlflow", "prefect"})


@pytest.mark.parametrize("door", ["flows", "tasks", "models", "expectations", "deployments", "prefect.yaml"])
def test_the_doors_at_the_root_lead_into_the_package(door: str) -> None:
    link = ROOT / door

    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve().is_relative_to(ROOT / "src/vetflow")
