"""Agreement against worked examples of the literature."""

from collections import Counter

import pytest

from evalcore.judge.agreement import cohen_kappa, krippendorff_alpha, percent_agreement


def test_cohens_kappa_of_a_two_by_two_table():
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: p_o 0.7, p_e 0.5, kappa 0.4."""
    table = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}
    assert percent_agreement(table) == pytest.approx(0.7)
    assert cohen_kappa(table) == pytest.approx(0.4)


@pytest.mark.parametrize(("table", "kappa"), [
    pytest.param({("a", "a"): 5, ("b", "b"): 5}, 1.0, id="always"),
    pytest.param({("a", "b"): 5, ("b", "a"): 5}, -1.0, id="never"),
    pytest.param({("a", "a"): 5}, None, id="one word only says nothing"),
    pytest.param({}, None, id="no items"),
])  # fmt: skip
def test_kappa_at_the_ends(table, kappa):
    assert cohen_kappa(Counter(table)) == kappa


# Krippendorff 2011, section C: four observers, twelve units, some of them silent.
UNITS = ["111", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "555", "11", "3"]


def test_krippendorffs_alpha_of_the_example_in_its_paper():
    """Nominal 0.743, interval 0.849."""
    units = [list(unit) for unit in UNITS]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(units, interval=True) == pytest.approx(0.849, abs=5e-4)


def test_alpha_by_hand():
    assert krippendorff_alpha(
        [["C", "C"], ["C", "I"], ["I", "I"], ["N", "N"], ["C", "C"], ["I", "C"]]
    ) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "units", [[], [["a"], ["b"]], [["a", "a"], ["a", "a", "a"]]], ids=["none", "no pair", "one word"]
)
def test_alpha_is_not_defined_where_nothing_could_differ(units):
    assert krippendorff_alpha(units) is None
