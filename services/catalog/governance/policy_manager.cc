#include "services/catalog/governance/policy_manager.h"

#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/events/event.h"
#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/governance/audit_log.h"
#include "services/catalog/governance/governance_authority.h"
#include "services/catalog/governance/mask_sql.h"
#include "services/catalog/governance/policy_proto.h"
#include "services/catalog/governance/policy_validation.h"

namespace tarn::catalog {
namespace {

using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::MessageDifferencer;

template <typename P>
constexpr const PolicyWords& Words() {
  return PolicyTraits<P>::kWords;
}

template <typename P>
absl::StatusOr<std::string> IdOf(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> parts, names::Parse(Words<P>().pattern, name));
  return std::move(parts[0]);
}

template <typename P>
absl::Status PolicyNotFound(const std::string& name) {
  return NotFound(absl::StrCat(std::string(Words<P>().reason), "_NOT_FOUND"),
                  absl::StrCat(name, " does not exist, or you may not read it"), {{"name", name}});
}

absl::Status CheckMayMake(const auth::Caller& caller, const GovernedObject* object,
                          const v1::Grant& grant) {
  return CheckMayGrant(caller, object, grant);
}
template <typename P>
absl::Status CheckMayMake(const auth::Caller& caller, const GovernedObject* object, const P&) {
  return CheckMayGovern(caller, object);
}

absl::Status CheckMayChange(const auth::Caller& caller, const GovernedObject* object,
                            const v1::Grant& grant) {
  return CheckMayChangeGrant(caller, object, grant);
}
template <typename P>
absl::Status CheckMayChange(const auth::Caller& caller, const GovernedObject* object, const P&) {
  return CheckMayGovern(caller, object);
}

bool IsReader(const auth::Caller& caller, const GovernedObject* object, const v1::Grant& grant) {
  return MayRead(caller, object, grant);
}
template <typename P>
bool IsReader(const auth::Caller& caller, const GovernedObject* object, const P& policy) {
  return MayRead(caller, object, policy.owner());
}

// Whose a policy is after a change: a row filter reads with its owner's rights, so that who writes
// its text becomes the owner, and masks follow. A grant stays its maker's.
template <typename P>
std::string OwnerAfterChange(const P&, const std::string& user) {
  return user;
}
std::string OwnerAfterChange(const v1::Grant& grant, const std::string&) { return grant.owner(); }

std::string ColumnOf(const v1::ColumnMask& mask) { return absl::AsciiStrToLower(mask.column()); }
template <typename P>
std::string ColumnOf(const P&) {
  return "";
}

// `given` where the mask says so, else `current`. What a policy is on stays.
template <typename P>
absl::StatusOr<P> Changed(const P& current, const P& given,
                          const google::protobuf::FieldMask& mask) {
  P next = given;
  KeepDefinition(&next);
  if (!mask.paths().empty() && !(mask.paths_size() == 1 && mask.paths(0) == "*")) {
    if (!FieldMaskUtil::IsValidFieldMask<P>(mask)) {
      return InvalidFields({{"update_mask", "names a field that does not exist"}});
    }
    FieldMaskUtil::MergeOptions options;
    options.set_replace_message_fields(true);
    options.set_replace_repeated_fields(true);
    P merged = current;
    FieldMaskUtil::MergeMessageTo(given, mask, options, &merged);
    next = std::move(merged);
    KeepDefinition(&next);
  }
  const std::string field(Words<P>().field);
  if (PolicyTraits<P>::Object(next) != PolicyTraits<P>::Object(current)) {
    return InvalidFields({{field, absl::StrCat("stays on ", PolicyTraits<P>::Object(current),
                                               "; make another one there")}});
  }
  if (ColumnOf(next) != ColumnOf(current)) {
    return InvalidFields({{field + ".column", "cannot be changed; make another one there"}});
  }
  next.set_name(current.name());
  return next;
}

template <typename P>
bool SameDefinition(P a, P b) {
  KeepDefinition(&a);
  KeepDefinition(&b);
  return MessageDifferencer::Equals(a, b);
}

}  // namespace

PolicyManager::PolicyManager(Transaction& txn, duckdb::LazyDatabase& engine, auth::Caller caller,
                             std::string request_id)
    : txn_(txn),
      engine_(engine),
      caller_(std::move(caller)),
      actor_{caller_.workspace, caller_.user, std::move(request_id)},
      store_(txn),
      objects_(txn, caller_.workspace) {}

absl::StatusOr<PolicyCompiler*> PolicyManager::Compiler() {
  if (!compiler_) {
    TARN_ASSIGN_OR_RETURN(compiler_, PolicyCompiler::Open(engine_));
  }
  return &*compiler_;
}

PolicyScope PolicyManager::ScopeOf(const GovernedObject& object, const auth::Caller& principal,
                                   bool subqueries) {
  PolicyScope scope{.table = object.table, .principal = principal, .find_table = nullptr};
  if (subqueries) {
    scope.find_table = [this](const names::TableId& id) { return objects_.FindTable(id); };
  }
  return scope;
}

template <typename P>
absl::StatusOr<P> PolicyManager::FromRecord(const PolicyRecord& record) {
  P policy;
  TARN_RETURN_IF_ERROR(PolicyFromRecord(record, Words<P>().pattern, &policy));
  return policy;
}

absl::StatusOr<const GovernedObject*> PolicyManager::ObjectOf(const PolicyObject& object) {
  absl::StatusOr<const GovernedObject*> found = objects_.Get(object);
  if (absl::IsNotFound(found.status()) && !object.table.empty()) {
    found = objects_.Get({object.database, ""});
  }
  if (absl::IsNotFound(found.status())) return nullptr;
  return found;
}

template <typename P>
absl::StatusOr<bool> PolicyManager::Reads(const P& policy) {
  TARN_ASSIGN_OR_RETURN(const PolicyObject at, ParsePolicyObject(PolicyTraits<P>::Object(policy)));
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, ObjectOf(at));
  return IsReader(caller_, object, policy);
}

template <typename P>
absl::StatusOr<P> PolicyManager::Find(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::string id, IdOf<P>(name));
  const std::optional<PolicyRecord> record =
      store_.Find(caller_.workspace, PolicyTraits<P>::kKind, id);
  if (!record) return PolicyNotFound<P>(name);
  TARN_ASSIGN_OR_RETURN(P policy, FromRecord<P>(*record));
  TARN_ASSIGN_OR_RETURN(const bool reads, Reads(policy));
  if (!reads) return PolicyNotFound<P>(name);
  return policy;
}

template <typename P>
absl::Status PolicyManager::Announce(const std::string& what, const std::string& name) {
  return events::Append(
      txn_, {.workspace = actor_.workspace,
             .type = absl::StrCat("tarn.catalog.", std::string(Words<P>().field), ".", what),
             .source = "catalog",
             .subject = name,
             .request_id = actor_.request_id});
}

template <typename P>
absl::StatusOr<P> PolicyManager::Create(P policy) {
  TARN_ASSIGN_OR_RETURN(const std::string id, IdOf<P>(policy.name()));
  TARN_RETURN_IF_ERROR(names::ValidateId(std::string(Words<P>().field) + ".name", id));
  TARN_RETURN_IF_ERROR(ValidatePolicy(policy));
  TARN_ASSIGN_OR_RETURN(const PolicyObject at, ParsePolicyObject(PolicyTraits<P>::Object(policy)));
  store_.Lock(caller_.workspace);
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, objects_.Get(at));
  TARN_RETURN_IF_ERROR(CheckMayMake(caller_, object, policy));
  if (store_.Find(caller_.workspace, PolicyTraits<P>::kKind, id)) {
    return AlreadyExists(absl::StrCat(std::string(Words<P>().reason), "_EXISTS"),
                         absl::StrCat(policy.name(), " exists already"), {{"name", policy.name()}});
  }
  if (store_.CountOn(caller_.workspace, PolicyTraits<P>::kKind, at) >= kMaxPoliciesOnObject) {
    return ResourceExhausted(
        "POLICY_LIMIT", absl::StrCat(PolicyTraits<P>::Object(policy), " has ", kMaxPoliciesOnObject,
                                     " of this kind already; give more "
                                     "members to one of them"));
  }
  PolicyRecord record{
      .kind = PolicyTraits<P>::kKind, .id = id, .object = at, .owner = caller_.user};
  TARN_RETURN_IF_ERROR(Settle(*object, &policy, &record.sources));
  TARN_ASSIGN_OR_RETURN(record.definition, PolicyToJson(policy));
  TARN_ASSIGN_OR_RETURN(P made,
                        FromRecord<P>(store_.Insert(caller_.workspace, caller_.user, record)));
  if (record.kind == PolicyKind::kGrant) store_.MarkGoverned(caller_.workspace, at.database);
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Created(actor_, made.name(), made));
  TARN_RETURN_IF_ERROR(Announce<P>("created", made.name()));
  return made;
}

template <typename P>
absl::StatusOr<P> PolicyManager::Get(const std::string& name) {
  return Find<P>(name);
}

template <typename P>
absl::StatusOr<PolicyPage<P>> PolicyManager::List(const std::optional<PolicyObject>& object,
                                                  const std::string& after, int limit) {
  std::vector<PolicyRecord> records =
      store_.List(caller_.workspace, PolicyTraits<P>::kKind, object, after, limit + 1);
  PolicyPage<P> page;
  if (records.size() > static_cast<size_t>(limit)) {
    records.resize(limit);
    page.next = records.back().id;
  }
  for (const PolicyRecord& record : records) {
    TARN_ASSIGN_OR_RETURN(P policy, FromRecord<P>(record));
    TARN_ASSIGN_OR_RETURN(const bool reads, Reads(policy));
    if (reads) page.policies.push_back(std::move(policy));
  }
  return page;
}

template <typename P>
absl::StatusOr<P> PolicyManager::Update(const P& given, const google::protobuf::FieldMask& mask) {
  store_.Lock(caller_.workspace);
  TARN_ASSIGN_OR_RETURN(const P current, Find<P>(given.name()));
  TARN_RETURN_IF_ERROR(CheckEtag(given.etag(), current.etag(), current.name()));
  TARN_ASSIGN_OR_RETURN(const PolicyObject at, ParsePolicyObject(PolicyTraits<P>::Object(current)));
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, objects_.Get(at));
  TARN_RETURN_IF_ERROR(CheckMayChange(caller_, object, current));
  TARN_ASSIGN_OR_RETURN(P next, Changed(current, given, mask));
  TARN_RETURN_IF_ERROR(ValidatePolicy(next));
  TARN_RETURN_IF_ERROR(CheckMayMake(caller_, object, next));
  PolicyRecord record{.kind = PolicyTraits<P>::kKind,
                      .id = *IdOf<P>(current.name()),
                      .object = at,
                      .owner = OwnerAfterChange(current, caller_.user)};
  TARN_RETURN_IF_ERROR(Settle(*object, &next, &record.sources));
  if (SameDefinition(current, next)) return current;
  TARN_ASSIGN_OR_RETURN(record.definition, PolicyToJson(next));
  TARN_ASSIGN_OR_RETURN(P made,
                        FromRecord<P>(store_.Update(caller_.workspace, caller_.user, record)));
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Updated(actor_, made.name(), current, made));
  TARN_RETURN_IF_ERROR(Announce<P>("updated", made.name()));
  return made;
}

template <typename P>
absl::Status PolicyManager::Delete(const std::string& name, const std::string& etag) {
  store_.Lock(caller_.workspace);
  TARN_ASSIGN_OR_RETURN(const P current, Find<P>(name));
  TARN_RETURN_IF_ERROR(CheckEtag(etag, current.etag(), name));
  TARN_ASSIGN_OR_RETURN(const PolicyObject at, ParsePolicyObject(PolicyTraits<P>::Object(current)));
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, ObjectOf(at));
  TARN_RETURN_IF_ERROR(CheckMayChange(caller_, object, current));
  TARN_ASSIGN_OR_RETURN(const std::string id, IdOf<P>(name));
  store_.Delete(caller_.workspace, PolicyTraits<P>::kKind, id);
  TARN_RETURN_IF_ERROR(AuditLog(txn_).Deleted(actor_, name, current));
  return Announce<P>("deleted", name);
}

template <typename P>
absl::StatusOr<std::vector<PolicyRecordVersion>> PolicyManager::Versions(const std::string& name,
                                                                         int64_t before,
                                                                         int limit) {
  TARN_ASSIGN_OR_RETURN(const std::string id, IdOf<P>(name));
  const absl::Status present = Find<P>(name).status();
  if (!present.ok() && !(absl::IsNotFound(present) && caller_.IsAdmin())) return present;
  std::vector<PolicyRecordVersion> versions =
      store_.Versions(caller_.workspace, PolicyTraits<P>::kKind, id, before, limit);
  if (!present.ok() && versions.empty()) return present;
  return versions;
}

absl::Status PolicyManager::Settle(const GovernedObject& object, v1::Grant* grant,
                                   std::vector<std::string>*) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < grant->columns_size(); ++i) {
    const PolicyColumn* column = FindPolicyColumn(object.table, grant->columns(i));
    if (column == nullptr) {
      violations.push_back({absl::StrCat("grant.columns[", i, "]"),
                            absl::StrCat("table ", names::SqlName(object.table.id),
                                         " has no column ", grant->columns(i))});
    } else {
      grant->set_columns(i, column->name);
    }
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

absl::Status PolicyManager::Settle(const GovernedObject& object, v1::RowFilter* filter,
                                   std::vector<std::string>* sources) {
  TARN_ASSIGN_OR_RETURN(PolicyCompiler * compiler, Compiler());
  const absl::StatusOr<CompiledExpression> compiled =
      compiler->CompileFilter(filter->expression(), ScopeOf(object, caller_, true));
  if (!compiled.ok()) return Annotate(compiled.status(), "row_filter.expression");
  for (const names::TableId& source : compiled->sources) {
    sources->push_back(names::SqlName(source));
  }
  return CheckSources(object.table.id, compiled->sources);
}

absl::Status PolicyManager::CheckSources(const names::TableId& table,
                                         const std::vector<names::TableId>& sources) {
  std::set<std::string> seen;
  std::vector<std::string> open;
  for (const names::TableId& id : sources) {
    TARN_ASSIGN_OR_RETURN(const GovernedObject* source, objects_.Get({id.database, id.table}));
    if (ResolveLevel(*source, caller_, nullptr) < v1::ACCESS_LEVEL_READ) {
      return PermissionDenied("GOVERNANCE_NOT_ALLOWED",
                              absl::StrCat(caller_.user, " may not read ", names::SqlName(id),
                                           ", which the filter would read with these rights"),
                              {{"table", names::SqlName(id)}});
    }
    open.push_back(names::SqlName(id));
  }
  // Whoever reads a table by its filters must not come back to this one.
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!seen.insert(name).second) continue;
    if (name == names::SqlName(table)) {
      return FailedPrecondition("POLICY_CYCLE",
                                absl::StrCat("the row filters of what this one reads read ", name,
                                             " again; take one of them away first"),
                                {{"table", name}});
    }
    TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseSqlName(name));
    for (std::string& next : store_.SourcesOf(caller_.workspace, {id.database, id.table})) {
      open.push_back(std::move(next));
    }
  }
  return absl::OkStatus();
}

absl::Status PolicyManager::Settle(const GovernedObject& object, v1::ColumnMask* mask,
                                   std::vector<std::string>*) {
  if (const PolicyColumn* column = FindPolicyColumn(object.table, mask->column())) {
    mask->set_column(column->name);
  }
  for (const v1::ColumnMask& other : object.column_masks) {
    if (other.name() != mask->name() && other.priority() == mask->priority() &&
        absl::EqualsIgnoreCase(other.column(), mask->column())) {
      return AlreadyExists("MASK_PRIORITY_TAKEN",
                           absl::StrCat(other.name(), " has priority ", mask->priority(),
                                        " for column ", mask->column(), "; choose another"),
                           {{"name", other.name()}});
    }
  }
  TARN_ASSIGN_OR_RETURN(PolicyCompiler * compiler, Compiler());
  return Annotate(MaskSql(*compiler, *mask, ScopeOf(object, caller_, false),
                          store_.HashSecret(caller_.workspace))
                      .status(),
                  "column_mask");
}

absl::StatusOr<v1::EffectiveAccess> PolicyManager::Access(
    const names::TableId& table, const std::optional<auth::Caller>& principal) {
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, objects_.Get({table.database, table.table}));
  const bool sees_policies = caller_.IsService() || Administers(caller_, object);
  if (principal && !sees_policies) {
    return PermissionDenied("GOVERNANCE_NOT_ALLOWED",
                            absl::StrCat(caller_.user,
                                         " may ask for himself only; administrators and the "
                                         "owners of the table may ask for others"),
                            {{"user", caller_.user}});
  }
  const auth::Caller& of = principal ? *principal : caller_;
  TARN_ASSIGN_OR_RETURN(PolicyCompiler * compiler, Compiler());
  const PolicyEvaluator evaluator{.filter =
                                      [&](const v1::RowFilter& filter) {
                                        return compiler->CompileFilter(filter.expression(),
                                                                       ScopeOf(*object, of, true));
                                      },
                                  .mask =
                                      [&](const v1::ColumnMask& mask) {
                                        return MaskSql(*compiler, mask, ScopeOf(*object, of, false),
                                                       store_.HashSecret(caller_.workspace));
                                      }};
  return ResolveAccess(*object, of, evaluator, sees_policies);
}

#define TARN_POLICY_METHODS(P)                                                                    \
  template absl::StatusOr<P> PolicyManager::Create(P);                                            \
  template absl::StatusOr<P> PolicyManager::Get<P>(const std::string&);                           \
  template absl::StatusOr<PolicyPage<P>> PolicyManager::List<P>(                                  \
      const std::optional<PolicyObject>&, const std::string&, int);                               \
  template absl::StatusOr<P> PolicyManager::Update(const P&, const google::protobuf::FieldMask&); \
  template absl::Status PolicyManager::Delete<P>(const std::string&, const std::string&);         \
  template absl::StatusOr<std::vector<PolicyRecordVersion>> PolicyManager::Versions<P>(           \
      const std::string&, int64_t, int)
TARN_POLICY_METHODS(v1::Grant);
TARN_POLICY_METHODS(v1::RowFilter);
TARN_POLICY_METHODS(v1::ColumnMask);
#undef TARN_POLICY_METHODS

}  // namespace tarn::catalog
