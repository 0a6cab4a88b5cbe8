"""A progress bar of a training on a terminal."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from vetflow.training.pictures import Progress as Told


@contextmanager
def bar() -> Generator[Told]:
    """Yield what to call with a stage, how much of it is done and how much there is; drawn on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        stages: dict[str, TaskID] = {}

        def told(stage: str, done: int, whole: int) -> None:
            if stage not in stages:
                stages[stage] = shown.add_task(stage, total=whole)
            shown.update(stages[stage], completed=done, total=whole)

        yield told
