"""A function that Lambda does not run yet: because there are too many at once, or because it slept for weeks."""

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from assistant_engine.runtime import invocation
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.invocation import NEVER_RAN, NotRun, invoke


class Lambda:
    """Answers with these errors, one after another, and then with a result."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.payloads: list[Any] = []

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> Any:
        self.payloads.append(json.loads(Payload))
        if self.codes:
            raise ClientError({"Error": {"Code": self.codes.pop(0)}}, "Invoke")
        return {"StatusCode": 200}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only by sleeping."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(slept))
    return slept


def test_the_names_are_those_of_lambda_s_invoke() -> None:
    model = boto3.client("lambda", region_name="us-east-1").meta.service_model.operation_model("Invoke")
    assert set(NEVER_RAN) <= {shape.name for shape in model.error_shapes}


@pytest.mark.parametrize("code", NEVER_RAN)
def test_a_refused_invocation_is_tried_again(code: str) -> None:
    client: Any = Lambda(code, code, code)
    assert invoke(client, "arn", {"a": 1}, 60)["StatusCode"] == 200
    assert client.payloads == [{"a": 1}] * 4


def test_it_is_given_up_in_time(no_waiting: list[float]) -> None:
    client: Any = Lambda(*["TooManyRequestsException"] * 1000)
    with pytest.raises(NotRun, match="TooManyRequestsException"):
        invoke(client, "arn", {}, 60)
    assert sum(no_waiting) <= 60
    assert len(client.payloads) > 5


def test_one_that_may_have_run_is_not_repeated() -> None:
    client: Any = Lambda("ServiceException")
    with pytest.raises(ClientError):
        invoke(client, "arn", {}, 60)
    assert len(client.payloads) == 1


@pytest.mark.parametrize("code", NEVER_RAN)
def test_a_refusal_is_told_as_busy(code: str) -> None:
    """The HTTP API answers it with 429 or 503, and a step is tried again."""
    for error in (NotRun(code), ClientError({"Error": {"Code": code}}, "Invoke")):
        try:
            raise error
        except Exception as raised:
            fault = fault_of(raised)
        assert (fault.busy, fault.throttled) == (True, code == "TooManyRequestsException")


def test_every_invocation_goes_through_it() -> None:
    from layers.build import ROOT

    places = [*(ROOT / "lambdas").rglob("*.py"), *(ROOT / "layers" / "engine").rglob("*.py")]
    invoking = [path.name for path in places if ".invoke(" in path.read_text()]
    assert invoking == [f"{invocation.__name__.rpartition('.')[2]}.py"]
