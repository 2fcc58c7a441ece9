-- Publishes twoots: arguments are a file of tokens and a file of JSON bodies, one a line, each used in turn.
local tokens, bodies, at = {}, {}, 0

local function lines(path, into)
  for line in io.lines(path) do into[#into + 1] = line end
end

function init(args)
  lines(args[1], tokens)
  lines(args[2], bodies)
end

function request()
  at = at + 1
  return wrk.format("POST", nil, {
    ["Authorization"] = "Bearer " .. tokens[at % #tokens + 1],
    ["Content-Type"] = "application/json",
  }, bodies[at % #bodies + 1])
end
