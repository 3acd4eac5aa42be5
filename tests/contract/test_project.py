"""`/v1/project` and `/v1/functions`: extensions that tell a key what it belongs to and what is deployed."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from local import up as local
from tests.support.clients import StrictOpenAI, connect
from tests.support.projects import spare_project


@pytest.fixture
def another(stack: local.Local) -> Iterator[tuple[str, StrictOpenAI]]:
    """A project of the test's own, and its client."""
    with spare_project(stack) as (project, key):
        yield project, connect(stack, key)


def read(client: openai.OpenAI, path: str) -> Any:
    return client.get(path, cast_to=object)


def test_a_key_sees_the_name_the_keys_and_the_defaults_of_its_project_alone(
    client: openai.OpenAI, another: Any
) -> None:
    project, other = another
    found = read(other, "/project")
    assert (found["object"], found["name"], found["budgets"]) == ("project", project, [])
    assert [key["name"] for key in found["keys"]] == [project]
    assert set(found["keys"][0]) == {"object", "name", "created_at"}
    assert found["run_expires_after"] > 0 and found["own_ids"] is False and found["retention_days"] is None
    assert found["thread_busy"] == "reject"
    assert found["voice"] is True, "speech is off only where the deployment says so"
    ours = read(client, "/project")
    assert ours["name"] == "default" and project not in [key["name"] for key in ours["keys"]]


def test_budgets_are_shown_with_what_is_used_of_them(another: Any, store: Store) -> None:
    project, other = another
    usage = store.of(project).usage
    usage.set_budget(Budget(None, 1_000, 2_500_000_000))
    usage.set_budget(Budget("asst_x", 5, None))
    shown = {each["assistant_id"]: each for each in read(other, "/project")["budgets"]}
    assert shown[None]["tokens"] == {"limit": 1_000, "used": 0}
    assert shown[None]["dollars"] == {"limit": 2.5, "used": 0}
    assert shown["asst_x"]["tokens"] == {"limit": 5, "used": 0} and shown["asst_x"]["dollars"] is None
    assert shown[None]["resets_at"] % 86_400 == 0


def test_deployed_functions_are_listed_as_an_assistant_may_name_them(client: openai.OpenAI, model: str) -> None:
    functions = read(client, "/functions")["data"]
    assert functions and {each["object"] for each in functions} == {"function"}
    named = [{name: each[name] for name in ("module_name", "class_name", "function_name")} for each in functions]
    made: Any = client.beta.assistants.create(model=model, extra_body={"functions": named[:1]})
    assert made.functions[0]["function_name"] == named[0]["function_name"]
    assert all(each["parameters"]["type"] == "object" for each in functions)
