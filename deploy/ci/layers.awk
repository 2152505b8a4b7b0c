# The layer rules, on the lines `FILE:NUMBER:#include …` of all sources. Prints each breach.

function breach(message) {
  printf "%s:%s: %s: %s\n", file, line, target, message
}

# The module of a path below services/, or "" for another path. The web page is no C++.
function module_of(path,    part) {
  if (split(path, part, "/") < 3 || part[1] != "services") return ""
  return part[2]
}

{
  colon = index($0, ":")
  file = substr($0, 1, colon - 1)
  rest = substr($0, colon + 1)
  line = substr(rest, 1, index(rest, ":") - 1)
  target = rest
  sub(/^[0-9]+:[ \t]*#[ \t]*include[ \t]*[<"]/, "", target)
  sub(/[>"].*$/, "", target)

  module = module_of(file)
  included = module_of(target)
  in_test = file ~ /_(pg)?test\.cc$/ || file ~ /\/testing\//
  in_common = file ~ /^common\//

  # Standalone is where the modules are put together.
  if (module != "" && module != "standalone" && included != "" && included != module)
    breach("a module includes no other module's headers; call it by gRPC")

  if (in_common && included != "")
    breach("common/ knows no module")

  # Keys are exchanged for tokens with the dashboard module; tables are what all share (messages, no RPCs).
  key_exchange = file ~ /^common\/(auth|rpc)\// && target ~ /^tarn\/dashboard\//
  schema = file ~ /^common\/table_schema\// && target ~ /^tarn\/catalog\/v1\/[a-z]+\.pb\.h$/
  if (in_common && !in_test && !key_exchange && !schema &&
      target ~ /^tarn\/(alerting|catalog|dashboard|ingestion|query|transform)\//)
    breach("common/ knows no module's protos; only key exchange (auth, rpc) and table_schema have theirs")

  if (target ~ /(^|\/)duckdb\.h(pp)?$/ && file !~ /^common\/duckdb\//)
    breach("only common/duckdb includes the engine")

  # SQL to PostgreSQL stands beside the store that uses it.
  if (target ~ /^pqxx(\/|$)/ && file !~ /^common\/postgres\// && file !~ /_store\.(cc|h)$/ && file !~ /_pgtest\.cc$/)
    breach("only common/postgres, stores (*_store) and *_pgtest.cc include libpqxx")
}
