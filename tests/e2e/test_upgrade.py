"""A stack of the newest release, with data and a run that waits, is upgraded to this code: docs/upgrading.md."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from local import offline_model
from local import up as local
from local.down import down
from scripts.release_data import REPLACING
from tests.support.local_stack import DIRECTORY, speech_server
from tests.support.release import check_out, newest_tag, next_release

pytestmark = pytest.mark.offline_model

UPGRADED = DIRECTORY / "upgrade"
ASK = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}
PRICE = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
LONG = "A text that is kept in the bucket. " * 2000


class Used:
    """A stack that people use: through its HTTP API alone, with the official package.

    Attributes:
        stack: as it was deployed last.
    """

    def __init__(self, stack: local.Local) -> None:
        self.stack = stack
        settings = stack.settings
        self.client = openai.OpenAI(base_url=settings["ASSISTANTS_BASE_URL"], api_key=settings["ASSISTANTS_API_KEY"])
        file = self.client.files.create(
            file=("facts.md", io.BytesIO(b"The lighthouse is 41 m high.")), purpose="assistants"
        )
        self.store = self.client.vector_stores.create(name="Facts").id
        self.client.vector_stores.files.create_and_poll(file.id, vector_store_id=self.store)
        self.assistant = self.client.beta.assistants.create(
            model=offline_model.MODEL,
            tools=[ASK, {"type": "code_interpreter"}],  # type: ignore[list-item]
            extra_body={"functions": [PRICE]},
        ).id
        self.thread = self.client.beta.threads.create(messages=[{"role": "user", "content": LONG}]).id
        self.other = self.client.beta.threads.create().id

    def ask(self, thread: str, text: str) -> Any:
        """Post a message to the thread and run it until it ends or waits for its client."""
        self.client.beta.threads.messages.create(thread, role="user", content=text)
        return self.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=self.assistant)

    def said(self, run: Any) -> str:
        """Return the text that a completed run ended with."""
        assert run.status == "completed", run.last_error
        part = self.client.beta.threads.messages.list(run.thread_id, run_id=run.id).data[0].content[-1]
        assert part.type == "text"
        return part.text.value

    def kept(self) -> dict[str, str]:
        """Return the physical ids of what keeps data, by logical id."""
        name = self.stack.outputs["AssistantsTable"].removesuffix("-assistants")
        listed = self.stack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in listed
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] in REPLACING
        }


def deploy(app: Path) -> local.Local:
    return local.up(UPGRADED, port=0, use_real_model=False, app=app, speech_base_url=speech_server().url)


@pytest.fixture
def used(tmp_path: Path) -> Iterator[Used]:
    """The stack of the newest release, with data."""
    try:
        tag = newest_tag()
        print(f"Upgraded is {tag or 'this code itself, for the checkout holds no tag'}.")
        yield Used(deploy(check_out(tag, tmp_path / "released")))
    finally:
        down(UPGRADED)
        shutil.rmtree(UPGRADED, ignore_errors=True)


def test_a_release_is_upgraded_with_its_data_and_a_run_that_waits(used: Used, tmp_path: Path) -> None:
    assert "42" in used.said(used.ask(used.thread, 'call code_interpreter {"code": "kept = 6 * 7; print(kept)"}'))
    waiting = used.ask(used.other, 'call ask {}\nthen get_stock_price {"symbol": "ACME"}')
    assert waiting.status == "requires_action"
    before, usage = used.kept(), used.client.beta.threads.retrieve(used.thread).model_extra

    used.stack = deploy(next_release(tmp_path / "next"))

    # Nothing that keeps data was replaced, and everything is there under the same address and key.
    assert used.kept().items() >= before.items()
    assert used.client.beta.threads.retrieve(used.thread).model_extra == usage
    kept = used.client.beta.threads.messages.list(used.thread, order="asc").data
    assert kept[0].content[0].text.value == LONG  # type: ignore[union-attr]
    [found] = used.client.vector_stores.search(used.store, query="How high is the lighthouse?").data
    assert "41 m" in found.content[0].text

    # The run that waited ends, with tools of the version that it started on.
    [call] = waiting.required_action.submit_tool_outputs.tool_calls
    ended = used.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=waiting.id, thread_id=used.other, tool_outputs=[{"tool_call_id": call.id, "output": "blue"}]
    )
    assert all(told in used.said(ended) for told in ("blue", "182.4"))

    # The old thread goes on, with the variables of its code.
    assert "43" in used.said(used.ask(used.thread, 'call code_interpreter {"code": "print(kept + 1)"}'))
