"""Checks the account of a run: prices and rounding, and where its time went."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_engine.domain import accounting, models
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage, Usage
from cdk.configuration import EMBEDDING_MODELS, ENVIRONMENTS
from cdk.model import MODELS, near_end
from tests.support.examples import RUN

TABLE = """{
  "plain": {"input": 0.4, "cached_input": 0.1, "cache_write": null, "output": 1.6, "long_context": [],
            "shutdown_date": "2027-01-14"},
  "plain-2025-04-14": {"input": 1, "cached_input": 1, "cache_write": null, "output": 1, "long_context": [],
                       "shutdown_date": null},
  "tiered": {"input": 0.1, "cached_input": 0.01, "cache_write": 0.125, "output": 0.5, "shutdown_date": null,
             "long_context": [
               {"above": 1000, "input": 0.2, "cached_input": 0.02, "cache_write": 0.25, "output": 0.75},
               {"above": 2000, "input": 0.4, "cached_input": 0.04, "cache_write": 0.5, "output": 1}]},
  "odd": {"input": 0.0375, "cached_input": 0.0001, "cache_write": 0.0001, "output": 0, "long_context": [],
          "shutdown_date": null},
  "free": {"input": 0, "cached_input": 0, "cache_write": 0, "output": 0, "long_context": [], "shutdown_date": null}
}"""


@pytest.fixture(autouse=True)
def prices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    path = tmp_path / "models.json"
    path.write_text(TABLE)
    monkeypatch.setattr(models, "TABLE", path)
    models.table.cache_clear()
    yield
    models.table.cache_clear()


@pytest.mark.parametrize(
    ("model", "usage", "nanodollars"),
    [
        ("plain", Usage(1_000, 100), 560_000),
        ("plain", Usage(1_000, 100, cached_tokens=400), 440_000),
        ("plain", Usage(1_000, 100, reasoning_tokens=90), 560_000),
        ("plain", Usage(1_000, 100, cached_tokens=400, cache_write_tokens=600), 440_000),
        ("plain-2025-04-14", Usage(1_000, 0), 1_000_000),
        ("plain-2026-01-31", Usage(1_000, 0), 400_000),
        ("tiered", Usage(1_000, 100), 150_000),
        ("tiered", Usage(1_000, 100, cached_tokens=300, cache_write_tokens=500), 20_000 + 3_000 + 62_500 + 50_000),
        ("tiered", Usage(1_001, 100), 200_200 + 75_000),
        ("tiered", Usage(2_000, 0, cached_tokens=400, cache_write_tokens=600), 200_000 + 8_000 + 150_000),
        ("tiered", Usage(2_001, 100, cached_tokens=1, cache_write_tokens=1_000), 400_000 + 40 + 500_000 + 100_000),
        ("tiered", Usage(10**9, 0), 4 * 10**11),
        ("odd", Usage(1, 0), 38),
        ("odd", Usage(3, 0), 113),
        ("odd", Usage(4, 0), 150),
        ("odd", Usage(1, 0, cached_tokens=1), 0),
        ("odd", Usage(5, 0, cached_tokens=5), 1),
        ("odd", Usage(5, 0, cached_tokens=3, cache_write_tokens=2), 1),
        ("plain", Usage(10**12, 10**12), 2 * 10**15),
        ("free", Usage(1, 1), 0),
        ("plain", Usage(), 0),
    ],
)
def test_tokens_cost_their_price_rounded_once(model: str, usage: Usage, nanodollars: int) -> None:
    assert models.cost_of(model, usage) == nanodollars


@pytest.mark.parametrize("model", ["plai", "plain-preview", "plain-20250414", "my-plain", ""])
def test_an_unknown_model_is_unpriced_and_not_free(model: str) -> None:
    assert models.cost_of(model, Usage(1, 1)) is None


def test_a_long_prompt_raises_the_price_of_its_own_call_alone() -> None:
    """Two calls of 900 tokens are no prompt of 1,800."""
    run = replace(RUN, settings={"model": "tiered"})
    once = accounting.with_turn(run, Turn([], Usage(900, 10), "in_progress"), None, 0)
    assert once.cost == 95_000
    twice = accounting.with_turn(replace(run, account=once), Turn([], Usage(900, 10), "completed"), None, 0)
    assert accounting.closed(run, twice, Milliseconds(0)).cost == 190_000
    long = accounting.with_turn(replace(run, account=once), Turn([], Usage(1_500, 10), "completed"), None, 0)
    assert accounting.closed(run, long, Milliseconds(0)).cost == 95_000 + 300_000 + 7_500


def test_a_run_that_called_no_model_costs_nothing_if_its_model_has_a_price() -> None:
    for model, cost in (("plain", 0), ("unknown", None)):
        run = replace(RUN, settings={"model": model})
        assert accounting.closed(run, accounting.without_turn(run, None, Milliseconds(0)), Milliseconds(0)).cost == cost


def test_the_table_says_where_its_prices_are_from_and_when_each_model_ends() -> None:
    path = Path(models.__file__).with_name("models.json")
    for name, entry in json.loads(path.read_text()).items():
        assert entry["source"] and date.fromisoformat(entry["date"]) <= date.today(), name
        assert entry["shutdown_date"] is None or date.fromisoformat(entry["shutdown_date"]), name
        tiers = [{**entry, "above": 0}, *entry["long_context"]]
        assert [tier["above"] for tier in tiers] == sorted({tier["above"] for tier in tiers}), name
        for tier in tiers:
            assert 0 <= tier["cached_input"] <= tier["input"], name
            assert tier["cache_write"] is None or tier["cache_write"] >= tier["input"], name


def test_the_models_of_the_configuration_have_a_price_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "TABLE", Path(models.__file__).with_name("models.json"))
    models.table.cache_clear()
    configured = {configuration.model for configuration in ENVIRONMENTS.values()}
    for name in (*configured, EMBEDDING_MODELS["openai"]):
        entry = models.known(name)
        assert entry is not None and entry.shutdown_date is None, name
        assert models.cost_of(name, Usage(1_000, 0)), name


@pytest.mark.parametrize(
    ("model", "today", "said"),
    [
        ("gpt-4.1-mini", date(2026, 10, 15), None),
        ("gpt-4.1-mini", date(2026, 10, 16), "is switched off by its provider on 2027-01-14, in 90 days"),
        ("gpt-4.1-mini-2025-04-14", date(2027, 1, 13), "is switched off by its provider on 2027-01-14, in 1 days"),
        ("gpt-4.1-mini", date(2027, 1, 14), "was switched off by its provider on 2027-01-14: calls of it fail"),
        ("gpt-4.1-mini", date(2030, 1, 1), "was switched off by its provider on 2027-01-14: calls of it fail"),
        ("gpt-6-luna", date(2030, 1, 1), None),
        ("my-own-model", date(2030, 1, 1), None),
    ],
)
def test_a_model_whose_end_is_near_is_named_with_its_day(model: str, today: date, said: str | None) -> None:
    told = near_end(model, today)
    assert told is None if said is None else told is not None and f"The model {model} {said}" in told


def test_synth_and_functions_agree_on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "TABLE", MODELS)
    models.table.cache_clear()
    for name in [*models.table(), "gpt-4.1-2025-04-14", "gpt-4.1-preview", "none"]:
        entry = models.known(name)
        assert (near_end(name, date.max) is not None) == (entry is not None and entry.gone(date.max)), name


counts = st.integers(0, 10**9)
some_accounts = st.builds(
    RunUsage,
    usage=st.builds(Usage, counts, counts, counts, counts, counts),
    model_calls=counts, tool_calls=counts, model_ms=counts, tool_ms=counts, client_ms=counts, engine_ms=counts,
    cost=st.none() | counts,
)  # fmt: skip


@given(some_accounts, some_accounts)
def test_an_account_is_its_figures_and_adding_adds_each(one: RunUsage, other: RunUsage) -> None:
    assert RunUsage.of(one.figures()) == one
    both = one + other
    assert both.usage == one.usage + other.usage
    for name, figure in both.figures().items():
        assert figure == one.figures().get(name, 0) + other.figures().get(name, 0)


def tools(*times: tuple[int, int]) -> ToolStep:
    """A step whose calls took these times, and one that died and told nothing."""
    outputs = {f"c{n}": {"text": "", "began_ms": began, "ended_ms": ended} for n, (began, ended) in enumerate(times)}
    return ToolStep({}, [], [], {**outputs, "died": {"text": "Error"}})


@pytest.mark.parametrize(
    ("step", "milliseconds"),
    [
        (None, 0),
        (tools(), 0),
        (tools((100, 150)), 50),
        (tools((100, 150), (110, 160), (120, 130)), 60),
        (tools((300, 310), (100, 150)), 60),
    ],
)
def test_calls_side_by_side_count_each_moment_once(step: ToolStep | None, milliseconds: int) -> None:
    assert accounting.busy_ms(step) == milliseconds


def test_the_four_times_are_the_run_s_time() -> None:
    run = replace(RUN, settings={"model": "plain"}, created_ms=Milliseconds(1_000))
    asked = accounting.with_turn(run, Turn([], Usage(10, 5), "in_progress", calls=[{}, {}]), None, model_ms=200)
    run = replace(run, turn=1, account=replace(asked, client_ms=300))
    answered = accounting.with_turn(run, Turn([], Usage(20, 5), "completed"), tools((2_000, 2_100)), model_ms=400)
    closed = accounting.closed(run, answered, Milliseconds(2_200))
    assert closed == RunUsage(
        Usage(30, 10), model_calls=2, tool_calls=2, model_ms=600, tool_ms=100, client_ms=300, engine_ms=200, cost=28_000
    )


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ({"asked_ms": 1_500}, RunUsage(model_ms=700, engine_ms=500)),
        ({"waiting_ms": 1_500}, RunUsage(client_ms=700, engine_ms=500)),
        ({}, RunUsage(engine_ms=1_200)),
    ],
)
def test_what_a_run_waited_for_when_it_ended_has_its_time(since: dict[str, int], expected: RunUsage) -> None:
    run = replace(RUN, settings={"model": "unknown"}, created_ms=1_000, **since)  # type: ignore[arg-type]
    assert (
        accounting.closed(run, accounting.without_turn(run, None, Milliseconds(2_200)), Milliseconds(2_200)) == expected
    )
