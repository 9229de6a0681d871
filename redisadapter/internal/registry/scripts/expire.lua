-- Ends the grace of a user, if it is over.
--
-- KEYS and ARGV 1 to 6: see user.lua (keys 6 and 7 are not used)
-- Returns {now, when the user will be offline or 0, 0, id before, id of the logged change}

local due = tonumber(redis.call('ZSCORE', KEY_GRACE, WHO) or 0)
if due == 0 or due > now then
	return { now, due, 0, prev, id }
end
if tonumber(redis.call('HGET', KEY_USER, 'n') or 0) > 0 then -- not possible, and not to be repeated for ever
	redis.call('ZREM', KEY_GRACE, WHO)
	redis.call('HDEL', KEY_USER, 'left')
else
	offline()
end
return { now, 0, 0, prev, id }
