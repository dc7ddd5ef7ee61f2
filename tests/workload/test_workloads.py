"""Workloads: the same prompt for the same index, whoever asks; and files that are checked before anything is sent."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench import fieldtypes
from perfbench.engine.errors import ScenarioError
from perfbench.scenario import Scenario
from perfbench.workload import open_workload
from perfbench.workload.lines import LineFile
from perfbench.workload.synthetic import SPELT, WORDS, SyntheticTexts, mixed
from perfbench.workload.table import WORKLOADS

TOKENIZERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "tokenizers"


def workload(**keys):
    return open_workload(scenario(**keys))


def scenario(**keys) -> Scenario:
    return Scenario.from_mapping({"url": "http://127.0.0.1:8000/v1", "seed": 1, **keys}, environment={})


def lines(folder: Path, text: str, name: str = "prompts.jsonl") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


class TestSynthetic:
    def test_a_prompt_depends_on_seed_and_index_alone(self):
        first, again, other = SyntheticTexts(1, 50), SyntheticTexts(1, 50), SyntheticTexts(2, 50)
        assert [first.text(i) for i in (5, 0, 5)] == [again.text(i) for i in (5, 0, 5)]
        assert first.text(5) != other.text(5)

    @pytest.mark.parametrize("words", [1, 7, 8, 9, 128, 5000, 40_000])
    def test_it_has_as_many_words_as_asked_for(self, words):
        texts = SyntheticTexts(3, words)
        assert {len(texts.text(index).split(" ")) for index in range(50)} == {words}
        assert set(texts.text(0).split(" ")) <= set(WORDS)

    def test_no_two_prompts_begin_alike(self):
        texts = SyntheticTexts(1, 128)
        beginnings = {" ".join(texts.text(index).split(" ")[:SPELT]) for index in range(20_000)}
        assert len(beginnings) == 20_000

    def test_neighbours_differ_from_the_first_word_on(self):
        texts = SyntheticTexts(1, 16)
        firsts = [texts.text(index).split(" ")[0] for index in range(2000)]
        assert sum(a == b for a, b in itertools.pairwise(firsts)) < 40  # one in 256 by chance
        assert len(set(firsts)) == 256

    def test_the_mixing_is_one_to_one(self):
        assert len({mixed(number) for number in range(100_000)}) == 100_000
        assert max(mixed(number) for number in range(1000)) < 1 << 64

    def test_the_length_is_close_to_what_real_tokenizers_count(self):
        tokenizers = pytest.importorskip("tokenizers")
        names = [name for name in ("gpt2", "smollm2-135m") if (TOKENIZERS / name / "tokenizer.json").is_file()]
        if not names:
            pytest.skip(f"no tokenizer.json under {TOKENIZERS}")
        texts = SyntheticTexts(1, 200)
        for name in names:
            tokenizer = tokenizers.Tokenizer.from_file(str(TOKENIZERS / name / "tokenizer.json"))
            tokenizer.no_truncation()  # some are shipped with a limit of 128 tokens in the file
            counted = [len(tokenizer.encode(texts.text(index)).ids) for index in range(50)]
            assert 198 <= min(counted) <= max(counted) <= 204, name  # the first word has no space before it


class TestShapes:
    def test_every_api_gets_the_prompt_that_it_takes(self):
        assert workload().item(0).prompt.text is not None
        assert len(workload(api="embeddings").item(0).prompt.texts) == 1
        assert len(workload(api="embeddings", batch=3).item(0).prompt.texts) == 3
        ranking = workload(api="rerank").item(0).prompt
        assert (isinstance(ranking.query, str), len(ranking.documents)) == (True, 10)

    def test_batches_share_no_text(self):
        embedding = workload(api="embeddings", batch=4)
        texts = [text for index in range(100) for text in embedding.item(index).prompt.texts]
        assert len(set(texts)) == 400

    def test_the_expected_tokens_are_those_of_a_whole_request(self):
        assert workload(prompt_tokens=100).expected_tokens == 100
        assert workload(api="embeddings", batch=4, prompt_tokens=100).expected_tokens == 400
        assert workload(api="rerank", batch=3, prompt_tokens=100).expected_tokens == 600
        assert workload(prompt="x" * 400).expected_tokens == 100


class TestFixed:
    def test_prompts_go_in_turn(self):
        fixed = workload(prompt=["a", "b"])
        assert [fixed.item(index).prompt.text for index in range(5)] == ["a", "b", "a", "b", "a"]


class TestLines:
    def test_a_text_file_is_a_prompt_a_line_in_turn(self, tmp_path):
        path = lines(tmp_path, "one\n\n  two \r\nthrée", "p.txt")
        found = workload(prompts_file=path)
        assert [found.item(index).prompt.text for index in range(4)] == ["one", "two", "thrée", "one"]

    def test_a_json_line_says_which_kind_of_prompt_it_is(self, tmp_path):
        path = lines(
            tmp_path,
            '{"prompt": "hi", "id": 7}\n{"messages": [{"role": "user", "content": "m"}]}\n{"body": {"max_tokens": 3}}\n'
            '{"texts": ["a", "b"]}\n{"query": "q", "documents": ["d"]}',
        )
        mixture = workload(prompts_file=path)
        assert mixture.item(0).prompt.text == "hi"
        assert mixture.item(1).prompt.messages == [{"role": "user", "content": "m"}]
        assert mixture.item(2).prompt.body == {"max_tokens": 3}
        assert mixture.item(3).prompt.texts == ["a", "b"]
        assert (mixture.item(9).prompt.query, mixture.item(9).prompt.documents) == ("q", ["d"])

    def test_plain_prompts_fit_every_api(self, tmp_path):
        path = lines(tmp_path, '{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "c"}')
        assert workload(prompts_file=path, api="embeddings", batch=2).item(1).prompt.texts == ["c", "a"]

    @given(st.lists(st.sampled_from(["", "  ", "a", "bc ", "d\r"]), max_size=150), st.integers(0, 500), st.booleans())
    def test_every_line_has_its_number_wherever_reading_begins(self, tmp_path_factory, written, index, ended):
        path = tmp_path_factory.getbasetemp() / "lines.txt"
        path.write_text("\n".join([*written, "last"]) + "\n" * ended, newline="")
        filled = [(number, line.strip()) for number, line in enumerate([*written, "last"], 1) if line.strip()]
        found = LineFile(path)
        assert len(found) == len(filled)
        for at in (index, 0, index + 1):
            number, text = filled[at % len(filled)]
            assert found.line(at).decode() == text
            assert found.number(at % len(filled)) == number

    def test_a_long_file_costs_a_fraction_of_a_byte_a_line(self, tmp_path):
        path = tmp_path / "long.txt"
        path.write_bytes(b"a prompt\n" * 100_000)
        tracemalloc.start()
        found = LineFile(path)
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(found) == 100_000
        assert held_bytes < peak_bytes < 100_000

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("{", "not JSON"),
            ("[1]", "is a list, not an object"),
            ("{}", "has none of prompt"),
            ('{"promt": "x"}', "did you mean prompt?"),
            ('{"prompt": "x", "messages": []}', "has prompt and messages"),
            ('{"prompt": ""}', "prompt is not a str with something in it"),
            ('{"messages": [1]}', "messages is not a list of objects"),
            ('{"query": "q", "documents": "d"}', "documents is not a list of texts"),
            ('{"texts": [1]}', "texts is not a list of texts"),
        ],
    )
    def test_a_line_that_cannot_be_sent_is_named_before_anything_is(self, tmp_path, line, says):
        path = lines(tmp_path, f'{{"prompt": "fine"}}\n\n{line}\n')
        with pytest.raises(ScenarioError) as error:
            workload(prompts_file=path)
        assert "line 3: " in str(error.value)
        assert says in str(error.value)
        assert path in str(error.value)

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [("p.txt", b"\n \n", "is empty"), ("p.txt", b"ok\n\xff\n", "line 2"), ("p.csv", b"a", "neither .txt")],
    )
    def test_a_file_that_cannot_be_used_says_why(self, tmp_path, name, content, says):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ScenarioError, match=says):
            workload(prompts_file=str(tmp_path / name))

    def test_a_forked_process_reads_the_same_lines(self, tmp_path):
        source = workload(prompts_file=lines(tmp_path, "a\nb\nc", "p.txt"))
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write_end, "".join(str(source.item(i).prompt.text) for i in range(3)).encode())
            os._exit(0)
        assert [source.item(i).prompt.text for i in range(3)] == ["a", "b", "c"]
        os.waitpid(child, 0)
        assert os.read(read_end, 10) == b"abc"
        os.close(read_end)
        os.close(write_end)


def test_the_table_holds_what_a_scenario_can_ask_for(tmp_path):
    asked = [scenario(), scenario(prompt="x"), scenario(prompts_file=lines(tmp_path, "x", "p.txt"))]
    assert {one.workload_name for one in asked} <= WORKLOADS.keys() == set(fieldtypes.WORKLOADS)
