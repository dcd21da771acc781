-- Ends a holder's holds. KEYS: holds. ARGV: holder, then the units' ids. A hold is as `enter` says.
local units = {}
for i = 2, #ARGV do units[#units + 1] = ARGV[i] end
for n, held in ipairs(redis.call('HMGET', KEYS[1], unpack(units))) do
  if held and string.sub(held, 9) == ARGV[1] then redis.call('HDEL', KEYS[1], units[n]) end
end
return 0
