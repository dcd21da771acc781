-- Takes units out of an area. KEYS: units. ARGV: ahead, prefix of the area's sets, then the units' ids.
-- Answers for each unit what it takes along: its facts, and how long its hold lasts and whose it is; or ''.
-- A record is as `enter` says.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local prefix, answer = ARGV[2], {}
for i = 3, #ARGV do
  local unit = ARGV[i]
  local record = redis.call('HGET', KEYS[1], unit)
  if record then
    local left, skills = struct.unpack('<d', record, 9) - now, string.sub(record, 57)
    answer[#answer + 1] = string.sub(record, 33, 40) .. skills
    answer[#answer + 1] = left > 0 and struct.pack('<d', left) .. string.sub(record, 41, 56) or ''
    for skill in string.gmatch(skills, '[^%z]+') do redis.call('ZREM', prefix .. skill, unit) end
    redis.call('HDEL', KEYS[1], unit)
  else
    answer[#answer + 1] = ''
    answer[#answer + 1] = ''
  end
end
return answer
