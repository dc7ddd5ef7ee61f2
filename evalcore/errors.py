"""Errors of evaluations. The tree and the exit codes are perfbench's; three leaves are added.

PerfbenchError
├── ScenarioError  └── TaskError   the task is wrong: every problem listed, before any request is sent
├── DataError                      a data set is missing, or a row of it is not what it should be
└── SandboxError                   no safe place to run model-written programs
"""

from perfbench.engine.errors import ExitCode, PerfbenchError, ScenarioError


class TaskError(ScenarioError):
    """A task that cannot be run. Names the key, the value and the remedy."""


class DataError(PerfbenchError):
    """A data set or a row of it cannot be used. Names the place and the remedy."""

    exit_code = ExitCode.USAGE


class SandboxError(PerfbenchError):
    """Model-written programs cannot be run safely here. Says what is missing and how to get it."""

    exit_code = ExitCode.USAGE
