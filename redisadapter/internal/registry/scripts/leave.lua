-- Gives the lease of a node back. With rows left it counts as dead, so that other nodes clear them away.
--
-- KEYS  as beat.lua
-- ARGV  1 lease, 2 "1" if rows may be left
-- Returns how many leases there are yet

local last = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if last and ARGV[2] == '1' then
	redis.call('ZADD', KEYS[3], last, ARGV[1])
	redis.call('PEXPIRE', KEYS[3], 3600000)
	local now = text(clock())
	for _, shard in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
		redis.call('ZADD', KEYS[4], now, shard)
	end
end
local rest = redis.call('ZCARD', KEYS[1])
if rest == 0 and ARGV[2] ~= '1' then
	redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
end
return rest
