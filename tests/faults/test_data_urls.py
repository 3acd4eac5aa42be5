"""A `data:` URL in a message is decoded and judged by its bytes, like every other image, before it is stored."""

import base64
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

PIXELS = {
    "image/png": b"\x89PNG\r\n\x1a\n" + bytes(16),
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(16),
    "image/gif": b"GIF89a" + bytes(16),
    "image/webp": b"RIFF\x10\x00\x00\x00WEBP" + bytes(16),
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://169.254.169.254/latest/"/></svg>'


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


PNG = data_url("image/png", PIXELS["image/png"])
REFUSED = {
    "svg": data_url("image/svg+xml", SVG),
    "svg as png": data_url("image/png", SVG),
    "not base64 of svg": "data:image/svg+xml," + SVG.decode(),
    "path": data_url("image/../x", PIXELS["image/png"]),
    "text": data_url("image/png", b"not a png"),
    "empty": "data:image/png;base64,",
    "no data": "data:image/png",
    "no base64": "data:image/png;base64,not base64!",
    "url-safe alphabet": "data:image/png;base64,_-_-",
    "cut": PNG[:-1],
    "trailing": f"{PNG}<svg>",
    "line break": f"{PNG[:40]}\n{PNG[40:]}",
    "another type": data_url("image/png", PIXELS["image/gif"]),
    "bitmap": data_url("image/bmp", b"BM" + bytes(16)),
    "parameter": PNG.replace(";base64", ";x=y;base64"),
    "upper case": PNG.replace("image/png", "image/PNG"),
}


def message(url: str) -> Json:
    return {
        "role": "user",
        "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": url}}],
    }


@pytest.mark.parametrize("name", REFUSED)
def test_a_data_url_that_is_no_image_is_a_400_that_names_it(api: httpx2.Client, name: str) -> None:
    made = api.post("threads", json={}).json()["id"]
    bad, at = message(REFUSED[name]), "content[1].image_url.url"
    requests: list[tuple[str, Any, str]] = [
        (f"threads/{made}/messages", bad, at),
        ("threads", {"messages": [bad]}, f"messages[0].{at}"),
        (
            f"threads/{made}/runs",
            {"assistant_id": "asst_1", "additional_messages": [bad]},
            f"additional_messages[0].{at}",
        ),
    ]
    for path, body, param in requests:
        answer = api.post(path, json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["param"] == param
        assert param in error["message"] and "169.254" not in error["message"]
    assert api.get(f"threads/{made}/messages").json()["data"] == []


@pytest.mark.parametrize("kind", PIXELS)
def test_an_image_is_kept_letter_by_letter(api: httpx2.Client, kind: str) -> None:
    url = data_url(kind, PIXELS[kind])
    made = api.post("threads", json={}).json()["id"]
    answer = api.post(f"threads/{made}/messages", json=message(url))
    assert answer.status_code == 200, answer.text
    assert answer.json()["content"][1]["image_url"]["url"] == url
    jpg = url.replace("image/jpeg", "image/jpg")
    assert api.post(f"threads/{made}/messages", json=message(jpg)).status_code == 200


def test_a_run_request_with_a_data_url_that_is_no_image_writes_nothing(driver: Driver) -> None:
    request = {"assistant_id": driver.assistant(), "additional_messages": [message(REFUSED["svg"])]}
    described = driver.wait(driver.start(request))
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
    assert "additional_messages[0].content[1].image_url.url" in described["cause"]
