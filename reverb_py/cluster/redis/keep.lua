-- Publish an event of a cache channel, and keep it as the channel's last one. When it comes again it is not kept
-- again: another node's may have followed it.
-- KEYS  last event of the channel, newest kept event by node
-- ARGV  payload, ms to live, redis channel, message, PUBLISH or SPUBLISH, the node, the event's sequence
-- ->    1 when it was kept, 0 when Redis's memory is full
local kept = true
if tonumber(redis.call('HGET', KEYS[2], ARGV[6]) or '0') < tonumber(ARGV[7]) then
  local set = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  kept = not set.err
  if kept then redis.pcall('HSET', KEYS[2], ARGV[6], ARGV[7]) end
end
redis.call(ARGV[5], ARGV[3], ARGV[4])
return kept and 1 or 0
