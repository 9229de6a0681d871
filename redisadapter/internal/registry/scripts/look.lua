-- Looks what there is to do in a shard, and keeps the keys alive that belong to nobody.
--
-- KEYS  1 grace, 2 leases, 3 log, 4 birth (see user.lua)
-- ARGV  1 how many users at most, 2 ttl
-- Returns {now, when the next grace ends or 0, users whose grace is over, leases}

local now = clock()
for _, key in ipairs(KEYS) do
	keep(key, tonumber(ARGV[2]))
end
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now), 'LIMIT', 0, ARGV[1])
local later = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return { now, tonumber(later[2] or 0), over, redis.call('SMEMBERS', KEYS[2]) }
