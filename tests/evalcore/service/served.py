"""A service with pretended jobs as a process of its own: python -m tests.evalcore.service.served OUTPUTS MAX_JOBS."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from evalcore.service.app import serve
from evalcore.service.settings import Settings
from tests.evalcore.service.serving import pretended

if __name__ == "__main__":
    settings = Settings(outputs=Path(sys.argv[1]), port=0, max_jobs=int(sys.argv[2]), stop_grace_s=5.0)
    asyncio.run(serve(settings, pretended))
