"""Patches the emulator's alarms where they fall short of AWS's; see `local.patches`."""

from typing import Any

from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    take_an_alarm_s_metric_from_its_list()


def take_an_alarm_s_metric_from_its_list() -> None:
    """A stack with an alarm whose one metric stands in `Metrics`, as the CDK may write it, is rolled back."""
    record = provisioners._cw_metric_alarm_record

    def record_of_one_metric(name: str, properties: Json) -> Json:
        match properties.get("Metrics"):
            case [{"MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}]:
                kind = "ExtendedStatistic" if statistic.startswith("p") else "Statistic"
                rest = {key: value for key, value in properties.items() if key != "Metrics"}
                properties = {**rest, **metric, "Period": period, kind: statistic}
        return record(name, properties)

    provisioners._cw_metric_alarm_record = record_of_one_metric
