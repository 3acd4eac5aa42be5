"""The page of settings is generated, and not stale."""

from dataclasses import dataclass

import pytest

from cdk.configuration import OVERRIDES, Configuration
from scripts import settings


def test_the_page_of_settings_shows_the_configuration_as_it_is() -> None:
    assert settings.PAGE.read_text() == settings.page(), "docs/settings.md is stale: run `make docs`"


def test_every_setting_is_on_the_page() -> None:
    page = settings.page()
    assert [name for name in Configuration.__dataclass_fields__ if f"`{name}`" not in page] == []
    marked = [line.split("|")[1].strip(" `") for line in page.splitlines() if "| ✓ |" in line]
    assert sorted(marked) == sorted(OVERRIDES)


def test_a_setting_without_a_word_about_it_is_refused() -> None:
    @dataclass
    class Undocumented:
        """Holds settings.

        Attributes:
            one: of two.
        """

        one: int = 1
        two: int = 2

    with pytest.raises(ValueError, match="two"):
        settings.documented(Undocumented)
