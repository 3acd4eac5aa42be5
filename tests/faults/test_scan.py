"""After all other tests: what they said, and the keys that they used, stand in no log and in no history."""

import json

import pytest

from assistant_engine import ids
from local import up as local
from tests.driver import Driver
from tests.planted import found_in_history, found_in_log, remember

pytestmark = [pytest.mark.offline_model, pytest.mark.last]


def test_nothing_that_any_test_said_stands_in_a_log_or_in_a_history(stack: local.Local, driver: Driver) -> None:
    for secret in (stack.settings["ASSISTANTS_API_KEY"], driver.model_key(), stack.settings["AWS_SECRET_ACCESS_KEY"]):
        remember(secret)
    lines = driver.log_lines(since=0)
    assert found_in_log(lines) == []
    scanned = 0
    listed = driver.step_functions.get_paginator("list_executions")
    for page in listed.paginate(stateMachineArn=driver.state_machine_arn):
        for execution in page["executions"]:
            # The HTTP API names its executions after their runs; others hold what their caller gave and gets back.
            if ids.is_run_id(execution["name"].partition("-")[0]):
                events = driver.history(execution["executionArn"])
                assert found_in_history(json.dumps(events, default=str)) == [], execution["name"]
                scanned += 1
    print(f"{len(lines.splitlines())} log lines and the histories of {scanned} executions were scanned")
    assert scanned > 0
