"""Checks that a web page in the developer's own browser can do nothing to the local stack."""

import http.server
import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from local import offline_model
from tests.support.console import chromium
from tests.support.front_door import BUCKET, FUNCTION, SECRET, WORTH, Embedded, filled
from tests.support.loopback_server import serving

pytestmark = pytest.mark.browser

REBOUND = "rebound.example"
FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return { type: answer.type, status: answer.status, text: await answer.text() };
    } catch (error) {
        return { type: "error", status: 0, text: String(error) };
    }
}"""


class _Site(http.server.BaseHTTPRequestHandler):
    """A site of somebody else."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>A nice page</title><iframe name=hidden></iframe>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with filled(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of a page of somebody else."""
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)) as origin:
        yield origin


@pytest.fixture(scope="module")
def page(site: str) -> Iterator[Page]:
    """A page of somebody else, in a browser in which a name of theirs leads to the loopback."""
    with chromium(f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as browser:
        yield browser.new_page()


@pytest.fixture(autouse=True)
def visit(page: Page, site: str, embedded: Embedded) -> Iterator[None]:
    """Begin each test at the foreign page; at its end the stack holds what it held."""
    page.goto(site)
    yield
    assert embedded.functions() == [FUNCTION]
    secret = embedded.client("secretsmanager").get_secret_value(SecretId=SECRET)
    assert secret["SecretString"] == WORTH


def _fetch(page: Page, url: str, **options: Any) -> Any:
    return page.evaluate(FETCH, [url, options])


def _secret(embedded: Embedded) -> dict[str, Any]:
    """A request for the secret, signed as only a program with the key can."""
    body = json.dumps({"SecretId": SECRET})
    headers = embedded.signed(
        *("POST", "/", body.encode(), "secretsmanager"),
        X_Amz_Target="secretsmanager.GetSecretValue",
        Content_Type="application/x-amz-json-1.1",
    )
    return {"method": "POST", "headers": headers, "body": body}


def _function(embedded: Embedded) -> dict[str, Any]:
    [role] = embedded.client("iam").list_roles()["Roles"]
    code = {"Handler": "index.handler", "Runtime": "python3.13", "Code": {"ZipFile": ""}}
    body = json.dumps({"FunctionName": "foreign", "Role": role["Arn"], **code})
    headers = embedded.signed("POST", "/2015-03-31/functions", body.encode(), "lambda", Content_Type="application/json")
    return {"method": "POST", "headers": headers, "body": body}


def test_a_page_reads_no_secret(page: Page, embedded: Embedded) -> None:
    for url in (embedded.url, f"http://localhost:{embedded.port}"):
        answer = _fetch(page, url + "/", **_secret(embedded))
        assert answer["type"] == "error" and WORTH not in answer["text"]


def test_a_page_reads_no_object_even_by_a_signed_address(page: Page, embedded: Embedded) -> None:
    url = embedded.client("s3").generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a letter"})
    assert _fetch(page, url)["type"] == "error"
    with page.expect_response(url) as shown:
        page.evaluate("url => { window.frames.hidden.location = url }", url)
    assert shown.value.status == 403


def test_a_page_creates_no_function(page: Page, embedded: Embedded) -> None:
    path = "/2015-03-31/functions"
    assert _fetch(page, embedded.url + path, **_function(embedded))["type"] == "error"
    # Without a preflight, in the way that a page can ask without being able to read.
    body = _function(embedded)["body"]
    assert _fetch(page, embedded.url + path, method="POST", body=body, mode="no-cors")["type"] == "opaque"


def test_a_page_resets_nothing(page: Page, embedded: Embedded) -> None:
    url = f"{embedded.url}/_ministack/reset"
    assert _fetch(page, url, method="POST")["type"] == "error"
    assert _fetch(page, url, method="POST", mode="no-cors")["type"] == "opaque"
    with page.expect_response("**/_ministack/reset") as posted:
        page.evaluate(
            """url => {
                const form = document.createElement("form");
                Object.assign(form, { method: "POST", action: url, target: "hidden" });
                document.body.append(form);
                form.submit();
            }""",
            url,
        )
    assert posted.value.status == 403


@pytest.mark.parametrize("path", ["health", "ready", f"lambda-code/{FUNCTION}", "sqs/messages", "ses/messages"])
def test_a_page_reads_nothing_of_the_emulators_own(page: Page, embedded: Embedded, path: str) -> None:
    url = f"{embedded.url}/_ministack/{path}"
    assert _fetch(page, url)["type"] == "error"
    with page.expect_response(url) as shown:
        page.evaluate("url => { window.frames.hidden.location = url }", url)
    assert shown.value.status == 403


def test_a_rebound_host_is_refused(page: Page, embedded: Embedded) -> None:
    """The page's own name leads to the loopback now: for the browser, all of the stack is the page's own site."""
    for path in ("/", "/_ministack/ready", embedded.api):
        opened = page.goto(f"http://{REBOUND}:{embedded.port}{path}")
        assert opened and opened.status == 403
        for asked in ("/_ministack/health", f"/_ministack/lambda-code/{FUNCTION}", embedded.api):
            assert _fetch(page, asked)["status"] == 403
        assert _fetch(page, "/_ministack/reset", method="POST")["status"] == 403
        assert _fetch(page, "/", **_secret(embedded))["status"] == 403


def test_a_page_reads_the_api_by_its_own_cors_rules_alone(page: Page, embedded: Embedded) -> None:
    url = embedded.url + embedded.api
    asked = {"headers": {"Authorization": "Bearer sk-oae-1"}}
    assert _fetch(page, url)["type"] == _fetch(page, url, **asked)["type"] == "error"
    assert json.loads(_fetch(page, f"{url}/open", **asked)["text"]) == {"told": "to anyone"}


def test_a_page_asks_no_model(page: Page, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("model")
    port = offline_model.start(directory, preferred_port=0)
    try:
        assert _fetch(page, f"http://127.0.0.1:{port}/v1/models")["type"] == "error"
        opened = page.goto(f"http://{REBOUND}:{port}/v1/models")
        assert opened and opened.status == 403
    finally:
        offline_model.stop(directory)
