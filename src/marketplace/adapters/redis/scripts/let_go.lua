-- Ends a holder's holds. KEYS: units. ARGV: ahead, holder, then for each unit: id, how long it is to stay held.
-- A record is as `enter` says.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local units, fields = {}, {}
for i = 3, #ARGV, 2 do units[#units + 1] = ARGV[i] end
for n, record in ipairs(redis.call('HMGET', KEYS[1], unpack(units))) do
  if record and string.sub(record, 41, 56) == ARGV[2] then
    local left = tonumber(ARGV[2 * n + 2])
    fields[#fields + 1] = units[n]
    fields[#fields + 1] = string.sub(record, 1, 8) .. struct.pack('<d', left > 0 and now + left or 0)
      .. string.sub(record, 17)
  end
end
if #fields > 0 then redis.call('HSET', KEYS[1], unpack(fields)) end
return 0
