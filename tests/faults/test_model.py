"""A model that is busy, broken, slow or gone: the run waits and tries again while it may, then ends as it should."""

import uuid

import pytest

from tests.driver import Driver
from tests.faults.model_server import Behaviour, ModelServer, failure

pytestmark = pytest.mark.offline_model


def test_each_call_names_its_run_turn_and_attempt(driver: Driver, model_server: ModelServer) -> None:
    marker = f"marker-{uuid.uuid4()}"
    model_server.when(marker, [failure(429, retry_after="1"), Behaviour(close="within")])
    run = driver.run(driver.ask(driver.assistant(), f"call get_stock_price {{}}\nsay {marker}"))
    named = [request.request_id for request in model_server.requests(marker)]
    assert named == [f"{run['run_id']}/{numbers}" for numbers in ("0/1", "0/2", "0/3", "1/4")]
