"""Schema: what stands in reports/MODEL/BENCHMARK.json.

Versioned: a field may be added under the same number; one that changes its meaning or goes away raises `SCHEMA`. All
figures are of scored items; what the rest could have made of them is the bracket. Shares are 0 to 1, times carry their
unit in the name, None means that there is no such figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Estimate(_Part):
    """One mean and how sure it is."""

    score: float
    n: int
    """Independent units it is made of: samples (repeats averaged first)."""
    se: float | None = None
    """Standard error; None when one unit does not tell."""
    low: float | None = None
    """95 % interval, from `low` to `high`."""
    high: float | None = None
    method: str
    """How the interval was made: wilson, t, clustered (N groups), macro, ..."""


class Protocol(_Part):
    """A named way of scoring. `score`, `se`, `low`, `high` are those of the average that the benchmark quotes."""

    score: float
    se: float | None = None
    low: float | None = None
    high: float | None = None
    method: str
    average: Literal["micro", "macro"]
    micro: Estimate
    macro: Estimate | None = None
    """Mean of the means of subsets (of categories when there is one subset); None when there is one part."""
    macro_over: Literal["subset", "category"] | None = None
    bracket: tuple[float, float] | None = None
    """Lowest and highest possible, had all that is unscored been wrong, or right; None when scores leave 0 to 1."""


class Part(_Part):
    """A subset or a category."""

    name: str
    planned: int
    """Samples times repeats that should have been scored."""
    scored: int
    protocols: dict[str, Estimate]
    """Empty when nothing of it was scored."""


class Repeats(_Part):
    """What several answers to each sample tell, under the headline protocol; "right" is a score of 1."""

    k: int
    pass_at: dict[int, Estimate]
    """By k: the chance that one of k answers is right (unbiased); only samples with at least k scored answers."""
    pass_hat: dict[int, Estimate]
    """By k: the chance that all of k answers are right."""
    majority: Estimate | None = None
    """Score of the commonest extracted answer; None when nothing is extracted."""
    per_repeat: list[float]
    """Mean of each repeat."""


class Judge(_Part):
    """What one judge did. Counts of verdicts that were wanted of it: votes, and orders of a pair, each count."""

    name: str
    wanted: int
    read: int
    unparsed: int
    """It spoke, and no verdict could be read, after retries."""
    failed: int
    faults: dict[str, int] = {}
    """Of those failed, by kind."""
    verdicts: dict[str, int] = {}
    """By verdict."""
    coverage: float
    """read / wanted."""


class JudgePair(_Part):
    """How far two judges agree, over the items (answers, or pairs of answers) that both decided."""

    judges: tuple[str, str]
    n: int
    agreement: float
    """Share of items of which both said the same."""
    kappa: float | None = None
    """Cohen's kappa (1960); None when both only ever said one and the same word."""


class Orders(_Part):
    """Whether judges like a place: pairs of answers of which both orders were read, each judge for itself."""

    pairs: int
    flipped: int
    """Pairs of which the two orders did not say the same."""
    flip_rate: Estimate
    first_favoured: float
    """How much more often whoever was shown first won than lost; 0: no liking, 1: always the first, -1: the second."""


class Rating(_Part):
    """Bradley-Terry strength on Elo's scale, mean 1000; 400 points are odds of ten to one."""

    model: str
    rating: float
    low: float | None = None
    high: float | None = None
    """95 % interval, by a bootstrap over samples (over groups, where samples share one)."""
    games: int
    """Pairs that judges decided."""
    win_rate: float
    """Over all its opponents, a tie counted half."""


class Judging(_Part):
    """What the judges did."""

    judges: list[str]
    verdicts: int
    """Replies, whether or not they could be read."""
    unparsed: int
    """Replies without a verdict that could be read, after retries."""
    failed: int
    """Judges that never answered, by fault and in the end."""
    coverage: float | None = None
    """Share of the verdicts that were wanted which were had."""
    agreement: float | None = None
    """Share of pairs of judges that said the same of the same item, over all pairs of judges; None with one judge."""
    alpha: float | None = None
    """Krippendorff's alpha over all judges and items; None where it is not defined."""
    alpha_metric: Literal["nominal", "interval"] | None = None
    """interval: verdicts are grades."""
    disagreed: int = 0
    """Answers of which judges, or the two orders, did not say the same."""
    per_judge: list[Judge] = []
    pairs_of_judges: list[JudgePair] = []
    orders: Orders | None = None
    ratings: list[Rating] = []
    """The strongest first; empty unless there were several opponents."""


class Integrity(_Part):
    """Whether the scores can be believed. Counts of answers (samples times repeats)."""

    planned: int
    scored: int
    missing: int
    """Never asked, or not yet: no review is there."""
    parsed: int
    unparsed: int
    """Scored as wrong because nothing could be read out of them; parsed + unparsed = scored."""
    truncated: int
    """Scored, but cut off by max_tokens."""
    empty: int
    """Scored, but without any text."""
    refused: int
    """Unscored: context length or content filter."""
    errored: dict[str, int] = {}
    """Unscored, by kind of fault."""
    retried: int
    """Answers that took more than one request."""
    attempts: int
    """Requests made, retries included."""
    judging: Judging | None = None


class Latency(_Part):
    count: int
    mean: float
    p50: float
    p90: float | None = None
    p99: float | None = None
    max: float


class Perf(_Part):
    """Speed of the evaluation itself."""

    ttft_ms: Latency | None = None
    latency_ms: Latency | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    tokens_per_s_each: float | None = None
    """Median over answers of output tokens per second of the answer's own time."""
    window_s: float | None = None
    samples_per_s: float | None = None
    output_tokens_per_s: float | None = None


class Report(_Part):
    """One benchmark, one model."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    benchmark: str
    title: str = ""
    model: str
    headline: str
    """Name of the protocol that is quoted."""
    protocols: dict[str, Protocol]
    """By name, the headline first; empty when nothing was scored."""
    derived: dict[str, Estimate] = {}
    """Figures that are functions of the means of protocols (an F-score, a mean of four)."""
    n: int
    """Samples that were scored at least once."""
    coverage: float
    """Share of planned answers that were scored."""
    integrity: Integrity
    subsets: list[Part]
    categories: list[Part]
    repeats: Repeats | None = None
    settings: dict[str, Any] = {}
    """What moves scores: few_shot, answer position, average, max_tokens, chat, limit, ..."""
    perf: Perf | None = None

    def dump(self) -> bytes:
        """As it stands in the file."""
        return self.model_dump_json(by_alias=True, indent=1).encode()


def read_report(path: Path) -> Report:
    """The report in that file. Raises pydantic's ValidationError when it is none of this version."""
    return Report.model_validate_json(path.read_bytes())
