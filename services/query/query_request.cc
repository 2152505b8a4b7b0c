#include "services/query/query_request.h"

#include <algorithm>
#include <vector>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::query {
namespace {

namespace v1 = ::tarn::query::v1;

constexpr size_t kMaxSqlBytes = 1 << 20;

absl::StatusOr<nlohmann::json> ParameterJson(const std::string& name,
                                             const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return nlohmann::json(value.string_value());
    case google::protobuf::Value::kNumberValue:
      return nlohmann::json(value.number_value());
    case google::protobuf::Value::kBoolValue:
      return nlohmann::json(value.bool_value());
    case google::protobuf::Value::kNullValue:
    case google::protobuf::Value::KIND_NOT_SET:
      return nlohmann::json(nullptr);
    default:
      return InvalidFields(
          {{absl::StrCat("statement.parameters.", name),
            "is a list or an object; give a string, a number, a boolean or null"}});
  }
}

}  // namespace

absl::StatusOr<QuerySpec> MakeSpec(const QueryOptions& options, const std::string& workspace,
                                   const std::string& user, const v1::Statement& statement) {
  std::vector<FieldViolation> violations;
  if (statement.sql().empty()) violations.push_back({"statement.sql", "is required"});
  if (statement.sql().size() > kMaxSqlBytes)
    violations.push_back({"statement.sql", "is longer than 1 MiB"});
  if (statement.source().size() > 200)
    violations.push_back({"statement.source", "is longer than 200 characters"});
  if (statement.commit_key().size() > 200) {
    violations.push_back({"statement.commit_key", "is longer than 200 characters"});
  }
  const v1::QueryLimits& limits = statement.limits();
  if (limits.max_rows() < 0) violations.push_back({"statement.limits.max_rows", "is negative"});
  if (limits.max_memory_bytes() < 0)
    violations.push_back({"statement.limits.max_memory_bytes", "is negative"});
  if (!violations.empty()) return InvalidFields(std::move(violations));

  QuerySpec spec;
  spec.workspace = workspace;
  spec.user = user;
  spec.sql = statement.sql();
  spec.default_database = statement.default_database();
  spec.time_zone = statement.time_zone();
  spec.source = statement.source();
  spec.commit_key = statement.commit_key();
  spec.export_format = statement.export_().format();
  spec.export_file_name = statement.export_().file_name();
  for (const auto& [name, value] : statement.parameters()) {
    TARN_ASSIGN_OR_RETURN(spec.parameters[name], ParameterJson(name, value));
  }
  spec.timeout = options.timeout;
  if (limits.has_timeout()) {
    const absl::Duration asked =
        absl::Seconds(limits.timeout().seconds()) + absl::Nanoseconds(limits.timeout().nanos());
    if (asked > absl::ZeroDuration()) spec.timeout = std::min(asked, options.timeout);
  }
  spec.max_rows =
      limits.max_rows() > 0 ? std::min(limits.max_rows(), options.max_rows) : options.max_rows;
  const int64_t memory = options.memory_per_query.bytes;
  spec.max_memory_bytes =
      limits.max_memory_bytes() > 0 ? std::min(limits.max_memory_bytes(), memory) : memory;
  return spec;
}

}  // namespace tarn::query
