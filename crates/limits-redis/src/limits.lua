-- Limits: the arithmetic of `policyc::store::limits`, where it is explained, as one atomic step in Redis or Valkey.
--
-- KEYS are counters. ARGV[1] says what is done to them, ARGV[2] what time it is: empty for the server's own clock, so that
-- machines whose clocks differ count alike. The rest is said at each verb, at the end.
--
-- A counter is a list. First comes its head `H latest total`: the time of its last charge, and the sum of all costs in the
-- list. Behind it, in the order of `until`, come the charges: `C until cost`, or `L until cost` for a lease. Instants and
-- lengths are microseconds. All numbers are whole and below 2^53, where Lua's numbers are exact.

local SECOND = 1000000
-- The highest limit that is counted charge by charge, and into how many parts a window with a higher one is cut.
local EXACT, PARTS = 1000, 60
-- For how long an empty counter is kept, in milliseconds: so far the server's clock may go back without anything being
-- admitted twice.
local KEPT = 60000
-- How many charges are read at once.
local STRIDE = 16

local told = ARGV[2] ~= ''
local now
if told then
  now = tonumber(ARGV[2])
else
  local time = redis.call('TIME')
  now = time[1] * SECOND + time[2]
end

local function text(kind, one, other)
  return string.format('%s %.0f %.0f', kind, one, other)
end

local function parse(entry, kinds)
  local kind, one, other = string.match(entry or '', '^(%u) (%d+) (%d+)$')
  if not kind or not string.find(kinds, kind, 1, true) then
    error('a counter holds what no counter can hold')
  end
  return kind, tonumber(one), tonumber(other)
end

-- The charge at a place, from 1 on; none before the first and behind the last.
local function at(counter, place)
  if place < 1 or place > counter.length then return nil end
  local found = counter.read[place]
  if not found then
    for index, entry in ipairs(redis.call('LRANGE', counter.key, place, place + STRIDE - 1)) do
      local kind, till, cost = parse(entry, 'CL')
      counter.read[place + index - 1] = { lease = kind == 'L', till = till, cost = cost }
    end
    found = counter.read[place]
  end
  return found
end

-- What is known of a counter: how many charges have lapsed, and how much is used.
local function open(key)
  local counter = { key = key, exists = false, latest = now, total = 0, length = 0, lapsed = 0, used = 0, read = {} }
  local length = redis.call('LLEN', key)
  if length > 0 then
    local _, latest, total = parse(redis.call('LINDEX', key, 0), 'H')
    counter.exists, counter.latest, counter.total, counter.length = true, latest, total, length - 1
    counter.used = total
    local clock = math.max(now, latest)
    local first = at(counter, 1)
    while first and first.till <= clock do
      counter.lapsed = counter.lapsed + 1
      counter.used = counter.used - first.cost
      first = at(counter, counter.lapsed + 1)
    end
  end
  return counter
end

local function write_head(counter)
  redis.call('LSET', counter.key, 0, text('H', counter.latest, counter.total))
end

-- Moves the counter's clock, and forgets what has lapsed.
local function advance(counter)
  counter.latest = math.max(now, counter.latest)
  counter.total = counter.used
  if counter.lapsed > 0 then
    redis.call('LTRIM', counter.key, counter.lapsed, -1)
    counter.length = counter.length - counter.lapsed
    counter.lapsed, counter.read = 0, {}
  end
  if counter.exists then write_head(counter) end
end

-- Puts a charge before the one that is at a place now.
local function insert(counter, place, entry)
  if not counter.exists then
    redis.call('RPUSH', counter.key, text('H', counter.latest, counter.total), entry)
    counter.exists = true
  elseif place > counter.length then
    redis.call('RPUSH', counter.key, entry)
  else
    -- Charges that are written alike end alike, so that it does not matter which of them is meant; heads are not.
    redis.call('LINSERT', counter.key, 'BEFORE', redis.call('LINDEX', counter.key, place), entry)
  end
  counter.length = counter.length + 1
  counter.read = {}
end

local function remove(counter, place)
  redis.call('LSET', counter.key, place, 'gone')
  redis.call('LREM', counter.key, 1, 'gone')
  counter.length = counter.length - 1
  counter.read = {}
end

local function grain(span, limit)
  if limit <= EXACT then return 1 end
  return math.max(math.floor(span / PARTS), 1)
end

local function in_one(one, other, parts)
  return math.floor(one / parts) == math.floor(other / parts)
end

-- Adds a charge, whether it fits or not.
local function record(counter, charge)
  if charge.cost == 0 then return end
  advance(counter)
  local clock, kind, parts = counter.latest, 'C', 1
  local till
  if charge.window == 'sliding' then
    till = clock + charge.from
    parts = grain(charge.from, charge.limit)
  elseif charge.window == 'calendar' then
    local newest = at(counter, counter.length)
    till = charge.to
    if till <= clock then till = newest and newest.till or clock + charge.to - charge.from end
  else
    till = clock + charge.from
    kind = 'L'
  end
  -- Nearly always at the end: only after a limit was given a shorter window do charges end before earlier ones.
  local place = counter.length + 1
  local before = at(counter, place - 1)
  while before and before.till > till do
    place = place - 1
    before = at(counter, place - 1)
  end
  counter.total = counter.total + charge.cost
  counter.used = counter.total
  if kind == 'C' and before and not before.lease and in_one(before.till, till, parts) then
    before.till, before.cost = till, before.cost + charge.cost
    redis.call('LSET', counter.key, place - 1, text('C', till, before.cost))
    write_head(counter)
  else
    local is_new = not counter.exists
    insert(counter, place, text(kind, till, charge.cost))
    if not is_new then write_head(counter) end
  end
  if not told then
    local last = at(counter, counter.length)
    redis.call('PEXPIREAT', counter.key, string.format('%.0f', math.ceil(math.max(last.till, clock) / 1000) + KEPT))
  end
end

-- The whole seconds until an instant, rounded up.
local function seconds(till)
  return math.floor((math.max(till - now, 0) + SECOND - 1) / SECOND)
end

-- When so much of what is used will have been given back.
local function given_back(counter, amount)
  local back, when, place = 0, now, counter.lapsed + 1
  while back < amount do
    local charge = at(counter, place)
    if not charge then break end
    back, when, place = back + charge.cost, charge.till, place + 1
  end
  return when
end

-- When all that is used will have been given back.
local function all_given_back(counter)
  -- A calendar period whose charges were refunded is the only charge that may cost nothing.
  for place = counter.length, counter.lapsed + 1, -1 do
    local charge = at(counter, place)
    if charge.cost > 0 then return charge.till end
  end
  return now
end

-- How a limit stands for a cost, where the call so far wants so much of its counter, this cost included.
local function room(counter, limit, cost, wanted)
  local excess = wanted + counter.used - limit
  local fits = cost == 0 or excess <= 0
  local wait = -1
  if not fits and wanted <= limit then wait = math.max(seconds(given_back(counter, excess)), 1) end
  return { fits and 1 or 0, math.max(limit - counter.used, 0), wait, seconds(all_given_back(counter)) }
end

-- A charge in six arguments: its window as a word and two numbers, limit, cost, whether it binds.
local function charge_of(first)
  return {
    window = ARGV[first], from = tonumber(ARGV[first + 1]), to = tonumber(ARGV[first + 2]),
    limit = tonumber(ARGV[first + 3]), cost = tonumber(ARGV[first + 4]), binds = ARGV[first + 5] == '1',
  }
end

-- How all stand before they are charged; then the charges, the counters by name, and whether all that bind fit.
local function survey()
  local charges, counters, wanted, rooms, all = {}, {}, {}, {}, true
  for index, key in ipairs(KEYS) do
    local charge = charge_of(3 + (index - 1) * 6)
    counters[key] = counters[key] or open(key)
    local sum = (wanted[key] or 0) + charge.cost
    rooms[index] = room(counters[key], charge.limit, charge.cost, sum)
    charge.fits = rooms[index][1] == 1
    if charge.fits or charge.binds then wanted[key] = sum end
    all = all and (charge.fits or not charge.binds)
    charges[index] = charge
  end
  return rooms, charges, counters, all
end

-- The time, and four numbers for each counter.
local function answer(rooms)
  local flat = { now }
  for _, numbers in ipairs(rooms) do
    for _, number in ipairs(numbers) do flat[#flat + 1] = number end
  end
  return flat
end

local verbs = {}

-- Six arguments for each counter.
function verbs.peek()
  local rooms = survey()
  return answer(rooms)
end

function verbs.charge()
  local rooms, charges, counters, all = survey()
  if all then
    for index, charge in ipairs(charges) do
      if charge.fits then record(counters[KEYS[index]], charge) end
    end
    for index, charge in ipairs(charges) do
      if charge.fits then rooms[index] = room(counters[KEYS[index]], charge.limit, 0, 0) end
    end
  end
  return answer(rooms)
end

-- One counter, six arguments.
function verbs.overdraw()
  record(open(KEYS[1]), charge_of(3))
  return 1
end

-- One counter; how many leases at most.
function verbs.release()
  local counter = open(KEYS[1])
  if not counter.exists then return 0 end
  advance(counter)
  local wanted, released, place = tonumber(ARGV[3]), 0, 1
  while released < wanted do
    local charge = at(counter, place)
    if not charge then break end
    if charge.lease then
      counter.total = counter.total - charge.cost
      remove(counter, place)
      released = released + 1
    else
      place = place + 1
    end
  end
  write_head(counter)
  return released
end

-- One counter, six arguments; when the charge was made, and how much of it is given back.
function verbs.refund()
  local counter, charge = open(KEYS[1]), charge_of(3)
  local made, amount = tonumber(ARGV[9]), tonumber(ARGV[10])
  local till, parts = charge.to, 1
  if charge.window == 'sliding' then
    till = made + charge.from
    parts = grain(charge.from, charge.limit)
  end
  if not counter.exists or till <= math.max(now, counter.latest) then return 0 end
  -- The first charge, no lease, that ends then or later.
  local found, found_at
  for place = counter.length, 1, -1 do
    local held = at(counter, place)
    if held.till < till then break end
    if not held.lease then found, found_at = held, place end
  end
  if not found or not in_one(found.till, till, parts) then return 0 end
  local taken = math.min(found.cost, amount)
  -- A calendar period has one, which tells when the period ends wherever clocks go.
  if taken == found.cost and charge.window == 'sliding' then
    remove(counter, found_at)
  else
    redis.call('LSET', counter.key, found_at, text('C', found.till, found.cost - taken))
  end
  counter.total = counter.total - taken
  write_head(counter)
  return taken
end

-- One counter.
function verbs.reset()
  local counter = open(KEYS[1])
  if not counter.exists then return 0 end
  local held = counter.used > 0
  counter.used = 0
  advance(counter)
  redis.call('LTRIM', counter.key, 0, 0)
  return held and 1 or 0
end

-- Any counters: two numbers for each.
function verbs.tally()
  local found = {}
  for index, key in ipairs(KEYS) do
    local counter = open(key)
    found[index] = { counter.used, seconds(all_given_back(counter)) }
  end
  return answer(found)
end

return verbs[ARGV[1]]()
