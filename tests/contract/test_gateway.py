"""Checks the API under both of its names, and what API Gateway answers for it, as clients see it."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import openai
import pytest


def test_clients_of_azure_reach_the_same_api(client: openai.OpenAI, azure: openai.AzureOpenAI, model: str) -> None:
    assert "/openai/" in str(azure.base_url)
    made = azure.beta.assistants.create(model=model, name="Ada")
    assert client.beta.assistants.retrieve(made.id).name == "Ada"
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = azure.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=made.id)
    assert run.status == "completed"
    assert len(azure.beta.threads.messages.list(thread.id).data) == 2
    assert azure.beta.assistants.delete(made.id).deleted


def test_clients_of_azure_see_an_answer_as_it_is_written(azure: openai.AzureOpenAI, model: str) -> None:
    made = azure.beta.assistants.create(model=model)
    with azure.beta.threads.create_and_run_stream(
        assistant_id=made.id, thread={"messages": [{"role": "user", "content": "say One, two, three."}]}
    ) as stream:
        texts = list(stream.text_deltas)
        run = stream.current_run
    assert "".join(texts) == "One, two, three." and len(texts) > 1
    assert run and run.status == "completed"


def test_clients_of_azure_send_and_fetch_files(azure: openai.AzureOpenAI) -> None:
    data = bytes(range(256)) * 1_000
    created = azure.files.create(file=("all.bin", data), purpose="assistants")
    assert azure.files.content(created.id).content == data
    azure.files.delete(created.id)


def test_clients_of_azure_are_told_what_is_wrong(azure: openai.AzureOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No assistant found"):
        azure.beta.assistants.retrieve("asst_none")
    with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(GET /openai/nothing\)"):
        azure.get("/nothing", cast_to=object)
    with pytest.raises(openai.AuthenticationError):
        azure.with_options(api_key="sk-oae-none").beta.assistants.list()


@pytest.mark.parametrize("name", ["docs", "openapi.json"])
def test_the_description_is_below_both_names(azure: openai.AzureOpenAI, client: openai.OpenAI, name: str) -> None:
    texts = {httpx2.get(f"{str(one.base_url).rstrip('/')}/{name}").text for one in (azure, client)}
    assert len(texts) == 1


def test_a_request_with_an_idempotency_key_is_the_same_under_both_names(
    client: openai.OpenAI, azure: openai.AzureOpenAI
) -> None:
    headers = {"Idempotency-Key": "under-both-names"}
    made = [one.beta.threads.create(extra_headers=headers).id for one in (client, azure)]
    assert made[0] == made[1]


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
RUN = "/threads/thread_1/runs/run_1"
PATHS = [
    *("/threads", "/threads/runs", "/threads/thread_1", "/threads/thread_1/runs", RUN, f"{RUN}/submit_tool_outputs"),
    *(f"{RUN}/steps/x/y", "/threads/runs/x/y", "/files", "/files/file-1", "/files/file-1/content", "/files/file-1/x"),
    *("/files/file-1/content/x", "/", "", "/x/y", "/threads/thread_1/messages", "/threads/thread_1/x/y/z"),
    *("/threads/a%2Fb/runs", "/threads/%20", "/models/a%2Fb"),
]


def test_every_path_and_method_is_answered_in_the_shape_of_errors(client: openai.OpenAI, api_key: str) -> None:
    """Whichever resource of the gateway a path is led to, and whichever function that calls."""
    base = str(client.base_url).rstrip("/")
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    def ask(method: str, path: str) -> None:
        answer = httpx2.request(method, base + path, headers=headers, content=b"{}", timeout=60)
        assert answer.headers["x-request-id"], (method, path)
        assert answer.status_code in (200, 400, 404, 405), (method, path, answer.text)
        if answer.status_code == 405:
            assert method not in answer.headers["allow"]
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, (method, path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: ask(*one), [(method, path) for method in METHODS for path in PATHS]))


def test_what_the_gateway_refuses_has_the_shape_of_errors(client: openai.OpenAI, api_key: str) -> None:
    base = str(client.base_url).rstrip("/")
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
    for body, path in ((b'"' + b"\\\\" * 3_300_000 + b'"', "/threads"), (b"x" * 10_600_000, "/threads/runs")):
        answer = httpx2.post(base + path, headers=headers, content=body, timeout=60)
        assert answer.status_code == 413
        assert answer.headers["x-request-id"] and answer.headers["content-type"] == "application/json"
        error = answer.json()["error"]
        assert error["code"] == "request_too_large" and "/v1/uploads" in error["message"]
    form = {"Content-Type": "multipart/form-data; boundary=x", "Authorization": f"Bearer {api_key}"}
    assert httpx2.post(f"{base}/files", headers=form, content=b"x" * 4_900_000, timeout=60).status_code == 413


def test_a_request_with_too_long_a_head_is_refused(client: openai.OpenAI, api_key: str) -> None:
    """API Gateway takes 10,240 bytes of request line and header values."""
    url, key = f"{client.base_url}assistants", {"Authorization": f"Bearer {api_key}"}
    assert httpx2.get(url, headers={**key, "X-Trace": "a" * 9_000}).status_code == 200
    assert httpx2.get(url, headers={**key, "X-Trace": "a" * 10_240}).status_code == 431
    assert httpx2.get(url, headers=key, params={"after": "a" * 10_240}).status_code == 431


def test_a_method_that_http_does_not_know_is_an_error_like_others(client: openai.OpenAI, api_key: str) -> None:
    answer = httpx2.request("PURGE", f"{client.base_url}threads", headers={"Authorization": f"Bearer {api_key}"})
    assert answer.status_code == 404
    assert json.loads(answer.text)["error"]["code"] == "unknown_url"
