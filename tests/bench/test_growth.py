"""Nothing that reads a run holds it: memory grows by a bounded number of bytes a record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.afterwards import bytes_a_request, make_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FEW, MANY = 100_000, 400_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("growth")
    return make_run(folder / "few", FEW), make_run(folder / "many", MANY)


@pytest.mark.parametrize(
    ("what", "most"),
    [("summary and page", 500), ("compare", 800), ("export csv", 200), ("export parquet", 300)],
)
def test_a_record_more_costs_a_bounded_number_of_bytes(runs, what, most):
    assert bytes_a_request(what, *runs, MANY - FEW) < most
