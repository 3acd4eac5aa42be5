"""Functions in a VPC reach what its network lets them reach, seen from outside."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local import emulator
from tests.support.functions import OFTEN

CODE = """
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from urllib.error import HTTPError
from urllib.request import Request, urlopen

def handler(event, context):
    if "url" not in event:
        try:
            boto3.client("sqs", config=Config(retries={"total_max_attempts": 1})).list_queues()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "listed"
    try:
        request = Request(event["url"], method=event["method"], data=event["data"].encode() or None)
        with urlopen(request) as got:
            return got.status
    except HTTPError as error:
        return error.code
"""
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
REGIONAL = f"closed.s3.{emulator.REGION}.amazonaws.com"
LISTS_QUEUES = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
DENIED = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:denied"
NOT_TO_ONE = {
    "Effect": "Deny",
    "Action": "sqs:ListQueues",
    "Resource": "*",
    "Condition": {
        "ArnEquals": {
            "lambda:SourceFunctionArn": {
                "Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:denied"
            }
        }
    },
}


def function(**more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": CODE},
            "Timeout": 30,
            **more,
        },
    }


def network(name: str, *, domains: list[str], egress: dict[str, Any], endpoint: bool = True) -> dict[str, Any]:
    """A function in a VPC with a gateway endpoint, a security group and a DNS firewall."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": "arn:aws:s3:::closed/sandbox/*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/role-*"}},
    }
    rules = [
        {"Action": "ALLOW", "Priority": 1, "FirewallDomainListId": {"Fn::GetAtt": [f"{name}Names", "Id"]}},
        {
            "Action": "BLOCK",
            "BlockResponse": "NODATA",
            "Priority": 2,
            "FirewallDomainListId": {"Fn::GetAtt": ["All", "Id"]},
        },
    ]
    vpc = {"Ref": f"{name}Vpc"}
    resources = {
        "Vpc": ("EC2::VPC", {"CidrBlock": "10.0.0.0/24"}),
        "Subnet": ("EC2::Subnet", {"VpcId": vpc, "CidrBlock": "10.0.0.0/25"}),
        "Table": ("EC2::RouteTable", {"VpcId": vpc}),
        "Associated": (
            "EC2::SubnetRouteTableAssociation",
            {"SubnetId": {"Ref": f"{name}Subnet"}, "RouteTableId": {"Ref": f"{name}Table"}},
        ),
        "Group": ("EC2::SecurityGroup", {"VpcId": vpc, "GroupDescription": "g", "SecurityGroupEgress": [egress]}),
        "Names": ("Route53Resolver::FirewallDomainList", {"Domains": domains}),
        "Rules": ("Route53Resolver::FirewallRuleGroup", {"FirewallRules": rules}),
        "Firewall": (
            "Route53Resolver::FirewallRuleGroupAssociation",
            {"FirewallRuleGroupId": {"Fn::GetAtt": [f"{name}Rules", "Id"]}, "VpcId": vpc, "Priority": 101},
        ),
    }
    if endpoint:
        resources["Endpoint"] = (
            "EC2::VPCEndpoint",
            {
                "VpcId": vpc,
                "ServiceName": f"com.amazonaws.{emulator.REGION}.s3",
                "RouteTableIds": [{"Ref": f"{name}Table"}],
                "PolicyDocument": {"Statement": [statement]},
            },
        )
    placed = {
        "SubnetIds": [{"Ref": f"{name}Subnet"}],
        "SecurityGroupIds": [{"Fn::GetAtt": [f"{name}Group", "GroupId"]}],
    }
    made = {
        f"{name}{part}": {"Type": f"AWS::{kind}", "Properties": properties}
        for part, (kind, properties) in resources.items()
    }
    return {**made, name: function(VpcConfig=placed)}


@pytest.fixture(scope="module")
def names(client: Callable[[str], Any]) -> dict[str, str]:
    """The names of the functions; each network but `Right` has one fault."""
    lists = client("ec2").describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{emulator.REGION}.s3"]}]
    )["PrefixLists"]
    to_s3 = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "DestinationPrefixListId": lists[0]["PrefixListId"]}
    nowhere = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/24"}
    policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [LISTS_QUEUES, NOT_TO_ONE]}}
    functions = ["Right", "Wildcard", "GlobalName", "ShutIn", "NoRoute", "Free", "Denied"]
    resources = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Statement": [TRUST]}, "Policies": [policy]},
        },
        "All": {"Type": "AWS::Route53Resolver::FirewallDomainList", "Properties": {"Domains": ["*"]}},
        **network("Right", domains=[REGIONAL], egress=to_s3),
        **network("Wildcard", domains=[f"*.s3.{emulator.REGION}.amazonaws.com"], egress=to_s3),
        **network("GlobalName", domains=["closed.s3.amazonaws.com"], egress=to_s3),
        **network("ShutIn", domains=[REGIONAL], egress=nowhere),
        **network("NoRoute", domains=[REGIONAL], egress=to_s3, endpoint=False),
        "Free": function(),
        "Denied": function(FunctionName="denied"),
    }
    cloudformation = client("cloudformation")
    outputs = {name: {"Value": {"Ref": name}} for name in functions}
    body = json.dumps({"Resources": resources, "Outputs": outputs})
    cloudformation.create_stack(StackName="networks", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="networks", WaiterConfig=OFTEN)
    (stack,) = cloudformation.describe_stacks(StackName="networks")["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


Fetch = Callable[..., Any]


@pytest.fixture(scope="module")
def fetch(client: Callable[[str], Any], as_role: Callable[..., boto3.Session], names: dict[str, str]) -> Fetch:
    """Have a function fetch an address that a role with rights on all objects signed; the status of the answer."""
    s3 = client("s3")
    for bucket in ("closed", "other"):
        s3.create_bucket(Bucket=bucket)
        for key in ("sandbox/a", "text/a"):
            s3.put_object(Bucket=bucket, Key=key, Body=b"text")
    every = {"Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"], "Resource": "*"}
    signer = as_role(every).client("s3", endpoint_url=s3.meta.endpoint_url, config=Config(signature_version="s3v4"))

    def fetch(name: str, key: str = "sandbox/a", bucket: str = "closed", method: str = "GET", by: Any = signer) -> Any:
        operation = {"GET": "get_object", "PUT": "put_object", "DELETE": "delete_object"}[method]
        url = by.generate_presigned_url(operation, {"Bucket": bucket, "Key": key})
        event = {"url": url, "method": method, "data": "text" if method == "PUT" else ""}
        answer = client("lambda").invoke(FunctionName=names[name], Payload=json.dumps(event).encode())
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    return fetch


def test_a_function_reaches_the_bucket_that_its_network_leads_to(fetch: Fetch) -> None:
    assert fetch("Right") == fetch("Wildcard") == fetch("Right", "sandbox/b", method="PUT") == 200


@pytest.mark.parametrize("name", ["GlobalName", "ShutIn", "NoRoute"])
def test_a_fault_of_the_network_leaves_no_way(fetch: Fetch, name: str) -> None:
    assert fetch(name) == 503


def test_a_function_reaches_no_other_bucket_and_no_other_service(
    fetch: Fetch, client: Callable[[str], Any], names: dict[str, str]
) -> None:
    assert fetch("Right", bucket="other") == 503
    assert b'"503"' in client("lambda").invoke(FunctionName=names["Right"])["Payload"].read()


def test_the_endpoint_s_policy_limits_what_a_signed_address_gives(fetch: Fetch, client: Callable[..., Any]) -> None:
    assert fetch("Free", "text/a") == 200
    assert fetch("Right", "text/a") == 403
    assert fetch("Right", method="DELETE") == 403
    # Signed by somebody else; and what isn't there, which the endpoint lets nobody list.
    assert fetch("Right", by=client("s3", config=Config(signature_version="s3v4"))) == 403
    assert fetch("Right", "sandbox/missing") == 403
    assert fetch("Free", "sandbox/missing") == 404


def test_a_policy_tells_the_function_that_asks(client: Callable[[str], Any], names: dict[str, str]) -> None:
    answers = {
        name: json.loads(client("lambda").invoke(FunctionName=names[name])["Payload"].read())
        for name in ("Free", "Denied")
    }
    assert answers == {"Free": "listed", "Denied": "AccessDenied"}
