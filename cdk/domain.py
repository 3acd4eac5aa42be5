"""Gives the API a domain of one's own: `-c domain=api.example.com -c certificate=<ARN> -c zone=<id>`."""

from collections.abc import Mapping

from aws_cdk.aws_apigateway import BasePathMapping, DomainName, EndpointType, SecurityPolicy, Stage
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_route53 import CfnRecordSet
from constructs import Construct

from cdk.configuration import Configuration
from cdk.outputs import output


class Domain(Construct):
    """A regional domain that maps each stage's name to the stage, and its record in Route 53 if the zone is there.

    Args:
        stages: of the API, by their names.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration, stages: Mapping[str, Stage]) -> None:
        super().__init__(scope, id)
        name = configuration.domain
        domain = DomainName(
            self,
            "Name",
            domain_name=name,
            certificate=Certificate.from_certificate_arn(self, "Certificate", configuration.certificate),
            endpoint_type=EndpointType.REGIONAL,
            security_policy=SecurityPolicy.TLS_1_2,
        )
        before: BasePathMapping | None = None
        for base_path, stage in stages.items():
            mapping = BasePathMapping(
                self,
                f"Path-{base_path}",
                domain_name=domain,
                rest_api=stage.rest_api,
                stage=stage,
                base_path=base_path,
            )
            if before:  # API Gateway takes one change of a domain after the other.
                mapping.node.add_dependency(before)
            before = mapping
        if configuration.zone:
            CfnRecordSet(
                self,
                "Record",
                hosted_zone_id=configuration.zone,
                name=name,
                type="A",
                alias_target=CfnRecordSet.AliasTargetProperty(
                    dns_name=domain.domain_name_alias_domain_name,
                    hosted_zone_id=domain.domain_name_alias_hosted_zone_id,
                ),
            )
        # Whoever keeps the domain's records elsewhere points one at this name.
        output(self, "DomainTarget", domain.domain_name_alias_domain_name)
