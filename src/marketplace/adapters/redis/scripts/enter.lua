-- Writes what is new of units into an area. KEYS: units. ARGV: ahead, kept, prefix of the area's sets, then
-- for each unit: id, age, place or '' to leave it, facts or '' to leave them, a hold that it brings or ''.
-- A record is, from byte: 1 when seen, 9 until when held, 17 latitude, 25 longitude, 33 load, 37 load_max, 41 whose
-- hold it is or was, 57 skills parted by NUL. Facts are: load, load_max, skills. Who has room is in the set of each skill; who has none is in no set, so that nobody finds it.
-- Answers for each unit: 1 where this was news, 0 where not, -1 where both are needed as the unit is not known.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local kept, prefix = tonumber(ARGV[2]), ARGV[3]
local order, points = {}, {}

local function sets_of(record)
  local sets = {}
  if record then
    local load, load_max = struct.unpack('<ii', record, 33)
    if load < load_max then
      for skill in string.gmatch(string.sub(record, 57), '[^%z]+') do sets[prefix .. skill] = true end
    end
  end
  return sets
end

local function remove(unit, record)
  for set in pairs(sets_of(record)) do redis.call('ZREM', set, unit) end
  redis.call('HDEL', KEYS[1], unit)
end

local function place_in(set, unit, record)
  local there = points[set]
  if not there then
    there = {}
    points[set] = there
    order[#order + 1] = set
  end
  local latitude, longitude = struct.unpack('<dd', record, 17)
  -- A set ends at 85 degrees, and takes the two names of the date line for two places.
  latitude = math.min(math.max(latitude, -85.05), 85.05)
  if longitude == 180 then longitude = -180 end
  there[#there + 1] = string.format('%.17g', longitude)
  there[#there + 1] = string.format('%.17g', latitude)
  there[#there + 1] = unit
end

local units, answer, fields = {}, {}, {}
for i = 4, #ARGV, 5 do units[#units + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[1], unpack(units))
for n, unit in ipairs(units) do
  local at = 5 * n - 1
  local age, place, facts, hold = tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local before = known[n] or nil
  if before and struct.unpack('<d', before) < now - kept then
    remove(unit, before)
    before = nil
  end
  local facts_before = before and string.sub(before, 33, 40) .. string.sub(before, 57)
  local newer = place ~= '' and age <= kept and (not before or now - age >= struct.unpack('<d', before))
  local same = not newer and (facts == '' or facts == facts_before)
  if not before and (not newer or facts == '') then
    answer[n] = -1
  elseif same and hold == '' then
    answer[n] = 0
  else
    local held_until, holder = 0, string.rep('\0', 16)
    if hold ~= '' then
      held_until, holder = now + struct.unpack('<d', hold), string.sub(hold, 9)
    elseif before then
      held_until, holder = struct.unpack('<d', before, 9), string.sub(before, 41, 56)
    end
    if facts == '' then facts = facts_before end
    local record = struct.pack('<dd', newer and now - age or struct.unpack('<d', before), held_until)
      .. (newer and place or string.sub(before, 17, 32))
      .. string.sub(facts, 1, 8) .. holder .. string.sub(facts, 9)
    local sets_before, sets = sets_of(before), sets_of(record)
    for set in pairs(sets_before) do
      if not sets[set] then redis.call('ZREM', set, unit) end
    end
    for set in pairs(sets) do
      if newer or not sets_before[set] then place_in(set, unit, record) end
    end
    fields[#fields + 1] = unit
    fields[#fields + 1] = record
    answer[n] = same and 0 or 1
  end
end
local life = math.ceil(kept / 1000)
for _, set in ipairs(order) do
  redis.call('GEOADD', set, unpack(points[set]))
  redis.call('PEXPIRE', set, life)
end
if #fields > 0 then
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('PEXPIRE', KEYS[1], life)
end
-- Those that fell silent go little by little.
local some = redis.call('HRANDFIELD', KEYS[1], 2, 'WITHVALUES')
for i = 1, #some, 2 do
  if struct.unpack('<d', some[i + 1]) < now - kept then remove(some[i], some[i + 1]) end
end
return answer
