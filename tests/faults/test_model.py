"""A model that is busy, broken, slow or gone: the run waits and tries again while it may, then ends as it should."""

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from itertools import repeat
from typing import Any

import pytest

from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.runtime.clock import now_ms
from tests.support.driver import Driver
from tests.support.model_server import Behaviour, ModelServer, failure

pytestmark = pytest.mark.offline_model

FAILED = {"status": "failed", "error": {"code": "server_error", "message": "Sorry."}, "output": []}
PASSING = {
    **{str(status): failure(status) for status in (429, 500)},
    "html": Behaviour(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>"),
    "failed": Behaviour(body=FAILED),
    "refused": Behaviour(close="before"),
    "cut": Behaviour(close="within"),
}
"""What may pass: the answer is another one when the model is asked again."""

EXPIRES_AFTER = 6
"""Seconds: time enough to ask the model once while all the others do."""


@pytest.fixture
def marker() -> str:
    """A text that stands in the requests of one test's run alone."""
    return f"marker-{uuid.uuid4()}"


@dataclass(frozen=True)
class Begun:
    """A run that takes some seconds, and a text that only its own requests contain."""

    run: Run
    marker: str


@pytest.fixture(scope="module")
def begun(driver: Driver, model_server: ModelServer) -> dict[str, Begun]:
    """Begin the runs that wait, all at once, so that the tests wait for them once; return them by their faults.

    The second test of the file begins them: functions that never ran yet might start too late for those that expire.
    """

    def until_a_date() -> Iterator[Behaviour]:
        yield failure(503, retry_after=formatdate(time.time() + 5, usegmt=True))

    faults: dict[str, tuple[Iterable[Behaviour], str]] = {
        "never": (repeat(Behaviour(silent=True)), "say"),
        "trickle": (repeat(Behaviour(trickle=0.5)), "say"),
        "slow": ([Behaviour(delay=5)], "say"),
        "seconds": ([failure(503, retry_after="4")], "say"),
        "milliseconds": ([failure(429, retry_after_ms="3500", retry_after="1")], "say"),
        "date": (until_a_date(), "say"),
        "twice": ([failure(429), Behaviour(close="within")], "call get_stock_price {}\nsay"),
    }
    made = {}
    for name, (behaviours, text) in faults.items():
        marker = f"marker-{uuid.uuid4()}"
        model_server.when(marker, behaviours)
        more = {"expires_after": EXPIRES_AFTER} if name in ("never", "trickle") else {}
        made[name] = Begun(driver.begin(f"{text} {marker}", **more), marker)
    return made


def test_what_may_pass_is_tried_again(driver: Driver, model_server: ModelServer, marker: str) -> None:
    for name, fault in PASSING.items():
        model_server.when(f"{marker}-{name}", [fault])
    begun = {name: driver.begin(f"say {marker}-{name}") for name in PASSING}
    for name, run in begun.items():
        run = driver.ended(run, "completed")
        assert (run.attempts, run.turn, run.last_error) == (2, 1, None), name
        assert [message["role"] for message in driver.messages(run.thread_id)] == ["user", "assistant"]
        assert driver.states(driver.execution(run)).count("backoff") == 1
        _, stored = model_server.requests(f"{marker}-{name}")
        assert run.usage.api().items() >= {"total_tokens": stored.answer["usage"]["total_tokens"]}.items(), name


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(("status", "code"), [(429, "rate_limit_exceeded"), (503, "server_error")])
def test_a_wait_that_the_deadline_would_cut_fails_the_run_at_once(
    driver: Driver, model_server: ModelServer, marker: str, status: int, code: str
) -> None:
    """Waiting would change nothing: the model said that it does not answer before, and the caller learns it now."""
    model_server.when(marker, repeat(failure(status, retry_after="601")))
    run = driver.ended(driver.begin(f"say {marker}", expires_after=600), "failed")
    assert run.last_error == {"code": code, "message": f"The model server fails with {status}."}
    assert run.failed_at is not None
    assert run.failed_at < run.expires_at
    assert run.attempts == len(model_server.requests(marker)) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (failure(429), "rate_limit_exceeded"),
        (failure(500), "server_error"),
        (Behaviour(close="before"), "server_error"),
    ],
    ids=["429", "500", "refused"],
)
def test_a_model_that_stays_busy_fails_the_run(
    driver: Driver, model_server: ModelServer, marker: str, fault: Behaviour, code: str
) -> None:
    model_server.when(marker, repeat(fault))
    run = driver.created(f"say {marker}")
    for _ in range(10):  # Calls whose worker died with the answer count like those that the model refused.
        run, _ = driver.store.transitions.begin_attempt(run, now_ms())
    driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    run = driver.ended(run, "failed")
    assert run.last_error is not None
    assert run.last_error["code"] == code
    assert (run.attempts, run.turn, len(model_server.requests(marker))) == (11, 0, 1)
    assert driver.wait(driver.execution(run))["error"] == code


def test_a_request_that_the_model_rejects_fails_at_once(driver: Driver, model_server: ModelServer, marker: str) -> None:
    filtered = {"status": "failed", "error": {"code": "invalid_image", "message": "No image."}, "output": []}
    rejections = {
        **{str(status): failure(status) for status in (400, 404, 413, 422)},
        "filter": failure(400, "content_filter"),
        "image": Behaviour(body=filtered),
    }
    for name, rejection in rejections.items():
        model_server.when(f"{marker}-{name}", repeat(rejection))
    begun = {name: driver.begin(f"say {marker}-{name}") for name in rejections}
    for name, run in begun.items():
        run = driver.ended(run, "failed")
        assert run.last_error == {
            "code": "invalid_prompt",
            "message": rejections[name].body["error"]["message"],
        }
        assert run.attempts == len(model_server.requests(f"{marker}-{name}")) == 1, name


def test_a_quota_that_is_used_up_fails_at_once(driver: Driver, model_server: ModelServer, marker: str) -> None:
    model_server.when(marker, repeat(failure(429, "insufficient_quota")))
    run = driver.ended(driver.begin(f"say {marker}"), "failed")
    assert run.last_error is not None
    assert run.last_error["code"] == "rate_limit_exceeded"
    assert run.attempts == len(model_server.requests(marker)) == 1


def test_a_run_on_a_model_that_is_gone_says_so(driver: Driver, model_server: ModelServer, marker: str) -> None:
    words = "The model `o4-mini` has been deprecated."
    gone = Behaviour(404, {}, {"error": {"message": words, "param": None, "code": "model_not_found"}})
    model_server.when(marker, repeat(gone))
    named = {name: driver.begin(f"say {marker}", model=name) for name in ("o4-mini", "my-deployment")}
    ended = {name: driver.ended(run, "failed") for name, run in named.items()}
    for name, run in ended.items():
        assert run.last_error is not None
        assert run.last_error["code"] == "invalid_prompt"
        assert f"The model '{name}' " in run.last_error["message"] and words in run.last_error["message"]
        assert run.attempts == 1
    assert "was switched off by its provider on 2026-10-23" in (ended["o4-mini"].last_error or {})["message"]
    assert "does not exist at the model's provider" in (ended["my-deployment"].last_error or {})["message"]
    assert len(model_server.requests(marker)) == 2


def test_a_temperature_that_the_model_does_not_take_fails_no_run(
    driver: Driver, model_server: ModelServer, marker: str
) -> None:
    def refusing(name: str) -> Behaviour:
        words = f"Unsupported parameter: '{name}' is not supported with this model."
        return Behaviour(400, {}, {"error": {"message": words, "param": name, "code": None}})

    model_server.when(marker, [refusing("temperature"), refusing("top_p")])
    run = driver.begin(f"say {marker}", model=f"reasons-{marker}", temperature=0.2, top_p=0.5)
    run = driver.ended(run, "completed")
    assert (run.settings["temperature"], run.settings["top_p"], run.attempts) == (0.2, 0.5, 1)
    sent = [{"temperature", "top_p"} & set(request.body) for request in model_server.requests(marker)]
    assert sent == [{"temperature", "top_p"}, {"top_p"}, set()]


def test_each_call_names_its_run_turn_and_attempt(
    driver: Driver, model_server: ModelServer, begun: dict[str, Begun]
) -> None:
    run, marker = begun["twice"].run, begun["twice"].marker
    driver.ended(run, "completed")
    named = [request.request_id for request in model_server.requests(marker)]
    assert named == [f"{run.id}/{numbers}" for numbers in ("0/1", "0/2", "0/3", "1/4")]


def test_retry_after_is_honoured_in_each_of_its_forms(
    driver: Driver, model_server: ModelServer, begun: dict[str, Begun]
) -> None:
    for form in ("seconds", "milliseconds", "date"):
        driver.ended(begun[form].run, "completed")
        first, second = model_server.requests(begun[form].marker)
        assert second.received_at - first.received_at >= 3.5, form


def test_a_model_that_never_answers_lets_the_run_expire(
    driver: Driver, model_server: ModelServer, begun: dict[str, Begun]
) -> None:
    run = driver.ended(begun["never"].run, "expired")
    assert (run.attempts, run.turn, run.last_error) == (1, 0, None)
    [request] = model_server.requests(begun["never"].marker)
    assert request.outcome in ("open", "dropped")


def test_an_answer_that_trickles_in_lets_the_run_expire(driver: Driver, begun: dict[str, Begun]) -> None:
    run = driver.ended(begun["trickle"].run, "expired")
    assert (run.attempts, run.turn, len(driver.messages(run.thread_id))) == (1, 0, 1)


def test_a_slow_answer_is_waited_for(driver: Driver, begun: dict[str, Begun]) -> None:
    run = driver.ended(begun["slow"].run, "completed")
    assert (run.attempts, run.turn) == (1, 1)


@pytest.fixture
def rotated_key(driver: Driver, begun: dict[str, Begun]) -> Iterator[Any]:
    """Puts another key into the secret when it is called, and gives it; the old one is put back afterwards.

    An environment that is busy with another run meanwhile would keep the old one.
    """
    for each in begun.values():
        driver.until(each.run, *TERMINAL)
    secrets, name, old = driver.client("secretsmanager"), driver.outputs["ModelSecret"], driver.model_key()
    new = f"sk-{uuid.uuid4()}"

    def rotate() -> str:
        secrets.put_secret_value(SecretId=name, SecretString=f"{new}\n")
        return new

    yield rotate
    secrets.put_secret_value(SecretId=name, SecretString=old)


@pytest.mark.parametrize("status", [401, 403])
def test_a_rotated_key_is_read_again(
    driver: Driver, model_server: ModelServer, marker: str, rotated_key: Any, status: int
) -> None:
    """The key changes while the first call is on its way."""
    new = []

    def rotating() -> Iterator[Behaviour]:
        new.append(rotated_key())
        yield failure(status)

    model_server.when(marker, rotating())
    run = driver.ended(driver.begin(f"say {marker}"), "completed")
    refused, answered = model_server.requests(marker)
    assert answered.headers["authorization"] == f"Bearer {new[0]}" != refused.headers["authorization"]
    assert (run.attempts, run.turn) == (1, 1)


def test_a_key_that_is_refused_is_read_again_once(
    driver: Driver, model_server: ModelServer, marker: str, rotated_key: Any
) -> None:
    def rotating() -> Iterator[Behaviour]:
        rotated_key()
        yield from repeat(failure(401))

    model_server.when(marker, rotating())
    run = driver.ended(driver.begin(f"say {marker}"), "failed")
    assert run.last_error is not None
    assert run.last_error["code"] == "server_error"
    assert (run.attempts, len(model_server.requests(marker))) == (1, 2)
    # A key that the secret still holds is not tried again.
    model_server.when(marker, repeat(failure(401)))
    driver.ended(driver.begin(f"say {marker}"), "failed")
    assert len(model_server.requests(marker)) == 3


def test_a_server_that_repeats_the_key_is_not_quoted(driver: Driver, model_server: ModelServer, marker: str) -> None:
    def repeating(status: int) -> Iterator[Behaviour]:
        while True:
            given = model_server.requests(f"{marker}-{status}")[-1].headers["authorization"]
            yield Behaviour(status, {"retry-after": "1000"}, {"error": {"message": f"There is no key {given}."}})

    for status in (400, 401, 500):
        model_server.when(f"{marker}-{status}", repeating(status))
        run = driver.ended(driver.begin(f"say {marker}-{status}"), "failed")
        assert run.last_error is not None
        assert "There is no key" not in run.last_error["message"]
        assert driver.model_key() not in run.last_error["message"]
