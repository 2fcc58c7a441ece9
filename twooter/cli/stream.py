"""The `stream` command: live updates as Server-Sent Events, from a small process of its own."""

from __future__ import annotations

import asyncio
import resource
import signal
import threading

import click

from twooter import logs, machines, metrics
from twooter.api.live.server import StreamServer
from twooter.services.schemas import await_schema
from twooter.settings import read_settings
from twooter.wiring import wire


@click.command
def stream() -> None:
    """Serve live updates: `/v1/stream`, as Server-Sent Events.

    Any number may run. Needs TWOOTER_CACHE_URL, the Redis in which workers tell what happens; without it live updates
    are inside `python -m twooter run`. Listens on TWOOTER_STREAM_PORT.
    """
    settings = read_settings()
    if settings.cache_url is None:
        raise click.ClickException(
            "Set TWOOTER_CACHE_URL; without it live updates are inside `python -m twooter run`."
        )
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a shell's 1,024 would be a thousand listeners
    logs.configure(settings)
    logs.counters.append(metrics.count_log)
    services = wire(settings)
    server = StreamServer(services)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if settings.metrics_port is not None:
        machines.serve(settings.host, settings.metrics_port, alive=server.stuck, ready=server.trouble)
    if await_schema(services.storage, stopping):
        services.start()
        asyncio.run(_serve(server, settings.host, settings.stream_listens_on, stopping))
    services.stop()


async def _serve(server: StreamServer, host: str, port: int, stopping: threading.Event) -> None:
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # a loop that waits is not woken by handlers of the other kind
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.serve(host, port, stopping)
