"""Dates that move by days, and move back."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vetflow.dicom import dates

quickly = settings(max_examples=200, deadline=None, derandomize=True, database=None)
days_of_shift = st.integers(1, 3650)
days_of_study = st.dates(date(1950, 1, 1), date(2050, 1, 1))


@quickly
@given(days_of_study, days_of_shift, st.sampled_from(("%Y%m%d", "%Y%m", "%Y", "%Y%m%d101500.25", "%Y%m%d1015+0100")))
def test_a_date_of_any_precision_moved_and_moved_back_is_the_same(day: date, days: int, form: str) -> None:
    value = day.strftime(form)

    assert dates.moved(dates.moved(value, -days), days) == value


@quickly
@given(days_of_study, st.integers(0, 4000), days_of_shift)
def test_the_time_between_two_days_stays(day: date, later: int, days: int) -> None:
    first, second = (dates.moved(each.strftime("%Y%m%d"), -days) for each in (day, day + timedelta(later)))

    assert date.fromisoformat(second) - date.fromisoformat(first) == timedelta(later)


@pytest.mark.parametrize(
    ("value", "moved"),
    [("20250301", "20250131"), ("20240301", "20240201"), ("20250301-20250401", "20250131-20250303"),
     ("20250301-", "20250131-"), ("-20250301", "-20250131"), ("202503", "202502"), ("2025", "2025"),
     ("20250301235960.123456-0500", "20250131235960.123456-0500")],
)  # fmt: skip
def test_ranges_and_partial_dates_move_too(value: str, moved: str) -> None:
    assert dates.moved(value, -29) == moved


@pytest.mark.parametrize(
    "value", ["", "Doe", "20251301", "20250230", "2025-03-01", "2025.03.01", "2025030", "20250301 Doe", "00010101",
              "202503011015Doe", "20250301251500", "٢٠٢٥٠٣٠١"],
)  # fmt: skip
def test_what_is_no_date_is_nothing(value: str) -> None:
    assert dates.moved(value, -29) == ""


@pytest.mark.parametrize(
    ("value", "stays"),
    [("101500", True), ("10", True), ("1015", True), ("101500.123456", True), ("1000-1200", True), ("-1200", True),
     ("250000", False), ("10:15", False), ("101500.1234567", False), ("ten", False)],
)  # fmt: skip
def test_times_of_day_stay_when_they_are_some(value: str, stays: bool) -> None:
    assert dates.clock(value) == (value if stays else "")
