"""`client.files` against the running stack."""

import os
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import FileObject

MEGABYTE = 1_000_000
PURPOSES = ("assistants", "vision", "batch", "fine-tune", "user_data", "evals")


@pytest.fixture
def file(client: openai.OpenAI) -> Iterator[FileObject]:
    created = client.files.create(file=("prices.csv", b"symbol,price\nACME,10\n"), purpose="assistants")
    yield created
    client.files.delete(created.id)


def test_an_uploaded_file_is_there_in_the_next_call(client: openai.OpenAI, file: FileObject) -> None:
    assert file.id.startswith("file-")
    assert (file.object, file.filename, file.bytes) == ("file", "prices.csv", 21)
    assert (file.purpose, file.status, file.expires_at) == ("assistants", "processed", None)
    assert abs(time.time() - file.created_at) < 60
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == b"symbol,price\nACME,10\n"


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\r\n--boundary--\r\n", "größer".encode()], ids=["none", "binary", "text"]
)
def test_bytes_and_names_come_back_as_they_were(client: openai.OpenAI, data: bytes) -> None:
    created = client.files.create(file=("Übersicht 2024.txt", data), purpose="user_data")
    assert (created.filename, created.bytes) == ("Übersicht 2024.txt", len(data))
    answer = client.files.content(created.id)
    assert answer.content == data
    assert "2024.txt" in answer.response.headers["content-disposition"]


def test_content_of_any_size_is_one_answer(client: openai.OpenAI) -> None:
    data = os.urandom(4 * MEGABYTE)
    uploaded = client.uploads.upload_file_chunked(
        file=data * 3,
        filename="large.bin",
        bytes=3 * len(data),
        mime_type="application/octet-stream",
        purpose="assistants",
        part_size=4_000_000,
    )
    assert uploaded.file
    answer = client.files.content(uploaded.file.id)
    assert answer.response.history == []
    assert answer.content == data * 3


def test_a_body_over_the_limit_is_told_of_uploads(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="/v1/uploads") as refused:
        client.files.create(file=("huge.bin", bytes(4_500_000)), purpose="assistants")
    assert refused.value.status_code == 413


def test_a_deleted_file_is_gone(client: openai.OpenAI) -> None:
    created = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    deleted = client.files.delete(created.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (created.id, "file", True)
    for work in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {created.id}"):
            work(created.id)


def test_files_are_listed_by_purpose_and_page_by_page(client: openai.OpenAI) -> None:
    before = client.files.create(file=("0.txt", b"0"), purpose="assistants").id
    names = [client.files.create(file=(f"{n}.txt", b"x"), purpose="fine-tune").id for n in range(5)]
    try:
        ascending = client.files.list(purpose="fine-tune", order="asc", after=before, limit=2)
        assert [file.id for file in ascending] == names  # The iterator asks for page after page.
        first = client.files.list(purpose="fine-tune", limit=2)
        assert [file.id for file in first.data] == names[:-3:-1]
        assert first.has_more
        raw = client.files.with_raw_response.list(purpose="fine-tune", limit=2).http_response.json()
        assert set(raw) == {"object", "data", "first_id", "last_id", "has_more"}
        # The package's own type knows not every purpose, and other tests leave files of each.
        everything = client.files.with_raw_response.list().http_response.json()
        assert before in [file["id"] for file in everything["data"]]
        assert client.files.list(purpose="nobody's").data == []
    finally:
        for name in [before, *names]:
            client.files.delete(name)


def test_every_purpose_is_taken_and_batch_files_expire(client: openai.OpenAI) -> None:
    for purpose in PURPOSES:
        # The package's own type of an answer does not know all that its type of a request does.
        answer = client.files.with_raw_response.create(file=("a.jsonl", b"{}"), purpose=purpose)  # type: ignore[arg-type]
        created = answer.http_response.json()
        assert created["purpose"] == purpose
        assert ("expires_at" in created) == (purpose == "batch")


def test_a_file_may_expire(client: openai.OpenAI) -> None:
    created = client.files.create(
        file=("a.txt", b"a"), purpose="assistants", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert created.expires_at == created.created_at + 3600
    assert client.files.retrieve(created.id) == created


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Missing required parameter: 'purpose'"),
        ({"purpose": "fun"}, "Invalid value: 'fun'. Supported values are: 'assistants'"),
        ({"purpose": "vision", "colour": "red"}, "Unknown parameter: 'colour'"),
        ({"purpose": "vision", "expires_after[seconds]": "60"}, "'expires_after.anchor'"),
        ({"purpose": "vision", "expires_after[anchor]": "created_at", "expires_after[seconds]": "60"}, ">= 3600"),
    ],
)
def test_wrong_fields_are_refused(client: openai.OpenAI, fields: dict[str, str], message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        client.post("/files", cast_to=object, body=fields, files={"file": ("a.txt", b"a")},
                    options={"headers": {"Content-Type": "multipart/form-data"}})  # fmt: skip


def test_what_is_no_form_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="multipart/form-data"):
        client.post("/files", cast_to=object, body={"purpose": "assistants"})


def test_the_same_idempotency_key_means_the_same_file(client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": f"files-{time.time_ns()}"}
    create = client.files.create
    first = create(file=("a.txt", b"a"), purpose="assistants", extra_headers=headers)
    assert create(file=("a.txt", b"a"), purpose="assistants", extra_headers=headers) == first
    with pytest.raises(openai.ConflictError):
        create(file=("a.txt", b"b"), purpose="assistants", extra_headers=headers)


@pytest.mark.parametrize("file_id", ["file-none", "file-" + "x" * 300, "thread_1", "a%20b"])
def test_unknown_ids_are_not_found(client: openai.OpenAI, file_id: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file_id)


IMAGE = {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "file-none"}}]}
ATTACHMENT = {"role": "user", "content": "x", "attachments": [{"file_id": "file-none"}]}
RESOURCES = {"code_interpreter": {"file_ids": ["file-none"]}}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/assistants", {"model": "m", "tool_resources": RESOURCES}, "tool_resources.code_interpreter.file_ids[0]"),
        ("/threads", {"tool_resources": RESOURCES}, "tool_resources.code_interpreter.file_ids[0]"),
        ("/threads", {"messages": [IMAGE]}, "messages[0].content[0].image_file.file_id"),
        ("/threads/{thread_id}", {"tool_resources": RESOURCES}, "tool_resources.code_interpreter.file_ids[0]"),
        ("/threads/{thread_id}/messages", IMAGE, "content[0].image_file.file_id"),
        ("/threads/{thread_id}/messages", ATTACHMENT, "attachments[0].file_id"),
        (
            "/threads/{thread_id}/runs",
            {"assistant_id": "asst_1", "additional_messages": [ATTACHMENT]},
            "additional_messages[0].attachments[0].file_id",
        ),
        (
            "/threads/runs",
            {"assistant_id": "asst_1", "thread": {"messages": [IMAGE]}},
            "thread.messages[0].content[0].image_file.file_id",
        ),
        (
            "/threads/runs",
            {"assistant_id": "asst_1", "tool_resources": RESOURCES},
            "tool_resources.code_interpreter.file_ids[0]",
        ),
    ],
)
def test_a_request_that_names_a_file_that_is_not_there_is_refused(
    client: openai.OpenAI, path: str, body: Any, param: str
) -> None:
    thread = client.beta.threads.create()
    with pytest.raises(openai.BadRequestError, match="No such File object: file-none") as refused:
        client.post(path.format(thread_id=thread.id), cast_to=object, body=body)
    assert refused.value.param == param
