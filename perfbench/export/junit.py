"""JUnit XML: cases in the form that CI systems read (testsuites, testsuite, testcase; failure, error, skipped)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from perfbench.export.cases import Result, Suite

TAGS: dict[Result, str] = {"failed": "failure", "error": "error", "skipped": "skipped"}
COUNTED: dict[str, Result] = {"failures": "failed", "errors": "error", "skipped": "skipped"}


def junit(suites: Sequence[Suite]) -> bytes:
    """The whole document. Texts have passed `harmless`, so that no character stands in it that XML forbids."""
    root = ElementTree.Element("testsuites", {"name": "perfbench", **_counts(suites)})
    for suite in suites:
        element = ElementTree.SubElement(root, "testsuite", {"name": suite.name, **_counts([suite])})
        if suite.seconds is not None:
            element.set("time", f"{suite.seconds:.3f}")
        if suite.started_at is not None:
            element.set("timestamp", suite.started_at)
        if suite.facts:
            properties = ElementTree.SubElement(element, "properties")
            for name, value in suite.facts:
                ElementTree.SubElement(properties, "property", name=name, value=value)
        for case in suite.cases:
            found = ElementTree.SubElement(element, "testcase", classname=f"perfbench.{suite.name}", name=case.name)
            if case.result == "passed":
                ElementTree.SubElement(found, "system-out").text = case.said
            else:
                ElementTree.SubElement(found, TAGS[case.result], message=case.said)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(suites: Sequence[Suite]) -> dict[str, str]:
    counted = {name: str(sum(suite.count(result) for suite in suites)) for name, result in COUNTED.items()}
    return {"tests": str(sum(len(suite.cases) for suite in suites)), **counted}
