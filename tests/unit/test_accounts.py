"""What a run has taken: prices and rounding, and where its time went."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_engine import accounts
from assistant_engine.prices import cost_of
from assistant_engine.records import Account, ToolStep, Turn, Usage
from cdk.configuration import ENVIRONMENTS
from tests.unit.test_lifecycle import RUN

TABLE = {
    "gpt-4.1-mini": [0.4, 0.1, 1.6],
    "gpt-4.1-mini-2025-04-14": [1, 1, 1],
    "odd": [0.0375, 0.0001, 0],
    "free": [0, 0, 0],
}


@pytest.fixture(autouse=True)
def prices(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def use(table: str) -> None:
        monkeypatch.setenv("MODEL_PRICES", table)

    use(json.dumps(TABLE))
    return use


@pytest.mark.parametrize(
    ("model", "usage", "nanodollars"),
    [
        ("gpt-4.1-mini", Usage(1_000, 100), 560_000),
        ("gpt-4.1-mini", Usage(1_000, 100, cached_tokens=400), 440_000),
        ("gpt-4.1-mini", Usage(1_000, 100, reasoning_tokens=90), 560_000),
        ("gpt-4.1-mini-2025-04-14", Usage(1_000, 0), 1_000_000),
        ("gpt-4.1-mini-2026-01-31", Usage(1_000, 0), 400_000),
        ("odd", Usage(1, 0), 38),
        ("odd", Usage(3, 0), 113),
        ("odd", Usage(4, 0), 150),
        ("odd", Usage(1, 0, cached_tokens=1), 0),
        ("odd", Usage(5, 0, cached_tokens=5), 1),
        ("gpt-4.1-mini", Usage(10**12, 10**12), 2 * 10**15),
        ("free", Usage(1, 1), 0),
        ("gpt-4.1-mini", Usage(), 0),
    ],
)
def test_tokens_cost_their_price_rounded_once(model: str, usage: Usage, nanodollars: int) -> None:
    assert cost_of(model, usage) == nanodollars


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-4.1-mini-preview", "gpt-4.1-mini-20250414", "my-gpt-4.1-mini", ""])
def test_an_unknown_model_is_unpriced_and_not_free(model: str) -> None:
    assert cost_of(model, Usage(1, 1)) is None


def test_without_a_table_every_model_is_unpriced(prices: Callable[[str], None]) -> None:
    prices("")
    assert cost_of("gpt-4.1-mini", Usage(1, 1)) is None


def test_the_configured_prices_say_where_they_are_from_and_reach_the_functions(prices: Callable[[str], None]) -> None:
    configuration = ENVIRONMENTS["prod"]
    prices(configuration.prices_json)
    for model, price in configuration.model_prices.items():
        assert price.source and len(price.date) == 10
        assert 0 <= price.cached_input <= price.input
        assert cost_of(model, Usage(1_000_000, 1_000_000)) == round((price.input + price.output) * 10**9)
    with pytest.raises(ValueError, match="too many models"):
        replace(configuration, model_prices={f"model-{number}": price for number in range(200)})


counts = st.integers(0, 10**9)
some_accounts = st.builds(
    Account,
    usage=st.builds(Usage, counts, counts, counts, counts),
    model_calls=counts, tool_calls=counts, model_ms=counts, tool_ms=counts, client_ms=counts, engine_ms=counts,
    cost=st.none() | counts,
)  # fmt: skip


@given(some_accounts, some_accounts)
def test_an_account_is_its_figures_and_adding_adds_each(one: Account, other: Account) -> None:
    assert Account.of(one.figures()) == one
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
    assert accounts.busy_ms(step) == milliseconds


def test_the_four_times_are_the_run_s_time() -> None:
    run = replace(RUN, settings={"model": "gpt-4.1-mini"}, created_ms=1_000)
    asked = accounts.with_turn(run, Turn([], Usage(10, 5), "in_progress", calls=[{}, {}]), None, model_ms=200)
    run = replace(run, turn=1, account=replace(asked, client_ms=300))
    answered = accounts.with_turn(run, Turn([], Usage(20, 5), "completed"), tools((2_000, 2_100)), model_ms=400)
    closed = accounts.closed(run, answered, 2_200)
    assert closed == Account(
        Usage(30, 10), model_calls=2, tool_calls=2, model_ms=600, tool_ms=100, client_ms=300, engine_ms=200, cost=28_000
    )


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ({"asked_ms": 1_500}, Account(model_ms=700, engine_ms=500)),
        ({"waiting_ms": 1_500}, Account(client_ms=700, engine_ms=500)),
        ({}, Account(engine_ms=1_200)),
    ],
)
def test_what_a_run_waited_for_when_it_ended_has_its_time(since: dict[str, int], expected: Account) -> None:
    run = replace(RUN, settings={"model": "unknown"}, created_ms=1_000, **since)  # type: ignore[arg-type]
    assert accounts.closed(run, accounts.without_turn(run, None, 2_200), 2_200) == expected
