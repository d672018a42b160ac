"""A scope in which dlt has other settings, in the threads that are in it and nowhere else. Heavy: imports dlt.

dlt finds every setting through the providers of one run context that all threads share: the environment, then `.dlt`
files. While any scope is open those providers are told apart by thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from dlt.common.configuration import configspec
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import ConfigProvider, DictionaryProvider
from dlt.common.configuration.specs.base_configuration import (
    ContainerInjectableContext,
    NotResolved,
)
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.telemetry import stop_telemetry


@configspec
class _Scope(ContainerInjectableContext):
    """In dlt's container for each thread that is in a scope; dlt hands it on to the pools of that thread."""

    can_create_default: ClassVar[bool] = False
    global_affinity: ClassVar[bool] = False

    providers: Annotated[Any, NotResolved()] = None


class _ProvidersByThread(ConfigProvidersContainer):
    """The scope's own providers in its threads, and those that were there before in all others."""

    def __init__(self, others: ConfigProvidersContainer) -> None:
        self.others = others
        self.context_provider = others.context_provider

    @property
    def providers(self) -> list[ConfigProvider]:
        container = Container()
        if _Scope in container:
            own: list[ConfigProvider] = container[_Scope].providers
            return own
        return self.others.providers

    @providers.setter
    def providers(self, providers: list[ConfigProvider]) -> None:
        self.others.providers = providers


@dataclass(slots=True)
class _Installed:
    """Where the providers are told apart by thread, and for how many scopes."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    scopes: int = 0
    context: PluggableRunContext | None = None
    #: Nobody had used dlt before: it was made for the scopes, and goes with them.
    is_new: bool = False


_installed = _Installed()


@contextmanager
def own_scope(settings: dict[str, Any], *, reads_configuration: bool = False) -> Iterator[None]:
    """Within, dlt sees these settings and no others in this thread and in the pools that it starts for it.

    Args:
        settings: by section, as in a `.dlt/config.toml`.
        reads_configuration: where they say nothing, the environment and `.dlt` files count.
    """
    container = Container()
    provider = DictionaryProvider()
    scope = _Scope()
    scope.providers = [provider]
    with ExitStack() as stack:
        stack.enter_context(_kept_logger())
        stack.enter_context(provider.values(settings))
        stack.enter_context(container.injectable_context(scope))
        _install(container)
        stack.callback(_uninstall, container)
        if reads_configuration:
            scope.providers = [
                provider,
                *container[PluggableRunContext].context.initial_providers(),
            ]
        stack.enter_context(_kept_pipeline(container))
        yield


def _install(container: Container) -> None:
    with _installed.lock:
        if _installed.scopes == 0:
            _installed.is_new = PluggableRunContext not in container
            context = PluggableRunContext() if _installed.is_new else container[PluggableRunContext]
            context.providers = _ProvidersByThread(context.providers)
            _installed.context = context
            if _installed.is_new:
                # dlt starts here, with the scope's settings: without telemetry, above all.
                container[PluggableRunContext] = context
        _installed.scopes += 1


def _uninstall(container: Container) -> None:
    with _installed.lock:
        _installed.scopes -= 1
        context = _installed.context
        if _installed.scopes or context is None:
            return
        _installed.context = None
        if isinstance(context.providers, _ProvidersByThread):
            context.providers = context.providers.others
        if _installed.is_new and container[PluggableRunContext] is context:
            # Whoever uses dlt next starts it with their settings.
            del container[PluggableRunContext]
            stop_telemetry()


@contextmanager
def _kept_pipeline(container: Container) -> Iterator[None]:
    """Within, a pipeline can be made and run; afterwards the one that was active is active again."""
    capabilities = container.get(DestinationCapabilitiesContext)
    with container.injectable_context(PipelineContext()) as active:
        try:
            yield
        finally:
            active.deactivate()
    if capabilities is not None:
        container[DestinationCapabilitiesContext] = capabilities


@contextmanager
def _kept_logger() -> Iterator[None]:
    """Afterwards dlt's logger is as it was: dlt adds a handler and sets a level when it starts."""
    logger = logging.getLogger("dlt")
    before = ([*logger.handlers], logger.level, logger.propagate)
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before[0], before[2]
        logger.setLevel(before[1])
