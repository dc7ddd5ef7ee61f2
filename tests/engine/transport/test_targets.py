"""Which address is next."""

from perfbench.engine.transport.targets import Targets


def test_round_robin_takes_addresses_in_turn():
    targets = Targets(["a", "b", "c"], "round_robin")
    assert [targets.pick() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


def test_least_in_flight_avoids_the_busy_one():
    targets = Targets(["a", "b", "c"], "least_in_flight")
    assert [targets.pick() for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    targets.release("b")
    assert [targets.pick(), targets.pick()] == ["b", "c"], "idlest first, then in turn among equals"


def test_a_slow_address_gets_only_what_it_can_take():
    targets = Targets(["slow", "fast"], "least_in_flight")
    stuck = [targets.pick() for _ in range(2)].count("slow")
    for _ in range(10):
        url = targets.pick()
        if url == "fast":
            targets.release(url)
        else:
            stuck += 1
    assert stuck <= 2


def test_the_same_address_twice_is_one_address():
    targets = Targets(["a", "a", "b"], "round_robin")
    assert [targets.pick() for _ in range(4)] == ["a", "b", "a", "b"]
