// What query does to a statement before the engine sees it.
#include <string>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_tree.h"
#include "common/sql_expression/table_binder.h"
#include "services/query/sql/statement.h"

namespace {

const char kSql[] =
    "WITH hourly AS (SELECT loc_id, date_trunc('hour', ts_local) AS h, sum(kwh) AS kwh FROM "
    "smart_hub.usage_enriched "
    "WHERE dt BETWEEN '2019-12-01' AND '2019-12-31' GROUP BY ALL) "
    "SELECT l.state, h, sum(kwh) FROM hourly JOIN smart_hub.locations AS l USING (loc_id) GROUP BY "
    "ALL ORDER BY ALL";

void BM_ParseStatement(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(tarn::query::ParseStatement(kSql));
}
BENCHMARK(BM_ParseStatement);

// The floor of the next one: the engine's own parser and serializer.
void BM_EngineTree(benchmark::State& state) {
  auto connection = *tarn::duckdb::Database::Open({})->Connect();
  for (auto _ : state) benchmark::DoNotOptimize(tarn::duckdb::SelectToTree(connection, kSql));
}
BENCHMARK(BM_EngineTree);

void BM_CollectTables(benchmark::State& state) {
  auto connection = *tarn::duckdb::Database::Open({})->Connect();
  const auto tree = nlohmann::json::parse(*tarn::duckdb::SelectToTree(connection, kSql));
  for (auto _ : state) benchmark::DoNotOptimize(tarn::sql_expression::CollectTables(tree, ""));
}
BENCHMARK(BM_CollectTables);

}  // namespace
