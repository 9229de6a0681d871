-- Renews the lease of a node, or gives it one; ends leases that were not renewed, and hands out shards to look at.
--
-- KEYS  1 nodes: ZSET of leases by their last beat, 2 meta: HASH of lease to node, 3 dead: ZSET of ended leases by
--       their last beat, 4 plan: ZSET of shards by the time when somebody has to look at them
-- ARGV  1 lease ("": a new one), 2 start of the name of a new one, 3 node as JSON, 4 time to death, 5 how long ago the
--       beat before was by the node's own clock, 6 the time that it brought, 7 ttl, 8 how many shards at most,
--       9 for how long nobody else gets them, 10 number of shards, 11 "1" if the node may end leases
-- Returns {"lost", now}, or {"ok" | "joined" | "back", now, lease, all leases, shards, their score from now on, 1 if
--       the clock is steady}; "back" means that Redis has forgotten the beat before
--
-- When the time since the beat before is not what the node's own clock says, this clock has jumped, and all leases
-- look old: none is ended. Nor is one by a node that has just come back itself: so do the others, when it was Redis
-- that was away.

local NODES, META, DEAD, PLAN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now = clock()
local lease, death = ARGV[1], tonumber(ARGV[4])
local status, steady = 'ok', false

if lease == '' then
	status = 'joined'
	local stamp = now
	repeat
		lease = ARGV[2] .. text(stamp)
		stamp = stamp + 1
	until redis.call('HEXISTS', META, lease) == 0
	redis.call('HSET', META, lease, ARGV[3])
	for shard = 0, tonumber(ARGV[10]) - 1 do
		redis.call('ZADD', PLAN, 'NX', text(now), shard)
	end
else
	local before = tonumber(redis.call('ZSCORE', NODES, lease) or 0)
	if before == 0 then
		return { 'lost', now }
	end
	if before < tonumber(ARGV[6]) then
		status = 'back'
	end
	steady = now - before <= tonumber(ARGV[5]) + death / 2
end
redis.call('ZADD', NODES, text(now), lease)

for _, other in ipairs(redis.call('ZRANGEBYSCORE', NODES, '(' .. text(now + death), '+inf')) do
	redis.call('ZADD', NODES, text(now), other) -- the clock was set back
end
if steady and ARGV[11] == '1' then
	local ended = redis.call('ZRANGEBYSCORE', NODES, '-inf', '(' .. text(now - death), 'WITHSCORES')
	for i = 1, #ended, 2 do
		redis.call('ZREM', NODES, ended[i])
		redis.call('HDEL', META, ended[i])
		redis.call('ZADD', DEAD, ended[i + 1], ended[i])
	end
	if #ended > 0 then
		for _, shard in ipairs(redis.call('ZRANGE', PLAN, 0, -1)) do
			redis.call('ZADD', PLAN, text(now), shard)
		end
	end
end
redis.call('ZREMRANGEBYSCORE', DEAD, '-inf', text(now - 3600000))

local hold = now + tonumber(ARGV[9])
local shards = redis.call('ZRANGEBYSCORE', PLAN, '-inf', text(now), 'LIMIT', 0, ARGV[8])
for _, shard in ipairs(shards) do
	redis.call('ZADD', PLAN, text(hold), shard)
end
for _, key in ipairs(KEYS) do
	keep(key, tonumber(ARGV[7]))
end
return { status, now, lease, redis.call('ZRANGE', NODES, 0, -1), shards, hold, steady and 1 or 0 }
