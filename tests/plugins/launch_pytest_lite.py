"""launch_pytest for machines without it: the same fixture decorator and mark, on launch.LaunchService.

Tests say `import launch_pytest` and mean the real one where it is installed; elsewhere tests/conftest.py puts this
module under that name. Offered, with the meaning they have there:

- `@launch_pytest.fixture`, of scope function, class or module, with `auto_shutdown` and `shutdown_when_idle`; the
  function returns a LaunchDescription or a sequence that begins with one;
- `launch_pytest.actions.ReadyToTest`, appended where the description has none;
- `@pytest.mark.launch(fixture=..., shutdown=False)` on functions (run in a thread beside the launch service),
  coroutines (run in its event loop), generators and async generators (resumed after its shutdown);
- the fixtures `launch_service` and `launch_context` in tests.

Not offered: `launch_pytest.tools`, the fixture `event_loop`, and generator tests on a fixture that several tests share.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from launch import Action, LaunchContext, LaunchDescription, LaunchDescriptionEntity, LaunchService

SHUTDOWN_TIMEOUT_S = 60.0
_DONE = object()


class ReadyToTest(Action):
    """Starts the tests when the launch description comes to it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    def execute(self, context: LaunchContext) -> None:
        """Let the tests begin."""
        self.reached.set()


actions = SimpleNamespace(ReadyToTest=ReadyToTest)


class LaunchRun:
    """A launch service in an event loop that advances while a test, or the wait for one, runs."""

    def __init__(self, description: LaunchDescription, *, shutdown_when_idle: bool, auto_shutdown: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.service = LaunchService(noninteractive=True)
        self.auto_shutdown = auto_shutdown
        ready = _ready_action(description)
        self.service.include_launch_description(description)
        self._task = self.loop.create_task(self.service.run_async(shutdown_when_idle=shutdown_when_idle))
        self._until(asyncio.wait_for(_first(ready.reached.wait(), self._task), None))
        if not ready.reached.is_set():
            pytest.fail(f"the launch ended with {self._task.result()} before it was ready to test", pytrace=False)

    def _until[T](self, awaitable: Awaitable[T]) -> T:
        asyncio.set_event_loop(self.loop)
        return self.loop.run_until_complete(awaitable)

    def call[T](self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a blocking function in a thread while the launch service goes on."""
        return self._until(self.loop.run_in_executor(None, functools.partial(function, *args, **kwargs)))

    def complete[T](self, awaitable: Awaitable[T]) -> T:
        """Run a coroutine in the launch service's event loop."""
        return self._until(awaitable)

    def shutdown(self) -> None:
        """End the launch, or wait for its end where the fixture says that it ends by itself.

        Raises:
            pytest.fail.Exception: the launch service failed or did not end.
        """
        if self.auto_shutdown and not self._task.done():
            self.service.shutdown(force_sync=True)
        try:
            status = self._until(asyncio.wait_for(self._task, SHUTDOWN_TIMEOUT_S))
        except TimeoutError:
            pytest.fail(f"the launch was still running {SHUTDOWN_TIMEOUT_S:g} s after its shutdown", pytrace=False)
        if status:
            pytest.fail(f"the launch service ended with {status}", pytrace=False)

    def close(self) -> None:
        """End the launch in any case."""
        self.auto_shutdown = True
        try:
            self.shutdown()
        finally:
            self._until(self.loop.shutdown_default_executor())
            self.loop.close()
            asyncio.set_event_loop(None)


async def _first(*awaitables: Awaitable[Any]) -> None:
    futures = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    futures[0].cancel()


def _walk(entities: Iterable[LaunchDescriptionEntity]) -> Generator[LaunchDescriptionEntity]:
    for entity in entities:
        yield entity
        yield from _walk(entity.describe_sub_entities())
        for _, conditional in entity.describe_conditional_sub_entities():
            yield from _walk(conditional)


def _ready_action(description: LaunchDescription) -> ReadyToTest:
    found = [entity for entity in _walk(description.entities) if isinstance(entity, ReadyToTest)]
    if len(found) > 1:
        pytest.fail(f"{len(found)} ReadyToTest actions in one launch description: expected one", pytrace=False)
    if not found:
        found = [ReadyToTest()]
        description.add_action(found[0])
    return found[0]


def fixture(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Decorate a function that returns a launch description: it is launched for the tests that use it.

    Args:
        function: what is decorated; None when the decorator is written with options.
        options: shutdown_when_idle and auto_shutdown (both true unless given), and those of pytest.fixture.
    """
    if function is None:
        return functools.partial(fixture, **options)
    shutdown_when_idle = options.pop("shutdown_when_idle", True)
    auto_shutdown = options.pop("auto_shutdown", True)
    signature = inspect.signature(function)
    wants_request = "request" in signature.parameters

    @functools.wraps(function)
    def launched(request: pytest.FixtureRequest, **kwargs: Any) -> Generator[Any]:
        if wants_request:
            kwargs["request"] = request
        result = function(**kwargs)
        description = result[0] if isinstance(result, Sequence) and result else result
        if not isinstance(description, LaunchDescription):
            pytest.fail(
                f"{function.__name__}: expected a LaunchDescription or a sequence that begins with one, "
                f"got {type(description).__name__}",
                pytrace=False,
            )
        run = LaunchRun(description, shutdown_when_idle=shutdown_when_idle, auto_shutdown=auto_shutdown)
        description.perception_launch_run = run
        try:
            yield result
        finally:
            run.close()

    parameters = [p for p in signature.parameters.values() if p.name != "request"]
    request_parameter = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    launched.__signature__ = signature.replace(parameters=[request_parameter, *parameters])  # type: ignore[attr-defined]
    # What pytest takes for its own wrapper's original must not hide the signature above.
    del launched.__wrapped__  # type: ignore[attr-defined]
    return pytest.fixture(**options)(launched)


def _fixture_name(marker: pytest.Mark) -> str:
    launched = marker.kwargs.get("fixture")
    if launched is None:
        raise pytest.UsageError("pytest.mark.launch wants fixture=, a function decorated with launch_pytest.fixture")
    return str(getattr(launched, "name", None) or launched.__name__)


def _run_of(value: Any) -> LaunchRun:
    description = value[0] if isinstance(value, Sequence) else value
    return description.perception_launch_run  # type: ignore[no-any-return]


@pytest.fixture(name="launch_service")
def _launch_service(request: pytest.FixtureRequest) -> LaunchService:
    marker = request.node.get_closest_marker("launch")
    return _run_of(request.getfixturevalue(_fixture_name(marker))).service


@pytest.fixture(name="launch_context")
def _launch_context(launch_service: LaunchService) -> LaunchContext:
    return launch_service.context


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark."""
    config.addinivalue_line("markers", "launch(fixture, shutdown=False): run beside the launch of that fixture")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> list[pytest.Item] | None:
    """Tie marked functions to their launch fixture; collect generators, which pytest itself refuses."""
    markers = [marker for marker in getattr(obj, "pytestmark", []) if marker.name == "launch"]
    if not markers or not collector.funcnamefilter(name):
        return None
    pytest.mark.usefixtures(_fixture_name(markers[-1]))(obj)
    return list(collector._genfunctions(name, obj))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the shutdown tests of a module behind its other tests, which still need the launch."""

    def after_shutdown(item: pytest.Item) -> bool:
        marker = item.get_closest_marker("launch")
        return bool(marker and marker.kwargs.get("shutdown"))

    modules = list(dict.fromkeys(item.path for item in items))
    items.sort(key=lambda item: (modules.index(item.path), after_shutdown(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a launch test: beside the launch, in its loop, or after its shutdown."""
    marker = pyfuncitem.get_closest_marker("launch")
    if marker is None:
        return None
    run = _run_of(pyfuncitem.funcargs[_fixture_name(marker)])
    function = pyfuncitem.obj
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if marker.kwargs.get("shutdown"):
        run.shutdown()
    if inspect.iscoroutinefunction(function):
        run.complete(function(**arguments))
    elif inspect.isasyncgenfunction(function):
        _run_async_generator(run, function(**arguments))
    elif inspect.isgeneratorfunction(function):
        _run_generator(run, function(**arguments))
    else:
        run.call(function, **arguments)
    return True


def _run_generator(run: LaunchRun, generator: Generator[Any]) -> None:
    if run.call(next, generator, _DONE) is not _DONE:
        run.shutdown()
        if next(generator, _DONE) is not _DONE:
            pytest.fail("a launch test written as a generator yields once", pytrace=False)


def _run_async_generator(run: LaunchRun, generator: AsyncGenerator[Any]) -> None:
    async def advance() -> Any:
        return await anext(generator, _DONE)

    if run.complete(advance()) is not _DONE:
        run.shutdown()
        if run.complete(advance()) is not _DONE:
            pytest.fail("a launch test written as an async generator yields once", pytrace=False)
