"""Checks everything that a session's tests left behind. Each worker checks its own stack, after all other tests."""

import pytest

from local import up as local
from tests.support.canaries import remember, scan
from tests.support.driver import Driver
from tests.support.totals import every_total_is_the_sum_over_its_runs

pytestmark = [pytest.mark.offline_model, pytest.mark.session, pytest.mark.usefixtures("worker")]


def test_no_log_line_and_no_history_holds_what_a_test_planted(driver: Driver, stack: local.Local) -> None:
    remember(stack.settings["ASSISTANTS_API_KEY"])
    remember(driver.model_key())
    scan(driver)


def test_every_total_is_the_sum_over_its_runs(driver: Driver) -> None:
    every_total_is_the_sum_over_its_runs(driver)
