-- Neovim as the editor of a language server: `LANGUAGE_SERVER='["deno", …]' nvim --headless -S neovim.lua`

local command = vim.json.decode(vim.env.LANGUAGE_SERVER)
local progress, diagnostics = {}, nil

local function show(feature, value)
  io.stdout:write(vim.json.encode({ feature, value }), "\n")
  io.stdout:flush()
end

local function wait_for(condition, what)
  if not vim.wait(30000, condition, 5) then error("waited in vain for " .. what) end
end

vim.lsp.handlers["$/progress"] = function(_, result) table.insert(progress, result.value.kind) end
vim.lsp.handlers["workspace/configuration"] = function(_, params)
  return vim.tbl_map(function(item) return "the setting " .. item.section end, params.items)
end

local function main()
  local buffer = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_name(buffer, "/tmp/landline.txt")
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { "hello wörld" })
  local id = vim.lsp.start_client({ name = "landline", cmd = command })
  vim.lsp.buf_attach_client(buffer, id)
  local client = vim.lsp.get_client_by_id(id)
  wait_for(function() return client.initialized end, "the server")

  local function request(method, params)
    local answer, failure = client.request_sync(method, params, 30000, buffer)
    if answer == nil then error(failure) end
    return answer
  end
  local function at(character)
    return {
      textDocument = vim.lsp.util.make_text_document_params(buffer),
      position = { line = 0, character = character },
    }
  end
  local function hover(character)
    return request("textDocument/hover", at(character)).result.contents
  end

  show("by name", hover(2))
  show("error", request("nope", {}).err.code)

  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { "bye, nope" })
  show("notification", hover(1))

  local count, hovers = 0, {}
  for n = 1, 100 do
    client.request("textDocument/hover", at(n % 2 * 5), function(_, result)
      hovers[n], count = result.contents, count + 1
    end, buffer)
  end
  wait_for(function() return count == 100 end, "a hundred answers")
  show("100 at once", { hovers[1], hovers[100] })

  -- Neovim drops the answer to what it has cancelled.
  local _, waiting = client.request("wait", {}, function() end, buffer)
  client.cancel_request(waiting)
  show("cancel", request("cancelled", {}).result)

  request("workspace/executeCommand", { command = "work", workDoneToken = "t" })
  show("progress", progress)

  wait_for(function() return #vim.diagnostic.get(buffer) == 1 end, "a diagnostic")
  show("calls back", { vim.diagnostic.get(buffer)[1].message, request("setting", {}).result })

  client.stop()
  wait_for(function() return client.is_stopped() end, "the server to end")
end

local ok, failure = pcall(main)
if not ok then io.stderr:write(tostring(failure), "\n") end
vim.cmd(ok and "qall!" or "cquit!")
