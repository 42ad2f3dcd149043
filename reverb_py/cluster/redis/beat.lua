-- A node's sign of life, and its look for those that give none.
-- KEYS  the leases
-- ARGV  prefix, the node, ms that its lease runs, a word in case there is no epoch, its connections as JSON,
--       PUBLISH or SPUBLISH, number of the beat
-- ->    {1 when the lease was still there, epoch, node whose lease ran out, …}
redis.call('ZREM', KEYS[1], '') -- a write that needs no memory: the others then pass though it is full
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('SET', prefix .. 'epoch', ARGV[4], 'NX')
redis.call('HSET', prefix .. 'connections', ARGV[2], ARGV[5])
redis.call(ARGV[6], prefix .. 'node:' .. ARGV[2], ARGV[7])
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 10)
return {known and 1 or 0, redis.call('GET', prefix .. 'epoch'), unpack(dead)}
