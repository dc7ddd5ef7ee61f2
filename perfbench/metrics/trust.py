"""Trust: where doubt in the client begins, apart from the arithmetic, so that the dashboard goes by the same limits and
loads no scipy for it."""

ERROR_MS, ERROR_SHARE = 5.0, 0.05
"""What "ok" promises: the larger of the two."""
BUSY_SHARE = 0.9
"""Of the time, running or waiting for a CPU. With less than a tenth of it idle, work queues behind work: a long lag is
then not chance but load."""
NEVER_SLEEPS_SHARE = 0.95
"""Of the time, running or waiting for a CPU. A loop this busy has always something to do; the rest is what the kernel's
own accounting loses."""
