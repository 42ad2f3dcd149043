-- Publish an event of a cache channel, and keep it as the channel's last one.
-- KEYS  last event of the channel
-- ARGV  payload, ms to live, redis channel, message, PUBLISH or SPUBLISH
-- ->    1 when it was kept, 0 when Redis's memory is full
local kept = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call(ARGV[5], ARGV[3], ARGV[4])
return kept.err and 0 or 1
