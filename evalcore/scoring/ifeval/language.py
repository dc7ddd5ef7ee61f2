"""language: what language a response is in, by langdetect, seeded so that a text has one verdict.

A detector that finds nothing to go by (digits only, for instance) counts as followed, as in the reference.
"""

from __future__ import annotations

import threading

from evalcore.scoring.ifeval.arguments import Arguments, text

LOADING = threading.Lock()
"""A detector asked while another thread still loads the profiles finds none, and that would count as followed."""


def response_language(response: str, arguments: Arguments) -> bool:
    return is_language(response, text(arguments, "language"))


def is_language(response: str, code: str) -> bool:
    """True too where langdetect cannot tell."""
    from langdetect import DetectorFactory, LangDetectException, detect
    from langdetect.detector_factory import init_factory

    with LOADING:
        init_factory()  # 55 profiles: 0.3 s, once
    DetectorFactory.seed = 0
    try:
        return bool(detect(response) == code)
    except LangDetectException:
        return True
