-- What the scripts share; it stands before each of them. All times are milliseconds by the clock of this Redis.

local function clock()
	local t = redis.call('TIME')
	return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Beyond 14 digits a number that is joined to a string would lose its last ones.
local function text(n)
	return string.format('%.0f', n)
end

-- keep lets a key live for at least ms, and says so to Redis only once in a while.
local function keep(key, ms)
	if redis.call('PTTL', key) < ms then
		redis.call('PEXPIRE', key, 2 * ms)
	end
end
