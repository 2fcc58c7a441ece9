"""Answers of MySQL's kind: PyMySQL's connection, with a quicker way to read rows; they are most of what a page costs.

PyMySQL makes an object of every row's packet and calls some twenty functions for it, and takes the description of every
column apart whenever it is asked. What is told here is the same: values, types, counts and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pymysql import err
from pymysql.connections import TEXT_TYPES, Connection, MySQLResult
from pymysql.constants import CR, FIELD_TYPE, SERVER_STATUS
from pymysql.converters import through
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

Decode = Callable[[bytes], Any]  # Any: what a column holds

_NULL, _EOF, _ERROR = 0xFB, 0xFE, 0xFF
_SIZES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
"""Bytes of a length that is not a single one."""
_EOF_BELOW = 9
_WHOLE = 0xFFFFFF
"""A packet of this size goes on in the next one."""
_BINARY = 63
_MAX_KNOWN = 2_000


class _Column(NamedTuple):
    field: FieldDescriptorPacket
    description: tuple[Any, ...]  # as the DB-API has it
    decode: Decode


_known: dict[bytes, _Column] = {}
"""Columns by what servers say of them: statements have a few hundred."""


class _Result(MySQLResult):
    """What a statement answers."""

    connection: QuickConnection

    def _read_result_packet(self, first_packet: MysqlPacket) -> None:
        self.field_count = first_packet.read_length_encoded_integer()
        connection = self.connection
        try:
            columns = [_column(connection, connection.next_packet()) for _ in range(self.field_count)]
            connection.next_packet()  # the end of the columns
            rows, end = _read_rows(connection.next_packet, [column.decode for column in columns])
        except err.Error:
            raise  # the server's own, or the connection is closed already
        except BaseException:
            connection._force_close()  # noqa: SLF001 - what is left of the answer must not meet the next question
            raise
        self.fields = [column.field for column in columns]
        self.description = tuple([column.description for column in columns])
        self.warning_count = int.from_bytes(end[1:3], "little")
        self.has_next = bool(end[3] & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS)
        self.affected_rows = len(rows)
        self.rows = tuple(rows)


class QuickConnection(Connection):
    """PyMySQL's connection, but for how rows are read."""

    _next_seq_id: int

    def next_packet(self) -> bytes:
        """Return a packet of an answer that has begun.

        Raises: OperationalError where the connection is lost; the server's own errors.
        """
        try:
            header = self._rfile.read(4)
            size = int.from_bytes(header[:3], "little")
            packet: bytes = self._rfile.read(size)
        except OSError as ex:
            raise self._lost(str(ex)) from ex
        if len(packet) < size or header[3:] != _NUMBERS[self._next_seq_id]:
            raise self._lost("closed, or out of order")
        self._next_seq_id = (header[3] + 1) % 256
        if size == _WHOLE:
            return packet + self.next_packet()
        if packet[0] == _ERROR:
            err.raise_mysql_exception(packet)
        return packet

    def _lost(self, why: str) -> err.OperationalError:
        self._force_close()
        return err.OperationalError(
            CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({why})"
        )

    def _read_query_result(self, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - PyMySQL's signature
        if unbuffered:
            return int(super()._read_query_result(unbuffered=True))
        self._result = None
        result = _Result(self)
        result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows


_NUMBERS = [bytes([number]) for number in range(256)]


def _column(connection: QuickConnection, packet: bytes) -> _Column:
    column = _known.get(packet)
    if column is None:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        field = FieldDescriptorPacket(packet, connection.encoding)
        decode = _decoder(connection, field)
        column = _known[packet] = _Column(field, field.description(), decode)
    return column


def _decoder(connection: QuickConnection, field: FieldDescriptorPacket) -> Decode:
    """Return what makes a value of a column's bytes, as PyMySQL does."""
    converter = connection.decoders.get(field.type_code)
    encoding = "ascii"
    if field.type_code == FIELD_TYPE.JSON:
        encoding = connection.encoding
    elif field.type_code in TEXT_TYPES:
        encoding = "" if field.charsetnr == _BINARY else connection.encoding
    if converter is int:
        return int  # digits are digits
    if converter is None or converter is through:
        return (lambda data: data.decode(encoding)) if encoding else bytes
    return (lambda data: converter(data.decode(encoding))) if encoding else converter


def _read_rows(
    next_packet: Callable[[], bytes], decoders: Sequence[Decode]
) -> tuple[list[tuple[Any, ...]], bytes]:
    """Return rows, and the packet that ends them."""
    rows: list[tuple[Any, ...]] = []
    while True:
        packet = next_packet()
        if packet[0] == _EOF and len(packet) < _EOF_BELOW:
            return rows, packet
        row: list[Any] = []
        at = 0
        for decode in decoders:
            size = packet[at]
            at += 1
            if size == _NULL:
                row.append(None)
                continue
            if size > _NULL:
                begin, at = at, at + _SIZES[size]
                size = int.from_bytes(packet[begin:at], "little")
            row.append(decode(packet[at : at + size]))
            at += size
        rows.append(tuple(row))
