// How query binds the tables of a statement: with its own front-end and its system columns.

#include <fstream>

#include <absl/strings/str_split.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/duckdb/database.h"
#include "common/duckdb/sql_tree.h"
#include "common/sql_expression/table_binder.h"
#include "common/status/error.h"
#include "services/query/sql/named_system_columns.h"
#include "services/query/sql/statement.h"

namespace tarn::query {
namespace {

using nlohmann::json;
using sql_expression::BindTables;
using sql_expression::CollectTables;
using sql_expression::TableReader;
using sql_expression::TableReference;

class BindingTest : public ::testing::Test {
 protected:
  BindingTest() : connection_(*duckdb::Database::Open({})->Connect()) {}

  absl::StatusOr<json> Tree(const std::string& sql) {
    auto text = duckdb::SelectToTree(connection_, sql);
    if (!text.ok()) return text.status();
    return json::parse(*text);
  }

  duckdb::Connection connection_;
};

TEST_F(BindingTest, AStarStandsForAllButTheHiddenColumnsOfItsOwnTables) {
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
TEST_F(BindingTest, RefusesWhatReachesOutsideOfTheCatalog) {
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
