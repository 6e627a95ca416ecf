"""What axe-core finds on a page, in either theme."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.conftest import wear

AXE = Axe()

# Where Streamlit's own markup breaks a rule and our code can't reach it: the rule, and the elements.
KNOWN = {
    # What floats stands at the end of the document, outside every landmark.
    "region": "body > :not(#root)",
    # Colours of the syntax highlighter of st.code, which no theme option sets.
    "color-contrast": "[data-testid=stCode] .token",
}

RULES = {"light": None, "dark": ["color-contrast"]}  # None for all; the others do not depend on colours


def found_by_axe(page: Page, within: str, rules: list[str] | None = None) -> list[str]:
    """What axe-core calls moderate, serious or critical, a line an element: the rule and the element."""
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    violations = AXE.run(page, within, options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:200]}"
        for rule in violations
        if rule["impact"] != "minor"
        for node in rule["nodes"]
        if not is_known(page, rule["id"], node["target"])
    ]


def is_known(page: Page, rule: str, target: list[str | list[str]]) -> bool:
    """Whether an element is one of Streamlit's own that breaks this rule. Those in a shadow root are ours."""
    selector = target[0]
    return isinstance(selector, str) and page.locator(selector).evaluate(
        "(element, known) => Boolean(known && element.closest(known))", KNOWN.get(rule)
    )


def barriers(page: Page, within: str = "html") -> list[str]:
    """What axe-core finds in the light theme, and what is too faint in the dark one.

    Begins with the theme that the page has, and leaves it in the other one.
    """
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found = []
    for theme in ("dark", "light") if dark else ("light", "dark"):
        wear(page, theme)
        found += [f"{theme}: {line}" for line in found_by_axe(page, within, RULES[theme])]
    return found
