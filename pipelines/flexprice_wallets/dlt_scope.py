"""A scope in which dlt has other settings, in the threads that are in it and nowhere else. Heavy: imports dlt.

dlt finds every setting through the providers of one run context that all threads share: the environment, then `.dlt`
files. While any scope is open a run context's providers are told apart by thread, also where another thread makes or
reloads the run context meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final

from dlt.common.configuration import configspec
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import DictionaryProvider
from dlt.common.configuration.specs.base_configuration import (
    ContainerInjectableContext,
    NotResolved,
)
from dlt.common.configuration.specs.config_providers_context import ConfigProvidersContainer
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.utils import TraceLogContext
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.telemetry import stop_telemetry

from flexprice_wallets.dlt_logger import LoggerChange

#: dlt's own, which it sets up when it starts.
_LOGGER: Final = "dlt"


@configspec
class _Scope(ContainerInjectableContext):
    """In dlt's container for each thread that is in a scope; dlt hands it on to the pools of that thread."""

    can_create_default: ClassVar[bool] = False
    global_affinity: ClassVar[bool] = False

    providers: Annotated[Any, NotResolved()] = None


class _OwnProviders(ConfigProvidersContainer):
    """A scope's providers, and no others: dlt would add those of Airflow, where it is there."""

    def add_extras(self) -> None:
        pass


class _ByThread:
    """The `providers` of run contexts while a scope is open: the scope's in its threads, the program's in all others.

    The program's own are where they always are, in the run context's `__dict__`.
    """

    def __get__(self, context: PluggableRunContext, _: type | None = None) -> Any:
        container = Container()
        if _Scope in container:
            return container[_Scope].providers
        _start_for_program(context)
        if isinstance(context, _Gone):
            return context.providers
        return vars(context)["providers"]

    def __set__(self, context: PluggableRunContext, providers: ConfigProvidersContainer) -> None:
        if _Scope not in Container():
            _start_for_program(context)
        elif "providers" not in vars(context):
            _installed.unused = context
        vars(context)["providers"] = providers


class _Gone(PluggableRunContext):
    """A run context that was made for scopes: who took it from the container uses what has come after it."""

    @property
    def providers(self) -> ConfigProvidersContainer:
        return Container()[PluggableRunContext].providers

    @providers.setter
    def providers(self, providers: ConfigProvidersContainer) -> None:
        Container()[PluggableRunContext].providers = providers


@dataclass(slots=True)
class _Installed:
    """Where the providers are told apart by thread, and for how many scopes."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    scopes: int = 0
    is_there: bool = False
    #: The run context that was made for the scopes, for as long as nobody else has used dlt.
    unused: PluggableRunContext | None = None
    is_starting: bool = False
    #: What the start for the scopes changed in dlt's logger.
    logger: LoggerChange | None = None


_installed = _Installed()


@contextmanager
def own_scope(settings: dict[str, Any], *, reads_configuration: bool = False) -> Iterator[None]:
    """Within, dlt sees these settings and no others in this thread and in the pools that it starts for it.

    Whatever other threads set in dlt meanwhile stays. Who uses dlt for the first time while a scope is open starts it
    with their settings, log level and telemetry included.

    Args:
        settings: by section, as in a `.dlt/config.toml`.
        reads_configuration: where they say nothing, the environment and `.dlt` files count.
    """
    container = Container()
    provider = DictionaryProvider()
    scope = _Scope()
    scope.providers = _OwnProviders([provider])
    with ExitStack() as stack:
        stack.enter_context(provider.values(settings))
        stack.enter_context(container.injectable_context(scope))
        # dlt logs every setting that it looks up, with all that hangs on it: the source, its feed, their connections.
        # It forgets them when it ends the trace of a run, which there is not.
        stack.enter_context(container.injectable_context(TraceLogContext()))
        stack.enter_context(_told_apart_by_thread(container))
        if reads_configuration:
            others = container[PluggableRunContext].context.initial_providers()
            scope.providers = _OwnProviders([provider, *others])
        stack.enter_context(_kept_pipeline(container))
        yield


@contextmanager
def _told_apart_by_thread(container: Container) -> Iterator[None]:
    with _installed.lock:
        _installed.scopes += 1
    try:
        with _installed.lock:
            if not _installed.is_there:
                _install(container)
        yield
    finally:
        with _installed.lock:
            _installed.scopes -= 1
            if not _installed.scopes:
                _uninstall(container)


def _install(container: Container) -> None:
    _installed.is_there = True
    PluggableRunContext.providers = _ByThread()  # type: ignore[assignment]
    if PluggableRunContext in container:
        return
    _installed.logger = LoggerChange(_LOGGER)
    # dlt starts here, with the scope's settings: without telemetry, above all.
    with _installed.logger:
        context = container[PluggableRunContext]
    if _installed.unused is not context:
        # Another thread was quicker.
        _installed.unused = _installed.logger = None


def _start_for_program(context: PluggableRunContext) -> None:
    """At the program's first own use of dlt: it starts again, with the program's settings."""
    if _installed.unused is not context:
        return
    with _installed.lock:
        # dlt asks for the providers while it starts.
        if _installed.unused is not context or _installed.is_starting:
            return
        _installed.is_starting = True
        try:
            _undo_start()
            context.reload(context.context)
        finally:
            _installed.is_starting = False
            _installed.unused = None


def _undo_start() -> None:
    stop_telemetry()
    if _installed.logger is not None:
        _installed.logger.undo()
        _installed.logger = None


def _uninstall(container: Container) -> None:
    unused = _installed.unused
    if unused is not None:
        # Whoever uses dlt next starts it with their settings.
        _undo_start()
        if PluggableRunContext in container and container[PluggableRunContext] is unused:
            del container[PluggableRunContext]
        unused.__class__ = _Gone
        _installed.unused = None
    del PluggableRunContext.providers
    _installed.is_there = False


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
