"""Describes a scratch stack: a state machine like the engine's, around a trivial function."""

import json
from typing import Any

from tests.support.functions import role

CODE = """
import boto3, logging, os

class InvalidRequest(Exception): pass

def handler(event, context):
    logging.getLogger().setLevel("INFO")
    logging.getLogger().info("logged by %s", context.function_name)
    if event.get("path") == "dies":
        os.kill(os.getpid(), 9)
    if event.get("raise"):
        raise InvalidRequest("Missing required parameter: 'assistant_id'.")
    if "token" in event:
        boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": event["id"]},
            "token": {"S": event["token"]}})
    for record in event.get("Records", []):
        boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": record["body"]},
            "token": {"S": f"version {VERSION}"}})
    if event.get("path") == "imports":
        import pydantic
    if "forbidden" in event:
        boto3.client("dynamodb").delete_item(TableName=os.environ["TABLE"], Key={"id": {"S": "x"}})
    return {"version": VERSION, "echo": event}
"""


def _task(payload: Any, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "${Alias}", "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        "TimeoutSeconds": 60,
        **more,
    }


DEFINITION = {
    "QueryLanguage": "JSONata",
    "StartAt": "queued",
    "States": {
        "queued": _task(
            "{% {'raise': $states.input.path = 'invalid'} %}",
            Assign={
                "path": "{% $states.input.path %}",
                "id": "{% $states.input.id %}",
                "started": "{% $states.context.Execution.StartTime %}",
                "data": "{% $exists($states.input.data) ? $states.input.data : '' %}",
                "deadline": "{% $floor($millis()/1000) + ($exists($states.input.wait) ? $states.input.wait : 60) %}",
            },
            TimeoutSeconds="{% 5 + 5 %}",
            Catch=[
                {
                    "ErrorEquals": ["InvalidRequest"],
                    "Output": {"message": "{% $parse($states.errorOutput.Cause).errorMessage %}"},
                    "Next": "failed",
                }
            ],
            Next="route",
        ),
        "route": {
            "Type": "Choice",
            "Choices": [
                {"Condition": f"{{% $path = '{path}' %}}", "Next": state}
                for path, state in (
                    ("calls", "call_tools"),
                    ("client", "requires_action"),
                    ("client raises", "requires_action"),
                    ("wait", "backoff"),
                    ("forbidden", "forbidden"),
                    ("large", "large"),
                    ("large, caught", "large_caught"),
                    ("dies", "dies"),
                    ("retried", "retried"),
                )
            ],
            "Default": "completed",
        },
        "call_tools": {
            "Type": "Map",
            "Items": "{% [1..6].{'function': '${Alias}', 'payload': {'n': $}} %}",
            "MaxConcurrency": 10,
            "ItemProcessor": {
                "StartAt": "call_tool",
                "States": {
                    "call_tool": _task(
                        "{% $states.input.payload %}",
                        Arguments={
                            "FunctionName": "{% $states.input.function %}",
                            "Payload": "{% $states.input.payload %}",
                        },
                        TimeoutSeconds="{% $max([1, $floor($deadline - $millis()/1000)]) %}",
                        End=True,
                    )
                },
            },
            "Output": {"numbers": "{% [$states.result.echo.n] %}"},
            "Next": "completed",
        },
        "requires_action": _task(
            None,
            Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
            Arguments={
                "FunctionName": "${Alias}",
                "Payload": {
                    "id": "{% $id %}",
                    "token": "{% $states.context.Task.Token %}",
                    "raise": "{% $path = 'client raises' %}",
                },
            },
            TimeoutSeconds="{% $max([1, $floor($deadline - $millis()/1000)]) %}",
            Output={"answer": "{% $states.result %}"},
            Catch=[
                {"ErrorEquals": ["States.Timeout"], "Output": {"caught": "timeout"}, "Next": "completed"},
                {
                    "ErrorEquals": ["States.ALL"],
                    "Output": {"caught": "{% $states.errorOutput.Error %}"},
                    "Next": "completed",
                },
            ],
            Next="completed",
        ),
        "backoff": {"Type": "Wait", "Seconds": "{% 2 %}", "Next": "completed"},
        "forbidden": _task({"forbidden": 1}, Next="completed"),
        "large": _task(
            {"data": "{% $data %}"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "completed"}], Next="completed"
        ),
        "large_caught": _task(
            {"data": "{% $data %}"},
            Catch=[
                {
                    "ErrorEquals": ["States.DataLimitExceeded"],
                    "Output": {"caught": "{% $states.errorOutput.Error %}"},
                    "Next": "completed",
                }
            ],
            Next="completed",
        ),
        "dies": _task({"path": "dies"}, Next="completed"),
        "retried": _task(
            {"raise": True},
            Retry=[
                {
                    "ErrorEquals": ["InvalidRequest"],
                    "IntervalSeconds": 20,
                    "MaxDelaySeconds": 1,
                    "MaxAttempts": 3,
                    "JitterStrategy": "FULL",
                }
            ],
            Next="completed",
        ),
        "completed": {
            "Type": "Succeed",
            "Output": {"path": "{% $path %}", "started": "{% $started %}", "result": "{% $states.input %}"},
        },
        "failed": {"Type": "Fail", "Error": "{% 'invalid_request_error' %}", "Cause": "{% $states.input.message %}"},
    },
}


CALLER = {
    "QueryLanguage": "JSONata",
    "StartAt": "ask",
    "States": {
        "ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "${Machine}", "Input": "{% $states.input %}"},
            "Output": "{% $states.result.Output %}",
            "Catch": [
                {"ErrorEquals": ["States.TaskFailed"], "Output": "{% $parse($states.errorOutput.Cause) %}", "Next": "x"}
            ],
            "End": True,
        },
        "x": {"Type": "Succeed"},
    },
}


def _machine(definition: Any, substitutions: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
            "DefinitionString": json.dumps(definition),
            "DefinitionSubstitutions": substitutions,
        },
    }


def template(version: int) -> str:
    """The scratch stack whose function answers with `version`; the alias is named after the function's version."""
    number = {"Fn::GetAtt": [f"Version{version}", "Version"]}
    alias = {"Ref": "Alias"}
    retain = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    resources = {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": f"v{version}"}},
        "FunctionRole": role(
            "lambda.amazonaws.com",
            {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": {"Fn::GetAtt": ["Table", "Arn"]}},
            {
                "Effect": "Allow",
                "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
            },
        ),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "scratch"}},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": alias, "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}, "BatchSize": 1},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 10,
                "Role": {"Fn::GetAtt": ["FunctionRole", "Arn"]},
                "Code": {"ZipFile": f"VERSION = {version}\n{CODE}"},
                "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
            },
        },
        # As CDK does it: a changed function has a version of a new logical id; the alias has a new name.
        f"Version{version}": {
            "Type": "AWS::Lambda::Version",
            "Properties": {"FunctionName": {"Ref": "Function"}},
            **retain,
        },
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "FunctionVersion": number,
                "Name": {"Fn::Join": ["", ["v", number]]},
            },
            **retain,
        },
        "MachineRole": role(
            "states.amazonaws.com", {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": alias}
        ),
        "Machine": _machine(DEFINITION, {"Alias": alias}),
        "Caller": _machine(CALLER, {"Machine": {"Ref": "Machine"}}),
        "RuleRole": role(
            "events.amazonaws.com",
            {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "Machine"}},
        ),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["shop"]},
                "Targets": [
                    {
                        "Id": "run",
                        "Arn": {"Ref": "Machine"},
                        "RoleArn": {"Fn::GetAtt": ["RuleRole", "Arn"]},
                        "InputTransformer": {
                            "InputPathsMap": {"order": "$.detail.order"},
                            "InputTemplate": '{"path": "event", "order": <order>}',
                        },
                    }
                ],
            },
        },
    }
    names = ("Table", "Secret", "Machine", "Caller", "Queue")
    return json.dumps({"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in names}})
