-- Says when somebody has to look at shards.
--
-- KEYS  1 plan (see beat.lua)
-- ARGV  for each shard three: its number, the time, and the score that is replaced by a later time; an earlier time
--       always counts
-- Returns nothing of use

for i = 1, #ARGV, 3 do
	local planned = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0)
	local time = tonumber(ARGV[i + 1])
	if planned == 0 or time < planned or planned == tonumber(ARGV[i + 2]) then
		redis.call('ZADD', KEYS[1], text(time), ARGV[i])
	end
end
if redis.call('PTTL', KEYS[1]) < 0 then
	redis.call('PEXPIRE', KEYS[1], 3600000) -- the next heartbeat sets a shorter one
end
return 1
