"""`caselog up`: one parent for Postgres, the API workers and the schedulers; it starts all and stops all."""

import asyncio
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from prometheus_client.multiprocess import mark_process_dead
from rich.console import Console, RenderableType

from case_api.cli import postgres
from case_api.cli.banner import address, banner
from case_api.cli.children import Crew, GaveUp, Job, Wish, keep_postgres
from case_api.cli.migrate import bring_to_head
from case_api.cli.premises import CannotStart, make_folder
from case_api.cli.secrets import master_key_file
from case_api.production import faults_set, told
from case_api.settings import Settings

API = (sys.executable, "-m", "case_api")
SCHEDULER = (sys.executable, "-m", "case_scheduler")
BACKLOG = 2048
READY_S = 60.0
ASK_S = 2.0
ASK_PAUSE_S = 0.1

Prepare = Callable[..., Awaitable[tuple[str, ...]]]
console = Console(stderr=True, soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Urls:
    """Who logs in where."""

    owner: str
    app: str
    scheduler: str


@dataclass(frozen=True)
class Sockets:
    """Where it answers: the API on one, each scheduler on one of its own."""

    api: socket.socket
    schedulers: list[socket.socket]


@dataclass(frozen=True)
class Plan:
    """What runs under the parent; tests run smaller things."""

    api: tuple[str, ...] = API
    scheduler: tuple[str, ...] = SCHEDULER
    prepare: Prepare | None = None


def up() -> None:
    """Start everything: an embedded Postgres unless CASELOG_DATABASE_URL names one, the API and the schedulers."""
    raise SystemExit(asyncio.run(run(Settings(), Plan())))


async def run(settings: Settings, plan: Plan) -> int:
    """Run until somebody asks to stop (0) or something dies for good (1)."""
    _refuse_faults(settings)
    wish = Wish()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _ask_to_stop, wish)
    async with AsyncExitStack() as stack:
        sockets = _listen_all(settings, stack)
        house = asyncio.create_task(_live(settings, plan, wish, sockets))
        waiting = asyncio.create_task(wish.stop.wait())
        await asyncio.wait({house, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not house.done():
            house.cancel()
        waiting.cancel()
        try:
            await house
        except asyncio.CancelledError:
            say("stopped")
        except (GaveUp, CannotStart) as reason:
            say(f"stopped: {reason}")
            return 1
    return 0


def say(text: str) -> None:
    """Tell the operator."""
    console.print(f"caselog: {text}", markup=False)


def _refuse_faults(settings: Settings) -> None:
    """All at once, so that nobody mends one to meet the next."""
    faults = faults_set(settings)
    if faults:
        raise CannotStart(told(faults))


def _ask_to_stop(wish: Wish) -> None:
    if wish.stop.is_set():
        wish.hurry.set()
        return
    say("stopping (once more to hurry)")
    wish.stop.set()


def _listen_all(settings: Settings, stack: AsyncExitStack) -> Sockets:
    """Bound by the parent, so that workers and schedulers come and go while the ports stay open."""
    api = stack.enter_context(_listen(settings.host, settings.port, "CASELOG_PORT"))
    first, host = settings.scheduler_port, settings.scheduler_host
    ports = [first + n if first else 0 for n in range(settings.schedulers)]
    return Sockets(api, [stack.enter_context(_listen(host, port, "CASELOG_SCHEDULER_PORT")) for port in ports])


def _listen(host: str, port: int, setting: str) -> socket.socket:
    """Port 0: any that is free."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except (OSError, OverflowError) as fault:
        sock.close()
        why = fault.strerror if isinstance(fault, OSError) else "there is no such port"
        raise CannotStart(f"cannot listen on {host} port {port}: {why}; {setting} names another") from None
    return sock


async def _live(settings: Settings, plan: Plan, wish: Wish, sockets: Sockets) -> None:
    """Start in order; what was started is stopped in the opposite order, however this ends."""
    async with AsyncExitStack() as stack:
        make_folder(settings.data_dir)
        key_file = _master_key(settings)
        urls, watches = await _database(settings, stack)
        await asyncio.to_thread(bring_to_head, urls.owner)
        prepare = plan.prepare or partial(_prepare, key_file)
        keys = await prepare(urls.app, development_keys=settings.env != "production")
        sealed = {"CASELOG_MASTER_KEY_FILE": str(key_file), "PYTHONUNBUFFERED": "1"}
        # The services never see the owner's login.
        sealed |= {"CASELOG_MIGRATION_URL": "", "CASELOG_SCHEDULER_URL": "", "CASELOG_ENV": settings.env}
        watches += await _crew(_scheduler_jobs(plan, urls, sealed, sockets.schedulers), wish, stack)
        watches += await _crew(_api_jobs(settings, plan, urls, sealed, sockets.api), wish, stack)
        said = banner(settings, urls.app, key_file, keys, [one.getsockname()[1] for one in sockets.schedulers])
        greeting = asyncio.create_task(_greet(said, settings))
        stack.callback(greeting.cancel)
        await _until_one_fails([*watches, greeting])


async def _database(settings: Settings, stack: AsyncExitStack) -> tuple[Urls, list[asyncio.Task[None]]]:
    if settings.database_url is not None:
        given = settings.database_url
        return Urls(settings.migration_url or given, given, settings.scheduler_url or given), []
    say(f"starting Postgres in {settings.data_dir}")
    running = [await postgres.start(settings.data_dir)]
    watch = asyncio.create_task(keep_postgres(running[0], say, running.append), name="postgres")

    async def stop() -> None:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await running[-1].stop()

    stack.push_async_callback(stop)
    return Urls(*(running[0].url(role) for role in postgres.LOGINS)), [watch]


def _master_key(settings: Settings) -> Path:
    if settings.master_key_file is not None:
        return settings.master_key_file.resolve()
    path, made = master_key_file(settings.data_dir)
    if made:
        say(f"made a master key, {path}: without it nobody reads what people wrote; keep a copy of it elsewhere")
    return path


async def _prepare(key_file: Path, url: str, *, development_keys: bool) -> tuple[str, ...]:
    from case_api.cli.prepare import check_key, prepare  # noqa: PLC0415 - the API's imports are not needed to stop early
    from case_api.cli.reach import in_words  # noqa: PLC0415 - the same
    from case_events.ledger.policy_book import PolicyChanged  # noqa: PLC0415 - the same

    try:
        with in_words():
            await check_key(url, key_file)
            return await prepare(url, development_keys=development_keys)
    except PolicyChanged as reason:
        raise CannotStart(str(reason)) from reason


async def _crew(jobs: list[Job], wish: Wish, stack: AsyncExitStack) -> list[asyncio.Task[None]]:
    crew = Crew(jobs, wish.hurry, say)
    stack.push_async_callback(crew.stop)
    return crew.watches


def _api_jobs(settings: Settings, plan: Plan, urls: Urls, sealed: dict[str, str], sock: socket.socket) -> list[Job]:
    counted = _counted(settings, sock.getsockname()[1])
    env = sealed | {
        "CASELOG_DATABASE_URL": urls.app,
        "CASELOG_LISTEN_FD": str(sock.fileno()),
        "PROMETHEUS_MULTIPROC_DIR": str(counted),
    }
    ended = partial(mark_process_dead, path=str(counted))
    return [Job(f"api-{n}", plan.api, env, (sock.fileno(),), ended=ended) for n in range(1, settings.api_workers + 1)]


def _counted(settings: Settings, port: int) -> Path:
    """An empty folder where the workers on this port count, so that any of them can tell the sum."""
    folder = (settings.data_dir / f"metrics-{port}").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _scheduler_jobs(plan: Plan, urls: Urls, sealed: dict[str, str], sockets: list[socket.socket]) -> list[Job]:
    env = sealed | {"CASELOG_DATABASE_URL": urls.scheduler}
    return [
        Job(f"scheduler-{n}", plan.scheduler, env | {"CASELOG_LISTEN_FD": str(sock.fileno())}, (sock.fileno(),))
        for n, sock in enumerate(sockets, 1)
    ]


async def _until_one_fails(watches: list[asyncio.Task[None]]) -> None:
    """A watch ends by giving up, and then all end; the greeting ends when it has greeted."""
    left = set(watches)
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for watch in done:
            watch.result()


async def _greet(greeting: RenderableType, settings: Settings) -> None:
    """Say where everything is, once it answers."""
    url = f"{address(settings)}/readyz"
    deadline = asyncio.get_running_loop().time() + READY_S
    async with httpx.AsyncClient(timeout=ASK_S, trust_env=False) as client:
        while asyncio.get_running_loop().time() < deadline:
            try:
                if (await client.get(url)).is_success:
                    console.print(greeting, soft_wrap=False)  # wrapped, not cut: a key must be whole
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(ASK_PAUSE_S)
    say(f"not ready after {READY_S:.0f} s; {url} says what is missing")
