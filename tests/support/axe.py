"""Looks with axe (https://github.com/dequelabs/axe-core) for what keeps people from using a page."""

from collections.abc import Iterable

from playwright.sync_api import Page

from local.paths import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

WAYS = [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]
"""The widths and the colour schemes that a page is looked at with."""

EACH = [(1280, "light"), (400, "dark")]
"""Each width and each scheme once: enough where a page shows the same elements in every width."""

COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules about colours, which take the most time. A scheme changes nothing else: a second one asks them alone."""

_RUN = "options => axe.run(document, { resultTypes: ['violations'], ...options })"


def violations(page: Page, ways: Iterable[tuple[int, str]] = WAYS, without: Iterable[str] = ()) -> list[str]:
    """Return what axe finds on the page as it is, on wide and narrow screens, light and dark.

    Args:
        without: rules that are not asked.
    """
    found = []
    size = page.viewport_size
    assert size
    looked_at = set()
    for width, scheme in ways:
        page.set_viewport_size({"width": width, "height": size["height"]})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE.read_text())
        rules = {rule: {"enabled": False} for rule in without}
        options = {"runOnly": COLOURS} if width in looked_at else {"rules": rules}
        for violation in page.evaluate(_RUN, options)["violations"]:
            first = violation["nodes"][0]
            found.append(f"{width} {scheme}: {violation['id']}: {first['html'][:200]} {first['failureSummary'][:300]}")
        looked_at.add(width)
    page.set_viewport_size(size)
    return found
