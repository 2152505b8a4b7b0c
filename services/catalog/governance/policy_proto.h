// Policies as stored and as messages. For all kinds alike: their output-only fields have the same
// names. Pure; any thread.
#pragma once

#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "services/catalog/governance/policy_store.h"

namespace tarn::catalog {

// `databases/{database}` or `databases/{database}/tables/{table}`. INVALID_RESOURCE_NAME.
absl::StatusOr<PolicyObject> ParsePolicyObject(const std::string& name);

// Clears the name and what is output only: what is left is the definition.
void KeepDefinition(google::protobuf::Message* policy);

// The definition of `policy` as JSON.
absl::StatusOr<std::string> PolicyToJson(const google::protobuf::Message& policy);

// Fills `policy` from the record; `pattern` is that of its names. INTERNAL when the definition
// cannot be read.
absl::Status PolicyFromRecord(const PolicyRecord& record, std::string_view pattern,
                              google::protobuf::Message* policy);

}  // namespace tarn::catalog
