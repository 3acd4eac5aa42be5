"""The synthesised template of each environment, made once; no account, network or real layer is needed."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.templates import CERTIFICATE, WEB_ACL, WEBHOOK_URL, Template, fill_cache, synthesise


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of layers that hold one small module each."""
    return fill_cache(tmp_path_factory.mktemp("layers"))


@pytest.fixture(scope="session")
def template_of(tmp_path_factory: pytest.TempPathFactory, layers: Path) -> Iterator[Callable[..., Template]]:
    """The template of an environment with all tools, by its name and what else is configured."""

    @cache
    def synthesised(environment: str, **context: str) -> Template:
        folder = tmp_path_factory.mktemp(environment)
        return synthesise(folder, layers, env=environment, sample_tools="on", **context)

    yield synthesised


@pytest.fixture(scope="session")
def prod(template_of: Callable[[str], Template]) -> Template:
    """The template of `prod`."""
    return template_of("prod")


@pytest.fixture(scope="session")
def options(tmp_path_factory: pytest.TempPathFactory, layers: Path) -> Template:
    """The template of `prod` with each option of its API, a webhook, and without the samples' tools."""
    context = {
        "api_rate": "70",
        "max_open_streams": "7",
        "auth": "iam",
        "access_logs": "on",
        "waf": WEB_ACL,
        "cors_origins": "https://app.example",
        "webhook_url": WEBHOOK_URL,
    }
    domain = {"domain": "api.example.com", "certificate": CERTIFICATE, "zone": "Z123"}
    return synthesise(tmp_path_factory.mktemp("options"), layers, env="prod", **context, **domain)


@pytest.fixture(scope="session")
def configured(template_of: Callable[..., Template]) -> Template:
    """The template of `dev` with settings of which none bears on another: a synth for each would take a second."""
    return template_of(
        "dev",
        alarm_email="ops@example.com",
        area="mine",
        embedding_base_url="http://embeddings/v1",
        model="my-own-model",
        snap_start="on",
        speech_provider="openai",
        speech_base_url="https://x/v1",
        vector_engine="bucket",
        webhook_url=WEBHOOK_URL,
    )


@pytest.fixture(scope="session")
def on_bedrock(template_of: Callable[..., Template]) -> Template:
    """The template of `dev` with models of Amazon Bedrock, and with mail."""
    return template_of("dev", model_provider="bedrock", mail_sender="reports@example.com")


@pytest.fixture(scope="session")
def without(template_of: Callable[..., Template]) -> Template:
    """The template of `dev` without speech and without a network for the sandbox."""
    return template_of("dev", speech_provider="off", sandbox_network="open")


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template of `prod` with another layer `engine`: each function has a new version."""
    layers = fill_cache(tmp_path_factory.mktemp("changed-layers"), changed="engine")
    return synthesise(tmp_path_factory.mktemp("changed"), layers, env="prod", sample_tools="on")
