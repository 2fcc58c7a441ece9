"""Home timelines in Redis: the newest rows of each active account's, contiguous, in one sorted set of 16-byte members.

A member is the complemented id of a row, so that the newest comes first, and who did it, whose top bit says that it is
a retwoot. All scores are 0: members are in the order of their bytes. What sorts last says how far the set reaches:
`_END` that there is nothing older, a builder's mark that it is not whole yet, any row that older ones are in the
database alone. Rows are only ever added above that last member, so that there are no holes.
"""

from __future__ import annotations

import enum
import secrets
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from twooter.domain.pages import Page
from twooter.errors import Unavailable
from twooter.settings import Settings
from twooter.storage.cache import Cache, Call, Script
from twooter.storage.streams import LOG_PREFIX

KEYS_AT_ONCE = 500
"""Timelines of one call: some milliseconds of Redis."""
BUILD_SECONDS = 30
"""A timeline whose builder has died is built anew after this long."""
WORKER_TIMEOUT_SECONDS = 2.0
"""Nobody waits for what workers do."""
_MAX_ID = 2**63 - 1
_RETWOOT = 2**63
_MEMBER = struct.Struct(">QQ")
_SIZE = _MEMBER.size
_END = b"\xff" * 8 + b"\x00" * 8
_UNDER_WORK = b"\xff" * 9
"""How a builder's mark begins; the rest is the builder's own."""

# Lua compares strings by the server's locale: numbers instead. A set may outgrow its length by a few rows, so that not
# every row costs a cut.
_LUA = """
local function add(key, last, members, most)
  local high, low = struct.unpack('>I4I4', last)
  for at = 1, #members, 16 do
    local member = members:sub(at, at + 15)
    local h, l = struct.unpack('>I4I4', member)
    if h < high or (h == high and l < low) then redis.call('ZADD', key, 0, member) end
  end
  if redis.call('ZCARD', key) > most + 8 then redis.call('ZREMRANGEBYRANK', key, most, -1) end
end
local function is_under_work(last)
  return last:byte(9) == 255 and last:sub(1, 8) == '\\255\\255\\255\\255\\255\\255\\255\\255'
end
"""
_push = Script(
    _LUA
    + f"local LOG_PREFIX = '{LOG_PREFIX}'"
    + """
local answer = {0}
for i, key in ipairs(KEYS) do
  local last = redis.call('ZRANGE', key, -1, -1)[1]
  if last then
    answer[1] = answer[1] + 1
    add(key, last, ARGV[i + 1], is_under_work(last) and 100000 or tonumber(ARGV[1]))
  end
  if redis.call('EXISTS', LOG_PREFIX .. key) == 1 then answer[#answer + 1] = i end
end
return answer
"""
)
_read = Script(
    _LUA
    + """
local last = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if not last then return '' end
if is_under_work(last) then return last end
redis.call('EXPIRE', KEYS[1], ARGV[1])
local rows
if ARGV[2] == 'before' then
  rows = redis.call('ZRANGE', KEYS[1], ARGV[3], '+', 'BYLEX', 'LIMIT', 0, ARGV[4])
else
  rows = redis.call('ZRANGE', KEYS[1], ARGV[3], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[4])
end
return last .. table.concat(rows)
"""
)
_begin = Script(
    """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)
_finish = Script(
    """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
for i = 5, #ARGV do redis.call('ZADD', KEYS[1], 0, ARGV[i]) end
if ARGV[4] == 'whole' then
  redis.call('ZADD', KEYS[1], 0, ARGV[3])
else
  redis.call('ZREMRANGEBYLEX', KEYS[1], '(' .. ARGV[#ARGV], '+')
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)
_merge = Script(
    _LUA
    + """
local last = redis.call('ZRANGE', KEYS[1], -1, -1)[1]
if not last then return 0 end
if is_under_work(last) then return redis.call('DEL', KEYS[1]) end
add(KEYS[1], last, ARGV[3], tonumber(ARGV[1]))
if ARGV[2] ~= 'whole' then
  redis.call('ZREMRANGEBYLEX', KEYS[1], '(' .. ARGV[3]:sub(-16), '+')
end
return 1
"""
)
_remove = Script(
    _LUA
    + """
local rows = redis.call('ZRANGE', KEYS[1], 0, -1)
if #rows == 0 then return 0 end
if is_under_work(rows[#rows]) then return redis.call('DEL', KEYS[1]) end
local found = {}
for _, row in ipairs(rows) do
  local actor = row:sub(9)
  if actor == ARGV[1] or actor == ARGV[2] then found[#found + 1] = row end
end
if #found > 0 then redis.call('ZREM', KEYS[1], unpack(found)) end
return #found
"""
)


class Entry(NamedTuple):
    """A row of a home timeline: a twoot's id or a retwoot's own, and whose doing it is."""

    id: int
    actor_id: int
    is_retwoot: bool


class Pushed(NamedTuple):
    """What a push met: how many timelines were there, and whose logs of live updates are."""

    kept: int
    listened: list[int]


class Missing(enum.Enum):
    """Why Redis does not have a page."""

    ABSENT = "absent"
    """There is no such timeline: it may be built."""
    ELSEWHERE = "elsewhere"
    """It is being built, the page is older than what is kept, or Redis is away."""


class HomeWindows:
    """The newest rows of home timelines; readers are told what is missing, workers when Redis does not answer."""

    def __init__(self, readers: Cache, workers: Cache, *, entries: int, days: int) -> None:
        self._readers = readers
        self._workers = workers
        self.entries = entries
        self._seconds = b"%d" % (days * 86_400)
        self._most = b"%d" % entries

    @classmethod
    def open(cls, settings: Settings, cache: Cache | None) -> HomeWindows | None:
        """Return the timelines in the settings' Redis, or None where there is none."""
        if cache is None or settings.cache_url is None:
            return None
        patient = Cache(settings.cache_url.get_secret_value(), timeout_seconds=WORKER_TIMEOUT_SECONDS)
        return cls(cache, patient, entries=settings.home_entries, days=settings.home_days)

    def read(self, account_id: int, page: Page) -> list[Entry] | Missing:
        """Return a page in reading order and one row more, as a database would have it; one round trip."""
        if page.after is not None:
            way, bound = b"after", b"(" + _prefix(page.after)
        else:
            way, bound = b"before", b"-" if page.before is None else b"[" + _prefix(page.before - 1)
        given = (self._seconds, way, bound, b"%d" % (page.limit + 1))
        answer = self._readers.run(_read, [_key(account_id)], given)
        if not answer:
            return Missing.ELSEWHERE if answer is None else Missing.ABSENT
        return _page(answer, page)

    def own(self, entry: Entry) -> Call:
        """Return what shows somebody's doing in its own timeline, to be run by the readers' cache."""
        return Call(_push, [_key(entry.actor_id)], (self._most, _member(entry)))

    def add_own(self, entry: Entry) -> None:
        """Show what somebody has just done in its own timeline; without Redis, workers will."""
        self._readers.run(*self.own(entry))

    def push(self, entries_of: Mapping[int, Sequence[Entry]]) -> Pushed:
        """Add rows to the timelines of those accounts that have one, and see for whom somebody listens.

        Both in one step: who begins to listen after it finds the rows there.
        Raises: Unavailable when Redis does not answer; everything may be pushed again.
        """
        members: dict[Entry, bytes] = {}
        for entries in entries_of.values():
            for entry in entries:
                if entry not in members:
                    members[entry] = _member(entry)
        pushed, accounts = Pushed(0, []), iter(entries_of.items())
        while part := list(islice(accounts, KEYS_AT_ONCE)):
            keys = [_key(account_id) for account_id, _ in part]
            given = [b"".join([members[entry] for entry in entries]) for _, entries in part]
            kept, *places = self._work(_push, keys, (self._most, *given))
            pushed = Pushed(pushed.kept + kept, [*pushed.listened, *(part[place - 1][0] for place in places)])
        return pushed

    def begin(self, account_id: int) -> bytes | None:
        """Begin to build an account's timeline; return the mark to finish it with, or None where that is not needed."""
        mark = _UNDER_WORK + secrets.token_bytes(_SIZE - len(_UNDER_WORK))
        began = self._readers.run(_begin, [_key(account_id)], (mark, b"%d" % BUILD_SECONDS))
        return mark if began else None

    def finish(self, account_id: int, mark: bytes, entries: Sequence[Entry], *, whole: bool) -> None:
        """Fill a timeline with its newest rows, newest first; `whole` where there are no older ones.

        Does nothing when the timeline has changed hands since.
        """
        given = (mark, self._seconds, _END, b"whole" if whole else b"part", *map(_member, entries))
        self._readers.run(_finish, [_key(account_id)], given)

    def merge(self, account_id: int, entries: Sequence[Entry], *, whole: bool) -> None:
        """Add somebody's newest rows, newest first, as far as the timeline reaches; `whole` where they are all.

        Raises: Unavailable when Redis does not answer.
        """
        if entries:
            given = (self._most, b"whole" if whole else b"part", b"".join(map(_member, entries)))
            self._work(_merge, [_key(account_id)], given)

    def remove(self, account_id: int, actor_id: int) -> None:
        """Remove everything somebody did.

        Raises: Unavailable when Redis does not answer.
        """
        given = [actor.to_bytes(8) for actor in (actor_id, actor_id | _RETWOOT)]
        self._work(_remove, [_key(account_id)], given)

    def _work(self, script: Script, keys: Sequence[bytes], given: Sequence[bytes]) -> Any:  # Any: a number
        answer = self._workers.run(script, keys, given)
        if answer is None:
            raise Unavailable("The cache does not answer.")
        return answer


def _page(answer: bytes, page: Page) -> list[Entry] | Missing:
    """Return the rows behind the timeline's last member, or why they are not the whole page."""
    last, rows = answer[:_SIZE], answer[_SIZE:]
    if last.startswith(_UNDER_WORK):
        return Missing.ELSEWHERE
    entries = _entries(rows.removesuffix(_END))
    if last != _END:
        if page.after is None and len(entries) <= page.limit:
            return Missing.ELSEWHERE
        if page.after is not None and page.after < _entries(last)[0].id:
            return Missing.ELSEWHERE
    return entries


def _key(account_id: int) -> bytes:
    return b"home:%d" % account_id


def _member(entry: Entry) -> bytes:
    return _MEMBER.pack(_MAX_ID - entry.id, entry.actor_id | (_RETWOOT if entry.is_retwoot else 0))


def _prefix(id_: int) -> bytes:
    return (_MAX_ID - id_).to_bytes(8)


def _entries(members: bytes) -> list[Entry]:
    return [
        Entry(_MAX_ID - complement, actor & ~_RETWOOT, actor >= _RETWOOT)
        for complement, actor in _MEMBER.iter_unpack(members)
    ]


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Return each row once, newest first."""
    return sorted(set(entries), reverse=True)
