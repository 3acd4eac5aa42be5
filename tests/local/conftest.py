"""An emulator for each module's own tests."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import emulator
from tests.support.functions import AHEAD


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the emulator of the tests' own keeps what it needs."""
    return tmp_path_factory.mktemp("emulator")


@pytest.fixture(scope="module")
def client(directory: Path) -> Iterator[Callable[..., Any]]:
    """Start an emulator of the tests' own and return a maker of boto3 clients for it."""
    emulator.start(directory, port=0, ahead=[AHEAD])
    settings = emulator.environment(directory)
    session = boto3.Session(
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_REGION"],
    )
    yield lambda service, **more: session.client(service, endpoint_url=settings["AWS_ENDPOINT_URL"], **more)
    emulator.stop(directory)


@pytest.fixture(scope="module")
def as_role(client: Callable[[str], Any]) -> Callable[..., boto3.Session]:
    """Return a maker of sessions of a new role that may do what the given statements say."""

    def assume(*statements: dict[str, Any]) -> boto3.Session:
        name = f"role-{uuid.uuid4().hex[:8]}"
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        iam = client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        document = {"Statement": [{"Effect": "Allow", **statement} for statement in statements]}
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=json.dumps(document))
        given = client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="test")["Credentials"]
        return boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=emulator.REGION,
        )

    return assume
