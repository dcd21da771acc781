-- Takes a tenant's units off the map. KEYS: units, holds. ARGV: how the names of its sets begin, then the units' ids.
-- A record is as `enter` says.
local units = {}
for i = 2, #ARGV do units[#units + 1] = ARGV[i] end
for n, record in ipairs(redis.call('HMGET', KEYS[1], unpack(units))) do
  if record then
    local room = ARGV[1] .. (struct.unpack('<i', record, 25) > 0 and 'next:' or 'now:')
    for skill in string.gmatch(string.sub(record, 33), '[^%z]+') do
      redis.call('ZREM', room .. skill, units[n])
    end
  end
end
redis.call('HDEL', KEYS[1], unpack(units))
redis.call('HDEL', KEYS[2], unpack(units))
return 0
