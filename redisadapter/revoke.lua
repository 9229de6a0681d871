-- Keeps a revocation, and drops those whose time is over.
-- KEYS[1]  sorted set: before when identities are refused, in ms, by member
-- KEYS[2]  sorted set: until when that holds, in ms, by member
-- ARGV     member, before, until, the most members that are kept
-- Returns 1 if it is kept, 0 if a later one is kept already or its time is over, -1 if there are too many.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
while true do
	local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)
	if #over == 0 then break end
	redis.call('ZREM', KEYS[1], unpack(over))
	redis.call('ZREM', KEYS[2], unpack(over))
end
local before, till = tonumber(ARGV[2]), tonumber(ARGV[3])
if till <= now then return 0 end
local kept = redis.call('ZSCORE', KEYS[1], ARGV[1])
if kept and tonumber(kept) >= before then return 0 end
if not kept and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, string.format('%d', last[2])) end
return 1
