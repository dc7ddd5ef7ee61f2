"""The description of an evaluation, section by section; see `config.py`."""

from evalcore.task.asking import GenerationConfig
from evalcore.task.config import TaskConfig
from evalcore.task.data import DatasetArgs
from evalcore.task.section import GROUPS

__all__ = ["GROUPS", "DatasetArgs", "GenerationConfig", "TaskConfig"]
