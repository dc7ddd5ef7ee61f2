"""Hugging Face: data sets through huggingface_hub. Obeys HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalcore.dataset.hub.base import CARD, Listing, declared_configs
from evalcore.errors import DataError

CONVERTED = "refs/convert/parquet"
"""The branch in which the hub keeps its parquet conversion of data sets that were uploaded otherwise."""
LISTING_TIMEOUT_S = 20.0
HTTP_CLIENTS = ("requests", "httpx", "httpx2")
log = logging.getLogger(__name__)


class HuggingFace:
    """`cache` None: the library's own cache."""

    name = "huggingface"

    def __init__(self, cache: Path | None = None) -> None:
        try:
            import huggingface_hub
        except ImportError:
            raise DataError("dataset_hub huggingface needs its library: pip install 'perfbench[hub]'") from None
        self._library = huggingface_hub
        self._cache = cache
        self._listed: dict[str, Listing] = {}

    def listings(self, repository: str) -> Iterator[Listing]:
        yield self._main(repository)
        converted = self._parquet(repository)
        if converted is not None:
            yield converted

    def _main(self, repository: str) -> Listing:
        if repository not in self._listed:
            try:
                with _translated(repository):
                    self._listed[repository] = self._listing(repository, None)
            except _Unreachable as unreachable:
                cached = self._cached(repository)
                if cached is None:
                    raise DataError(f"{unreachable}; {_hint(repository)}") from None
                log.warning("%s; going on with what is cached of it", unreachable)
                self._listed[repository] = cached
        return self._listed[repository]

    def _parquet(self, repository: str) -> Listing | None:
        """The hub's conversion, asked for only when the repository itself is of no use."""
        from huggingface_hub.errors import RevisionNotFoundError

        key = f"{repository}@{CONVERTED}"
        if key not in self._listed:
            try:
                with _translated(repository):
                    self._listed[key] = self._listing(repository, CONVERTED)
            except (RevisionNotFoundError, _Unreachable):
                return None  # many have none
        return self._listed[key]

    def _listing(self, repository: str, revision: str | None) -> Listing:
        info = self._api().dataset_info(repository, revision=revision, timeout=LISTING_TIMEOUT_S)
        card = info.card_data.to_dict() if info.card_data is not None else {}
        return Listing(
            revision=info.sha or revision or "main",
            files=tuple(file.rfilename for file in info.siblings or ()),
            configs=tuple(card.get("configs") or ()),
            converted=revision == CONVERTED,
        )

    def _cached(self, repository: str) -> Listing | None:
        """What an earlier run left, when the hub cannot be reached: the newest revision of it."""
        try:
            cached = self._library.scan_cache_dir(self._cache)
        except self._library.CacheNotFound:
            return None
        of_it = (one for one in cached.repos if one.repo_id == repository and one.repo_type == "dataset")
        revisions = [revision for one in of_it for revision in one.revisions]
        if not revisions:
            return None
        newest = max(revisions, key=lambda revision: revision.last_modified)
        folder = newest.snapshot_path
        files = tuple(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        configs = declared_configs(folder / CARD) if CARD in files else ()
        return Listing(revision=newest.commit_hash, files=files, configs=configs)

    def fetch(self, repository: str, listing: Listing, files: Sequence[str]) -> list[Path]:
        card = [CARD] if listing.configs else []  # without it the cache alone could not say what is where
        try:
            with _translated(repository):
                return [
                    Path(
                        self._library.hf_hub_download(
                            repository, name, repo_type="dataset", revision=listing.revision, cache_dir=self._cache,
                            endpoint=_endpoint(),
                        )
                    )
                    for name in [*files, *card]
                ][: len(files)]  # fmt: skip
        except _Unreachable as unreachable:
            raise DataError(f"{unreachable}; {_hint(repository)}") from None

    def _api(self) -> Any:
        return self._library.HfApi(endpoint=_endpoint())


class _Unreachable(Exception):
    """The hub did not answer as one."""


@contextmanager
def _translated(repository: str) -> Iterator[None]:
    from huggingface_hub import errors

    page = f"{_endpoint() or 'https://huggingface.co'}/datasets/{repository}"
    try:
        yield
    except errors.GatedRepoError:
        raise DataError(
            f"{page} is gated: accept its terms on that page, then `hf auth login` or set HF_TOKEN"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DataError(
            f"{page} does not exist, or is private and asks for a login (`hf auth login`, or HF_TOKEN)"
        ) from None
    except errors.RevisionNotFoundError:
        raise
    except errors.LocalEntryNotFoundError as error:
        raise _Unreachable(f"{page} cannot be reached: {_first_line(error)}") from None
    except errors.EntryNotFoundError as error:
        raise DataError(f"{page}: a listed file is not there: {_first_line(error)}") from None
    except _network_errors() as error:
        raise _Unreachable(f"{page} cannot be reached: {_first_line(error)}") from None


def _network_errors() -> tuple[type[Exception], ...]:
    """What the library's HTTP client raises (which client that is changed between its versions), and the system."""
    from huggingface_hub.errors import HfHubHTTPError

    kinds = [kind for kind in HfHubHTTPError.__mro__ if kind.__module__.split(".")[0] in HTTP_CLIENTS]
    return (*(kind for kind in kinds if issubclass(kind, Exception)), ConnectionError, TimeoutError)


def _endpoint() -> str | None:
    """Read now, not at the library's import."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def download_command(repository: str, folder: Path | None) -> str:
    """What a user types to fetch the repository by hand."""
    where = [] if folder is None else ["--local-dir", str(folder / repository)]
    return shlex.join(["hf", "download", repository, "--repo-type", "dataset", *where])


def _hint(repository: str) -> str:
    return f"on a machine that reaches it: {download_command(repository, None)}; or give dataset_dir or local_path"
