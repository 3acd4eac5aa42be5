"""Checks from outside that what a function streams reaches its client when it is written."""

import http.client
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from local import emulator
from tests.support.functions import Deployed, deploy, function
from tests.support.rest_api import WRAPPER, address, ask, integration, permission, rest_api, shaped, streaming_layer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an answer is whole before it is sent")

Client = Callable[..., Any]

CODE = """
import os, time

def chunks(path):
    for number in range(3):
        yield f"{number} ".encode()
        if path == "/breaks" and number: raise ValueError("it is broken")
        if path == "/dies" and number: os._exit(1)
        time.sleep(0.3 if path == "/slow" else 0)

def handler(event, context):
    if event["path"] == "/fails": raise ValueError("it is broken")
    body = "whole" if event["path"] == "/whole" else chunks(event["path"])
    return {"statusCode": 203, "headers": {"content-type": "text/plain", "x-mine": "1"}, "body": body}
"""


@pytest.fixture(scope="module")
def deployed(client: Client) -> Deployed:
    """An API whose every path is streamed by a function."""
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER}}
    stream = {"ResponseTransferMode": "STREAM", "TimeoutInMillis": 900_000}
    resources = {
        "Function": function(CODE, Layers=[streaming_layer(client)], Environment=variables),
        "Permission": permission("Function"),
        **rest_api(
            {"ANY /{proxy+}": {"Integration": integration("Function", **stream)}},
            {"DEFAULT_5XX": {"ResponseTemplates": shaped("mine")}},
        ),
    }
    return deploy(client, resources)


@pytest.fixture(scope="module")
def api(deployed: Deployed) -> Client:
    return deployed.client


def arriving(api: Client, path: str) -> Iterator[tuple[float, bytes]]:
    """The pieces of an answer, each with the seconds that it took to arrive."""
    start = time.monotonic()
    with urlopen(address(api, path), timeout=30) as answer:  # noqa: S310
        while piece := answer.read1():
            yield time.monotonic() - start, piece


def test_a_streamed_answer_has_the_function_s_status_and_headers(api: Client) -> None:
    status, headers, body = ask(api, "/x")
    assert (status, headers["content-type"], headers["x-mine"], body) == (203, "text/plain", "1", b"0 1 2 ")
    assert headers["transfer-encoding"] == "chunked"
    assert ask(api, "/whole")[2] == b"whole"


def test_a_function_starts_through_its_wrapper_as_well(api: Client, directory: Path) -> None:
    with emulator.fresh_starts(directory), ThreadPoolExecutor(2) as pool:
        assert set(pool.map(lambda _: ask(api, "/slow")[2], range(2))) == {b"0 1 2 "}


def test_a_piece_arrives_when_it_is_written(api: Client) -> None:
    ask(api, "/x")
    pieces = list(arriving(api, "/slow"))
    assert [piece for _, piece in pieces] == [b"0 ", b"1 ", b"2 "]
    assert pieces[0][0] < 0.25 and pieces[1][0] - pieces[0][0] > 0.2 and pieces[2][0] - pieces[1][0] > 0.2


def test_what_fails_before_the_first_byte_is_a_gateway_response(api: Client) -> None:
    status, _, body = ask(api, "/fails")
    assert (status, body) == (502, b'{"error": {"message": "mine"}}')


@pytest.mark.parametrize("path", ["/breaks", "/dies"])
def test_what_fails_later_is_cut_off(api: Client, path: str) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(api, path)
    assert ask(api, "/x")[2] == b"0 1 2 "


def test_a_function_runs_on_when_its_client_is_gone(api: Client, deployed: Deployed) -> None:
    parts = urlsplit(address(api, "/slow"))
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
    connection.request("GET", parts.path)
    connection.getresponse().read1()
    connection.close()
    time.sleep(1)
    assert ask(api, "/x")[2] == b"0 1 2 "
    assert not [line for line in deployed.log("Function") if "rror" in line and "Nobody" in line]


def test_thirty_streams_are_open_at_once(api: Client) -> None:
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: ask(api, "/slow")[2], range(30)))
    assert set(answers) == {b"0 1 2 "}


def test_an_ordinary_invocation_gets_the_answer_as_it_was_written(deployed: Deployed) -> None:
    event = {"path": "/x", "requestContext": {}}
    answer = deployed.invoke("Function", event)
    assert answer.endswith("\0" * 8 + "0 1 2 ")
