-- Publish an event of a cache channel, and keep it as the channel's last one.
-- KEYS  last event of the channel
-- ARGV  payload, ms to live, redis channel, message, PUBLISH or SPUBLISH
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call(ARGV[5], ARGV[3], ARGV[4])
