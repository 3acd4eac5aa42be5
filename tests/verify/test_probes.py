"""Each probe of `make verify`, against an embedded AWS that differs for it and against one that does as documented."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from local import up as local
from tests.support.plants import Change, World
from tests.support.probe_cases import CASES
from tests.support.wire import Wire
from verify import probe as probing
from verify import temporary
from verify.account import Account
from verify.leftovers import remove_leftovers
from verify.probe import Result, Seen, Verdict
from verify.probes import PROBES

PATIENCE = 0.05
"""The embedded AWS needs no minute for what AWS does."""
LONGER = {"streaming": 0.3}
"""The API reads its keys anew every five seconds at most, here as well."""
AT_ONCE = 6

TOGETHER = (("sandbox-filter", "sandbox-oom-score", "sandbox-socket"), ("layers", "byte-code"))
"""Probes that look at the same thing."""

LONGEST = (
    ("stream-batches",),
    ("metrics",),
    ("retry-delays",),
    ("error-names",),
    ("machine-timeout",),
    ("streaming",),
    ("traces",),
    ("alarms",),
)
"""Probes that wait longest, which begin first."""

Hooks = list[tuple[str, Callable[..., None]]]
Ended = dict[str, tuple[Result, list[str]]]


def account_of(stack: local.Local, wire: Wire, hooks: Hooks, patience: float) -> Account:
    """The stack, seen through the wire."""
    settings = stack.settings

    def client(service: str, **more: Any) -> Any:
        known = {
            "aws_access_key_id": settings["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": settings["AWS_SECRET_ACCESS_KEY"],
        }
        config = Config(proxies={"http": wire.url}).merge(more.pop("config", Config()))
        made = boto3.Session(region_name=settings["AWS_REGION"]).client(
            service, endpoint_url=settings["AWS_ENDPOINT_URL"], config=config, **{**known, **more}
        )
        for event, hook in hooks:
            made.meta.events.register(event, hook)
        return made

    outputs = {**stack.outputs, "ApiUrl": stack.settings["ASSISTANTS_BASE_URL"]}
    return Account(client, outputs, patience=patience)


def tried(stack: local.Local, probes: Sequence[probing.Probe], changes: Sequence[Change]) -> Ended:
    """Return what comes of probes while something is changed, and what they left behind."""
    wire = Wire(urlsplit(stack.settings["AWS_ENDPOINT_URL"]).port or 0)
    hooks: Hooks = []
    try:
        with ExitStack() as changed:
            for change in changes:
                changed.enter_context(change(World(stack.client, stack.outputs, wire, hooks)))
            patience = max(LONGER.get(probe.id, PATIENCE) for probe in probes)
            account = account_of(stack, wire, hooks, patience)
            results = [probing.run(probe, account) for probe in probes]
            left = account.clean_up()
            return {result.probe.id: (result, left) for result in results}
    finally:
        wire.close()


def tried_both_ways(stack: local.Local, group: Sequence[probing.Probe]) -> tuple[Ended, Ended]:
    """Return what comes of probes with a difference planted for each, and then where AWS does as documented."""
    cases = [CASES[probe.id] for probe in group]
    return tried(stack, group, [case.differs for case in cases]), tried(stack, group, [case.agrees for case in cases])


@pytest.fixture(scope="module")
def all_tried(stack: local.Local) -> tuple[Ended, Ended]:
    """Try all probes in both ways, some at once: they mostly wait."""
    groups = [[probe for probe in PROBES if probe.id in ids] for ids in (*TOGETHER, *LONGEST)]
    groups += [[probe] for probe in PROBES if not any(probe in group for group in groups)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        begun = [threads.submit(tried_both_ways, stack, group) for group in groups]
        both = [future.result() for future in begun]
    return {id: found for one, _ in both for id, found in one.items()}, {
        id: found for _, other in both for id, found in other.items()
    }


@pytest.fixture(scope="module")
def differing(all_tried: tuple[Ended, Ended]) -> Ended:
    """Return what came of each probe with a difference planted for it."""
    return all_tried[0]


@pytest.fixture(scope="module")
def agreeing(all_tried: tuple[Ended, Ended]) -> Ended:
    """Return what came of each probe where AWS does as documented."""
    return all_tried[1]


def test_each_probe_has_a_case() -> None:
    assert sorted(probe.id for probe in PROBES) == sorted(CASES)


@pytest.mark.parametrize("id", CASES)
def test_a_probe_finds_the_difference_that_is_planted_for_it(id: str, differing: Ended) -> None:
    result, left = differing[id]
    assert result.verdict is Verdict.DIFFERENT, result.observed
    assert re.search(CASES[id].words, result.observed), result.observed
    assert left == []


@pytest.mark.parametrize("id", CASES)
def test_a_probe_finds_nothing_where_aws_does_as_documented(id: str, agreeing: Ended) -> None:
    result, left = agreeing[id]
    assert result.verdict is Verdict.AS_DOCUMENTED, result.observed
    assert left == []


def account_with_nothing_planted(stack: local.Local) -> Account:
    return Account(lambda service, **_: stack.client(service), stack.outputs, patience=PATIENCE)


def test_what_an_account_does_not_have_could_not_be_tried(stack: local.Local) -> None:
    [vectors] = [probe for probe in PROBES if probe.id == "s3-vectors"]
    result = probing.run(vectors, account_with_nothing_planted(stack))
    assert (result.verdict, result.observed) == (
        Verdict.UNTRIED,
        "the stack searches its bucket: no vector bucket is configured",
    )


def test_a_call_that_is_refused_could_not_be_tried(stack: local.Local) -> None:
    def look(account: Account) -> Seen:
        account.client("lambda").invoke(FunctionName=account.name("none"))
        return Seen("", True)

    result = probing.run(probing.Probe("p", "", "", look), account_with_nothing_planted(stack))
    assert (result.verdict, result.observed) == (Verdict.UNTRIED, "Invoke answered ResourceNotFoundException")


def made_by(stack: local.Local, prefix: str) -> list[str]:
    roles = stack.client("iam").list_roles()["Roles"]
    functions = stack.client("lambda").list_functions()["Functions"]
    machines = stack.client("stepfunctions").list_state_machines()["stateMachines"]
    names = [one.get("RoleName") or one.get("FunctionName") or one["name"] for one in (*roles, *functions, *machines)]
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))


def dies_half_way(account: Account) -> Seen:
    """Make one of each, then fail."""
    temporary.machine(account, "m", {"end": {"Type": "Succeed"}})
    temporary.function(account)
    raise RuntimeError("half way, in 123456789012")


def test_what_a_probe_made_is_removed_when_it_dies(stack: local.Local) -> None:
    account = account_with_nothing_planted(stack)
    result = probing.run(probing.Probe("p", "", "", dies_half_way), account)
    assert result.verdict is Verdict.UNTRIED
    assert result.observed == "the probe failed with RuntimeError: half way, in ************"
    assert made_by(stack, account.own_prefix) == ["-actor", "-m", "-services"]
    assert account.clean_up() == []
    assert made_by(stack, account.own_prefix) == []


def test_what_a_run_left_that_was_killed_is_removed_by_the_next(stack: local.Local) -> None:
    killed, following = account_with_nothing_planted(stack), account_with_nothing_planted(stack)
    probing.run(probing.Probe("p", "", "", dies_half_way), killed)
    assert len(made_by(stack, killed.own_prefix)) == 3
    assert remove_leftovers(following) == []
    assert made_by(stack, f"{following.prefix}-verify-") == []
    assert killed.clean_up() == []  # What is gone already is no failure.
