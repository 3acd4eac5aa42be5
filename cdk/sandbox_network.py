"""A network whose only way out leads to the stack's own bucket."""

from typing import Any

from aws_cdk import Aws, CustomResource
from aws_cdk.aws_ec2 import (
    CfnSecurityGroup,
    GatewayVpcEndpointAwsService,
    IpAddresses,
    SecurityGroup,
    SubnetConfiguration,
    SubnetSelection,
    SubnetType,
    Vpc,
)
from aws_cdk.aws_iam import AnyPrincipal, PolicyStatement
from aws_cdk.aws_lambda import Code
from aws_cdk.aws_route53resolver import CfnFirewallDomainList, CfnFirewallRuleGroup, CfnFirewallRuleGroupAssociation
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT
from cdk.review import acknowledge
from cdk.storage import Storage


class SandboxNetwork(Construct):
    """Two isolated subnets, without a route to anywhere but S3's gateway endpoint.

    - The endpoint lets through what reads or writes the prefixes of the sandbox in the bucket, signed by the broker.
    - The security group lets out HTTPS to S3's addresses, and nothing in.
    - DNS answers for the bucket's name; every other name has no data. The name asked for is fixed, so it carries
      nothing out.

    Attributes:
        placement: the arguments of `aws_lambda.Function` that put a function into it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        storage: Storage,
        broker: VersionedFunction,
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        vpc = Vpc(
            self,
            "Vpc",
            ip_addresses=IpAddresses.cidr("10.83.0.0/22"),
            max_azs=2,
            nat_gateways=0,
            subnet_configuration=[
                SubnetConfiguration(name="isolated", subnet_type=SubnetType.PRIVATE_ISOLATED, cidr_mask=24)
            ],
            restrict_default_security_group=False,
        )
        acknowledge(vpc, "AwsSolutions-VPC7", "There is one way out, and S3 is asked who used it: CloudTrail tells.")
        endpoint = vpc.add_gateway_endpoint("Bucket", service=GatewayVpcEndpointAwsService.S3)
        endpoint.add_to_policy(
            PolicyStatement(
                principals=[AnyPrincipal()],
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[storage.bucket.arn_for_objects(f"{prefix}*") for prefix in ("files/", "sandbox/")],
                conditions={"ArnEquals": {"aws:PrincipalArn": broker.role.role_arn}},
            )
        )
        group = CfnSecurityGroup(
            self,
            "Group",
            group_description="The code interpreter: out to S3 alone, and nothing in.",
            vpc_id=vpc.vpc_id,
            security_group_egress=[
                CfnSecurityGroup.EgressProperty(
                    description="S3, through the gateway endpoint",
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    destination_prefix_list_id=self._addresses_of_s3(),
                )
            ],
        )
        self._answer_for(vpc, storage.bucket.bucket_regional_domain_name)
        self.placement: dict[str, Any] = {
            "vpc": vpc,
            "vpc_subnets": SubnetSelection(subnet_type=SubnetType.PRIVATE_ISOLATED),
            "security_groups": [
                SecurityGroup.from_security_group_id(self, "Placed", group.attr_group_id, mutable=False)
            ],
        }

    def _addresses_of_s3(self) -> str:
        """The id of the region's prefix list of S3."""
        finder = VersionedFunction(
            self,
            "prefix_list",
            configuration=self._configuration,
            description="Tells CloudFormation the id of S3's prefix list.",
            code=Code.from_asset(str(ROOT / "lambdas" / "deployment"), exclude=["__pycache__"]),
            handler="prefix_list.handler",
            layers=[],
            environment={},
            timeout=60,
            memory=256,
        )
        finder.allow(
            ["ec2:DescribeManagedPrefixLists"], ["*"], because="Actions that describe know no resources in EC2."
        )
        found = CustomResource(
            self,
            "S3Addresses",
            resource_type="Custom::PrefixList",
            service_token=finder.function.function_arn,
            properties={"Name": f"com.amazonaws.{Aws.REGION}.s3"},
        )
        found.node.add_dependency(finder.role)
        return found.ref

    def _answer_for(self, vpc: Vpc, name: str) -> None:
        """Let DNS answer for one name."""
        prefix = f"{self._configuration.prefix}-sandbox"
        allowed = CfnFirewallDomainList(self, "Allowed", name=f"{prefix}-allowed", domains=[name])
        everything = CfnFirewallDomainList(self, "Everything", name=f"{prefix}-everything", domains=["*"])
        rules = CfnFirewallRuleGroup(
            self,
            "Rules",
            name=prefix,
            firewall_rules=[
                CfnFirewallRuleGroup.FirewallRuleProperty(
                    action="ALLOW",
                    priority=1,
                    firewall_domain_list_id=allowed.attr_id,
                    # S3's own answer may lead to another of its names.
                    firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
                ),
                CfnFirewallRuleGroup.FirewallRuleProperty(
                    action="BLOCK", block_response="NODATA", priority=2, firewall_domain_list_id=everything.attr_id
                ),
            ],
        )
        CfnFirewallRuleGroupAssociation(
            self,
            "Association",
            name=prefix,
            firewall_rule_group_id=rules.attr_id,
            vpc_id=vpc.vpc_id,
            priority=101,
        )
