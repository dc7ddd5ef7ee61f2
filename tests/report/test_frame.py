import numpy as np
import pytest

from perfbench.engine.errors import ScenarioError
from perfbench.engine.request import Record
from perfbench.engine.sinks.jsonl import JsonlSink
from perfbench.report.frame import frame
from perfbench.runfolder import REQUESTS

MS = 1_000_000


def record(index: int, **fields: object) -> Record:
    at_ns = index * 100 * MS
    given = {
        "key": str(index), "index": index, "intended_ns": at_ns, "dispatched_ns": at_ns, "started_ns": at_ns,
        "written_ns": at_ns, "first_byte_ns": at_ns + 20 * MS, "first_output_ns": at_ns + 30 * MS,
        "last_output_ns": at_ns + 70 * MS, "finished_ns": at_ns + 80 * MS, "output_tokens": 5,
        "token_source": "usage", "outcome": "ok", **fields,
    }  # fmt: skip
    return Record(**given)  # type: ignore[arg-type]


async def written(folder, *records):
    sink = JsonlSink(folder / REQUESTS)
    for one in records:
        sink.add(one)
    await sink.close()


async def test_a_run_as_a_table(tmp_path):
    lost = record(1, outcome="failed", error="reset", output_tokens=None, token_source=None, last_output_ns=None)
    await written(tmp_path, record(0), lost)
    table = frame(tmp_path)
    assert table["outcome"].tolist() == ["ok", "failed"]
    assert table["error"].tolist() == ["", "reset"]
    assert table["start_s"].tolist() == [0.0, 0.1]
    assert table["token_source"].tolist() == ["usage", ""]
    assert table["output_tokens"].isna().tolist() == [False, True]
    assert table["ttft_ms"][0] == pytest.approx(30.0)
    assert table["tpot_ms"][0] == pytest.approx(10.0)
    assert table["e2e_ms"][0] == pytest.approx(80.0)
    assert np.isnan(table["ttft_ms"][1])


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="holds no"):
        frame(tmp_path)
