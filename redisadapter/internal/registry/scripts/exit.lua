-- Takes one connection of a user out, or all that a lease has, and begins the grace with the last one.
--
-- KEYS and ARGV 1 to 6: see user.lua
-- ARGV  7 lease, 8 connection ("": all of the lease), 9 when it went, 10 or how long ago if that is 0,
--       11 since when the user is online as this lease has heard (0: not at all), 12 the birth of the data at that time,
--       13 grace, 14 remember (both "": as the user entered last), 15 shortest grace for a user whose data was lost
-- Returns {now, when the user will be offline or 0, writes of the lease in this shard, id before, id of the logged
--       change}
--
-- A user whose data was lost gets a grace even so: other nodes may not have said yet that they have connections too,
-- and who was told of a beginning is told of an end.

local left = tonumber(ARGV[9])
if left == 0 then
	left = now - tonumber(ARGV[10])
end
left = math.min(left, now)

local gone = 0
if ARGV[8] ~= '' then
	gone = redis.call('HDEL', KEY_USER, ARGV[7] .. ' ' .. ARGV[8])
else
	for _, field in ipairs(own(ARGV[7])) do
		gone = gone + redis.call('HDEL', KEY_USER, field)
	end
	redis.call('HDEL', KEY_INDEX, WHO)
end

local writes = 0
if gone > 0 then
	if ARGV[8] ~= '' and redis.call('HINCRBY', KEY_INDEX, WHO, -gone) <= 0 then
		redis.call('HDEL', KEY_INDEX, WHO)
	end
	writes = redis.call('HINCRBY', KEY_INDEX, '', 1)
	keep(KEY_INDEX, TTL)
else
	writes = tonumber(redis.call('HGET', KEY_INDEX, '') or 0)
end
if redis.call('HLEN', KEY_INDEX) <= 1 then -- nothing but the number of writes
	writes = 0
	redis.call('DEL', KEY_INDEX)
	redis.call('SREM', KEY_LEASES, ARGV[7])
end

local due = 0
if gone > 0 then
	if ARGV[13] ~= '' then
		redis.call('HSET', KEY_USER, 'grace', ARGV[13], 'remember', ARGV[14])
	end
	if redis.call('HINCRBY', KEY_USER, 'n', -gone) <= 0 then
		due = depart(left, 0)
	end
elseif ARGV[13] ~= '' and redis.call('EXISTS', KEY_USER) == 0 and lost(ARGV[11], ARGV[12]) then
	redis.call('HSET', KEY_USER, 'since', ARGV[11], 'n', 0, 'grace', ARGV[13], 'remember', ARGV[14])
	redis.call('ZADD', KEY_ONLINE, 0, USER)
	due = depart(left, now + tonumber(ARGV[15]))
end
return { now, due, writes, prev, id }
