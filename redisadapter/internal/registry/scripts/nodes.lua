-- Lists the nodes that are alive.
--
-- KEYS  1 nodes, 2 meta (see beat.lua)
-- ARGV  1 time to death
-- Returns a flat list of leases and nodes as JSON

local alive = redis.call('ZRANGEBYSCORE', KEYS[1], text(clock() - tonumber(ARGV[1])), '+inf')
local list = {}
for _, lease in ipairs(alive) do
	list[#list + 1] = lease
	list[#list + 1] = redis.call('HGET', KEYS[2], lease) or ''
end
return list
