-- Finds the rows of a lease that are not there, and keeps alive those that are.
--
-- KEYS  1 index, 2 leases, then for each row two: user, online (see user.lua)
-- ARGV  1 lease, 2 ttl, then for each row three: user, its field in index, connection
-- Returns the numbers of the rows that are missing, from 1

local ttl = tonumber(ARGV[2])
local missing = {}
keep(KEYS[1], ttl)
keep(KEYS[2], ttl)
for i = 1, (#KEYS - 2) / 2 do
	local user, online = KEYS[2 * i + 1], KEYS[2 * i + 2]
	local name, who, conn = ARGV[3 * i], ARGV[3 * i + 1], ARGV[3 * i + 2]
	if redis.call('HEXISTS', user, ARGV[1] .. ' ' .. conn) == 1
		and redis.call('HEXISTS', KEYS[1], who) == 1
		and redis.call('ZSCORE', online, name) then
		keep(user, ttl)
		keep(online, ttl)
	else
		missing[#missing + 1] = i
	end
end
return missing
