#include "services/catalog/governance/policy_proto.h"

#include "common/names/names.h"
#include "common/proto_json/proto_json.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* FieldOf(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

void SetText(Message* message, const char* field, const std::string& text) {
  message->GetReflection()->SetString(message, FieldOf(*message, field), text);
}

void SetTime(Message* message, const char* field, absl::Time time) {
  message->GetReflection()
      ->MutableMessage(message, FieldOf(*message, field))
      ->CopyFrom(ToTimestamp(time));
}

}  // namespace

absl::StatusOr<PolicyObject> ParsePolicyObject(const std::string& name) {
  if (names::Matches("databases/{database}", name)) {
    TARN_ASSIGN_OR_RETURN(std::string database, names::ParseDatabase(name));
    return PolicyObject{std::move(database), ""};
  }
  TARN_ASSIGN_OR_RETURN(names::TableId id, names::ParseTable(name));
  return PolicyObject{std::move(id.database), std::move(id.table)};
}

void KeepDefinition(Message* policy) {
  for (const char* name : {"name", "owner", "create_time", "update_time", "version", "etag"}) {
    policy->GetReflection()->ClearField(policy, FieldOf(*policy, name));
  }
}

absl::StatusOr<std::string> PolicyToJson(const Message& policy) {
  const std::unique_ptr<Message> definition(policy.New());
  definition->CopyFrom(policy);
  KeepDefinition(definition.get());
  return proto_json::ToJson(*definition);
}

absl::Status PolicyFromRecord(const PolicyRecord& record, std::string_view pattern,
                              Message* policy) {
  if (const absl::Status read = proto_json::FromJson(record.definition, policy); !read.ok()) {
    return Internal("STORED_POLICY", "the stored policy " + record.id +
                                         " cannot be read: " + std::string(read.message()));
  }
  SetText(policy, "name", names::Format(pattern, {record.id}));
  SetText(policy, "owner", record.owner);
  SetText(policy, "etag", EtagOf(record.create_time, record.version));
  SetTime(policy, "create_time", record.create_time);
  SetTime(policy, "update_time", record.update_time);
  policy->GetReflection()->SetInt64(policy, FieldOf(*policy, "version"), record.version);
  return absl::OkStatus();
}

}  // namespace tarn::catalog
