"""Builds what people would use instead, as briefly as they would: a polling loop, and one Lambda that blocks.

Neither has what costs the engine its writes: no lock on a thread, no run or run step to look at, no second delivery
that is harmless, no cancelling and no expiry. So the figures compare prices, not what is had for them.
"""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from bench.stack import Stack

PREFIX = "rival-"
POLL_SECONDS = 5
FOLDER = Path(__file__).parent


class Rivals:
    """Both, created beside the stack on its embedded AWS, with its layer for the package `openai`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lambda = stack.aws("lambda")
        self._machines = stack.aws("stepfunctions")
        self._table = f"{PREFIX}messages"
        stack.aws("dynamodb").create_table(
            TableName=self._table,
            KeySchema=[
                {"AttributeName": "thread_id", "KeyType": "HASH"},
                {"AttributeName": "message_id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("thread_id", "message_id")
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self._role = self._make_role()
        functions = {name: self._make_function(name) for name in ("ask", "look", "call", "block")}
        definition = (FOLDER / "polling.asl.json").read_text().replace("${seconds}", str(POLL_SECONDS))
        for name, arn in functions.items():
            definition = definition.replace(f"${{{name}}}", arn)
        self._machine = self._machines.create_state_machine(
            name=f"{PREFIX}polling", definition=definition, roleArn=self._role, type="STANDARD"
        )["stateMachineArn"]

    def poll(self, thread_id: str, text: str) -> None:
        """A run of the polling loop, to its end."""
        started = self._machines.start_execution(
            stateMachineArn=self._machine, input=json.dumps({"thread_id": thread_id, "text": text})
        )
        while (status := self._machines.describe_execution(executionArn=started["executionArn"]))[
            "status"
        ] == "RUNNING":
            time.sleep(0.05)
        assert status["status"] == "SUCCEEDED", status

    def block(self, thread_id: str, text: str) -> None:
        """A run of the Lambda that blocks, to its end."""
        answer = self._lambda.invoke(
            FunctionName=f"{PREFIX}block", Payload=json.dumps({"thread_id": thread_id, "text": text}).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def _make_role(self) -> str:
        iam = self._stack.aws("iam")
        principals = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
        trust = {"Statement": [{"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName=f"{PREFIX}role", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        allowed = ["dynamodb:PutItem", "dynamodb:Query", "lambda:InvokeFunction", "secretsmanager:GetSecretValue"]
        statement = {"Effect": "Allow", "Action": [*allowed, "logs:*"], "Resource": "*"}
        iam.put_role_policy(
            RoleName=f"{PREFIX}role", PolicyName="all", PolicyDocument=_policy({"Statement": [statement]})
        )
        return str(role)

    def _make_function(self, name: str) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.write(FOLDER / "functions" / "rival.py", "rival.py")
        deployed = self._lambda.get_function_configuration(
            FunctionName=self._stack.deployed.outputs["AssistantsTable"].replace("assistants", "in_progress")
        )
        known = deployed["Environment"]["Variables"]
        made = self._lambda.create_function(
            FunctionName=f"{PREFIX}{name}",
            Runtime=deployed["Runtime"],
            Handler=f"rival.{name}",
            Role=self._role,
            Code={"ZipFile": archive.getvalue()},
            Layers=[layer["Arn"] for layer in deployed["Layers"]],
            MemorySize=deployed["MemorySize"],
            Timeout=900,
            Environment={
                "Variables": {
                    "TABLE": self._table,
                    "MODEL": self._stack.deployed.model,
                    "MODEL_BASE_URL": known["MODEL_BASE_URL"],
                    "MODEL_SECRET_ARN": known["MODEL_SECRET_ARN"],
                }
            },
        )
        return str(made["FunctionArn"])


def _policy(body: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", **body})
