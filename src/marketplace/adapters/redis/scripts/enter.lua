-- Writes what is new of a tenant's units. KEYS: units, holds. ARGV: ahead, kept, how the names of its sets begin, then
-- for each unit: id, age, place, facts or '' where they stay as they were and a stranger is not taken in.
-- A record is, from byte: 1 when seen, 9 latitude, 17 longitude, 25 load, 29 load_max, 33 skills parted by NUL. Facts
-- are its bytes from 25. Times are microseconds. A hold is, from byte: 1 until when, 9 whose.
-- Who has room, now or next, is in the set of each skill and that room; who has none is in no set.
-- Answers for each unit: 1 where this was news, 0 where not, -1 where the unit is not known.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local kept, prefix = tonumber(ARGV[2]), ARGV[3]
local order, points = {}, {}

local function sets_of(facts)
  local sets = {}
  local load, load_max = struct.unpack('<ii', facts)
  if load < load_max then
    local room = prefix .. (load > 0 and 'next:' or 'now:')
    for skill in string.gmatch(string.sub(facts, 9), '[^%z]+') do sets[#sets + 1] = room .. skill end
  end
  return sets
end

local function remove(unit, facts)
  for _, set in ipairs(sets_of(facts)) do redis.call('ZREM', set, unit) end
end

local function place_in(sets, unit, place)
  local latitude, longitude = struct.unpack('<dd', place)
  -- A set ends at 85 degrees, and takes the two names of the date line for two places.
  latitude = string.format('%.17g', math.min(math.max(latitude, -85.05), 85.05))
  longitude = string.format('%.17g', longitude == 180 and -180 or longitude)
  for _, set in ipairs(sets) do
    local there = points[set]
    if not there then
      there = {}
      points[set] = there
      order[#order + 1] = set
    end
    local size = #there
    there[size + 1], there[size + 2], there[size + 3] = longitude, latitude, unit
  end
end

local units, answer, fields = {}, {}, {}
for i = 4, #ARGV, 4 do units[#units + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[1], unpack(units))
for n, unit in ipairs(units) do
  local seen, place, facts = now - ARGV[4 * n + 1], ARGV[4 * n + 2], ARGV[4 * n + 3]
  local before = known[n]
  local facts_before = before and string.sub(before, 25)
  local seen_before = before and struct.unpack('<d', before)
  if before and seen_before < now - kept then
    remove(unit, facts_before)
    redis.call('HDEL', KEYS[1], unit)
    redis.call('HDEL', KEYS[2], unit)
    before = nil
  end
  local newer = seen >= now - kept and (not before or seen >= seen_before)
  if not before and (not newer or facts == '') then
    answer[n] = -1
  else
    if facts == '' then facts = facts_before end
    local other = facts ~= facts_before
    if newer or other then
      if not newer then place, seen = string.sub(before, 9, 24), seen_before end
      if before and other then remove(unit, facts_before) end
      place_in(sets_of(facts), unit, place)
      fields[#fields + 1] = unit
      fields[#fields + 1] = struct.pack('<d', seen) .. place .. facts
    end
    answer[n] = (newer or other) and 1 or 0
  end
end
local life = math.ceil(kept / 1000)
for _, set in ipairs(order) do
  redis.call('GEOADD', set, unpack(points[set]))
  redis.call('PEXPIRE', set, life)
end
-- A field that is too long for a list: of a list all fields before a wanted one are read.
local roomy = string.rep('-', 100)
redis.call('HSET', KEYS[1], '', roomy, unpack(fields))
redis.call('PEXPIRE', KEYS[1], life)
redis.call('HSET', KEYS[2], '', roomy)
redis.call('PEXPIRE', KEYS[2], life)
-- Those that fell silent go little by little.
local some = redis.call('HRANDFIELD', KEYS[1], 2, 'WITHVALUES')
for i = 1, #some, 2 do
  if some[i] ~= '' and struct.unpack('<d', some[i + 1]) < now - kept then
    remove(some[i], string.sub(some[i + 1], 25))
    redis.call('HDEL', KEYS[1], some[i])
    redis.call('HDEL', KEYS[2], some[i])
  end
end
return answer
