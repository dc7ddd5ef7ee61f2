"""Reading calls: what is one, what is none, and no text that holds us up."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalcore.scoring.calls.call import Call
from evalcore.scoring.calls.read import LONGEST, calls_of_list, calls_of_message, calls_of_text

READ = [
    pytest.param("[f(a=1)]", [Call("f", {"a": 1})], id="a list of one"),
    pytest.param("f(a=1)", [Call("f", {"a": 1})], id="without brackets"),
    pytest.param("\n\n[f(a=1),\n g.h(b='x')]\n", [Call("f", {"a": 1}), Call("g.h", {"b": "x"})], id="on two lines"),
    pytest.param("[f(a=-1.5, b=[1, (2, 3)], c={'k': None})]",
                 [Call("f", {"a": -1.5, "b": [1, (2, 3)], "c": {"k": None}})], id="values of all kinds"),
    pytest.param("[f(a=x, b=y[0], c=g(1), d=g(k=2))]",
                 [Call("f", {"a": "x", "b": "y[0]", "c": "g(1)", "d": {"g": {"k": 2}}})], id="names are texts"),
    pytest.param("[f(a=2 * 3 + 1, b='x' + 'y', c=2 ** 10, d=1 - -1)]",
                 [Call("f", {"a": 7, "b": "xy", "c": 1024, "d": 2})], id="sums are worked out"),
    pytest.param("[f(a=not 1, b=...)]", [Call("f", {"a": -1, "b": "..."})], id="any sign is read as minus"),
    pytest.param("[f(1, a=2)]", [Call("f", {"a": 2})], id="what has no name is left out"),
    pytest.param("f(a=1, a=2)", [Call("f", {"a": 2})], id="of a name given twice, the last"),
    pytest.param("f(**{'a': 1})", [Call("f", {None: {"a": 1}})], id="an unpacked mapping has no name"),
]  # fmt: skip
UNREAD = [
    *("", "[]", "None", "Error", "I cannot do that.", "f", "[f]", "['f(a=1)']", "[{'name': 'f', 'arguments': {}}]"),
    *("f()", "[f(1)]", "[f(a=1), ...]", "f(a=1) and g(b=2)", "Call [f(a=1)]", "[f(a=lambda: 1)]", "[f(a={**b})]"),
    *("[f(a=1]", "[f(a=1)] is what I would call", "[f(a=x.y)]", "[f(a={[1]: 2})]", "\0", "```f(a=1)```"),
    *("[f(a=9**9**9)]", "[f(a='x' * 10**9)]", "[f(a=1 / 0)]", "[f(a=10**300 * 10**300)]", "[f(a='a' % 1)]"),
]


@pytest.mark.parametrize(("text", "calls"), READ)
def test_calls_of_a_text(text, calls):
    assert calls_of_text(text) == calls


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_list_of_calls_is_read_as_none(text):
    assert calls_of_text(text) is None


def test_brackets_are_needed_where_the_text_is_taken_as_it_stands():
    assert calls_of_list("f(a=1)") is None
    assert calls_of_list("[f(a=1)]") == calls_of_text("f(a=1)")


MESSAGES = [
    pytest.param([("f", '{"a": 1}'), ("g", "{}")], [Call("f", {"a": 1}), Call("g", {})], id="two"),
    pytest.param([("f", "")], [Call("f", {})], id="no arguments at all"),
    pytest.param([("f", "{a: 1}")], None, id="broken JSON"),
    pytest.param([("f", "[1]")], None, id="no object"),
    pytest.param([("f", '{"a": 1}'), ("g", "{")], None, id="the second is broken"),
    pytest.param([], None, id="none"),
    pytest.param([("f", "[" * 100_000)], None, id="nested without end"),
]


@pytest.mark.parametrize(("pairs", "calls"), MESSAGES)
def test_calls_of_a_message(pairs, calls):
    assert calls_of_message([{"function": {"name": name, "arguments": text}} for name, text in pairs]) == calls


JAVA = [
    ('[A.b(c=d, e="x y", f=true, g=3L)]', Call("A.b", {"c": "d", "e": "x y", "f": "true", "g": "3L"})),
    ("b(c='x')", Call("b", {"c": "x"})),
    ('[a.b(c=new int[]{1, 2}, d=new ArrayList<>(Arrays.asList("x", "y")))]',
     Call("a.b", {"c": "new int[]{1,2}", "d": 'new ArrayList<>(Arrays.asList("x", "y"))'})),
    ("[a(b)]", Call("a", {None: "b"})),
    ("[f(a=1), g(b=2)]", None),
    ("[a(b=c, b=d)]", None),
    ("[a(b=)]", None),
    ("It would be a.b().", None),
    ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "call"), JAVA)
def test_calls_written_in_java(text, call):
    pytest.importorskip("tree_sitter_java")
    assert calls_of_text(text, "Java") == (call and [call])


SCRIPT = [
    ("[a.b(c='d', e=\"f\", g=[1, 2], h={i: 'j'})]", Call("a.b", {"c": "d", "e": "f", "g": "[1, 2]", "h": "{i: 'j'}"})),
    ("f(a=b)", Call("f", {"a": "b"})),
    ("f(a, true)", None),
    ("f(true)", Call("f", {None: "true"})),
    ("f(a=1, a=2)", None),
    ("const x = f(a=1)", None),
    ("Use f(a=1).", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "call"), SCRIPT)
def test_calls_written_in_javascript(text, call):
    pytest.importorskip("tree_sitter_javascript")
    assert calls_of_text(text, "JavaScript") == (call and [call])


HARD = [
    "f(a=" + "(" * 9000 + ")" * 9000 + ")", "f(a=" + "-" * 15_000 + "1)", "f(a=" + "[" * 9000,
    "f(a=" + "1+" * 7000 + "1)",
    "f(" * 6000, "f" + "(a=1)" * 3000, "x" * 1_000_000, "[" * LONGEST, "f(a=1)," * 2500, "f(a='" + "\\" * 15_000,
    "f(a=" + "9" * 15_000 + ")", "\ud800(a=1)", "f(a='\ud800')", "a.b" * 5000 + "(c=1)", "f(a=" + "b." * 5000 + "c)",
]  # fmt: skip


@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
@pytest.mark.parametrize("language", ["Python", "Java", "JavaScript"])
def test_no_text_raises_or_takes_long(text, language):
    if language != "Python":
        pytest.importorskip("tree_sitter_java")
    began = time.process_time()
    calls_of_text(text, language)
    calls_of_list(text, language)
    assert time.process_time() - began < 5


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("f(a=1)[],{}'\"\\\n .-*+:\u0660<>/;x"), max_size=60))
def test_no_arrangement_of_signs_raises(text):
    for language in ("Python", "Java", "JavaScript"):
        calls_of_text(text, language)
