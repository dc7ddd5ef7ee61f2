"""Names of the latencies, apart from the arithmetic, so that reading a scenario loads no numpy."""

NAMES = (
    "ttft", "ttfat", "ttst", "itl", "tpot", "e2e", "e2e_per_token", "response_ttft", "response_e2e",
    "response_e2e_per_token", "send_lag", "connect",
)  # fmt: skip
"""Every latency of a summary, in reading order; all but itl stand in `latency.PER_REQUEST`."""
RESPONSE_OF = {"ttft": "response_ttft", "e2e": "response_e2e", "e2e_per_token": "response_e2e_per_token"}
"""What a gate on the plain name means in open loop."""
