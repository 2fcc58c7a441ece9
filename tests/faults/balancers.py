"""What stands between clients and pods: a TCP proxy that behaves as a Service of Kubernetes does."""

import asyncio
import itertools
import socket
import struct
import threading
from collections import Counter

_RESET = struct.pack("ii", 1, 0)


class Balancer:
    """Gives each new connection to one of the backends it knows; made connections stay where they are.

    It hears late of a backend that goes away, as kube-proxy does, and passes on what a backend does with a connection:
    its end as an end, its refusal as a reset. Nothing is tried twice.

        with Balancer(lag_seconds=1) as balancer:
            balancer.add(port)
    """

    def __init__(self, *, lag_seconds: float) -> None:
        self._lag_seconds = lag_seconds
        self._backends: list[int] = []
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer")
        self._tasks = set[asyncio.Task[None]]()
        self.port = 0
        self.connections: Counter[int] = Counter()
        """Connections made, by the backend's port."""
        self.refused: Counter[int] = Counter()
        """Connections that a backend it still knew did not take."""

    def add(self, port: int) -> None:
        """Let a backend that is ready have new connections."""
        self._loop.call_soon_threadsafe(self._backends.append, port)

    def remove(self, port: int) -> None:
        """Let a backend have no new connections, once this has got around."""
        self._loop.call_soon_threadsafe(self._loop.call_later, self._lag_seconds, self._backends.remove, port)

    def __enter__(self) -> "Balancer":
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._take, "127.0.0.1", 0), self._loop
        )
        self._server = server.result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._backends[next(self._turns) % len(self._backends)]
        self.connections[port] += 1
        try:
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            self.refused[port] += 1
            _reset(writer)
            return
        try:
            await asyncio.gather(_pump(reader, behind_writer), _pump(behind_reader, writer))
        finally:
            writer.close()
            behind_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until it ends, and how it ends."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
