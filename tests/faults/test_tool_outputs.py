"""A tool writes large outputs of its own calls alone, and can't have the engine read anything else as its output."""

import uuid
from typing import Any

import pytest

from assistant_engine.domain.json_data import Json
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

MODULES = ("finance", "code_interpreter", "file_search", "laboratory")


def test_a_tool_may_write_outputs_of_its_own_alone(driver: Driver) -> None:
    iam, bucket = driver.client("iam"), f"arn:aws:s3:::{driver.store.blobs.bucket}"
    allowed = {}
    for module in MODULES:
        function = driver.client("lambda").get_function(FunctionName=driver.function_name(f"tool-{module}"))
        for other in MODULES:
            told = iam.simulate_principal_policy(
                PolicySourceArn=function["Configuration"]["Role"],
                ActionNames=["s3:PutObject"],
                ResourceArns=[f"{bucket}/outputs/{other}/thread_1/run_1/0/call_1"],
            )
            allowed[module, other] = told["EvaluationResults"][0]["EvalDecision"] == "allowed"
    assert allowed == {(module, other): module == other for module in MODULES for other in MODULES}


@pytest.mark.parametrize("whose", ["another thread's text", "another tool's", "another call's", "its own"])
def test_the_engine_reads_no_output_but_that_of_the_call(driver: Driver, whose: str) -> None:
    secret = f"PLANTED-{uuid.uuid4()}"
    run = driver.created('call get_stock_price {"symbol": "ACME"}\nsay Done.')

    def step(turn: int, outputs: list[Json]) -> Any:
        event = {"thread_id": run.thread_id, "run_id": run.id, "turn": turn, "execution": run.execution}
        return driver.invoke("in_progress", {**event, "outputs": outputs})

    told = step(0, [])
    assert told["status"] == "call_tools"
    [call] = told["calls"]
    call_id = call["tool_call_id"]
    own = f"{run.thread_id}/{run.id}/0/{call_id}"
    key = {
        "another thread's text": f"text/thread_other/{uuid.uuid4()}",
        "another tool's": f"outputs/laboratory/{own}",
        "another call's": f"outputs/finance/thread_other/{run.id}/0/{call_id}",
        "its own": f"outputs/finance/{own}",
    }[whose]
    driver.client("s3").put_object(Bucket=driver.store.blobs.bucket, Key=key, Body=secret.encode())
    assert step(1, [{"tool_call_id": call_id, "output_key": key}])["status"] == "completed"
    [shown] = [
        call["function"]["output"]
        for step in driver.steps(run.thread_id, run.id)
        for call in step["step_details"].get("tool_calls", [])
    ]
    assert shown == (secret if whose == "its own" else "Error: the tool gave no answer that is its own.")
    driver.client("s3").delete_object(Bucket=driver.store.blobs.bucket, Key=key)
