"""Names of the latencies, apart from the arithmetic, so that reading a scenario loads no numpy."""

NAMES = ("ttft", "ttfat", "itl", "tpot", "e2e", "response_ttft", "response_e2e", "send_lag", "connect")
"""Every latency of a summary, in reading order; all but itl stand in `latency.PER_REQUEST`."""
RESPONSE_OF = {"ttft": "response_ttft", "e2e": "response_e2e"}
"""What a gate on the plain name means in open loop."""
