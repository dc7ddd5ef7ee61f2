"""Plan: how many replicas a target needs within an SLO, what they cost, and what happens when one of them fails.

A model of one replica (`queueing`) is fitted to what runs of it recorded; the target's traffic is played through more
and more of them behind a balancer (`simulate`) until the SLO holds. How sure that is comes from doing the same with
models that the runs would as well have given: requests drawn again, slots that explain the waits nearly as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from perfbench.capacity.objective import Criterion, Objective
from perfbench.capacity.queueing import Model
from perfbench.capacity.sequential import Outcome
from perfbench.capacity.simulate import UNLIMITED, Cluster, Played, play
from perfbench.capacity.traffic import Traffic
from perfbench.engine.errors import ScenarioError
from perfbench.metrics.columns import BoolArray, FloatArray
from perfbench.metrics.slo import COMPARISONS

MODELLED = ("response_ttft", "response_e2e", "ttft", "e2e", "tpot", "goodput")
VARIANTS = 20
PLAYED_EACH, PLAYED_VARIANT = 60_000, 12_000
"""Requests played to judge a number of replicas: with the best model, and with each of its variants."""
MOST_REPLICAS = 4096
ALONE, LONE = 0.01, 2_000
"""Requests at work at a time, on average, and how many are played, to see whether one that is alone meets the SLO."""
SHOWN_MORE = 2
"""Options above the answer that are shown."""
ROUGH = 0.4
"""A model whose waits are off by more than that, as a logarithm, decides nothing by itself."""
SLOTS_DOUBT = 1.1
"""Slots whose misfit is within that factor of the best might be the true ones."""
SKIPPED = 20
"""One in so many requests is played first and not counted: it finds empty replicas."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One number of replicas."""

    replicas: int
    rate_each_per_s: float
    """With the headroom."""
    busy: float
    """Share of a replica's capacity that takes; above 1 its queue grows for ever."""
    outcome: Outcome
    """With the headroom; inconclusive where models disagree."""
    chance: float
    """Share of the models under which the SLO holds, with the headroom."""
    missed: dict[str, float]
    """Share of requests that miss each condition, with the headroom."""
    latency_ms: dict[str, float]
    """Percentiles with the headroom, by name like `p99 response_e2e`."""
    outcome_less_one: Outcome
    """When one replica fails: at the target itself, without headroom."""
    missed_less_one: dict[str, float]
    good_tokens_per_s: float | None
    """Output tokens of requests that meet every latency limit, at the target itself."""
    cost_per_hour: float | None = None
    cost_per_million_good_tokens: float | None = None


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The replica that is planned with."""

    slots: int | None
    slowdown: float
    mean_service_s: float
    capacity_per_s: float | None
    most_in_flight: int
    runs: int
    misfit: float | None


class Plan(msgspec.Struct, kw_only=True):
    """plan.json."""

    schema: int = 1
    kind: str = "plan"
    target: str
    slo: str
    headroom: float
    balancer: str
    outcome: Outcome
    """met: `replicas` is known. inconclusive: the models disagree on more than one step. missed: nothing holds it."""
    replicas: int | None
    """The fewest that hold the SLO with the headroom in 19 of 20 models."""
    interval: tuple[int, int | None]
    """Fewest replicas by model: 95 % of the models lie between."""
    why: str
    options: list[Option]
    model: ModelFacts
    price_per_hour: float | None = None
    warnings: list[str] = []
    source: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is planned for."""

    traffic: Traffic
    objective: Objective
    headroom: float
    balancer: str
    price_per_hour: float | None
    seed: int = 0


def plan(model: Model, variants: Sequence[Model], wanted: Wanted, runs: int, source: str = "") -> Plan:
    """The plan for what is wanted. Raises ScenarioError for an SLO that no model can judge."""
    judged = [c for c in wanted.objective.criteria if c.metric in MODELLED]
    left_out = [c.text for c in wanted.objective.criteria if c.metric not in MODELLED]
    if not judged:
        raise ScenarioError("slo: a plan needs a latency: ttft, e2e or tpot percentiles, or goodput")
    warnings = _warnings(model, wanted, left_out)
    best = _fewest(model, wanted, judged, PLAYED_EACH)
    fewest = [_fewest(one, wanted, judged, PLAYED_VARIANT, best) for one in variants] if best is not None else []
    low, high = _quantiles(fewest)
    if best is None:
        why = f"a request that is alone on a replica misses it, or {MOST_REPLICAS} replicas are too few"
        return Plan(
            target=wanted.traffic.text, slo=wanted.objective.slo.text, headroom=wanted.headroom,
            balancer=wanted.balancer, outcome="missed", replicas=None, interval=(low or MOST_REPLICAS, high), why=why,
            options=[], model=_facts(model, runs), price_per_hour=wanted.price_per_hour, warnings=warnings,
            source=source,
        )  # fmt: skip
    sure = best if high is None else max(best, high)
    counts = sorted({max(best - 1, 1), best, best + 1, *range(sure, sure + 1 + SHOWN_MORE)})
    options = [_option(model, variants, fewest, wanted, judged, count) for count in counts]
    rough = model.slots < UNLIMITED and model.misfit > ROUGH
    narrow = not rough and high is not None and low is not None and high - low <= max(1, round(0.1 * best))
    return Plan(
        target=wanted.traffic.text, slo=wanted.objective.slo.text, headroom=wanted.headroom, balancer=wanted.balancer,
        outcome="met" if narrow else "inconclusive", replicas=sure, interval=(low or best, high),
        why=_why(options, sure), options=options, model=_facts(model, runs), price_per_hour=wanted.price_per_hour,
        warnings=warnings, source=source,
    )  # fmt: skip


def variants_of(model: Model, misfits: Sequence[tuple[int, float]], seed: int = 0) -> list[Model]:
    """Models that the same runs would as well have given. `misfits` are (slots, misfit) of what was tried."""
    rng = np.random.default_rng(seed)
    least = min((m for _, m in misfits), default=math.nan)
    likely = [slots for slots, m in misfits if m <= SLOTS_DOUBT * least] or [model.slots]
    found = []
    for _ in range(VARIANTS):
        picked = rng.integers(0, len(model.first_s), len(model.first_s))
        found.append(
            Model(
                model.first_s[picked],
                model.rest_s[picked],
                model.output_tokens[picked],
                model.input_tokens[picked],
                int(rng.choice(likely)),
                model.slowdown,
                model.most_in_flight,
                model.misfit,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Judged:
    """What playing a number of replicas showed."""

    met: bool
    missed: dict[str, float]
    latency_ms: dict[str, float]
    good_share: float
    tokens_each: float


def _judge(
    model: Model, wanted: Wanted, criteria: Sequence[Criterion], replicas: int, busy_replicas: int, scale: float,
    count: int,
) -> _Judged:  # fmt: skip
    """Play the traffic, `scale` times as dense, through `busy_replicas` replicas (of `replicas`, the others failed)."""
    arrivals_s = wanted.traffic.arrivals_s(count, scale, wanted.seed)
    first_s, rest_s, tokens = model.draw(len(arrivals_s), wanted.seed)
    if wanted.traffic.output_tokens is not None:
        tokens = np.resize(wanted.traffic.output_tokens, len(arrivals_s))
        rest_s = _by_length(model, tokens)
    slots = model.slots if model.slots < UNLIMITED else model.most_in_flight
    played = play(
        arrivals_s, first_s, rest_s,
        Cluster(slots, model.slowdown, busy_replicas, wanted.balancer, wanted.seed),  # type: ignore[arg-type]
    )  # fmt: skip
    skipped = len(arrivals_s) // SKIPPED if wanted.traffic.recorded is None else 0
    values = _latencies(played, tokens, skipped)
    limits = wanted.objective.slo.request_limits(open_loop=True)
    good = np.ones(len(values["response_e2e"]), np.bool_)
    for name, limit_ms in limits.items():
        if name in values:
            good &= ~(values[name] > limit_ms)
    missed = {c.text: float((~_holds(c, values, good)).mean()) for c in criteria}
    shown = {
        f"{share} {name}": float(np.nanquantile(values[name], at, method="inverted_cdf"))
        for name in ("response_ttft", "response_e2e")
        for share, at in (("p50", 0.5), ("p99", 0.99))
    }
    known = tokens[~np.isnan(tokens)]
    return _Judged(
        all(missed[c.text] <= c.allowed for c in criteria), missed, shown, float(good.mean()),
        float(known.mean()) if known.size else math.nan,
    )  # fmt: skip


def _latencies(played: Played, tokens: FloatArray, skipped: int) -> dict[str, FloatArray]:
    first, total = played.first_s[skipped:] * 1e3, played.total_s[skipped:] * 1e3
    wait = played.wait_s[skipped:] * 1e3
    gaps = np.where(tokens[skipped:] > 1, tokens[skipped:] - 1, np.nan)
    # A service latency counts from when a request was written: a queue in the server is in it.
    return {"response_ttft": first, "response_e2e": total, "ttft": first, "e2e": total,
            "tpot": (total - first) / gaps, "wait": wait}  # fmt: skip


def _holds(criterion: Criterion, values: dict[str, FloatArray], good: BoolArray) -> BoolArray:
    if criterion.metric == "goodput":
        return good
    of = values[criterion.metric]
    met: BoolArray = np.asarray(COMPARISONS[criterion.comparison](of, criterion.limit_ms), np.bool_) | np.isnan(of)  # type: ignore[arg-type]
    return met


def _by_length(model: Model, tokens: FloatArray) -> FloatArray:
    """What follows the first token, for replies of those lengths, at the pace that was seen."""
    known = ~np.isnan(model.output_tokens) & (model.output_tokens > 1)
    if not known.any():
        raise ScenarioError("the trace says how long replies are, but the runs do not say how many tokens theirs had")
    per_token_s = float(model.rest_s[known].sum() / (model.output_tokens[known] - 1).sum())
    return np.maximum(tokens - 1, 0) * per_token_s


def _fewest(
    model: Model, wanted: Wanted, criteria: Sequence[Criterion], count: int, near: int | None = None
) -> int | None:
    """The fewest replicas that hold the SLO with the headroom; None where no number does. Looked for from `near` on."""
    scale = 1 + wanted.headroom

    def met(replicas: int) -> bool:
        return _judge(model, wanted, criteria, replicas, replicas, scale, count).met

    least = max(1, math.floor(wanted.traffic.rate_per_s * scale / _capacity(model)))
    if not _judge(model, wanted, criteria, 1, 1, ALONE / (wanted.traffic.rate_per_s * model.mean_s), LONE).met:
        return None
    low, high, step = least - 1, max(near or least, least), 1
    while not met(high):
        low, high, step = high, high + step, step * 2
        if high > MOST_REPLICAS:
            return None
    if near is not None and high > least and not met(high - 1):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if met(middle) else (middle, high)
    return high


def _capacity(model: Model) -> float:
    if math.isfinite(model.capacity_per_s):
        return model.capacity_per_s
    return model.most_in_flight / (model.mean_s * (1 + model.slowdown * (model.most_in_flight - 1)))


def _quantiles(fewest: Sequence[int | None]) -> tuple[int | None, int | None]:
    values = sorted(math.inf if one is None else one for one in fewest)
    if not values:
        return None, None
    low = values[int(0.025 * len(values))]
    high = values[min(math.ceil(0.975 * len(values)) - 1, len(values) - 1)]
    return (None if math.isinf(low) else int(low)), (None if math.isinf(high) else int(high))


def _option(
    model: Model, variants: Sequence[Model], fewest: Sequence[int | None], wanted: Wanted,
    criteria: Sequence[Criterion], replicas: int,
) -> Option:  # fmt: skip
    scale = 1 + wanted.headroom
    full = _judge(model, wanted, criteria, replicas, replicas, scale, PLAYED_EACH)
    plain = _judge(model, wanted, criteria, replicas, replicas, 1.0, PLAYED_EACH)
    chance = sum(one is not None and one <= replicas for one in fewest) / max(len(variants), 1)
    outcome: Outcome = "met" if chance >= 0.95 and full.met else "missed" if chance <= 0.05 else "inconclusive"
    if replicas > 1:
        less = _judge(model, wanted, criteria, replicas, replicas - 1, 1.0, PLAYED_EACH)
        outcome_less: Outcome = "met" if less.met else "missed"
        missed_less = less.missed
    else:
        outcome_less, missed_less = "missed", {c.text: 1.0 for c in criteria}
    rate = wanted.traffic.rate_per_s
    tokens = None if math.isnan(plain.tokens_each) else rate * plain.good_share * plain.tokens_each
    cost = None if wanted.price_per_hour is None else wanted.price_per_hour * replicas
    return Option(
        replicas=replicas, rate_each_per_s=rate * scale / replicas, busy=rate * scale / replicas / _capacity(model),
        outcome=outcome, chance=chance, missed=full.missed, latency_ms=full.latency_ms, outcome_less_one=outcome_less,
        missed_less_one=missed_less, good_tokens_per_s=tokens, cost_per_hour=cost,
        cost_per_million_good_tokens=None if cost is None or not tokens else cost / (tokens * 3600) * 1e6,
    )  # fmt: skip


def _why(options: Sequence[Option], replicas: int) -> str:
    chosen = next(option for option in options if option.replicas == replicas)
    holds = {"met": "when one fails the SLO still holds at the target itself",
             "missed": "when one fails it does not hold", "inconclusive": "when one fails it is not known"}  # fmt: skip
    return f"{chosen.busy:.0%} of their capacity with the headroom; {holds[chosen.outcome_less_one]}"


def _facts(model: Model, runs: int) -> ModelFacts:
    return ModelFacts(
        slots=model.slots if model.slots < UNLIMITED else None, slowdown=model.slowdown, mean_service_s=model.mean_s,
        capacity_per_s=model.capacity_per_s if math.isfinite(model.capacity_per_s) else None,
        most_in_flight=model.most_in_flight, runs=runs, misfit=None if math.isnan(model.misfit) else model.misfit,
    )  # fmt: skip


def _warnings(model: Model, wanted: Wanted, left_out: Sequence[str]) -> list[str]:
    found = []
    if model.slots >= UNLIMITED:
        found.append(
            f"the runs never met a queue, so a replica's limit is not known: it is planned with no more than the "
            f"{model.most_in_flight} requests at a time that were seen; runs under more load would need fewer replicas"
        )
    elif model.misfit > ROUGH:
        found.append(
            f"the queue model is off by {math.expm1(model.misfit):.0%} on the waits that were seen: a rough answer"
        )
    if left_out:
        found.append(f"not in the plan, because no queue says it: {', '.join(left_out)}")
    if len(model.first_s) < 100:
        found.append(f"the model stands on {len(model.first_s)} requests")
    return found
