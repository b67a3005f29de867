"""The Lua scripts that run inside Redis, each in one go.

Whatever a server keeps counts only while the same server process runs: one that was restarted may have come back with
an old copy, and one that took over may lack the last changes. So the bus and the states write beside what they keep
the ``run_id`` under which it was kept. Keys of one script are in one place of a Cluster.
"""

from __future__ import annotations

from feed.storage.redis.nodes import Script

_RUN = "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''\n"

_NOW = """
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
"""

# KEYS: owner, head, stream, marks. ARGV: deployment, name, position and revision. A stream whose server is another one
# than before goes on far ahead of where it was, so that nobody takes a new message for an old one.
_ENTER = (
    _RUN
    + _NOW
    + """
local owner = redis.call('GET', KEYS[1])
if not owner then
  redis.call('SET', KEYS[1], ARGV[1])
elseif owner ~= ARGV[1] then
  return {owner}
end
local head = redis.call('HGET', KEYS[2], 'head')
if not head or redis.call('HGET', KEYS[2], 'run') ~= run then
  redis.call('UNLINK', KEYS[3])
  if not head or tonumber(head) < tonumber(now) then head = now end
  redis.call('HSET', KEYS[2], 'head', head, 'run', run)
end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[2], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. now)
end
"""
)

LOOK = Script(_ENTER + "return {owner or ARGV[1], head, run}")
"""Where the stream is, and one's own mark written: the owner, the head and the run; the owner alone if another's."""

PUSH = Script(
    _ENTER
    + """
for i = 7, #ARGV, 3 do
  head = string.format('%.0f', head + 1)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], head .. '-0',
    'from', ARGV[5], 'topic', ARGV[i], 'key', ARGV[i + 1], 'content', ARGV[i + 2])
end
redis.call('HSET', KEYS[2], 'head', head)
return {owner or ARGV[1], head, run}
"""
)
"""Add messages; more ARGV: sender, length of the stream, then topic, key and content of each. Answers as LOOK."""

MARKS = Script(
    _NOW
    + """
local marks = redis.call('HGETALL', KEYS[1])
for i = 1, #marks, 2 do
  local at = tonumber(string.match(marks[i + 1], '(%d+)$'))
  if at < tonumber(now) - tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], marks[i]) end
end
return {now, marks}
"""
)
"""All marks and the microsecond; those older than ARGV[1] microseconds go."""

LEAVE = Script("return redis.call('HDEL', KEYS[1], ARGV[1])")
"""One's mark goes."""

# KEYS: state, ticket, holds of one reader. A state is kept behind its run and generation, a ticket behind its run.
GET = Script(
    _RUN
    + """
local kept = redis.call('GET', KEYS[1])
local mine = run .. ' ' .. ARGV[1] .. ' '
if kept and string.sub(kept, 1, #mine) == mine then return {string.sub(kept, #mine + 1)} end
if redis.call('EXISTS', KEYS[3]) == 1 then return {false, ''} end
local ticket = redis.call('GET', KEYS[2])
if not ticket or string.sub(ticket, 1, #run) ~= run then ticket = run .. ' ' .. ARGV[2] end
redis.call('SET', KEYS[2], ticket, 'PX', ARGV[3])
return {false, ticket}
"""
)
"""The state, or a ticket, empty while held. ARGV: generation, a new ticket, and milliseconds that it is good for."""

PUT = Script(
    _RUN
    + """
if string.sub(ARGV[2], 1, #run) ~= run or redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], run .. ' ' .. ARGV[1] .. ' ' .. ARGV[3], 'PX', ARGV[4])
return 1
"""
)
"""Keep a state. ARGV: generation, ticket, state, and milliseconds that it is kept for."""

APPEND = Script(
    _RUN
    + """
redis.call('DEL', KEYS[2])
local mine = run .. ' ' .. ARGV[1] .. ' '
local length = redis.call('STRLEN', KEYS[1])
if length == 0 then return end
if redis.call('GETRANGE', KEYS[1], 0, #mine - 1) == mine and length - #mine + #ARGV[2] <= tonumber(ARGV[3]) then
  redis.call('APPEND', KEYS[1], ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
"""
)
"""Add to a state that is there. ARGV: generation, what to add, and the longest state."""

HOLD = Script(
    """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[1])
"""
)
"""Drop a state and let nobody put one, for ARGV[1] milliseconds."""

DROP = Script("redis.call('DEL', KEYS[1], KEYS[2])")
"""Drop a state and end tickets."""

RELEASE = Script(
    """
redis.call('DEL', KEYS[1], KEYS[2])
if tonumber(redis.call('GET', KEYS[3]) or 1) <= 1 then redis.call('DEL', KEYS[3]) else redis.call('DECR', KEYS[3]) end
"""
)
"""Drop a state and end one hold."""

# KEYS: one for each account, the microsecond at which its bucket is full again. ARGV: seconds used and depth of each.
SPEND = Script(
    _NOW
    + """
local answers = {}
for i, key in ipairs(KEYS) do
  local used, depth = tonumber(ARGV[2 * i - 1]) * 1000000, tonumber(ARGV[2 * i]) * 1000000
  local full = math.max(tonumber(redis.call('GET', key) or 0), tonumber(now))
  full = math.min(full + used, tonumber(now) + 2 * depth)
  redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - tonumber(now)) / 1000) + 1000)
  answers[i] = string.format('%.0f', full - tonumber(now))
end
return answers
"""
)
"""Use up parts of buckets; for each the microseconds until it is full."""

CLAIM = Script("redis.call('SETNX', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
"""Whose the prefix is, which is ARGV[1]'s from now on if nobody's."""

OWNER = Script("return redis.call('GET', KEYS[1])")
"""Whose the prefix is."""
