"""What all tests share: outside parts that are built or started once, or skipped with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.truthd import Truthd, build_truthd, running_truthd, why_not

# How long an example takes says what else this machine is doing, nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def truthd_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := why_not():
        pytest.skip(reason)
    return build_truthd(tmp_path_factory.mktemp("truthd"))


@pytest.fixture(scope="session")
def _shared_truthd(truthd_binary: Path) -> Iterator[Truthd]:
    with running_truthd(truthd_binary) as server:
        yield server


@pytest.fixture
def truthd(_shared_truthd: Truthd) -> Truthd:
    """One truthd for the whole session, its log emptied for each test."""
    _shared_truthd.reset()
    return _shared_truthd


@pytest.fixture
def start_truthd(truthd_binary: Path) -> Iterator[Callable[..., Truthd]]:
    """Start a truthd of the test's own: `start_truthd(core=1, key="secret", seed=7)`; stopped when the test ends."""
    with ExitStack() as running:

        def start(**options: Any) -> Truthd:
            return running.enter_context(running_truthd(truthd_binary, **options))

        yield start
