-- Finds and holds the nearest units of an area. KEYS: the set of the skill, units. ARGV: ten numbers, whose order
-- stands in the next lines, and the holder. A record is as `enter` says.
-- Answers with one string, which is quickest to read: the radius at which it ended and the time, then for each unit:
-- id and the beginning of its record as it was before. A hold in it that has not ended was the same holder's.
local time = redis.call('TIME')
local ahead, kept, longitude, latitude, radius, reach, limit, fresh, hold, examined_max =
  struct.unpack('<dddddddddd', ARGV[1])
local now, holder = time[1] * 1000000 + time[2] + ahead, ARGV[2]
local forgotten, oldest = now - kept, now - fresh
local until_then = struct.pack('<d', now + hold)
local sub, unpack_numbers = string.sub, struct.unpack
local count, examined, size = limit + 4, 0, 0
local found, holds, looked_at = {}, {}, {}
radius = math.min(radius, reach)

local function weigh(unit, record)
  if not record then
    redis.call('ZREM', KEYS[1], unit)
    return
  end
  local seen, held_until = unpack_numbers('<dd', record)
  if seen < oldest then
    -- Its other sets and its record are cleared little by little by `enter`.
    if seen < forgotten then redis.call('ZREM', KEYS[1], unit) end
    return
  end
  if held_until > now and sub(record, 41, 56) ~= holder then return end
  size = size + 1
  found[2 * size - 1], found[2 * size] = unit, sub(record, 1, 36)
  if hold > 0 then
    holds[2 * size - 1] = unit
    holds[2 * size] = sub(record, 1, 8) .. until_then .. sub(record, 17, 40) .. holder .. sub(record, 57)
  end
end

while true do
  local there = redis.call('GEOSEARCH', KEYS[1], 'FROMLONLAT', longitude, latitude,
    'BYRADIUS', radius, 'm', 'ASC', 'COUNT', count)
  local within, units = #there, there
  if examined > 0 then
    units = {}
    for _, unit in ipairs(there) do
      if not looked_at[unit] then units[#units + 1] = unit end
    end
  end
  for first = 1, #units, 1000 do
    local last = math.min(first + 999, #units)
    local records = redis.call('HMGET', KEYS[2], unpack(units, first, last))
    for n = first, last do
      weigh(units[n], records[n - first + 1])
      if size == limit then break end
    end
    if size == limit then break end
  end
  examined = examined + #units
  if size == limit or examined >= examined_max then break end
  if within == count then
    if count >= examined_max then break end
    count = math.min(count * 4, examined_max)
  elseif radius >= reach then
    break
  else
    radius = math.min(radius * 2, reach)
  end
  for _, unit in ipairs(units) do looked_at[unit] = true end
end
if hold > 0 and size > 0 then redis.call('HSET', KEYS[2], unpack(holds)) end
return struct.pack('<dd', radius, now) .. table.concat(found)
