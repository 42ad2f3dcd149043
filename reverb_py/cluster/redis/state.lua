-- A node states what it holds in a channel: so many seats, so many of them a user's. To say it twice does no harm.
-- KEYS  the node's ledger
-- ARGV  prefix, the node, number of its link, app, channel, seats (-1: as they are), user, the user's seats (-1: no
--       user), user_info, limit of members (0: none), socket id of the joiner, PUBLISH or SPUBLISH,
--       "members" | "last" | "both" | ""
-- ->    {0, 0, 0, members} when the limit refuses the user, else
--       {1, 1 occupied | -1 vacated | 0, 1 added | -1 removed | 0, members as user, info, …, last event, its ms to live}
redis.call('HDEL', KEYS[1], '') -- a write that needs no memory: the others then pass though it is full
local prefix, app, channel, user = ARGV[1], ARGV[4], ARGV[5], ARGV[7]
-- What a node sent over an earlier link may arrive after what it says now, or after its burial.
if redis.call('HGET', prefix .. 'links', ARGV[2]) ~= ARGV[3] then
  return redis.error_reply('STALE the node has a newer link, or was taken for dead')
end
local seats, theirs, limit = tonumber(ARGV[6]), tonumber(ARGV[8]), tonumber(ARGV[10])
local place = app .. ':' .. channel
local members, infos = prefix .. 'members:' .. place, prefix .. 'infos:' .. place
local crowd, member = 0, 0
local function everybody()
  return (ARGV[13] == 'members' or ARGV[13] == 'both') and redis.call('HGETALL', infos) or {}
end

if theirs >= 0 then
  local field = place .. '\n' .. user
  local before = tonumber(redis.call('HGET', KEYS[1], field) or '0')
  local all = tonumber(redis.call('HGET', members, user) or '0')
  if limit > 0 and all == 0 and theirs > 0 and redis.call('HLEN', members) >= limit then
    return {0, 0, 0, everybody()}
  end
  if theirs ~= before then
    if theirs > 0 then redis.call('HSET', KEYS[1], field, theirs) else redis.call('HDEL', KEYS[1], field) end
    local now = all + theirs - before
    if now > 0 then
      redis.call('HSET', members, user, now)
      if all == 0 then redis.call('HSET', infos, user, ARGV[9]); member = 1 end
    else
      redis.call('HDEL', members, user)
      redis.call('HDEL', infos, user)
      if all > 0 then member = -1 end
    end
    if member ~= 0 then
      local many = redis.call('HLEN', members)
      if many > 0 then redis.call('HSET', prefix .. 'users:' .. app, channel, many)
      else redis.call('HDEL', prefix .. 'users:' .. app, channel) end
      local what = (member == 1 and '+' or '-') .. ARGV[11] .. '\n' .. cjson.encode({user, ARGV[9]})
      redis.call(ARGV[12], prefix .. 'channel:' .. place, what)
    end
  end
end

local before = tonumber(redis.call('HGET', KEYS[1], place) or '0')
if seats >= 0 and seats ~= before then
  if seats > 0 then redis.call('HSET', KEYS[1], place, seats) else redis.call('HDEL', KEYS[1], place) end
  local all = redis.call('HINCRBY', prefix .. 'counts:' .. app, channel, seats - before)
  if all <= 0 then
    redis.call('HDEL', prefix .. 'counts:' .. app, channel)
    if before > 0 then crowd = -1 end
  elseif all == seats - before then
    crowd = 1
  end
end

local event, ttl = false, 0
if ARGV[13] == 'last' or ARGV[13] == 'both' then
  event = redis.call('GET', prefix .. 'last:' .. place)
  ttl = redis.call('PTTL', prefix .. 'last:' .. place)
end
return {1, crowd, member, everybody(), event, ttl}
