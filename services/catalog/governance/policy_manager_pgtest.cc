// The rules of policies on a real PostgreSQL: versions, audit, delegation, effective access.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/governance/audit_log.h"
#include "services/catalog/governance/policy_manager.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/testing/catalog_database.h"

namespace tarn::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTable[] = "databases/d/tables/t";

auth::Caller Person(const std::string& user, const std::string& role = "viewer",
                    std::vector<std::string> groups = {}) {
  return {.workspace = "default",
          .user = user,
          .groups = std::move(groups),
          .roles = {role},
          .attributes = {}};
}

v1::Grant GrantOn(const std::string& id, const std::string& resource, const std::string& member,
                  v1::AccessLevel level = v1::ACCESS_LEVEL_READ) {
  v1::Grant grant;
  grant.set_name("grants/" + id);
  grant.set_resource(resource);
  grant.set_level(level);
  grant.add_members(member);
  return grant;
}

v1::RowFilter FilterOn(const std::string& id, const std::string& table,
                       const std::string& expression, const std::string& member = "everyone") {
  v1::RowFilter filter;
  filter.set_name("rowFilters/" + id);
  filter.set_table("databases/d/tables/" + table);
  filter.add_members(member);
  filter.set_expression(expression);
  return filter;
}

v1::ColumnMask MaskOn(const std::string& id, const std::string& column, int priority) {
  v1::ColumnMask mask;
  mask.set_name("columnMasks/" + id);
  mask.set_table(kTable);
  mask.set_column(column);
  mask.add_members("everyone");
  mask.set_priority(priority);
  mask.mutable_null();
  return mask;
}

class PolicyManagerTest : public ::testing::Test {
 protected:
  // The owner of database d and its tables, and an administrator.
  const auth::Caller ada_ = Person("ada", "editor");
  const auth::Caller ann_ = Person("ann", "admin");

  PolicyManagerTest() {
    db_.CreateTable("t");
    db_.CreateTable("u");
  }

  // In a transaction of its own.
  template <typename F>
  auto As(const auth::Caller& caller, F body) {
    return db_.pool().Run([&](Transaction& txn) {
      PolicyManager manager(txn, engine_, caller, "call-7");
      return body(manager);
    });
  }
  template <typename P>
  absl::StatusOr<P> Create(const auth::Caller& caller, const P& policy) {
    return As(caller, [&](PolicyManager& manager) { return manager.Create(policy); });
  }
  template <typename P>
  absl::StatusOr<P> Update(const auth::Caller& caller, const P& policy,
                           const std::vector<std::string>& paths = {}) {
    google::protobuf::FieldMask mask;
    for (const std::string& path : paths) mask.add_paths(path);
    return As(caller, [&](PolicyManager& manager) { return manager.Update(policy, mask); });
  }
  template <typename P>
  absl::Status Delete(const auth::Caller& caller, const std::string& name,
                      const std::string& etag = "") {
    return As(caller, [&](PolicyManager& manager) { return manager.Delete<P>(name, etag); });
  }
  template <typename P>
  absl::StatusOr<P> Get(const auth::Caller& caller, const std::string& name) {
    return As(caller, [&](PolicyManager& manager) { return manager.Get<P>(name); });
  }
  template <typename P>
  std::vector<std::string> Names(const auth::Caller& caller) {
    auto page =
        As(caller, [](PolicyManager& manager) { return manager.List<P>(std::nullopt, "", 100); });
    EXPECT_OK(page);
    std::vector<std::string> names;
    for (const P& policy : page->policies) names.push_back(policy.name());
    return names;
  }
  absl::StatusOr<v1::EffectiveAccess> Access(
      const auth::Caller& caller, const std::optional<auth::Caller>& principal = std::nullopt) {
    return As(caller, [&](PolicyManager& manager) {
      return manager.Access({"d", "t"}, principal);
    });
  }
  v1::AccessLevel LevelOf(const auth::Caller& caller) { return Access(caller)->level(); }
  std::vector<v1::AuditEntry> Audit(const AuditFilter& filter = {}) {
    std::vector<v1::AuditEntry> entries;
    EXPECT_OK(db_.pool().Run([&](Transaction& txn) {
      entries = AuditLog(txn).List("default", filter, 1'000'000'000, 100);
      return absl::OkStatus();
    }));
    return entries;
  }

  CatalogDatabase db_;
  duckdb::LazyDatabase engine_{PolicyEngineOptions()};
};

const auto kDenied = StatusIs(absl::StatusCode::kPermissionDenied, "GOVERNANCE_NOT_ALLOWED");

// ---- The life of a policy

TEST_F(PolicyManagerTest, APolicyIsMadeReadChangedAndRemoved) {
  v1::RowFilter filter = FilterOn("f", "t", "id > 1");
  filter.set_comment("half");
  ASSERT_OK_AND_ASSIGN(const v1::RowFilter made, Create(ada_, filter));
  EXPECT_EQ(made.owner(), "ada");
  EXPECT_EQ(made.version(), 1);
  EXPECT_THAT(Create(ada_, filter),
              StatusIs(absl::StatusCode::kAlreadyExists, "ROW_FILTER_EXISTS"));
  ASSERT_OK_AND_ASSIGN(v1::RowFilter read, Get<v1::RowFilter>(ada_, "rowFilters/f"));
  EXPECT_EQ(read.SerializeAsString(), made.SerializeAsString());

  // The same again changes nothing.
  ASSERT_OK_AND_ASSIGN(v1::RowFilter updated, Update(ann_, made));
  EXPECT_EQ(updated.etag(), made.etag());
  read.set_expression("id > 2");
  ASSERT_OK_AND_ASSIGN(updated, Update(ann_, read));
  EXPECT_EQ(updated.version(), 2);
  EXPECT_EQ(updated.owner(), "ann") << "its subqueries read with the rights of who wrote it";
  EXPECT_THAT(Update(ada_, read), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  updated.set_expression("id > 3");
  updated.set_comment("ignored");
  ASSERT_OK_AND_ASSIGN(updated, Update(ada_, updated, {"expression"}));
  EXPECT_EQ(updated.comment(), "half");
  EXPECT_EQ(updated.expression(), "id > 3");
  updated.set_table("databases/d/tables/u");
  EXPECT_THAT(Update(ada_, updated), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));

  EXPECT_THAT(Delete<v1::RowFilter>(ada_, "rowFilters/f", made.etag()),
              StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  ASSERT_OK(Delete<v1::RowFilter>(ada_, "rowFilters/f"));
  EXPECT_THAT(Get<v1::RowFilter>(ann_, "rowFilters/f"),
              StatusIs(absl::StatusCode::kNotFound, "ROW_FILTER_NOT_FOUND"));
}

TEST_F(PolicyManagerTest, EveryVersionIsKeptAlsoOfWhatIsGone) {
  ASSERT_OK_AND_ASSIGN(v1::ColumnMask mask, Create(ada_, MaskOn("m", "id", 0)));
  mask.mutable_constant()->set_value("7");
  ASSERT_OK(Update(ann_, mask));
  ASSERT_OK(Delete<v1::ColumnMask>(ada_, "columnMasks/m"));
  ASSERT_OK_AND_ASSIGN(mask, Create(ada_, MaskOn("m", "dt", 3)));
  EXPECT_EQ(mask.version(), 3);
  ASSERT_OK(Delete<v1::ColumnMask>(ada_, "columnMasks/m"));
  const auto versions = [&](const auth::Caller& caller, int64_t before, int limit) {
    return As(caller, [&](PolicyManager& manager) {
      return manager.Versions<v1::ColumnMask>("columnMasks/m", before, limit);
    });
  };
  EXPECT_THAT(versions(ada_, 100, 10),
              StatusIs(absl::StatusCode::kNotFound, "COLUMN_MASK_NOT_FOUND"));
  ASSERT_OK_AND_ASSIGN(auto kept, versions(ann_, 100, 10));
  ASSERT_THAT(kept, SizeIs(3));
  EXPECT_EQ(kept[0].record.version, 3);
  EXPECT_EQ(kept[1].changed_by, "ann");
  EXPECT_THAT(kept[1].record.definition, HasSubstr("\"7\""));
  EXPECT_EQ(kept[2].changed_by, "ada");
  ASSERT_OK_AND_ASSIGN(kept, versions(ann_, 3, 1));
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].record.version, 2);
}

TEST_F(PolicyManagerTest, EveryChangeIsAudited) {
  ASSERT_OK_AND_ASSIGN(v1::Grant grant, Create(ada_, GrantOn("g", kTable, "group:sales")));
  grant.add_members("user:bob");
  ASSERT_OK(Update(ann_, grant));
  // What is refused leaves nothing.
  EXPECT_FALSE(Create(ada_, GrantOn("g", kTable, "group:sales")).ok());
  ASSERT_OK(Delete<v1::Grant>(ada_, "grants/g"));
  const std::vector<v1::AuditEntry> entries = Audit({.resource = "grants/g"});
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(entries[0].action(), v1::AUDIT_ACTION_DELETE);
  EXPECT_THAT(entries[0].before(), HasSubstr("user:bob"));
  EXPECT_EQ(entries[0].after(), "");
  EXPECT_EQ(entries[1].action(), v1::AUDIT_ACTION_UPDATE);
  EXPECT_EQ(entries[1].user(), "ann");
  EXPECT_EQ(entries[1].request_id(), "call-7");
  EXPECT_THAT(entries[1].before(), Not(HasSubstr("user:bob")));
  EXPECT_THAT(entries[1].after(), HasSubstr("user:bob"));
  EXPECT_EQ(entries[2].action(), v1::AUDIT_ACTION_CREATE);
  EXPECT_EQ(entries[2].before(), "");

  EXPECT_THAT(Audit({.resource = "grants/g", .user = "ann"}), SizeIs(1));
  EXPECT_THAT(Audit({.resource = "grants/g", .action = v1::AUDIT_ACTION_CREATE}), SizeIs(1));
  EXPECT_THAT(Audit({.resource = "grants/"}), IsEmpty());
  EXPECT_THAT(Audit({.resource = "grants"}), SizeIs(3));
  const absl::Time future = absl::Now() + absl::Hours(1);
  EXPECT_THAT(Audit({.resource = "grants", .start_time = future}), IsEmpty());
  EXPECT_THAT(Audit({.resource = "grants", .end_time = future}), SizeIs(3));
}

TEST_F(PolicyManagerTest, ChangesOfDatabasesAndTablesAreAudited) {
  ASSERT_OK(db_.pool().Run([&](Transaction& txn) -> absl::Status {
    TableChange change;
    change.comment = "trades";
    absl::Status done = TableManager(txn).Update(db_.actor(), db_.Key("t"), change).status();
    if (!done.ok()) return done;
    change.columns = {{.name = "id", .type = {TypeKind::kLong}}};
    done = TableManager(txn).Update(db_.actor(), db_.Key("t"), change).status();
    if (!done.ok()) return done;
    DatabaseChange database;
    database.comment = "all";
    done = DatabaseManager(txn).Update(db_.actor(), "d", database).status();
    if (!done.ok()) return done;
    return TableManager(txn).Delete(db_.actor(), db_.Key("t"), "");
  }));
  std::vector<v1::AuditEntry> entries = Audit({.resource = kTable});
  ASSERT_THAT(entries, SizeIs(4));
  EXPECT_EQ(entries[0].action(), v1::AUDIT_ACTION_DELETE);
  EXPECT_THAT(entries[1].before(), HasSubstr("\"dt\""));
  EXPECT_THAT(entries[1].after(), Not(HasSubstr("\"dt\"")));
  EXPECT_THAT(entries[2].before(), Not(HasSubstr("trades")));
  EXPECT_THAT(entries[2].after(), HasSubstr("trades"));
  EXPECT_EQ(entries[3].action(), v1::AUDIT_ACTION_CREATE);
  // With what is below it: two tables made, one of them changed twice and removed.
  entries = Audit({.resource = "databases/d"});
  ASSERT_THAT(entries, SizeIs(7));
  EXPECT_THAT(entries[1].after(), HasSubstr("\"all\""));
}

// ---- Checks

TEST_F(PolicyManagerTest, APolicyIsOnWhatThereIs) {
  EXPECT_THAT(Create(ada_, GrantOn("g", "databases/dd", "everyone")),
              StatusIs(absl::StatusCode::kNotFound, "DATABASE_NOT_FOUND"));
  EXPECT_THAT(Create(ada_, FilterOn("f", "tt", "true")),
              StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
  EXPECT_THAT(Create(ada_, FilterOn("f", "t", "idd = 1")),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_NOT_FOUND"));
  EXPECT_THAT(Create(ada_, MaskOn("m", "idd", 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, "COLUMN_NOT_FOUND"));
  v1::Grant grant = GrantOn("g", kTable, "everyone");
  grant.add_columns("ID");
  ASSERT_OK_AND_ASSIGN(grant, Create(ada_, grant));
  EXPECT_THAT(grant.columns(), ElementsAre("id"));
  grant.set_columns(0, "idd");
  EXPECT_THAT(Update(ada_, grant), StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
}

TEST_F(PolicyManagerTest, MasksOfAColumnHaveDifferentPriorities) {
  ASSERT_OK(Create(ada_, MaskOn("one", "id", 5)));
  EXPECT_THAT(Create(ada_, MaskOn("two", "ID", 5)),
              StatusIs(absl::StatusCode::kAlreadyExists, "MASK_PRIORITY_TAKEN"));
  ASSERT_OK(Create(ada_, MaskOn("other", "dt", 5)));
  ASSERT_OK_AND_ASSIGN(v1::ColumnMask mask, Create(ada_, MaskOn("two", "id", 6)));
  mask.set_priority(5);
  EXPECT_THAT(Update(ada_, mask),
              StatusIs(absl::StatusCode::kAlreadyExists, "MASK_PRIORITY_TAKEN"));
}

TEST_F(PolicyManagerTest, FiltersThatReadEachOthersTablesAreRefused) {
  db_.CreateTable("v");
  ASSERT_OK(Create(ada_, FilterOn("t", "t", "id IN (SELECT x.id FROM d.u x)")));
  ASSERT_OK(Create(ada_, FilterOn("u", "u", "id IN (SELECT x.id FROM d.v x)")));
  EXPECT_THAT(Create(ada_, FilterOn("v", "v", "id IN (SELECT x.id FROM d.t x)")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "POLICY_CYCLE"));
  ASSERT_OK(Delete<v1::RowFilter>(ada_, "rowFilters/u"));
  ASSERT_OK(Create(ada_, FilterOn("v", "v", "id IN (SELECT x.id FROM d.t x)")));
}

TEST_F(PolicyManagerTest, FiltersMadeAtTheSameTimeMakeNoCycle) {
  for (int round = 0; round < 5; ++round) {
    absl::Status one;
    absl::Status other;
    std::thread thread(
        [&] { one = Create(ada_, FilterOn("t", "t", "id IN (SELECT x.id FROM d.u x)")).status(); });
    other = Create(ada_, FilterOn("u", "u", "id IN (SELECT x.id FROM d.t x)")).status();
    thread.join();
    EXPECT_NE(one.ok(), other.ok()) << one << " " << other;
    EXPECT_EQ(ErrorReason(one.ok() ? other : one), "POLICY_CYCLE");
    ASSERT_OK(Delete<v1::RowFilter>(ada_, one.ok() ? "rowFilters/t" : "rowFilters/u"));
  }
}

TEST_F(PolicyManagerTest, AFilterReadsOnlyWhatItsAuthorMayRead) {
  const auth::Caller eve = Person("eve", "editor");
  ASSERT_OK(db_.pool().Run([&](Transaction& txn) -> absl::Status {
    const Actor actor{"default", "eve", "call"};
    absl::Status made = DatabaseManager(txn).Create(actor, {.id = "e"}).status();
    if (!made.ok()) return made;
    Table table{.key = {"default", "e", "own"}};
    table.definition.schema.fields = {{.name = "id", .type = {TypeKind::kLong}}};
    return TableManager(txn).Create(actor, table).status();
  }));
  v1::RowFilter filter = FilterOn("f", "t", "id IN (SELECT x.id FROM d.t x)");
  filter.set_table("databases/e/tables/own");
  ASSERT_OK(Create(eve, filter));
  ASSERT_OK(Create(ada_, GrantOn("g", "databases/d", "user:bob")));
  filter.set_name("rowFilters/f2");
  EXPECT_THAT(Create(eve, filter), kDenied);
}

// ---- Who may do what

TEST_F(PolicyManagerTest, OwnersAndAdministratorsGovern) {
  const auth::Caller bob = Person("bob", "editor");
  const auth::Caller service = Person("query", "service");
  for (const auth::Caller& caller : {bob, service}) {
    EXPECT_THAT(Create(caller, GrantOn("g", kTable, "everyone")), kDenied);
    EXPECT_THAT(Create(caller, FilterOn("f", "t", "true")), kDenied);
    EXPECT_THAT(Create(caller, MaskOn("m", "id", 0)), kDenied);
  }
  ASSERT_OK(Create(ann_, GrantOn("g", kTable, "user:bob", v1::ACCESS_LEVEL_MANAGE)));
  ASSERT_OK(Create(ada_, FilterOn("f", "t", "true")));
  EXPECT_THAT(Create(bob, FilterOn("f2", "t", "true")), kDenied);
  EXPECT_THAT(Delete<v1::Grant>(bob, "grants/g"), kDenied);
  // Who may not read it does not learn that it is there.
  EXPECT_THAT(Delete<v1::RowFilter>(bob, "rowFilters/f"),
              StatusIs(absl::StatusCode::kNotFound, "ROW_FILTER_NOT_FOUND"));
  EXPECT_THAT(Names<v1::Grant>(bob), ElementsAre("grants/g"));
  EXPECT_THAT(Names<v1::RowFilter>(bob), IsEmpty());
  EXPECT_THAT(Names<v1::RowFilter>(service), ElementsAre("rowFilters/f"));
  EXPECT_THAT(Names<v1::Grant>(Person("cy")), IsEmpty());
}

TEST_F(PolicyManagerTest, TheRightToGrantIsBoundedToADatabase) {
  ASSERT_OK(db_.pool().Run([&](Transaction& txn) {
    return DatabaseManager(txn).Create({"default", "ada", "call"}, {.id = "e"}).status();
  }));
  v1::Grant grant = GrantOn("heads", "databases/d", "group:heads", v1::ACCESS_LEVEL_READ);
  grant.mutable_grant_option()->set_database("databases/d");
  ASSERT_OK(Create(ada_, grant));
  const auth::Caller head = Person("hal", "viewer", {"heads"});

  ASSERT_OK_AND_ASSIGN(v1::Grant made, Create(head, GrantOn("a", kTable, "user:bob")));
  ASSERT_OK(Create(head, GrantOn("b", "databases/d", "group:interns")));
  EXPECT_THAT(Create(head, GrantOn("c", "databases/e", "user:bob")), kDenied);
  EXPECT_THAT(Create(head, GrantOn("c", kTable, "user:bob", v1::ACCESS_LEVEL_WRITE)), kDenied);
  v1::Grant onward = GrantOn("c", kTable, "user:bob");
  onward.mutable_grant_option()->set_database("databases/d");
  EXPECT_THAT(Create(head, onward), kDenied) << "the right cannot be passed on";
  EXPECT_THAT(Create(head, FilterOn("f", "t", "true")), kDenied);
  EXPECT_THAT(Create(Person("bob"), GrantOn("c", kTable, "user:cy")), kDenied);

  // He changes his own, within the same bounds, and no other.
  made.set_level(v1::ACCESS_LEVEL_MANAGE);
  EXPECT_THAT(Update(head, made), kDenied);
  made.set_level(v1::ACCESS_LEVEL_READ);
  made.add_members("user:cy");
  ASSERT_OK(Update(head, made));
  EXPECT_THAT(Delete<v1::Grant>(head, "grants/heads"), kDenied);
  EXPECT_EQ(LevelOf(Person("cy")), v1::ACCESS_LEVEL_READ);

  // Without the right what he granted stays, and is not his to change any more.
  ASSERT_OK(Delete<v1::Grant>(ada_, "grants/heads"));
  EXPECT_EQ(LevelOf(Person("cy")), v1::ACCESS_LEVEL_READ);
  EXPECT_THAT(Delete<v1::Grant>(head, "grants/a"), kDenied);
  ASSERT_OK(Delete<v1::Grant>(ada_, "grants/a"));
  EXPECT_EQ(LevelOf(Person("cy")), v1::ACCESS_LEVEL_UNSPECIFIED);
}

TEST_F(PolicyManagerTest, TheRightToGrantIsBoundedToAnAttributesValue) {
  v1::Grant grant = GrantOn("emea", "databases/d", "user:hal");
  grant.add_columns("id");
  grant.set_resource(kTable);
  grant.mutable_grant_option()->mutable_attribute()->set_name("region");
  grant.mutable_grant_option()->mutable_attribute()->set_value("emea");
  ASSERT_OK(Create(ada_, grant));
  const auth::Caller hal = Person("hal");
  v1::Grant wanted = GrantOn("w", kTable, "role:viewer");
  EXPECT_THAT(Create(hal, wanted), kDenied);
  wanted.mutable_required_attribute()->set_name("region");
  wanted.mutable_required_attribute()->set_value("apac");
  wanted.add_columns("id");
  EXPECT_THAT(Create(hal, wanted), kDenied);
  wanted.mutable_required_attribute()->set_value("emea");
  wanted.add_columns("dt");
  EXPECT_THAT(Create(hal, wanted), kDenied) << "dt is not his to grant";
  wanted.mutable_columns()->RemoveLast();
  ASSERT_OK(Create(hal, wanted));

  auth::Caller cy = Person("cy");
  EXPECT_EQ(LevelOf(cy), v1::ACCESS_LEVEL_UNSPECIFIED);
  cy.attributes["region"] = "emea";
  ASSERT_OK_AND_ASSIGN(const v1::EffectiveAccess access, Access(cy));
  EXPECT_EQ(access.level(), v1::ACCESS_LEVEL_READ);
  EXPECT_EQ(access.columns(0).visibility(), v1::COLUMN_VISIBILITY_PLAIN);
  EXPECT_EQ(access.columns(1).visibility(), v1::COLUMN_VISIBILITY_HIDDEN);
}

// ---- Effective access

TEST_F(PolicyManagerTest, NothingChangesBeforeTheFirstGrant) {
  const auth::Caller viewer = Person("vera");
  ASSERT_OK_AND_ASSIGN(v1::EffectiveAccess access, Access(viewer));
  EXPECT_FALSE(access.governed());
  EXPECT_EQ(access.level(), v1::ACCESS_LEVEL_READ);
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_ALL);
  EXPECT_EQ(LevelOf(Person("ed", "editor")), v1::ACCESS_LEVEL_MANAGE);

  ASSERT_OK(Create(ada_, GrantOn("g", "databases/d/tables/u", "user:vera")));
  EXPECT_EQ(LevelOf(viewer), v1::ACCESS_LEVEL_UNSPECIFIED);
  // A database that lost its last grant does not open by itself.
  ASSERT_OK(Delete<v1::Grant>(ada_, "grants/g"));
  EXPECT_EQ(LevelOf(viewer), v1::ACCESS_LEVEL_UNSPECIFIED);
  ASSERT_OK(Create(ada_, GrantOn("g", "databases/d", "role:viewer")));
  EXPECT_EQ(LevelOf(viewer), v1::ACCESS_LEVEL_READ);
}

TEST_F(PolicyManagerTest, OthersAreAskedForByThoseWhoGovern) {
  ASSERT_OK(Create(ada_, FilterOn("f", "t", "id IN (SELECT x.id FROM d.u x)", "group:sales")));
  const auth::Caller sales = Person("sam", "viewer", {"sales"});
  EXPECT_THAT(Access(Person("vera"), sales), kDenied);
  ASSERT_OK_AND_ASSIGN(v1::EffectiveAccess access, Access(sales));
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_FILTERED);
  EXPECT_EQ(access.row_predicate(), "");
  for (const auth::Caller& caller : {ada_, ann_, Person("query", "service")}) {
    ASSERT_OK_AND_ASSIGN(access, Access(caller, sales));
    EXPECT_EQ(access.principal().user(), "sam");
    EXPECT_THAT(access.row_predicate(), HasSubstr("d.u"));
    ASSERT_THAT(access.sources(), SizeIs(1));
    EXPECT_EQ(access.sources(0).table(), "databases/d/tables/u");
    EXPECT_EQ(access.sources(0).owner(), "ada");
  }
}

TEST_F(PolicyManagerTest, APolicyWhoseTableChangedShowsNothing) {
  ASSERT_OK(Create(ada_, FilterOn("f", "t", "id IN (SELECT x.id FROM d.u x)")));
  ASSERT_OK(db_.pool().Run([&](Transaction& txn) {
    TableChange change;
    change.columns = {{.name = "dt", .type = {TypeKind::kDate}}};
    return TableManager(txn).Update(db_.actor(), db_.Key("u"), change).status();
  }));
  ASSERT_OK_AND_ASSIGN(const v1::EffectiveAccess access, Access(ada_));
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_NONE);
  EXPECT_EQ(access.row_predicate(), "false");
}

TEST_F(PolicyManagerTest, PoliciesOutliveTheirTableAndHoldForTheNextOne) {
  ASSERT_OK(Create(ada_, FilterOn("f", "t", "id = 1")));
  ASSERT_OK(Create(ada_, MaskOn("m", "id", 0)));
  ASSERT_OK(db_.pool().Run(
      [&](Transaction& txn) { return TableManager(txn).Delete(db_.actor(), db_.Key("t"), ""); }));
  EXPECT_THAT(Names<v1::RowFilter>(ada_), ElementsAre("rowFilters/f"));
  ASSERT_OK_AND_ASSIGN(v1::RowFilter filter, Get<v1::RowFilter>(ada_, "rowFilters/f"));
  filter.set_expression("id = 2");
  EXPECT_THAT(Update(ada_, filter), StatusIs(absl::StatusCode::kNotFound, "TABLE_NOT_FOUND"));
  // The owner of the database tidies up.
  ASSERT_OK(Delete<v1::ColumnMask>(ada_, "columnMasks/m"));
  db_.CreateTable("t");
  ASSERT_OK_AND_ASSIGN(const v1::EffectiveAccess access, Access(ada_));
  EXPECT_EQ(access.rows(), v1::ROW_VISIBILITY_FILTERED);
  EXPECT_EQ(access.columns(0).visibility(), v1::COLUMN_VISIBILITY_PLAIN);
}

TEST_F(PolicyManagerTest, HashesAreTheSameInTheWholeWorkspace) {
  v1::ColumnMask mask = MaskOn("m", "id", 0);
  mask.mutable_hash();
  EXPECT_THAT(Create(ada_, mask), StatusIs(absl::StatusCode::kInvalidArgument, "MASK_TYPE"));
  ASSERT_OK(db_.pool().Run([&](Transaction& txn) -> absl::Status {
    for (const char* table : {"t", "u"}) {
      TableChange change;
      change.columns = {{.name = "id", .type = {TypeKind::kLong}},
                        {.name = "dt", .type = {TypeKind::kDate}},
                        {.name = "name", .type = {TypeKind::kString}}};
      absl::Status changed = TableManager(txn).Update(db_.actor(), db_.Key(table), change).status();
      if (!changed.ok()) return changed;
    }
    return absl::OkStatus();
  }));
  mask.set_column("name");
  ASSERT_OK(Create(ada_, mask));
  mask.set_name("columnMasks/m2");
  mask.set_table("databases/d/tables/u");
  ASSERT_OK(Create(ada_, mask));
  const auto expression = [&](const std::string& table) -> std::string {
    auto access = As(ada_, [&](PolicyManager& manager) {
      return manager.Access({"d", table}, std::nullopt);
    });
    EXPECT_OK(access);
    return access->columns(2).expression();
  };
  EXPECT_EQ(expression("t"), expression("u"));
  EXPECT_THAT(expression("t"), testing::MatchesRegex("sha256\\('[^']{40,}' .*"));
}

}  // namespace
}  // namespace tarn::catalog
