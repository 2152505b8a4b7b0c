#include "services/dashboard/resources/dataset_validation.h"

#include <set>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>

#include "tarn/dashboard/v1/dataset.pb.h"

#include "common/names/names.h"
#include "common/status/error.h"

namespace tarn::dashboard {
namespace {

constexpr size_t kMaxSqlBytes = 256 * 1024;
constexpr size_t kMaxExpressionBytes = 16 * 1024;
constexpr int kMaxCalculatedFields = 200;
constexpr size_t kMaxFieldName = 128;

bool IsBlank(const std::string& text) { return absl::StripAsciiWhitespace(text).empty(); }

void CheckSource(const v1::Dataset& dataset, std::vector<FieldViolation>& violations) {
  switch (dataset.source_case()) {
    case v1::Dataset::kTable:
      if (absl::Status table = names::ParseSqlName(dataset.table()).status(); !table.ok()) {
        violations.push_back({"dataset.table", std::string(table.message())});
      }
      return;
    case v1::Dataset::kSql:
      if (IsBlank(dataset.sql()) || dataset.sql().size() > kMaxSqlBytes) {
        violations.push_back({"dataset.sql", "must be one SELECT of up to 256 KiB"});
      }
      return;
    case v1::Dataset::SOURCE_NOT_SET:
      violations.push_back({"dataset", "needs either a table (database.table) or sql"});
  }
}

}  // namespace

absl::Status ValidateDataset(const v1::Dataset& dataset) {
  std::vector<FieldViolation> violations;
  CheckSource(dataset, violations);
  if (dataset.calculated_fields_size() > kMaxCalculatedFields) {
    violations.push_back({"dataset.calculated_fields", "may be 200 at most"});
  }
  std::set<std::string> seen;
  for (int i = 0; i < dataset.calculated_fields_size(); ++i) {
    const v1::CalculatedField& field = dataset.calculated_fields(i);
    std::string path = "dataset.calculated_fields[" + std::to_string(i) + "]";
    if (IsBlank(field.name()) || field.name().size() > kMaxFieldName) {
      violations.push_back({path + ".name", "is required, up to 128 bytes"});
    } else if (!seen.insert(absl::AsciiStrToLower(field.name())).second) {
      violations.push_back({path + ".name", "'" + field.name() + "' is there twice"});
    }
    if (IsBlank(field.expression()) || field.expression().size() > kMaxExpressionBytes) {
      violations.push_back({path + ".expression", "must be a SQL expression of up to 16 KiB"});
    }
  }
  if (violations.empty()) return absl::OkStatus();
  return InvalidFields(std::move(violations));
}

}  // namespace tarn::dashboard
