"""Great Expectations: validates one row of tag evidence; values never leave the process."""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Protocol, cast

from vetflow.domain.validation import Cell, Check

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.data_context.types.base import ProgressBarsConfig
from tqdm import tqdm

tqdm.monitor_interval = 0  # its monitor would be a thread, and threads don't survive the fork


class _Outcome(Protocol):
    success: bool | None
    expectation_config: object


def check(row: Mapping[str, Cell], suite: str) -> tuple[Check, ...]:
    """Return the outcome of every expectation of a suite for one row, critical failures first."""
    batch = _films().get_batch(batch_parameters={"dataframe": pd.DataFrame([dict(row)])})
    outcome = batch.validate(_suite(suite), result_format="BOOLEAN_ONLY")
    results = cast("list[_Outcome]", outcome.results)
    checks = [_check(result.expectation_config, held=bool(result.success)) for result in results]
    return tuple(sorted(checks, key=lambda check: (check.held, not check.critical)))


def _check(expectation: object, *, held: bool) -> Check:
    meta = cast("Mapping[str, str]", getattr(expectation, "meta", None) or {})
    return Check(
        reason=meta.get("reason", "expectation_failed"),
        says=meta.get("says", ""),
        held=held,
        critical=str(getattr(expectation, "severity", "critical")).lower().endswith("critical"),
    )


@lru_cache(maxsize=1)
def _films() -> "BatchDefinition[None]":
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("evidence").add_dataframe_asset("films")
    return cast("BatchDefinition[None]", asset.add_batch_definition_whole_dataframe("film"))


@lru_cache
def _suite(name: str) -> ExpectationSuite:
    text = files("vetflow").joinpath("expectations", f"{name}.json").read_text(encoding="utf-8")
    return ExpectationSuite(**json.loads(text))
