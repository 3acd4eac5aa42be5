"""Configures the environments: one frozen value for each."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays

from cdk.regions import WITHOUT_S3_VECTORS, WITHOUT_TENANT_ISOLATION

PROVIDERS = ("openai", "azure", "bedrock")
EMBEDDING_PROVIDERS = ("", "openai", "bedrock")
SPEECH_PROVIDERS = ("aws", "openai", "off")
EMBEDDING_MODELS = {"openai": "text-embedding-3-small", "bedrock": "amazon.titan-embed-text-v2:0"}
TOOL_HOSTS = ("own", "hosted")
VECTOR_ENGINES = ("bucket", "s3vectors")
LAYER_TARGETS = ("lambda", "host")
SAMPLE_TOOLS = ("on", "off")
SANDBOX_NETWORKS = ("isolated", "open")
AUTHS = ("key", "iam")
ACCESS_LOGS = ("off", "on")
SNAP_STARTS = ("off", "on")
API_PATHS = (
    *("assistants", "audio", "console", "docs", "files", "fine_tuning", "functions", "graphql", "models", "openapi"),
    *("threads", "project", "runs", "uploads", "usage", "vector_stores"),
)
"""Words that paths of the API itself begin with."""
MAX_EXPORT_DAYS = 365
MAX_HISTORY_EVENTS = 20_000
"""An execution's history holds 25,000 (Step Functions limit); the rest is for retries of its own."""


class UnknownEnvironment(Exception):
    """`-c env=` names no environment, another `-c` has an unknown value, or the region lacks what is needed."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Limits one call of the code interpreter; see docs/code-interpreter.md.

    Attributes:
        seconds: of time, and of each process's processor time.
        memory_mb: of all processes together, and of the address space of each.
        processes: processes and threads at once.
        disk_mb: of all files together, given ones included.
        file_mb: of one file, given or produced.
        files: produced files and figures that are given back.
        session_mb: of variables, and of files, that pass to the next call.
        output_bytes: of printed text.
    """

    seconds: int = 60
    memory_mb: int = 1536
    processes: int = 64
    disk_mb: int = 1024
    file_mb: int = 100
    files: int = 20
    session_mb: int = 100
    output_bytes: int = 20_000


@dataclass(frozen=True, slots=True)
class Configuration:
    """One environment.

    Attributes:
        environment: `dev`, `staging` or `prod`.
        prefix: what the stack's name and every resource's name start with.
        removal_policy: of the data when the stack is deleted: DESTROY, or RETAIN_ON_UPDATE_OR_DELETE, which keeps it
            unless the deployment that created it fails, and protects the tables.
        log_retention: how long log lines are kept.
        log_level: of the functions.
        memory: of a function that computes, in MB; 1,769 MB are one whole vCPU.
        waiting_memory: of the function that waits for the model, in MB: it is paid for while it waits. A model call
            with 64 MB of images takes 122, and 183 if it is signed for Bedrock.
        streaming_memory: of the function that creates runs and holds their streams, in MB.
        holding_memory: of the function that holds its clients' polls of runs, in MB; it waits as long as the run, and
            only reads.
        snap_start: `on`: the functions that people wait for (`api`, `stream`, `poll`, `queued`, `in_progress`) start
            from snapshots, which AWS bills for as long as their versions exist; so old versions are deleted. See
            docs/performance.md.
        run_expires_after: seconds until a run expires, unless its request says otherwise (at most 86,400).
        max_turns: model calls that a run may have answered; it fails if the last of them still calls tools.
        max_calls: calls of tools that a run may make.
        max_retries: how often a run calls the model again after a call that came to nothing.
        context_tokens: how much of a conversation a model call may carry.
        model_provider: `openai` (or anything that speaks its Responses API), `azure` or `bedrock`.
        model: listed first among the models; an assistant names its own.
        model_aliases: which model answers for which name that a client sends, `gpt-4o=llama3.2,*=llama3.2`: the first
            pattern that fits counts. Empty: each name is a model's own.
        model_base_url: the provider's endpoint; empty for the provider's own.
        embedding_model: makes the vectors of file search; empty for `EMBEDDING_MODELS`'s. A vector store keeps the one
            that it was created with.
        embedding_provider: `openai` (or anything with its Embeddings API) or `bedrock`; empty for the model's.
        embedding_base_url: that provider's endpoint, with a key of its own; empty for the model's endpoint and key.
        embedding_dimensions: of a vector, for models that offer several; 0 for the model's own.
        vector_engine: `s3vectors` searches large vector stores through Amazon S3 Vectors, `bucket` reads all of them
            from the bucket.
        speech_provider: `aws`, Amazon Transcribe and Amazon Polly; `openai`, a server with OpenAI's transcriptions and
            speech, with a key of its own; `off`: assistants neither hear nor speak.
        speech_base_url: that server's endpoint; empty for OpenAI's own.
        transcription_model: of that server, for speech that comes in.
        speech_model: of that server, for speech that goes out. OpenAI's own ends on 2027-01-06, without a successor.
        speech_voice: speaks where neither an assistant nor a request names a voice; empty for the provider's usual one.
        export_days: how long exported files are kept, at most 365: those of each day, and those for fine-tuning.
        code_interpreter: `own`, this stack's sandbox; `hosted`, that of the model's provider, with its files.
        file_search: `own`, the vector stores of this stack; `hosted`, those of the model's provider.
        webhook_url: where each change of a run's status is posted to; empty: nowhere. https, or http on the loopback
            address, which is for tries on a laptop.
        mail_sender: an address verified in Amazon SES that tools send mail from; empty: mail stays in the outbox.
        sample_tools: `on` deploys the tools of the sample assistants, too; `off` leaves them out.
        stock_price_url: a public API that the samples ask for the price of a share in US dollars: `{symbol}` in its
            URL, and after `#` the way to the price in its JSON: `https://api.example/quote/{symbol}#/price`. Empty: a
            table of made-up prices.
        country_facts_url: a public API that the samples ask for facts about a country, likewise with `{country}`;
            empty: a table of some countries.
        cors_origins: origins of web pages that may use the API, separated by commas: `https://app.example`, or with any
            port `http://localhost:*`; `*` for every page, empty for none.
        api_rate: requests a second that the API takes; bursts may be twice that.
        max_open_streams: how many streams may be open at once, each of which takes one of the account's concurrent
            executions of Lambda.
        auth: `key`, API keys; `iam`, AWS's signatures of whoever may `execute-api:Invoke`.
        access_logs: `on` logs each request. The account must have a CloudWatch role for API Gateway, of which there is
            one for each account and region; see docs/operations.md.
        domain: a domain of one's own for the API, such as `api.example.com`; empty: API Gateway's own.
        certificate: the domain's certificate, an ARN of AWS Certificate Manager in the stack's region.
        area: the first part of SilvaEngine's addresses, `/core/<endpoint>/openai_assistant_graphql`: what its clients
            have there.
        zone: the id of the Route 53 zone that gets the domain's record; empty: its records are kept elsewhere.
        waf: a regional web ACL of AWS WAF that looks at each request, an ARN; empty: none.
        layer_target: `lambda` for AWS, `host` for layers built for the interpreter of this machine.
        alarm_email: an address that alarms are mailed to, once it has confirmed; empty: subscribe to the topic by hand.
        cost_alarm: US dollars a day that the model may cost before an alarm is raised.
        sandbox_network: `isolated`: the code interpreter's sandbox reaches the bucket alone; `open`: all that
            keeps its code from the Internet is its own filter of system calls.
        sandbox_limits: of one call of the code interpreter.
    """

    environment: str
    prefix: str
    removal_policy: RemovalPolicy
    log_retention: RetentionDays
    log_level: str = "INFO"
    memory: int = 1024
    waiting_memory: int = 224
    streaming_memory: int = 384
    holding_memory: int = 128
    snap_start: str = "off"
    run_expires_after: int = 600
    max_turns: int = 100
    max_calls: int = 2_000
    max_retries: int = 10
    context_tokens: int = 128_000
    model_provider: str = "openai"
    model: str = "gpt-6-luna"
    model_aliases: str = ""
    model_base_url: str = ""
    embedding_model: str = ""
    embedding_provider: str = ""
    embedding_base_url: str = ""
    embedding_dimensions: int = 0
    vector_engine: str = "s3vectors"
    speech_provider: str = "aws"
    speech_base_url: str = ""
    transcription_model: str = "gpt-transcribe"
    speech_model: str = "tts-1"
    speech_voice: str = ""
    export_days: int = 90
    code_interpreter: str = "own"
    file_search: str = "own"
    webhook_url: str = ""
    mail_sender: str = ""
    sample_tools: str = "on"
    stock_price_url: str = ""
    country_facts_url: str = ""
    cors_origins: str = ""
    api_rate: int = 50
    max_open_streams: int = 100
    auth: str = "key"
    access_logs: str = "off"
    domain: str = ""
    certificate: str = ""
    zone: str = ""
    area: str = "core"
    waf: str = ""
    alarm_email: str = ""
    cost_alarm: float = 50
    layer_target: str = "lambda"
    sandbox_network: str = "isolated"
    sandbox_limits: SandboxLimits = SandboxLimits()

    def __post_init__(self) -> None:
        if self.export_days > MAX_EXPORT_DAYS:
            raise ValueError(f"{self.environment}: exported files are kept for {MAX_EXPORT_DAYS} days at most")
        if self.history_events > MAX_HISTORY_EVENTS:
            raise ValueError(f"{self.environment}: a run of so many turns, calls and retries may outgrow its history")

    @property
    def history_events(self) -> int:
        """About how many events the longest run leaves in its execution's history."""
        # A turn with calls of both kinds is in_progress (5 events), route (2), call_tools (4), in_progress (5), route
        # (2) and requires_action (6); a call is an iteration with one task; a retry in_progress, route and backoff (2).
        return 24 * self.max_turns + 7 * self.max_calls + 9 * self.max_retries

    @property
    def uses_s3_vectors(self) -> bool:
        """Return whether large vector stores are searched through Amazon S3 Vectors."""
        return self.file_search == "own" and self.vector_engine == "s3vectors"

    @property
    def retains_data(self) -> bool:
        """Return whether the data outlives the stack."""
        return self.removal_policy != RemovalPolicy.DESTROY


ENVIRONMENTS = {
    "dev": Configuration(
        environment="dev",
        prefix="oae-dev",
        removal_policy=RemovalPolicy.DESTROY,
        log_retention=RetentionDays.ONE_WEEK,
    ),
    "staging": Configuration(
        environment="staging",
        prefix="oae-staging",
        removal_policy=RemovalPolicy.DESTROY,
        log_retention=RetentionDays.ONE_MONTH,
    ),
    "prod": Configuration(
        environment="prod",
        prefix="oae-prod",
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        log_retention=RetentionDays.THREE_MONTHS,
        memory=1769,
        sample_tools="off",
        api_rate=500,
    ),
}

OVERRIDES = (
    "model_provider",
    "model",
    "model_aliases",
    "model_base_url",
    "embedding_model",
    "embedding_provider",
    "embedding_base_url",
    "vector_engine",
    "speech_provider",
    "speech_base_url",
    "transcription_model",
    "speech_model",
    "speech_voice",
    "code_interpreter",
    "file_search",
    "webhook_url",
    "mail_sender",
    "sample_tools",
    "stock_price_url",
    "country_facts_url",
    "cors_origins",
    "api_rate",
    "max_open_streams",
    "auth",
    "access_logs",
    "snap_start",
    "domain",
    "certificate",
    "zone",
    "area",
    "waf",
    "alarm_email",
    "sandbox_network",
    "layer_target",
)
"""What `-c name=value` may change for one deployment."""


def configuration_of(context: Callable[[str], Any], region: str = "") -> Configuration:
    """The configuration that the CDK context asks for.

    Args:
        context: looks a name up in the context (`-c name=value`, or `cdk.json`); None when it is not there.
        region: where the stack goes, as far as that is known; empty for any region.

    Raises:
        UnknownEnvironment: the message lists what is known, or says what the region lacks.
    """
    known = ", ".join(ENVIRONMENTS)
    name = context("env")
    if name not in ENVIRONMENTS:
        said = f"unknown environment {name!r}" if name else "no environment"
        raise UnknownEnvironment(f"{said}: say `-c env=<one of {known}>`")
    overrides: dict[str, Any] = {key: str(value) for key in OVERRIDES if (value := context(key)) is not None}
    for key, counted in (("api_rate", "requests a second"), ("max_open_streams", "streams")):
        if (number := overrides.get(key)) is not None:
            if not number.isdecimal():
                raise UnknownEnvironment(f"{number!r} is not a number of {counted}")
            overrides[key] = int(number)
    configuration = replace(ENVIRONMENTS[name], **overrides)
    for value, allowed in (
        (configuration.model_provider, PROVIDERS),
        (configuration.embedding_provider, EMBEDDING_PROVIDERS),
        (configuration.vector_engine, VECTOR_ENGINES),
        (configuration.speech_provider, SPEECH_PROVIDERS),
        (configuration.code_interpreter, TOOL_HOSTS),
        (configuration.file_search, TOOL_HOSTS),
        (configuration.layer_target, LAYER_TARGETS),
        (configuration.sample_tools, SAMPLE_TOOLS),
        (configuration.sandbox_network, SANDBOX_NETWORKS),
        (configuration.auth, AUTHS),
        (configuration.access_logs, ACCESS_LOGS),
        (configuration.snap_start, SNAP_STARTS),
    ):
        if value not in allowed:
            raise UnknownEnvironment(f"{value!r} is not one of {', '.join(allowed)}")
    for alias in filter(None, configuration.model_aliases.split(",")):
        if not re.fullmatch(r"\s*[^\s=]+\s*=\s*[^\s=]+\s*", alias):
            raise UnknownEnvironment(f"{alias!r} is no alias of a model such as gpt-4o=llama3.2")
    if configuration.webhook_url and not re.match(r"https://[^/]|http://127\.0\.0\.1[:/]", configuration.webhook_url):
        raise UnknownEnvironment("the webhook's URL does not begin with https://")
    for url, placeholder in (
        (configuration.stock_price_url, "{symbol}"),
        (configuration.country_facts_url, "{country}"),
    ):
        if url and not (re.match(r"https://[^/{]+/", url) and placeholder in url.partition("#")[0]):
            raise UnknownEnvironment(
                f"{url!r} is no URL of an API such as https://api.example/{placeholder}#/way/to/the/answer"
            )
    for origin in filter(None, configuration.cors_origins.split(",")):
        if not re.fullmatch(r"\*|https?://[a-z0-9.-]+(:(\d+|\*))?|https?://\[[0-9a-f:]+\](:(\d+|\*))?", origin):
            raise UnknownEnvironment(f"{origin!r} is not an origin such as https://app.example: no path, no spaces")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", configuration.area) or configuration.area in API_PATHS:
        raise UnknownEnvironment(f"{configuration.area!r} is not an area: a word, and none of {', '.join(API_PATHS)}")
    if bool(configuration.domain) != bool(configuration.certificate):
        raise UnknownEnvironment("a domain and its certificate go together: `-c domain=... -c certificate=<ARN>`")
    if region in WITHOUT_S3_VECTORS and configuration.uses_s3_vectors:
        raise UnknownEnvironment(f"{region} has no Amazon S3 Vectors: say `-c vector_engine=bucket`")
    if region in WITHOUT_TENANT_ISOLATION and configuration.code_interpreter == "own":
        raise UnknownEnvironment(
            f"{region} has no tenant isolation of Lambda functions: say `-c code_interpreter=hosted`"
        )
    return replace(configuration, prefix="oae") if name == context("unprefixed_environment") else configuration
