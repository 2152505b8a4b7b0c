#include "common/table_schema/table_reader.h"

#include <cmath>
#include <random>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "common/duckdb/database.h"
#include "common/lake/parquet_writer.h"
#include "common/table_schema/engine_types.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace tarn::table_schema {
namespace {

constexpr int64_t kLargest = int64_t{1} << 53;

// A table n long, f float whose columns have become double, and its one file.
class WidenedColumnsTest : public ::testing::Test {
 protected:
  void Write(const std::string& select) {
    for (const char* name : {"n", "f"}) {
      Field* field = table_.mutable_schema()->add_fields();
      field->set_name(name);
      field->set_type("double");
      field->set_widened(true);
    }
    AssignFieldIds(*table_.mutable_schema()->mutable_fields(), 0);
    table_.set_type(catalog::v1::TABLE_TYPE_MANAGED);
    ASSERT_OK_AND_ASSIGN(
        const std::vector<lake::WrittenFile> files,
        lake::WriteParquet(connection_, select, dir_ / "out", {.field_ids = "{'n': 1, 'f': 2}"}));
    ASSERT_EQ(files.size(), 1u);
    files_.emplace_back().set_path("out/" + files[0].relative_path);
  }
  duckdb::QueryResult Read(const std::string& columns, const std::string& where) {
    auto result = connection_.Query(absl::StrCat("SELECT ", columns, " FROM (",
                                                 ReaderSql(table_, files_, dir_.path().string()),
                                                 ") WHERE ", where));
    EXPECT_OK(result) << where;
    return *std::move(result);
  }
  int64_t Count(const std::string& where) {
    return *Read("count(*)", where).At(0, 0).As<int64_t>();
  }

  TempDir dir_;
  duckdb::Database database_ = *duckdb::Database::Open({.threads = 1});
  duckdb::Connection connection_ = *database_.Connect();
  catalog::v1::Table table_;
  std::vector<catalog::v1::DataFile> files_;
};

TEST_F(WidenedColumnsTest, EveryStoredValueIsReadExactly) {
  std::mt19937_64 random(7);
  std::vector<int64_t> integers = {kLargest, -kLargest, kLargest - 1, 0, 1, -1};
  while (integers.size() < 3000) {
    const auto bits = static_cast<int>(random() % 54);
    const auto value = static_cast<int64_t>(random() & ((uint64_t{1} << bits) - 1));
    integers.push_back(random() % 2 == 0 ? value : -value);
  }
  std::string values;
  for (const int64_t value : integers) {
    absl::StrAppend(&values, values.empty() ? "" : ",", "(", value, ")");
  }
  Write(absl::StrCat("SELECT v::BIGINT AS n, NULL::FLOAT AS f FROM (VALUES ", values, ") t(v)"));
  const duckdb::QueryResult rows = Read("n", "true");
  ASSERT_EQ(rows.row_count(), integers.size());
  for (size_t i = 0; i < integers.size(); ++i) {
    ASSERT_EQ(static_cast<int64_t>(*rows.At(i, 0).As<double>()), integers[i]);
  }
}

TEST_F(WidenedColumnsTest, ComparisonsAreThoseOfDoubles) {
  Write("SELECT i::BIGINT AS n, (i / 10)::FLOAT AS f FROM range(-5, 5) t(i)");
  for (double bound = -6; bound < 6; bound += 0.25) {
    int64_t above = 0;
    int64_t equal = 0;
    for (int i = -5; i < 5; ++i) {
      above += i > bound ? 1 : 0;
      equal += i == bound ? 1 : 0;
    }
    const std::string text = absl::StrCat("(", bound, ")::DOUBLE");
    EXPECT_EQ(Count("n > " + text), above) << bound;
    EXPECT_EQ(Count("n <= " + text), 10 - above) << bound;
    EXPECT_EQ(Count("n = " + text), equal) << bound;
    EXPECT_EQ(Count("n IN (" + text + ", 1e300)"), equal) << bound;
  }
  for (int i = -5; i < 5; ++i) {
    // The engine divides in double, then rounds to float.
    const double stored = static_cast<float>(i / 10.0);
    const std::string text = absl::StrCat("(", i, " / 10)");
    EXPECT_EQ(Count(absl::StrCat("f = ", text)), stored == i / 10.0 ? 1 : 0) << i;
    EXPECT_EQ(Count(absl::StrCat("f > ", text)), 4 - i + (stored > i / 10.0 ? 1 : 0)) << i;
  }
}

}  // namespace
}  // namespace tarn::table_schema
