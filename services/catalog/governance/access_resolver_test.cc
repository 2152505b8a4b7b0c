#include "services/catalog/governance/access_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/governance/mask_sql.h"

namespace tarn::catalog {
namespace {

using duckdb::TypeKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSecret[] = "the-secret";

PolicyColumn Column(const std::string& name, TypeKind kind) {
  return {.name = name, .type = {.kind = kind}};
}

auth::Caller Person(const std::string& user, std::vector<std::string> groups = {},
                    const std::string& role = "viewer") {
  return {.workspace = "default",
          .user = user,
          .groups = std::move(groups),
          .roles = {role},
          .attributes = {}};
}

v1::Grant GrantOf(v1::AccessLevel level, const std::string& member,
                  std::vector<std::string> columns = {}) {
  v1::Grant grant;
  grant.set_name("grants/" + member.substr(member.find(':') + 1));
  grant.set_resource(columns.empty() ? "databases/desk" : "databases/desk/tables/trades");
  grant.set_level(level);
  grant.add_members(member);
  grant.mutable_columns()->Assign(columns.begin(), columns.end());
  return grant;
}

v1::RowFilter FilterOf(const std::string& id, const std::string& member,
                       const std::string& expression) {
  v1::RowFilter filter;
  filter.set_name("rowFilters/" + id);
  filter.set_table("databases/desk/tables/trades");
  filter.add_members(member);
  filter.set_expression(expression);
  filter.set_owner("owner-of-" + id);
  return filter;
}

v1::ColumnMask MaskOf(const std::string& id, const std::string& column, const std::string& member,
                      int priority, const std::string& expression) {
  v1::ColumnMask mask;
  mask.set_name("columnMasks/" + id);
  mask.set_column(column);
  mask.add_members(member);
  mask.set_priority(priority);
  mask.set_expression(expression);
  return mask;
}

class AccessResolverTest : public ::testing::Test {
 protected:
  AccessResolverTest() {
    object_.table = {{"desk", "trades"},
                     {Column("id", TypeKind::kBigInt), Column("book", TypeKind::kVarchar),
                      Column("customer", TypeKind::kVarchar), Column("amount", TypeKind::kDouble)}};
    object_.table_owner = "tom";
    object_.database_owner = "dora";
    entitlements_ = {{"ent", "rights"},
                     {Column("person", TypeKind::kVarchar), Column("book", TypeKind::kVarchar),
                      Column("customer", TypeKind::kVarchar)}};
  }

  v1::EffectiveAccess Access(const auth::Caller& principal, bool show_policies = true) {
    EXPECT_OK(compiler_);
    const PolicyScope filters{
        .table = object_.table,
        .principal = principal,
        .find_table = [this](const names::TableId& id) -> absl::StatusOr<PolicyTable> {
          if (id == entitlements_.id) return entitlements_;
          return NotFound("TABLE_NOT_FOUND", names::SqlName(id) + " does not exist");
        }};
    const PolicyScope masks{.table = object_.table, .principal = principal, .find_table = nullptr};
    const PolicyEvaluator evaluator{
        .filter =
            [&](const v1::RowFilter& filter) {
              return compiler_->CompileFilter(filter.expression(), filters);
            },
        .mask =
            [&](const v1::ColumnMask& mask) { return MaskSql(*compiler_, mask, masks, kSecret); }};
    absl::StatusOr<v1::EffectiveAccess> access =
        ResolveAccess(object_, principal, evaluator, show_policies);
    EXPECT_OK(access);
    return *std::move(access);
  }

  // How each column is seen: "id book:hash -customer" (masked by, hidden).
  std::string Columns(const auth::Caller& principal) {
    const v1::EffectiveAccess access = Access(principal);
    std::string text;
    for (const v1::ColumnAccess& column : access.columns()) {
      if (!text.empty()) text += " ";
      if (column.visibility() == v1::COLUMN_VISIBILITY_HIDDEN) text += "-";
      text += column.column();
      if (column.visibility() == v1::COLUMN_VISIBILITY_MASKED) text += ":" + column.mask();
    }
    return text;
  }

  GovernedObject object_;
  PolicyTable entitlements_;
  duckdb::LazyDatabase engine_{PolicyEngineOptions()};
  absl::StatusOr<PolicyCompiler> compiler_ = PolicyCompiler::Open(engine_);
};

// ---- Level

TEST_F(AccessResolverTest, WithoutGrantsTheRoleDecides) {
  EXPECT_EQ(Access(Person("ada")).level(), v1::ACCESS_LEVEL_READ);
  EXPECT_EQ(Access(Person("ada", {}, "editor")).level(), v1::ACCESS_LEVEL_MANAGE);
  EXPECT_EQ(Access(Person("ada", {}, "admin")).level(), v1::ACCESS_LEVEL_MANAGE);
  EXPECT_EQ(Access(Person("ada", {}, "")).level(), v1::ACCESS_LEVEL_UNSPECIFIED);
  EXPECT_EQ(Access(Person("ada")).rows(), v1::ROW_VISIBILITY_ALL);
  EXPECT_EQ(Columns(Person("ada")), "id book customer amount");
}

TEST_F(AccessResolverTest, AGovernedDatabaseIsOpenedByGrantsOnly) {
  struct Case {
    const char* what;
    auth::Caller principal;
    v1::AccessLevel level;
  };
  object_.governed = true;
  object_.grants = {GrantOf(v1::ACCESS_LEVEL_READ, "group:sales"),
                    GrantOf(v1::ACCESS_LEVEL_WRITE, "user:wanda"),
                    GrantOf(v1::ACCESS_LEVEL_MANAGE, "role:editor")};
  object_.grants[2].mutable_required_attribute()->set_name("desk");
  object_.grants[2].mutable_required_attribute()->set_value("fx");
  auth::Caller fx_editor = Person("eve", {}, "editor");
  fx_editor.attributes["desk"] = "fx";
  auth::Caller fx_viewer = Person("vera");
  fx_viewer.attributes["desk"] = "fx";
  const std::vector<Case> cases = {
      {"nobody's", Person("ada"), v1::ACCESS_LEVEL_UNSPECIFIED},
      {"an editor without a grant", Person("ed", {}, "editor"), v1::ACCESS_LEVEL_UNSPECIFIED},
      {"by group", Person("ada", {"hr", "sales"}), v1::ACCESS_LEVEL_READ},
      {"by user, as an editor", Person("wanda", {}, "editor"), v1::ACCESS_LEVEL_WRITE},
      {"a viewer reads at the most", Person("wanda"), v1::ACCESS_LEVEL_READ},
      {"the highest one", Person("wanda", {"sales"}, "editor"), v1::ACCESS_LEVEL_WRITE},
      {"by role and attribute", fx_editor, v1::ACCESS_LEVEL_MANAGE},
      {"by attribute without the role", fx_viewer, v1::ACCESS_LEVEL_UNSPECIFIED},
      {"no role, in spite of a grant", Person("ada", {"sales"}, ""), v1::ACCESS_LEVEL_UNSPECIFIED},
      {"the table's owner", Person("tom"), v1::ACCESS_LEVEL_MANAGE},
      {"the database's owner", Person("dora"), v1::ACCESS_LEVEL_MANAGE},
      {"an administrator", Person("ann", {}, "admin"), v1::ACCESS_LEVEL_MANAGE},
      {"a service", Person("query", {}, "service"), v1::ACCESS_LEVEL_MANAGE}};
  for (const Case& test : cases) {
    EXPECT_EQ(Access(test.principal).level(), test.level) << test.what;
  }
}

TEST_F(AccessResolverTest, SaysByWhichGrantAndGroup) {
  object_.governed = true;
  object_.grants = {GrantOf(v1::ACCESS_LEVEL_READ, "group:sales")};
  const v1::EffectiveAccess access = Access(Person("ada", {"sales"}));
  ASSERT_EQ(access.level_reasons_size(), 1);
  EXPECT_EQ(access.level_reasons(0).resource(), "grants/sales");
  EXPECT_EQ(access.level_reasons(0).member(), "group:sales");
}

TEST_F(AccessResolverTest, SaysWhyNothingIsVisible) {
  object_.governed = true;
  object_.grants = {GrantOf(v1::ACCESS_LEVEL_READ, "group:sales")};
  const v1::EffectiveAccess access = Access(Person("ada"));
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_NONE);
  EXPECT_EQ(access.row_predicate(), "false");
  ASSERT_EQ(access.level_reasons_size(), 1);
  EXPECT_THAT(access.level_reasons(0).message(), HasSubstr("none applies to ada"));
  EXPECT_EQ(access.row_reasons(0).message(), "the table cannot be read");
  EXPECT_EQ(Columns(Person("ada")), "-id -book -customer -amount");
}

// ---- Columns

TEST_F(AccessResolverTest, GrantsOfColumnsAddUp) {
  object_.governed = true;
  object_.grants = {GrantOf(v1::ACCESS_LEVEL_READ, "group:a", {"ID"}),
                    GrantOf(v1::ACCESS_LEVEL_READ, "group:b", {"id", "amount", "gone"}),
                    GrantOf(v1::ACCESS_LEVEL_READ, "group:c")};
  EXPECT_EQ(Columns(Person("ada", {"a"})), "id -book -customer -amount");
  EXPECT_EQ(Columns(Person("ada", {"a", "b"})), "id -book -customer amount");
  EXPECT_EQ(Columns(Person("ada", {"a", "c"})), "id book customer amount");
  EXPECT_EQ(Columns(Person("tom")), "id book customer amount");
}

TEST_F(AccessResolverTest, TheMaskWithTheHighestPriorityCounts) {
  object_.column_masks = {MaskOf("all", "customer", "everyone", -1, "'?'"),
                          MaskOf("hr", "Customer", "group:hr", 10, "customer"),
                          MaskOf("sales", "customer", "group:sales", 5, "left(customer, 1)"),
                          MaskOf("round", "amount", "group:sales", 0, "round(amount)")};
  EXPECT_EQ(Columns(Person("ada")), "id book customer:columnMasks/all amount");
  EXPECT_EQ(Columns(Person("ada", {"sales"})),
            "id book customer:columnMasks/sales amount:columnMasks/round");
  EXPECT_EQ(Columns(Person("ada", {"sales", "hr"})),
            "id book customer:columnMasks/hr amount:columnMasks/round");
  // Owners and administrators are no exception; services are.
  EXPECT_EQ(Columns(Person("tom")), "id book customer:columnMasks/all amount");
  EXPECT_EQ(Columns(Person("query", {}, "service")), "id book customer amount");
}

TEST_F(AccessResolverTest, AMaskThatFitsNoMoreShowsNull) {
  object_.column_masks = {MaskOf("m", "customer", "everyone", 0, "left(client, 1)")};
  v1::ColumnAccess column = Access(Person("ada")).columns(2);
  EXPECT_EQ(column.expression(), "CAST(NULL AS VARCHAR)");
  EXPECT_THAT(column.reasons(0).message(), HasSubstr("client"));
  column = Access(Person("ada"), /*show_policies=*/false).columns(2);
  EXPECT_EQ(column.visibility(), v1::COLUMN_VISIBILITY_MASKED);
  EXPECT_EQ(column.expression(), "");
  EXPECT_THAT(column.reasons(0).message(), Not(HasSubstr("client")));
}

// ---- Rows

TEST_F(AccessResolverTest, ATableWithAFilterShowsNothingToWhomNoneApplies) {
  object_.row_filters = {FilterOf("f", "group:sales", "true")};
  EXPECT_EQ(Access(Person("ada", {"sales"})).rows(), v1::ROW_VISIBILITY_FILTERED);
  for (const auth::Caller& principal : {Person("ada"), Person("tom"), Person("ann", {}, "admin")}) {
    const v1::EffectiveAccess access = Access(principal);
    EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_NONE) << principal.user;
    EXPECT_EQ(access.row_predicate(), "false");
    EXPECT_THAT(access.row_reasons(0).message(), HasSubstr("none applies to " + principal.user));
  }
  EXPECT_EQ(Access(Person("query", {}, "service")).rows(), v1::ROW_VISIBILITY_ALL);
}

TEST_F(AccessResolverTest, AFilterThatFitsNoMoreShowsNothing) {
  object_.row_filters = {FilterOf("ok", "everyone", "true"),
                         FilterOf("broken", "everyone", "book IN (SELECT x FROM ent.gone)")};
  const v1::EffectiveAccess access = Access(Person("ada"));
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_NONE);
  EXPECT_EQ(access.row_predicate(), "false");
  EXPECT_EQ(access.row_reasons(1).resource(), "rowFilters/broken");
  EXPECT_THAT(access.row_reasons(1).message(), HasSubstr("ent.gone"));
}

TEST_F(AccessResolverTest, ThePolicysTextIsShownToThoseOnlyWhoMaySeeIt) {
  object_.row_filters = {
      FilterOf("f", "everyone", "book IN (SELECT book FROM ent.rights WHERE person = 'x')")};
  const v1::EffectiveAccess access = Access(Person("ada"), /*show_policies=*/false);
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_FILTERED);
  EXPECT_EQ(access.row_predicate(), "");
  EXPECT_THAT(access.sources(), IsEmpty());
  EXPECT_EQ(access.row_reasons(0).resource(), "rowFilters/f");
}

// ---- What the predicate shows, in the engine

class RowPredicateTest : public AccessResolverTest {
 protected:
  RowPredicateTest() {
    Run("CREATE SCHEMA desk; CREATE SCHEMA ent; "
        "CREATE TABLE desk.trades AS SELECT * FROM (VALUES "
        "  (1, 'fx', 'acme', 1.0), (2, 'fx', 'globex', 2.0), (3, 'rates', 'acme', 3.0), "
        "  (4, 'rates', 'globex', 4.0), (5, NULL, 'acme', 5.0)) v(id, book, customer, amount); "
        "CREATE TABLE ent.rights (person VARCHAR, book VARCHAR, customer VARCHAR); ");
  }

  void Run(const std::string& sql) { ASSERT_OK(data_.Execute(sql)); }

  std::vector<int64_t> Rows(const auth::Caller& principal) {
    const v1::EffectiveAccess access = Access(principal);
    const std::string where = access.row_predicate().empty() ? "true" : access.row_predicate();
    auto rows =
        data_.Query("SELECT id::BIGINT FROM desk.trades AS _row WHERE " + where + " ORDER BY id");
    EXPECT_OK(rows);
    std::vector<int64_t> ids;
    for (uint64_t i = 0; rows.ok() && i < rows->row_count(); ++i) {
      ids.push_back(*rows->At(i, 0).As<int64_t>());
    }
    return ids;
  }

  // What a mask makes of a text.
  std::string Masked(const v1::ColumnMask& mask, const std::string& value) {
    const auth::Caller ada = Person("ada");
    auto sql = MaskSql(*compiler_, mask,
                       {.table = object_.table, .principal = ada, .find_table = nullptr}, kSecret);
    EXPECT_OK(sql);
    auto result = data_.Query("SELECT coalesce((" + *sql + ")::VARCHAR, 'NULL') FROM (SELECT " +
                              value + " AS customer) AS _row");
    EXPECT_OK(result);
    return result.ok() ? *result->At(0, 0).As<std::string>() : "";
  }

  duckdb::Connection data_ = *duckdb::Database::Open({.threads = 1})->Connect();
};

// Sales people see the regions that a territory table assigns them.
TEST_F(RowPredicateTest, SalesPeopleSeeTheRegionsOfATerritoryTable) {
  object_.table = {{"desk", "orders"},
                   {Column("id", TypeKind::kBigInt), Column("region", TypeKind::kVarchar)}};
  entitlements_ = {{"ent", "territories"},
                   {Column("person", TypeKind::kVarchar), Column("region", TypeKind::kVarchar)}};
  object_.row_filters = {
      FilterOf("territories", "group:sales",
               "region IN (SELECT region FROM ent.territories WHERE person = current_user)")};
  Run("CREATE TABLE ent.territories AS SELECT * FROM (VALUES ('ada', 'north'), ('ada', 'east'), "
      "('bob', 'south'), ('bob', NULL)) v(person, region); DROP TABLE desk.trades; "
      "CREATE TABLE desk.trades AS SELECT * FROM (VALUES (1, 'north'), (2, 'south'), (3, 'east'), "
      "(4, 'west'), (5, NULL)) v(id, region)");
  EXPECT_THAT(Rows(Person("ada", {"sales"})), ElementsAre(1, 3));
  EXPECT_THAT(Rows(Person("bob", {"sales"})), ElementsAre(2));
  EXPECT_THAT(Rows(Person("cy", {"sales"})), IsEmpty());
  EXPECT_THAT(Rows(Person("ada")), IsEmpty());
  EXPECT_THAT(Access(Person("ada", {"sales"})).sources(), testing::SizeIs(1));
  EXPECT_EQ(Access(Person("ada", {"sales"})).sources(0).owner(), "owner-of-territories");
}

// Traders see only trades whose book and customer an entitlement table gives them, by two policies.
TEST_F(RowPredicateTest, TradersSeeTradesWhoseBookAndCustomerTheyHave) {
  object_.row_filters = {
      FilterOf("books", "group:traders",
               "EXISTS (SELECT 1 FROM ent.rights r WHERE r.person = current_user "
               "AND r.book = trades.book)"),
      FilterOf("customers", "group:traders",
               "customer IN (SELECT r.customer FROM ent.rights r WHERE r.person = current_user)")};
  Run("INSERT INTO ent.rights VALUES ('ada', 'fx', NULL), ('ada', NULL, 'acme'), "
      "('bob', 'rates', 'globex'), ('bob', 'fx', NULL), ('cy', 'fx', NULL), (NULL, 'fx', 'acme')");
  EXPECT_THAT(Rows(Person("ada", {"traders"})), ElementsAre(1));
  EXPECT_THAT(Rows(Person("bob", {"traders"})), ElementsAre(2, 4));
  EXPECT_THAT(Rows(Person("cy", {"traders"})), IsEmpty());
  EXPECT_THAT(Rows(Person("dan", {"traders"})), IsEmpty());
  EXPECT_THAT(Rows(Person("ada")), IsEmpty());
}

TEST_F(RowPredicateTest, AllFiltersThatApplyMustHold) {
  object_.row_filters = {FilterOf("all", "everyone", "amount < 4"),
                         FilterOf("fx", "group:fx", "book = 'fx' OR id = 3"),
                         FilterOf("unknown", "group:null", "NULL")};
  EXPECT_THAT(Rows(Person("ada")), ElementsAre(1, 2, 3));
  EXPECT_THAT(Rows(Person("ada", {"fx"})), ElementsAre(1, 2, 3));
  object_.row_filters[1].set_expression("book = 'fx'");
  EXPECT_THAT(Rows(Person("ada", {"fx"})), ElementsAre(1, 2));
  EXPECT_THAT(Rows(Person("ada", {"fx", "null"})), IsEmpty());
}

TEST_F(RowPredicateTest, NoNamesOfTheCallerBecomeSql) {
  object_.row_filters = {FilterOf("own", "everyone", "customer = current_user"),
                         FilterOf("groups", "everyone", "book IS NULL OR NOT in_group('x')")};
  EXPECT_THAT(Rows(Person("x' OR 'a' = 'a", {"g' OR true --"})), IsEmpty());
  EXPECT_THAT(Rows(Person("acme")), ElementsAre(1, 3, 5));
  EXPECT_THAT(Rows(Person("acme", {"x"})), ElementsAre(5));
}

TEST_F(RowPredicateTest, MasksShowWhatTheySay) {
  v1::ColumnMask mask;
  mask.set_column("customer");
  mask.mutable_null();
  EXPECT_EQ(Masked(mask, "'acme'"), "NULL");
  mask.mutable_constant()->set_value("it's");
  EXPECT_EQ(Masked(mask, "NULL"), "it's");
  mask.mutable_hash();
  const std::string hash = Masked(mask, "'acme'");
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(Masked(mask, "'ac' || 'me'"), hash);
  EXPECT_NE(Masked(mask, "'acmf'"), hash);
  EXPECT_EQ(Masked(mask, "NULL"), "NULL");
  mask.mutable_partial()->set_keep_first(1);
  mask.mutable_partial()->set_keep_last(2);
  EXPECT_EQ(Masked(mask, "'acmeß'"), "a**eß");
  EXPECT_EQ(Masked(mask, "'abc'"), "***");
  EXPECT_EQ(Masked(mask, "''"), "");
  EXPECT_EQ(Masked(mask, "NULL"), "NULL");
  mask.mutable_partial()->set_sign("'");
  EXPECT_EQ(Masked(mask, "'abcd'"), "a'cd");
  mask.set_expression("upper(customer) || current_user");
  EXPECT_EQ(Masked(mask, "'acme'"), "ACMEada");
}

TEST_F(RowPredicateTest, MasksOfTextAreForText) {
  v1::ColumnMask mask;
  mask.set_column("amount");
  mask.mutable_hash();
  const auth::Caller ada = Person("ada");
  const PolicyScope scope{.table = object_.table, .principal = ada, .find_table = nullptr};
  EXPECT_THAT(MaskSql(*compiler_, mask, scope, kSecret),
              StatusIs(absl::StatusCode::kInvalidArgument, "MASK_TYPE"));
  mask.mutable_constant()->set_value("a lot");
  EXPECT_THAT(MaskSql(*compiler_, mask, scope, kSecret),
              StatusIs(absl::StatusCode::kInvalidArgument, "SQL_ERROR"));
  mask.mutable_constant()->set_value("0.5");
  EXPECT_OK(MaskSql(*compiler_, mask, scope, kSecret));
}

}  // namespace
}  // namespace tarn::catalog
