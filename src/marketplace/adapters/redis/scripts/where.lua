-- What is known of a unit: its age, and its record from there up to the load. KEYS: units. ARGV: ahead, kept, id.
-- A record is as `enter` says.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local record = redis.call('HGET', KEYS[1], ARGV[3])
if not record then return false end
local age = now - struct.unpack('<d', record)
if age > tonumber(ARGV[2]) then return false end
return struct.pack('<d', age) .. string.sub(record, 9, 28)
