"""ModelScope: data sets through modelscope's hub library. Obeys its MODELSCOPE_* variables (domain, token, cache)."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from evalcore.dataset.hub.base import CARD, Listing, declared_configs
from evalcore.errors import DataError

REVISION = "master"
log = logging.getLogger(__name__)


class ModelScope:
    """`cache` None: the library's own cache."""

    name = "modelscope"

    def __init__(self, cache: Path | None = None) -> None:
        try:
            import modelscope_hub
        except ImportError:
            raise DataError("dataset_hub modelscope needs its library: pip install 'perfbench[hub]'") from None
        self._api = modelscope_hub.HubApi(endpoint=os.environ.get("MODELSCOPE_ENDPOINT") or None)  # read now
        self._cache = cache
        self._listed: dict[str, Listing] = {}
        self._folders: dict[str, Path] = {}
        """Of repositories of which only the cache could be had."""

    def listings(self, repository: str) -> Iterator[Listing]:
        if repository not in self._listed:
            from modelscope_hub.errors import NetworkError

            try:
                with self._translated(repository):
                    found = self._api.list_repo_files(repository, "dataset", revision=REVISION)
            except DataError as error:
                cached = self._cached(repository) if isinstance(error.__context__, NetworkError | OSError) else None
                if cached is None:
                    raise
                log.warning("%s; going on with what is cached of it", error)
                self._listed[repository] = cached
                yield cached
                return
            bare = Listing(revision=REVISION, files=tuple(file.path for file in found if not file.is_dir))
            card = declared_configs(self.fetch(repository, bare, [CARD])[0]) if CARD in bare.files else ()
            self._listed[repository] = replace(bare, configs=card)
        yield self._listed[repository]

    def _cached(self, repository: str) -> Listing | None:
        """What an earlier run left, when the hub cannot be reached."""
        from modelscope_hub.errors import HubError

        try:
            folder = Path(
                self._api.download_repo(
                    repository, "dataset", revision=REVISION, cache_dir=self._cache, local_files_only=True
                )
            )
        except (HubError, OSError):
            return None
        files = tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        if not files:
            return None
        self._folders[repository] = folder
        return Listing(revision=REVISION, files=files, configs=declared_configs(folder / CARD) if CARD in files else ())

    def fetch(self, repository: str, listing: Listing, files: Sequence[str]) -> list[Path]:
        if repository in self._folders:
            return [self._folders[repository] / name for name in files]
        with self._translated(repository):
            folder = self._api.download_repo(
                repository, "dataset", revision=listing.revision, cache_dir=self._cache, allow_patterns=list(files)
            )
        found = [folder / name for name in files]
        if missing := [str(file) for file in found if not file.is_file()]:
            raise DataError(f"ModelScope's {repository} was fetched, but without {', '.join(missing)}")
        return found

    @contextmanager
    def _translated(self, repository: str) -> Iterator[None]:
        import requests
        from modelscope_hub import errors

        try:
            yield
        except errors.NotExistError:
            raise DataError(f"ModelScope has no data set {repository}") from None
        except (errors.AuthenticationError, errors.PermissionDeniedError):
            raise DataError(f"ModelScope's {repository} asks for a login: `modelscope login`") from None
        except (errors.HubError, requests.RequestException, ConnectionError, TimeoutError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise DataError(
                f"ModelScope's {repository} cannot be fetched: {said}; on a machine that reaches it: "
                f"{download_command(repository, None)}; or give dataset_dir or local_path"
            ) from None


def download_command(repository: str, folder: Path | None) -> str:
    """What a user types to fetch the repository by hand."""
    where = [] if folder is None else ["--local_dir", str(folder / repository)]
    return shlex.join(["modelscope", "download", "--dataset", repository, *where])
