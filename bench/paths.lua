-- Asks for the paths of a file in turn, one a line, with the headers given on the command line.
local paths, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
end

function request()
  at = at + 1
  return wrk.format("GET", paths[at % #paths + 1])
end
