-- A node's sign of life, and its look for those that give none.
-- KEYS  the leases
-- ARGV  prefix, the node, number of its link, ms that its lease runs, a word in case there is no epoch,
--       its connections as JSON, PUBLISH or SPUBLISH, number of the beat, a time of Redis's or ""
-- ->    {1 when the lease still ran, epoch, Redis's time in ms, nodes that have beaten since that time or, without
--       one, whose leases run, node whose lease ran out, …}
redis.call('ZREM', KEYS[1], '') -- a write that needs no memory: the others then pass though it is full
local prefix, node, lease = ARGV[1], ARGV[2], tonumber(ARGV[4])
local links = prefix .. 'links'
if tonumber(redis.call('HGET', links, node) or '0') > tonumber(ARGV[3]) then
  return redis.error_reply('STALE the node has a newer link')
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = redis.call('ZSCORE', KEYS[1], node)
redis.call('ZADD', KEYS[1], now + lease, node)
redis.call('HSET', links, node, ARGV[3])
redis.call('SET', prefix .. 'epoch', ARGV[5], 'NX')
redis.call('HSET', prefix .. 'connections', node, ARGV[6])
redis.call(ARGV[7], prefix .. 'node:' .. node, ARGV[8])
local since = tonumber(ARGV[9]) or now - lease
local fresh = redis.call('ZCOUNT', KEYS[1], '(' .. since + lease, '+inf')
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 10)
return {ends and tonumber(ends) > now and 1 or 0, redis.call('GET', prefix .. 'epoch'), now, fresh, unpack(dead)}
