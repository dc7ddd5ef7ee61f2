"""perfbench: load tests, SLO gates and capacity planning for LLM endpoints, and the engine under them."""

__version__ = "0.1.0"
