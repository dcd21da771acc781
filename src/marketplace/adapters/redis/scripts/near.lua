-- Finds and holds the nearest units. KEYS: the set of the skill, units, holds. ARGV: ten numbers, whose order stands in
-- the next lines, and the holder. A record and a hold are as `enter` says.
-- Answers with one string, which is quickest to read: the radius at which it ended and the time, then for each unit:
-- its id and its record up to the load.
local time = redis.call('TIME')
local ahead, kept, longitude, latitude, radius, reach, limit, fresh, hold, examined_max =
  struct.unpack('<dddddddddd', ARGV[1])
local now, holder = time[1] * 1000000 + time[2] + ahead, ARGV[2]
local forgotten, oldest = now - kept, now - fresh
local sub, unpack_number = string.sub, struct.unpack
local ample, size, examined, found, looked_at = 1.2, 0, 0, {}, {}
-- More are asked for than are wanted, as some may be held; of most of the surplus nothing is read.
local count = 2 * limit + 8
radius = math.min(radius, reach)

local function weigh(units, first, last)
  local records = redis.call('HMGET', KEYS[2], unpack(units, first, last))
  local holds = redis.call('HMGET', KEYS[3], unpack(units, first, last))
  for n, record in ipairs(records) do
    local unit = units[first + n - 1]
    local seen = record and unpack_number('<d', record)
    if not seen or seen < forgotten then
      -- Its other sets and its record are cleared little by little by `enter`.
      redis.call('ZREM', KEYS[1], unit)
    elseif seen >= oldest then
      local held = holds[n]
      if not held or unpack_number('<d', held) <= now or sub(held, 9) == holder then
        size = size + 1
        found[2 * size - 1], found[2 * size] = unit, sub(record, 1, 28)
        if size == limit then return end
      end
    end
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
  local first, wave = 1, limit + 4
  while first <= #units and size < limit do
    local last = math.min(first + wave - 1, #units)
    weigh(units, first, last)
    first, wave = last + 1, math.min(4 * wave, 1000)
  end
  examined = examined + #units
  if size == limit or examined >= examined_max then break end
  if within == count then
    if count >= examined_max then break end
    count = math.min(count * 4, examined_max)
  elseif radius >= reach then
    break
  else
    -- As wide as where there are enough if further out they are as dense as here, and each time more than that.
    radius = math.min(radius * math.min(ample * math.sqrt(limit / math.max(size, 1)), 4), reach)
    ample = 2 * ample
  end
  for _, unit in ipairs(units) do looked_at[unit] = true end
end
local answer = struct.pack('<dd', radius, now) .. table.concat(found)
if hold > 0 and size > 0 then
  local held = struct.pack('<d', now + hold) .. holder
  for n = 2, 2 * size, 2 do found[n] = held end
  redis.call('HSET', KEYS[3], unpack(found))
end
return answer
