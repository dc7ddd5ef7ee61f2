"""A dry run tells what a run would ask and cost, says what it does not know, and sends nothing."""

from __future__ import annotations

import json

import pytest

from evalcore.cli import main
from evalcore.forecast import forecast
from evalcore.report.forecast import lines
from evalcore.run import run_task
from perfbench.engine.errors import ExitCode
from tests.evalcore.recorder import recorder
from tests.evalcore.test_knobs import ITEMS, keys_of, some, task

NOBODY = "http://127.0.0.1:1/v1"


def test_requests_and_the_bound_of_their_output_are_counted_and_the_rest_is_unknown(tmp_path):
    found = forecast(task(tmp_path, NOBODY, repeats=3, generation_config={"max_tokens": 100}))
    assert (found.asked, found.most_output_tokens, found.expected_output_tokens) == (3 * ITEMS, 3 * ITEMS * 100, None)
    assert found.eta_s is None and "unknown" in found.eta_by
    assert (found.expected_cost, found.most_cost) == (None, None)


def test_prompt_tokens_are_estimated_by_length_and_called_so(tmp_path):
    found = forecast(task(tmp_path, NOBODY, [{"question": "x" * 400, "answer": "y"}]))
    assert found.prompt_tokens >= 100
    assert any("estimated at 4 characters" in line for line in lines(found))


def test_prompt_tokens_are_counted_by_a_tokenizer_that_is_given(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    words.save(str(tmp_path / "tokenizer.json"))
    keys = {"tokenizer": str(tmp_path / "tokenizer.json")}
    one, two = (forecast(task(tmp_path, NOBODY, [{"question": text, "answer": "y"}], **keys))
                for text in ("seven", "seven and five more"))  # fmt: skip
    assert two.prompt_tokens - one.prompt_tokens == 3
    assert two.counted_by == "tokenizer"


@pytest.mark.parametrize(("keys", "seconds"), [
    ({"rpm": 60}, ITEMS), ({"tpm": 100_000_000, "rpm": 600}, ITEMS / 10),
    ({"tpm": 6000, "generation_config": {"max_tokens": 600}}, ITEMS * 6),
])  # fmt: skip
def test_limits_bound_the_time(tmp_path, keys, seconds):
    found = forecast(task(tmp_path, NOBODY, **keys))
    assert found.eta_s == pytest.approx(seconds, rel=0.15)


def test_the_price_follows_from_tokens_and_prices(tmp_path):
    keys = {"price_in": 1.0, "price_out": 4.0, "generation_config": {"max_tokens": 1000}}
    found = forecast(task(tmp_path, NOBODY, **keys))
    assert found.most_cost == pytest.approx((found.prompt_tokens + 4 * ITEMS * 1000) / 1e6)
    assert found.expected_cost is None


def test_earlier_answers_tell_lengths_and_speed_and_need_not_be_asked_again(tmp_path):
    with recorder(tokens=lambda question: 50) as server:
        cut = run_task(task(tmp_path, server.url, some(10), cache=str(tmp_path / "kept")))
        asked = len(server.seen)
        prices = {"price_in": 0.0, "price_out": 1.0}
        rest = forecast(task(tmp_path, server.url, use_cache=str(cut.folder), **prices))
        cached = forecast(task(tmp_path, server.url, cache=str(tmp_path / "kept")))
        fresh = forecast(task(tmp_path, server.url, model="m", repeats=2))
        assert len(server.seen) == asked
    assert (rest.asked, cached.asked, fresh.asked) == (ITEMS - 10, ITEMS - 10, 2 * ITEMS)
    assert rest.expected_output_tokens == 50 * (ITEMS - 10)
    assert rest.expected_cost == pytest.approx(50 * (ITEMS - 10) / 1e6)
    assert fresh.eta_s is not None and "earlier run" in fresh.eta_by


def test_a_dry_run_is_a_flag_and_makes_no_folder(tmp_path, capsys):
    keys = keys_of(tmp_path, NOBODY)
    words = ["run", "--model", "m", "--api-url", NOBODY, "--datasets", "general_qa", "--dry-run",
             "--dataset-args", json.dumps(keys["dataset_args"]), "--work-dir", str(tmp_path / "out")]  # fmt: skip
    assert main(words) == ExitCode.DONE
    assert f"requests  {ITEMS}, and none was sent" in capsys.readouterr().out
    assert main([*words, "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["asked"] == ITEMS
    assert not (tmp_path / "out").exists()
