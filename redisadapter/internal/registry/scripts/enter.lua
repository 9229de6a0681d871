-- Puts a connection of a user in, or replaces its row.
--
-- KEYS and ARGV 1 to 6: see user.lua
-- ARGV  7 lease, 8 until when it is known to hold, 9 connection, 10 row, 11 order (0: a new one), 12 grace, 13 remember,
--       14 since when the user is online as this lease has heard (0: not at all), 15 the birth of the data at that time
-- Returns {"stale", now} when the lease does not hold, or
--       {"ok", now, 1 if the connection is new, number of connections, order, since, birth, writes of the lease in
--       this shard, id before, id of the logged change}, the ids empty when the user was online already
--
-- A user who is unknown because data was lost comes back as if nothing had been.

if now > tonumber(ARGV[8]) then
	return { 'stale', now }
end
local birth = born()
local order = tonumber(ARGV[11])
if order == 0 then
	local t = redis.call('TIME')
	order = t[1] * 1000000 + t[2]
end
local since = redis.call('HGET', KEY_USER, 'since')
if not since then
	local known = lost(ARGV[14], ARGV[15])
	since = known and ARGV[14] or text(now)
	redis.call('ZADD', KEY_ONLINE, 0, USER)
	redis.call('HSET', KEY_USER, 'since', since)
	if not known then
		tell('1')
	end
end
local n
local added = redis.call('HSET', KEY_USER, ARGV[7] .. ' ' .. ARGV[9], text(order) .. ' ' .. ARGV[10])
if added == 1 then
	n = redis.call('HINCRBY', KEY_USER, 'n', 1)
	redis.call('HINCRBY', KEY_INDEX, WHO, 1)
else -- said again, maybe because something of it was lost
	n = redis.call('HGET', KEY_USER, 'n')
	redis.call('ZADD', KEY_ONLINE, 0, USER)
	redis.call('HSET', KEY_INDEX, WHO, #own(ARGV[7]))
end
if redis.call('SADD', KEY_LEASES, ARGV[7]) == 1 then
	keep(KEY_LEASES, TTL) -- look.lua does so too
end
local writes = redis.call('HINCRBY', KEY_INDEX, '', 1)
redis.call('HSET', KEY_USER, 'grace', ARGV[12], 'remember', ARGV[13])
if redis.call('HDEL', KEY_USER, 'left') == 1 then
	redis.call('ZREM', KEY_GRACE, WHO)
end
keep(KEY_USER, TTL)
keep(KEY_ONLINE, TTL)
keep(KEY_INDEX, TTL)
return { 'ok', now, added, tonumber(n), order, tonumber(since), birth, writes, prev, id }
