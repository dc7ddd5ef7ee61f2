"""evalcore serve: evaluations and load tests over HTTP."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from perfbench.engine.errors import ExitCode


def serve_(
    *,
    port: Annotated[int, Parameter(help="Port; 0: any that is free.")] = 9000,
    host: Annotated[str, Parameter(help="Address to bind; any but this machine's own demands --token.")] = "127.0.0.1",
    outputs: Annotated[Path, Parameter(help="Folder of the runs, and of the service's own state.")] = Path("outputs"),
    token: Annotated[
        str | None,
        Parameter(show_default=False, help="What callers must send (better: $EVALCORE_SERVICE_TOKEN; ps shows flags)."),
    ] = None,
    max_jobs: Annotated[int, Parameter(help="Jobs that run at once; the rest queue.")] = 2,
    max_perf_jobs: Annotated[int, Parameter(help="Of these, load tests: two on one host spoil each other.")] = 1,
    max_queued: Annotated[int, Parameter(help="Jobs that may wait.")] = 1000,
    allow_url: Annotated[
        list[str] | None,
        Parameter(metavar="PATTERN", negative="", show_default=False,
                  help="Targets that may be asked, like https://*.example.org or 127.0.0.1:* (default: any)."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        Parameter(metavar="NAME", negative="", show_default=False, help="Name that this service is reached under."),
    ] = None,
    allow_path: Annotated[
        list[Path] | None,
        Parameter(metavar="FOLDER", negative="", show_default=False,
                  help="Folder whose files a body may name (default: the working folder)."),
    ] = None,
) -> int:  # fmt: skip
    """Serve an HTTP API over the run folders: start, watch, stop, browse and compare runs."""
    from evalcore.service.app import serve
    from evalcore.service.settings import TOKEN_VARIABLE, Settings, check

    settings = Settings(
        outputs=outputs.expanduser().resolve(), host=host, port=port,
        token=token or os.environ.get(TOKEN_VARIABLE) or None, max_jobs=max_jobs, max_perf_jobs=max_perf_jobs,
        max_queued=max_queued, allow_urls=tuple(allow_url or ()), allow_hosts=tuple(allow_host or ()),
        allow_paths=tuple(path.expanduser().resolve() for path in (allow_path or [Path.cwd()])),
    )  # fmt: skip
    check(settings)
    asyncio.run(serve(settings))
    return ExitCode.DONE
