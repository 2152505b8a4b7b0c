#include "services/catalog/governance/governed_objects.h"

#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/governance/policy_proto.h"
#include "services/catalog/governance/policy_store.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

template <typename P>
absl::Status Append(const std::vector<PolicyRecord>& records, std::vector<P>* policies) {
  for (const PolicyRecord& record : records) {
    TARN_RETURN_IF_ERROR(
        PolicyFromRecord(record, PolicyTraits<P>::kWords.pattern, &policies->emplace_back()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<const GovernedObject*> GovernedObjects::Get(const PolicyObject& object) {
  if (const auto known = known_.find(object); known != known_.end()) return &known->second;
  PolicyStore store(txn_);
  GovernedObject facts;
  facts.table.id = {object.database, object.table};
  TARN_ASSIGN_OR_RETURN(const Database database,
                        DatabaseManager(txn_).Get(workspace_, object.database));
  facts.database_owner = database.owner;
  facts.governed = store.IsGoverned(workspace_, object.database);
  const PolicyObject whole{object.database, ""};
  TARN_RETURN_IF_ERROR(Append(store.On(workspace_, PolicyKind::kGrant, whole), &facts.grants));
  if (!object.table.empty()) {
    TARN_ASSIGN_OR_RETURN(const Table table,
                          TableManager(txn_).Get({workspace_, object.database, object.table}));
    facts.table_owner = table.owner;
    for (const Field& field : table.definition.schema.fields) {
      v1::Field proto;
      ToProto(field, &proto);
      facts.table.columns.push_back(
          {.name = field.name, .type = table_schema::LogicalTypeOf(proto)});
    }
    TARN_RETURN_IF_ERROR(Append(store.On(workspace_, PolicyKind::kGrant, object), &facts.grants));
    TARN_RETURN_IF_ERROR(
        Append(store.On(workspace_, PolicyKind::kRowFilter, object), &facts.row_filters));
    TARN_RETURN_IF_ERROR(
        Append(store.On(workspace_, PolicyKind::kColumnMask, object), &facts.column_masks));
  }
  return &known_.emplace(object, std::move(facts)).first->second;
}

absl::StatusOr<PolicyTable> GovernedObjects::FindTable(const names::TableId& id) {
  TARN_ASSIGN_OR_RETURN(const GovernedObject* object, Get({id.database, id.table}));
  return object->table;
}

}  // namespace tarn::catalog
