-- Says in which area each unit is now, and learns in which it was. One hash of a tenant's units.
-- ARGV: ahead, kept, 1 where strangers are taken in, then for each unit: id, age, area. Times in microseconds.
-- Answers for each unit: the area that it was in, '' for none, and 1 where this is the youngest sighting of it.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local kept, strangers = tonumber(ARGV[2]), ARGV[3] == '1'
local units, answer, fields = {}, {}, {}
for i = 4, #ARGV, 3 do units[#units + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[1], unpack(units))
for n, unit in ipairs(units) do
  local age, area, before = tonumber(ARGV[3 * n + 2]), ARGV[3 * n + 3], known[n]
  local youngest = age <= kept and (not before or now - age >= struct.unpack('<d', before))
  if youngest and (before or strangers) then
    fields[#fields + 1] = unit
    fields[#fields + 1] = struct.pack('<d', now - age) .. area
  end
  answer[2 * n - 1], answer[2 * n] = before and string.sub(before, 9) or '', youngest and 1 or 0
end
if #fields > 0 then
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('PEXPIRE', KEYS[1], math.ceil(kept / 1000))
  -- Those that fell silent go little by little, as nobody else would ever touch them.
  local some = redis.call('HRANDFIELD', KEYS[1], 2, 'WITHVALUES')
  for i = 1, #some, 2 do
    if struct.unpack('<d', some[i + 1]) < now - kept then redis.call('HDEL', KEYS[1], some[i]) end
  end
end
return answer
