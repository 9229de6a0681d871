-- Attaches a value to a user who is online.
--
-- KEYS  1 user (see user.lua)
-- ARGV  1 value as JSON
-- Returns 1, or 0 for a user who is not online

if redis.call('HEXISTS', KEYS[1], 'since') == 0 then
	return 0
end
redis.call('HSET', KEYS[1], 'meta', ARGV[1])
return 1
