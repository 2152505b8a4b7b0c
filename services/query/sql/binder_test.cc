#include "services/query/sql/binder.h"

#include <fstream>

#include <absl/strings/str_split.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_tree.h"
#include "common/status/error.h"
#include "services/query/sql/statement.h"

namespace tarn::query {
namespace {

using nlohmann::json;

class BinderTest : public ::testing::Test {
 protected:
  BinderTest() : connection_(*duckdb::Database::Open({})->Connect()) {}

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

TEST_F(BinderTest, FindsTablesWhereverTheyStand) {
  EXPECT_EQ(TablesOf("SELECT * FROM A.B JOIN c ON true WHERE x IN (SELECT y FROM d.e) ORDER BY "
                     "(SELECT 1 FROM f.g)")
                .size(),
            4u);
  EXPECT_EQ(TablesOf("SELECT * FROM a.b AT (VERSION => 7)"), (std::vector<std::string>{"a.b@7"}));
  EXPECT_EQ(TablesOf("SELECT * FROM a.b, a.b AS again"), (std::vector<std::string>{"a.b"}));
}

TEST_F(BinderTest, ACteHidesAnUnqualifiedNameWithinItsQueryOnly) {
  EXPECT_EQ(TablesOf("WITH t AS (SELECT 1) SELECT * FROM t"), std::vector<std::string>{});
  EXPECT_EQ(TablesOf("WITH t AS (SELECT 1) SELECT * FROM x.t"), (std::vector<std::string>{"x.t"}));
  EXPECT_EQ(TablesOf("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t), t"),
            (std::vector<std::string>{"main_db.t"}));
}

TEST_F(BinderTest, ACteIsNotSeenBeforeItNorByItself) {
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

TEST_F(BinderTest, ARecursiveCteIsSeenByWhatIsRepeatedOnly) {
  EXPECT_EQ(TablesOf("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3)"
                     " SELECT * FROM r"),
            std::vector<std::string>{});
  EXPECT_EQ(TablesOf("WITH RECURSIVE r AS (SELECT n FROM r UNION ALL SELECT n + 1 FROM r) "
                     "SELECT * FROM r"),
            (std::vector<std::string>{"main_db.r"}));
}

TEST_F(BinderTest, PutsASubqueryInATablesPlace) {
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

TEST_F(BinderTest, AStarStandsForAllButTheHiddenColumnsOfItsOwnTables) {
  const auto columns = [&](const std::string& sql) -> std::string {
    json tree = *Tree(sql);
    std::map<TableReference, TableReader> readers;
    const std::vector<TableReference> tables = *CollectTables(tree, "a");
    for (const TableReference& table : tables) {
      readers[table] = {(*Tree("SELECT 1 AS x, now() AS _committed_at"))["statements"][0]["node"],
                        SystemColumnsNamed(tree)};
    }
    const absl::Status bound = BindTables(tree, "a", readers);
    if (!bound.ok()) return ErrorReason(bound);
    EXPECT_EQ(tree.dump().find("tarn_hidden"), std::string::npos);
    auto statement = connection_.Prepare(*duckdb::TreeToSelect(connection_, tree.dump()));
    EXPECT_TRUE(statement.ok()) << statement.status();
    std::string names;
    if (!statement.ok()) return names;
    for (const duckdb::Column& column : statement->schema()) names += column.name + " ";
    return names;
  };
  EXPECT_EQ(columns("SELECT * FROM t WHERE _committed_at IS NULL"), "x ");
  EXPECT_EQ(columns("SELECT *, _committed_at FROM t"), "x _committed_at ");
  EXPECT_EQ(columns("SELECT t.*, u.* FROM t, u WHERE t._committed_at = u._committed_at"), "x x ");
  EXPECT_EQ(columns("SELECT * FROM t JOIN u USING (x) ORDER BY t._committed_at"), "x ");
  EXPECT_EQ(columns("SELECT * FROM (SELECT x, _committed_at FROM t) s"), "x _committed_at ");
  EXPECT_EQ(columns("SELECT * FROM t AS n, (SELECT _committed_at FROM u) s"), "x _committed_at ");
  EXPECT_EQ(columns("SELECT COLUMNS(*) FROM t WHERE _committed_at IS NULL"), "x ");
  EXPECT_EQ(columns("SELECT * FROM t WHERE x IN (SELECT x FROM u WHERE _committed_at IS NULL)"),
            "x ");
  EXPECT_EQ(columns("SELECT _committed_at FROM t NATURAL JOIN u"), "SQL_ERROR");
}

// testing/refused_sql.txt is the list that a reader can extend.
TEST_F(BinderTest, RefusesWhatReachesOutsideOfTheCatalog) {
  std::ifstream file("services/query/testing/refused_sql.txt");
  ASSERT_TRUE(file);
  std::string line;
  int checked = 0;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits('\t', 1));
    ASSERT_EQ(parts.size(), 2u) << line;
    absl::Status status;
    auto statement = ParseStatement(parts[1]);
    if (!statement.ok()) {
      status = statement.status();
    } else if (auto tree = Tree(statement->query); !tree.ok()) {
      status = tree.status();
    } else {
      status = CollectTables(*tree, "").status();
    }
    EXPECT_EQ(ErrorReason(status), parts[0]) << parts[1] << ": " << status;
    ++checked;
  }
  EXPECT_GE(checked, 60);
}

}  // namespace
}  // namespace tarn::query
