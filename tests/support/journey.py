"""Journey: what several test files share."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e.conftest import settled


def choose(page: Page, key: str, value: str) -> None:
    """Type into the field of this key, as a visitor does."""
    field = page.locator(f".st-key-{key.replace('.', '-')} input")
    field.fill(value)
    field.press("Enter")
    settled(page)
