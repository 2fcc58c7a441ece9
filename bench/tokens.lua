-- Asks for one address as many accounts in turn: the argument is a file of their tokens, one a line.
local tokens, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do tokens[#tokens + 1] = line end
end

function request()
  at = at + 1
  return wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. tokens[at % #tokens + 1] })
end
