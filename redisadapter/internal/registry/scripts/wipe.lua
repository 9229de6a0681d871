-- Clears away what the last node leaves behind in a shard that holds no user.
--
-- KEYS  1 grace, 2 leases, 3 log, 4 birth, 5 gone (see user.lua)
-- Returns 1 if it did

if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
	return 0
end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
return 1
