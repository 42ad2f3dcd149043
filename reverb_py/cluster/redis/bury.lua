-- Give back what a dead node held, a page at a time.
-- KEYS  the leases, the dead node's ledger
-- ARGV  prefix, the node, fields a page, PUBLISH or SPUBLISH, "force" when it is the node itself that leaves
-- ->    {1 when there is more, app, channel, user or false, …}: users who are removed, channels that are vacated
redis.call('HDEL', KEYS[2], '') -- a write that needs no memory: the others then pass though it is full
local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = redis.call('ZSCORE', KEYS[1], ARGV[2])
if ARGV[5] ~= 'force' and (not ends or tonumber(ends) > now) then return {0} end
redis.call('HDEL', prefix .. 'links', ARGV[2]) -- if it lives, its next statement is refused, and it begins anew

local gone = {}
-- Not HSCAN: from its beginning it finds ever fewer of a large hash that is being emptied, and at last none.
local page = redis.call('HRANDFIELD', KEYS[2], ARGV[3], 'WITHVALUES')
for i = 1, #page, 2 do
  redis.call('HDEL', KEYS[2], page[i])
  local place, user = string.match(page[i], '^([^\n]*)\n(.*)$')
  if not place then place = page[i] end
  local app, channel = string.match(place, '^(.*):([^:]*)$')
  if user then
    local members = prefix .. 'members:' .. place
    if redis.call('HINCRBY', members, user, -page[i + 1]) <= 0 then
      redis.call('HDEL', members, user)
      redis.call('HDEL', prefix .. 'infos:' .. place, user)
      local many = redis.call('HLEN', members)
      if many > 0 then redis.call('HSET', prefix .. 'users:' .. app, channel, many)
      else redis.call('HDEL', prefix .. 'users:' .. app, channel) end
      redis.call(ARGV[4], prefix .. 'channel:' .. place, '-\n' .. cjson.encode({user, 'null'}))
      gone[#gone + 1] = app; gone[#gone + 1] = channel; gone[#gone + 1] = user
    end
  elseif redis.call('HINCRBY', prefix .. 'counts:' .. app, channel, -page[i + 1]) <= 0 then
    redis.call('HDEL', prefix .. 'counts:' .. app, channel)
    gone[#gone + 1] = app; gone[#gone + 1] = channel; gone[#gone + 1] = false
  end
end

local more = redis.call('EXISTS', KEYS[2])
if more == 0 then
  redis.call('ZREM', KEYS[1], ARGV[2])
  redis.call('HDEL', prefix .. 'connections', ARGV[2])
  redis.call('HDEL', prefix .. 'kept', ARGV[2])
end
return {more, unpack(gone)}
