"""After all other tests (`tests/conftest.py` puts it last): what they planted stands in no log and no history."""

import json

import pytest

from local import up as local
from tests.driver import Driver
from tests.planted import found_in_history, found_in_log, planted, remember

pytestmark = pytest.mark.offline_model


def test_nothing_that_was_planted_stands_in_any_log_or_history(
    stack: local.Local, driver: Driver, api_key: str
) -> None:
    for secret in (api_key, driver.model_key(), stack.settings["ASSISTANTS_API_KEY"]):
        remember(secret)
    run = driver.begin(f"say {planted('last')}")
    driver.ended(run, "completed")
    driver.wait(driver.execution(run))

    scanned = {}
    pages = driver.step_functions.get_paginator("list_executions").paginate(stateMachineArn=driver.state_machine_arn)
    for execution in (execution["executionArn"] for page in pages for execution in page["executions"]):
        events = json.dumps([driver.history(execution), driver.describe(execution)], default=str)
        scanned[execution] = len(events)
        assert found_in_history(events) == [], execution
    assert scanned[driver.execution(run)] > 1_000, "the scan does not see the run that it made itself"

    lines = driver.log_lines(since=0)
    assert found_in_log(lines) == []
    requests = lines.count("START RequestId")
    assert requests >= 2, "the scan does not see the functions' logs"
    print(f"scanned {len(scanned)} executions, {lines.count(chr(10)) + 1} lines of {requests} invocations")
