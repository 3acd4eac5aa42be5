"""Every door passes its trials: no key, a foreign key, a foreign id, a body too large, JSON too deep, a repetition."""

import json
import uuid
from collections.abc import Iterator
from functools import cache, partial

import boto3
import httpx2
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from assistant_engine.tools import registry
from local import up as local
from local.paths import ROOT
from tests.support.aws_proxy import AwsProxy
from tests.support.clients import hold_against_schema
from tests.support.door import Door, Elsewhere, House, doors_of_the_code
from tests.support.doors import DOORS
from tests.support.driver import Driver
from tests.support.projects import projects

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

COLUMNS = ("no_key", "foreign_key", "too_large", "too_deep", "foreign_id", "repeated")
TRIALS = [(door, column) for column in COLUMNS for door in DOORS if callable(door.cells()[column])]
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.fixture(scope="module")
def stranger(stack: local.Local) -> Iterator[boto3.Session]:
    """A role of the account that may do nothing."""
    iam, name = stack.client("iam"), f"stranger-{uuid.uuid4().hex}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]
    given = stack.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    yield boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=stack.settings["AWS_REGION"],
    )
    iam.delete_role(RoleName=name)


@pytest.fixture(scope="module")
def house(
    stack: local.Local, driver: Driver, base_url: str, stranger: boto3.Session, aws_proxy: AwsProxy
) -> Iterator[House]:
    """The stack with two projects in it, and those who knock."""
    endpoint = stack.settings["AWS_ENDPOINT_URL"]
    nobody = boto3.Session(region_name=stack.settings["AWS_REGION"])
    hooks = {"response": [hold_against_schema]}
    with (
        projects(stack, driver.model, "one") as owners,
        httpx2.Client(base_url=base_url, timeout=60, event_hooks=hooks) as http,
    ):
        yield House(
            driver,
            us=owners["the default"],
            them=owners["one"],
            http=http,
            nobody=cache(partial(nobody.client, endpoint_url=endpoint, config=Config(signature_version=UNSIGNED))),
            stranger=cache(partial(stranger.client, endpoint_url=endpoint)),
            aws_proxy=aws_proxy,
        )


@pytest.mark.parametrize(("door", "column"), TRIALS, ids=lambda value: value.name if isinstance(value, Door) else value)
def test_a_door_passes_its_trial(house: House, door: Door, column: str) -> None:
    trial = door.cells()[column]
    assert callable(trial)
    trial(house)


def test_every_column_is_tried() -> None:
    assert set(COLUMNS) == {column for door in DOORS for column in door.cells()}


def test_every_door_has_a_row() -> None:
    names = {door.name for door in DOORS}
    assert len(names) == len(DOORS)
    assert (doors_of_the_code() - names, names - doors_of_the_code()) == (set(), set()), "(without a row, gone)"


def test_every_function_of_the_stack_has_a_row(house: House) -> None:
    """Those that only the tests' stack has are tools."""
    modules = {door.module for door in DOORS} | registry.deployed().keys()
    assert house.functions.keys() <= modules


def test_what_a_row_names_is_tested_elsewhere() -> None:
    cells = [cell for door in DOORS for cell in door.cells().values()]
    named = {test for cell in cells if isinstance(cell, Elsewhere) for test in cell.tests}
    assert {test for test in named if f"def {test}(" not in TESTS} == set()
    assert all(cells), "a cell is empty"
