"""Comparing calls: which arguments are right, and why others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcore.scoring.calls.call import Call
from evalcore.scoring.calls.literals import JAVA, JAVASCRIPT, java, javascript
from evalcore.scoring.calls.match import PYTHON, mismatch, mismatch_of_all


def function(kind, of=None, name="f", required=("a",)):
    declared = {"type": kind} | ({"items": {"type": of}} if of else {})
    return {"name": name, "parameters": {"properties": {"a": declared, "b": {"type": "string"}}, "required": required}}


ONE = [
    pytest.param("integer", None, [5], 5, "", id="the value"),
    pytest.param("integer", None, [5], 6, "value_error:others", id="another value"),
    pytest.param("integer", None, [5], 5.0, "type_error:simple", id="a float for a whole number"),
    pytest.param("integer", None, [5], True, "type_error:simple", id="a boolean for a whole number"),
    pytest.param("integer", None, [5], "5", "type_error:simple", id="a text for a whole number"),
    pytest.param("float", None, [5.0], 5, "", id="a whole number passes for a float"),
    pytest.param("float", None, [5], 5.0, "", id="whatever the accepted value is written as"),
    pytest.param("float", None, [5.0], 10**400, "value_error:others", id="a number without bounds"),
    pytest.param("boolean", None, [True], True, "", id="a boolean"),
    pytest.param("string", None, ["New York, NY"], "new-york ny", "", id="signs, blanks and case do not matter"),
    pytest.param("string", None, ["it's"], 'IT"s', "", id="quotation marks are alike"),
    pytest.param("string", None, ["New York"], "York", "value_error:string", id="a part is not the whole"),
    pytest.param("string", None, ["a", ""], "", "", id="where it may be left out, an empty text is one"),
    pytest.param("array", "integer", [[1, 2]], [1, 2], "", id="a list"),
    pytest.param("array", "integer", [[1, 2]], [2, 1], "value_error:list/tuple", id="in another order"),
    pytest.param("array", "integer", [[1, 2]], ["1", "2"], "type_error:nested", id="of another type"),
    pytest.param("array", "float", [[1.5, 2.0]], [1.5, 2], "type_error:nested", id="within a list, no number passes"),
    pytest.param("array", "string", [["A b"]], ["a.B"], "", id="texts in lists are compared alike"),
    pytest.param("array", "integer", [[1], ""], [], "", id="an empty list, where it may be left out"),
    pytest.param("tuple", "integer", [[1, 2]], (1, 2), "", id="a tuple"),
    pytest.param("array", "integer", [[1, 2]], (1, 2), "type_error:simple", id="a tuple is no list"),
    pytest.param("dict", None, [{"k": [1, 2], "l": ["X"]}], {"k": 2, "l": "x"}, "", id="an object"),
    pytest.param("dict", None, [{"k": [1]}], {"k": 1, "l": 2}, "value_error:dict_items", id="a key too many"),
    pytest.param("dict", None, [{"k": [1]}], {"l": 1}, "value_error:dict_key", id="another key"),
    pytest.param("dict", None, [{"k": [1]}], {"k": 2}, "value_error:dict_value", id="another member"),
    pytest.param("dict", None, [{"k": {"m": [1]}}], {"k": {"m": 1}}, "", id="an object in an object"),
    pytest.param("dict", None, [{"k": {"m": [1]}}], {"k": 1}, "value_error:dict_value", id="no object in it"),
    pytest.param("dict", None, [{"k": 50}], {"k": 50}, "value_error:dict_value", id="accepted values that are no list"),
    pytest.param("array", "dict", [[{"k": [1]}, {"k": [2]}]], [{"k": 1}, {"k": 2}], "", id="objects"),
    pytest.param("array", "dict", [[{"k": [1]}, {"k": [2]}]], [{"k": 2}, {"k": 1}], "value_error:dict_value",
                 id="objects in another order"),
    pytest.param("array", "dict", [[{"k": [1]}]], [], "value_error:list_dict_count", id="objects missing"),
    pytest.param("integer", None, ["count"], "count", "", id="a variable"),
    pytest.param("integer", None, ["count"], "Count", "value_error:others", id="a variable has a case"),
    pytest.param("any", None, ["x"], "X", "", id="anything is a text"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "of", "accepted", "value", "why"), ONE)
def test_one_argument(kind, of, accepted, value, why):
    assert mismatch(Call("f", {"a": value}), {"a": accepted}, function(kind, of)) == why


WHOLE = [
    pytest.param("f", {"a": 1}, "", id="what is optional may be missing"),
    pytest.param("f", {"a": 1, "b": "x"}, "", id="or be there"),
    pytest.param("g", {"a": 1}, "wrong_func_name", id="another function"),
    pytest.param("F", {"a": 1}, "wrong_func_name", id="names have a case"),
    pytest.param("f", {"b": "x"}, "missing_required", id="what is required"),
    pytest.param("f", {"a": 1, "c": 1}, "unexpected_param", id="a parameter that there is not"),
    pytest.param("f", {"a": 1, None: 1}, "unexpected_param", id="an argument without a name"),
]


@pytest.mark.parametrize(("name", "arguments", "why"), WHOLE)
def test_whole_call(name, arguments, why):
    assert mismatch(Call(name, arguments), {"a": [1], "b": ["x", ""]}, function("integer")) == why


def test_what_no_accepted_value_lets_be_left_out_has_to_be_there():
    assert mismatch(Call("f", {"a": 1}), {"a": [1], "b": ["x"]}, function("integer")) == "missing_optional"


SEVERAL = [
    pytest.param([("f", 1), ("g", 2)], "", id="in order"),
    pytest.param([("g", 2), ("f", 1)], "", id="in any order"),
    pytest.param([("f", 1)], "wrong_count", id="one is missing"),
    pytest.param([("f", 1), ("f", 1)], "cannot_find_match", id="one twice does not make two"),
    pytest.param([("f", 1), ("g", 3)], "cannot_find_match", id="one is wrong"),
]


@pytest.mark.parametrize(("pairs", "why"), SEVERAL)
def test_several_calls(pairs, why):
    functions = [function("integer", name=name) for name in "fg"]
    calls = [Call(name, {"a": value}) for name, value in pairs]
    assert mismatch_of_all(calls, [("f", {"a": [1]}), ("g", {"a": [2]})], functions) == why


JAVA_VALUES = [
    ("5", "integer", None, 5), ("5L", "integer", None, "5L"), ("5L", "long", None, 5), ("5", "long", None, "5"),
    ("1.5f", "float", None, 1.5), ("1.5", "float", None, "1.5"), ("1.5", "double", None, 1.5),
    ("true", "boolean", None, True), ("True", "boolean", None, "True"), ("x", "any", None, "x"),
    ('new String[]{"a", "b"}', "Array", "String", ['"a"', '"b"']), ("new int[]{1, 2}", "Array", "integer", [1, 2]),
    ("new int[]{}", "Array", "integer", []), ("[1, 2]", "Array", "integer", "[1, 2]"),
    ('new ArrayList<>(Arrays.asList("a", "b"))', "ArrayList", "String", ["a", "b"]),
    ("new ArrayList<Integer>() {{ add(1); add(2); }}", "ArrayList", "integer", [1, 2]),
    ("new ArrayList<>()", "ArrayList", "String", []), ("list", "ArrayList", "String", "list"),
    ('new HashMap<String, Object>() {{ put("a", 1); put("b", "c"); put("d", true); put("e", 2L); }}', "HashMap", None,
     {"a": 1, "b": "c", "d": True, "e": 2}),
    ("new HashMap<>()", "HashMap", None, {}), ("{a: 1}", "HashMap", None, "{a: 1}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "of", "value"), JAVA_VALUES)
def test_values_written_in_java(text, kind, of, value):
    assert (java(text, kind, of), type(java(text, kind, of))) == (value, type(value))


SCRIPT_VALUES = [
    ('"x"', "String", None, "x"), ("x", "String", None, "x"), ("'", "String", None, "'"), ("5", "integer", None, 5),
    ("5.0", "integer", None, "5.0"), ("5", "float", None, 5.0), ("5n", "Bigint", None, 5),
    ("true", "Boolean", None, True), ("1", "Boolean", None, "1"),
    ("['a', \"b\"]", "array", "String", ["a", "b"]), ("[1, 2]", "array", "integer", [1, 2]),
    ("new Array(1, 2)", "array", "integer", [1, 2]), ("[]", "array", "String", []),
    ("[[1, 2], [3, 4]]", "array", "array", [[1, 2], [3, 4]]), ("items", "array", "String", "items"),
    ("{a: 1, 'b': 'c', d: true}", "dict", None, {"a": 1, "b": "c", "d": True}), ("{}", "dict", None, {}),
    ('{"m": ["x", "y"], "n": z}', "dict", None, {"m": ["x", "y"], "n": "z"}), ("options", "dict", None, "options"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "of", "value"), SCRIPT_VALUES)
def test_values_written_in_javascript(text, kind, of, value):
    assert (javascript(text, kind, of), type(javascript(text, kind, of))) == (value, type(value))


def test_arguments_of_java_and_javascript_are_source_text():
    assert mismatch(Call("f", {"a": 5}), {"a": [5]}, function("integer"), "Java") == "type_error:not_source"
    assert mismatch(Call("f", {"a": "5"}), {"a": [5]}, function("integer"), "Java") == ""
    assert mismatch(Call("f", {"a": "5"}), {"a": [5.0]}, function("float"), "JavaScript") == ""


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["Python", "Java", "JavaScript"]), st.data(), ANY, st.lists(ANY, max_size=3))
def test_no_value_raises_whatever_is_accepted(language, data, value, accepted):
    kinds = {"Python": PYTHON, "Java": JAVA, "JavaScript": JAVASCRIPT}[language]
    kind, of = data.draw(st.sampled_from(sorted(kinds))), data.draw(st.sampled_from(sorted(kinds)))
    assert isinstance(mismatch(Call("f", {"a": value}), {"a": accepted}, function(kind, of), language), str)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{a:" * 60_000, "new Array(" * 20_000, "a:b," * 50_000, "put(" * 50_000]
)
def test_long_source_texts_are_left_as_they_are(text):
    assert javascript(text, "dict") == javascript(text, "array") == java(text, "HashMap") == text
