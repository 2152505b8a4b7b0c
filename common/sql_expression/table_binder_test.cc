#include "common/sql_expression/table_binder.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_tree.h"

namespace tarn::sql_expression {
namespace {

using nlohmann::json;

class TableBinderTest : public ::testing::Test {
 protected:
  TableBinderTest() : connection_(*duckdb::Database::Open({})->Connect()) {}

  absl::StatusOr<json> Tree(const std::string& sql) {
    auto text = duckdb::SelectToTree(connection_, sql);
    if (!text.ok()) return text.status();
    return json::parse(*text);
  }

  std::vector<std::string> TablesOf(const std::string& sql) {
    auto tables = CollectTables(*Tree(sql), "main_db");
    EXPECT_TRUE(tables.ok()) << tables.status();
    std::vector<std::string> names;
    if (tables.ok()) {
      for (const TableReference& table : *tables) {
        names.push_back(table.database + "." + table.table +
                        (table.version.empty() ? "" : "@" + table.version));
      }
    }
    return names;
  }

  duckdb::Connection connection_;
};

TEST_F(TableBinderTest, FindsTablesWhereverTheyStand) {
  EXPECT_EQ(TablesOf("SELECT * FROM A.B JOIN c ON true WHERE x IN (SELECT y FROM d.e) ORDER BY "
                     "(SELECT 1 FROM f.g)")
                .size(),
            4u);
  EXPECT_EQ(TablesOf("SELECT * FROM a.b AT (VERSION => 7)"), (std::vector<std::string>{"a.b@7"}));
  EXPECT_EQ(TablesOf("SELECT * FROM a.b, a.b AS again"), (std::vector<std::string>{"a.b"}));
}

TEST_F(TableBinderTest, ACteHidesAnUnqualifiedNameWithinItsQueryOnly) {
  EXPECT_EQ(TablesOf("WITH t AS (SELECT 1) SELECT * FROM t"), std::vector<std::string>{});
  EXPECT_EQ(TablesOf("WITH t AS (SELECT 1) SELECT * FROM x.t"), (std::vector<std::string>{"x.t"}));
  EXPECT_EQ(TablesOf("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t"),
            (std::vector<std::string>{"main_db.t"}));
}

TEST_F(TableBinderTest, ACteIsNotSeenBeforeItNorByItself) {
  EXPECT_EQ(TablesOf("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b"),
            (std::vector<std::string>{"main_db.b"}));
  EXPECT_EQ(TablesOf("WITH t AS (SELECT * FROM t) SELECT * FROM t"),
            (std::vector<std::string>{"main_db.t"}));
  EXPECT_EQ(TablesOf("WITH t AS MATERIALIZED (SELECT * FROM t) SELECT * FROM t"),
            (std::vector<std::string>{"main_db.t"}));
  EXPECT_EQ(TablesOf("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b"),
            std::vector<std::string>{});
  EXPECT_EQ(TablesOf("WITH t AS (SELECT 1) SELECT (WITH u AS (SELECT * FROM t) SELECT 1 FROM u)"),
            std::vector<std::string>{});
}

TEST_F(TableBinderTest, ARecursiveCteIsSeenByWhatIsRepeatedOnly) {
  EXPECT_EQ(TablesOf("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3)"
                     " SELECT * FROM r"),
            std::vector<std::string>{});
  EXPECT_EQ(TablesOf("WITH RECURSIVE r AS (SELECT n FROM r UNION ALL SELECT n + 1 FROM r) "
                     "SELECT * FROM r"),
            (std::vector<std::string>{"main_db.r"}));
}

TEST_F(TableBinderTest, PutsASubqueryInATablesPlace) {
  json tree = *Tree("SELECT a.b.x, t2.y FROM a.b JOIN a.c AS t2 USING (x) WHERE a.b.x > 1");
  std::map<TableReference, TableReader> readers;
  const std::vector<TableReference> tables = *CollectTables(tree, "");
  for (const TableReference& table : tables) {
    readers[table] = {(*Tree("SELECT 1 AS x, 2 AS y"))["statements"][0]["node"], {}};
  }
  ASSERT_TRUE(BindTables(tree, "", readers).ok());
  auto sql = duckdb::TreeToSelect(connection_, tree.dump());
  ASSERT_TRUE(sql.ok()) << sql.status();
  EXPECT_TRUE(connection_.Query(*sql).ok()) << *sql;
  EXPECT_TRUE(CollectTables(tree, "")->empty());
}

}  // namespace
}  // namespace tarn::sql_expression
