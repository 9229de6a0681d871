-- What the scripts for one user share; it stands before each of them.
--
-- KEYS  1 user: HASH of since, left (during the grace), grace, remember, meta, n (number of connections), and of
--         "LEASE CONN" to "ORDER ROW" for each connection, ordered by the microsecond of its coming; no other
--         field has a space in it
--       2 online: ZSET of the namespace's users, all with score 0
--       3 grace: ZSET of the shard's users without a connection, by the time when they are offline
--       4 log: STREAM of the shard's changes
--       5 seen: STRING, when the user's last connection has gone
--       6 index: HASH of the users that a lease has connections of, with their number; field '' counts writes
--       7 leases: SET of the leases that have an index in the shard
--       8 birth: STRING, when the shard's data began; it is another time when the data was lost
--       9 gone: SET of the users who were told to be offline while the data is young
-- ARGV  1 node that decides, 2 namespace, 3 user, 4 the user's member in grace and gone, and field in index, 5 ttl,
--       6 for how long data is young

local KEY_USER, KEY_ONLINE, KEY_GRACE, KEY_LOG = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local KEY_SEEN, KEY_INDEX, KEY_LEASES, KEY_BIRTH, KEY_GONE = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local BY, NAMESPACE, USER, WHO, TTL, YOUNG = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])

local now = clock()
local prev, id = '', '' -- of the change that was logged

local function tell(online)
	local last = redis.call('XREVRANGE', KEY_LOG, '+', '-', 'COUNT', 1)
	prev = last[1] and last[1][1] or ''
	id = redis.call('XADD', KEY_LOG, 'MAXLEN', '~', 1000, '*',
		'ns', NAMESPACE, 'user', USER, 'on', online, 'at', text(now), 'by', BY)
	if prev == '' then
		redis.call('PEXPIRE', KEY_LOG, 2 * TTL) -- look.lua keeps it
	end
end

-- born returns the birth of the shard's data, which may be now, and whether the data is young.
local function born()
	local birth = redis.call('GET', KEY_BIRTH)
	if not birth then
		local t = redis.call('TIME')
		birth = string.format('%s.%06d', t[1], t[2])
		redis.call('SET', KEY_BIRTH, birth, 'PX', 2 * TTL) -- look.lua keeps it
	end
	return birth, now <= tonumber(birth) * 1000 + YOUNG
end

-- lost reports whether a user whom a node had since a time, in data of a certain birth, is unknown only because that
-- data was lost: nobody was told of an end. It can be told while the data that is there now is young. Later the user
-- is a new one.
local function lost(since, before)
	local birth, young = born()
	return tonumber(since) > 0 and before ~= birth and young and redis.call('SISMEMBER', KEY_GONE, WHO) == 0
end

-- own returns the fields of a lease's connections.
local function own(lease)
	local fields, start = {}, lease .. ' '
	for _, field in ipairs(redis.call('HKEYS', KEY_USER)) do
		if string.sub(field, 1, #start) == start then
			fields[#fields + 1] = field
		end
	end
	return fields
end

local function offline()
	redis.call('DEL', KEY_USER)
	redis.call('ZREM', KEY_ONLINE, USER)
	redis.call('ZREM', KEY_GRACE, WHO)
	local _, young = born()
	if young then
		redis.call('SADD', KEY_GONE, WHO)
		redis.call('PEXPIRE', KEY_GONE, YOUNG)
	end
	tell('0')
end

-- depart begins the grace of a user whose last connection went at left, but does not end it before soonest. It returns
-- when the user will be offline, 0 if that is now.
local function depart(left, soonest)
	local last = redis.call('HMGET', KEY_USER, 'grace', 'remember')
	local remember = (tonumber(last[2]) or 0) - (now - left)
	if remember > 0 then
		redis.call('SET', KEY_SEEN, text(left), 'PX', text(remember))
	end
	local due = math.max(left + (tonumber(last[1]) or 0), soonest)
	if due <= now then
		offline()
		return 0
	end
	redis.call('HSET', KEY_USER, 'left', text(left))
	redis.call('ZADD', KEY_GRACE, text(due), WHO)
	local rest = due - now + TTL
	for _, key in ipairs({ KEY_USER, KEY_ONLINE, KEY_GRACE, KEY_LOG, KEY_BIRTH }) do
		keep(key, rest)
	end
	return due
end
