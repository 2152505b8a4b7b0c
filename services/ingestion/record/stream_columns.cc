#include "services/ingestion/record/stream_columns.h"

#include <unordered_map>
#include <unordered_set>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/record/schema_learner.h"

namespace tarn::ingestion {
namespace {

using Kind = ColumnKind;

absl::Status CheckColumn(const std::string& path, const table_schema::Field& field) {
  const auto refuse = [&](std::string_view description) {
    return InvalidFields({{path, std::string(description)}});
  };
  if (field.required() && path.find(".fields[") != std::string::npos) {
    return refuse("a field inside a struct cannot be required in a stream");
  }
  switch (KindOf(field.type())) {
    case Kind::kUnsupported:
      return refuse(absl::StrCat("a stream cannot fill a column of type \"", field.type(),
                                 "\"; it fills boolean, int, long, float, double, decimal(p,s), "
                                 "date, time, timestamp, timestamptz, string, uuid, struct, list "
                                 "and map"));
    case Kind::kStruct:
      if (field.fields().empty()) return refuse("a struct needs fields");
      break;
    case Kind::kList:
      if (field.fields_size() != 1) return refuse("a list needs one field, called element");
      break;
    case Kind::kMap:
      if (field.fields_size() != 2 || field.fields(0).type() != "string") {
        return refuse("a map needs the fields key and value, and the key must be a string");
      }
      break;
    default:
      if (!field.fields().empty()) return refuse("only struct, list and map have fields");
  }
  for (int i = 0; i < field.fields_size(); ++i) {
    if (absl::Status status = CheckColumn(absl::StrCat(path, ".fields[", i, "]"), field.fields(i));
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

ColumnKind KindOf(const std::string& type) {
  static const auto* const kKinds =
      new std::unordered_map<std::string, Kind>{{"boolean", Kind::kBoolean},
                                                {"int", Kind::kInt},
                                                {"long", Kind::kLong},
                                                {"float", Kind::kFloat},
                                                {"double", Kind::kDouble},
                                                {"date", Kind::kDate},
                                                {"time", Kind::kTime},
                                                {"timestamp", Kind::kTimestamp},
                                                {"timestamptz", Kind::kTimestampTz},
                                                {"string", Kind::kString},
                                                {"uuid", Kind::kUuid},
                                                {"struct", Kind::kStruct},
                                                {"list", Kind::kList},
                                                {"map", Kind::kMap}};
  if (type.rfind("decimal(", 0) == 0) return Kind::kDecimal;
  const auto found = kKinds->find(type);
  return found == kKinds->end() ? Kind::kUnsupported : found->second;
}

std::string_view ExpectedOf(ColumnKind kind) {
  switch (kind) {
    case Kind::kBoolean:
      return "true or false";
    case Kind::kInt:
    case Kind::kLong:
      return "a whole number";
    case Kind::kFloat:
    case Kind::kDouble:
    case Kind::kDecimal:
      return "a number";
    case Kind::kString:
      return "text";
    case Kind::kDate:
      return "a date such as 2026-01-31";
    case Kind::kTime:
      return "a time such as 23:59:01.5";
    case Kind::kTimestamp:
      return "a timestamp such as 2026-01-31T23:59:01.5";
    case Kind::kTimestampTz:
      return "a timestamp with an offset such as 2026-01-31T23:59:01.5+02:00";
    case Kind::kUuid:
      return "a UUID";
    case Kind::kStruct:
    case Kind::kMap:
      return "an object";
    case Kind::kList:
      return "an array";
    case Kind::kUnsupported:
      break;
  }
  return "a type that streams fill";
}

absl::Status CheckStreamColumns(std::string_view path, const table_schema::Fields& fields) {
  std::unordered_set<std::string> names;
  for (int i = 0; i < fields.size(); ++i) {
    const std::string at = absl::StrCat(std::string(path), "[", i, "]");
    if (!IsUsableFieldName(fields[i].name())) {
      return InvalidFields(
          {{at + ".name",
            "must be 1 to 255 bytes without control characters, and not begin with "
            "__tarn_"}});
    }
    if (!names.insert(absl::AsciiStrToLower(fields[i].name())).second) {
      return InvalidFields({{at + ".name", "is there already (names do not differ by case)"}});
    }
    if (table_schema::IsSystemColumnName(fields[i].name())) {
      return InvalidFields({{at + ".name", "is one of Tarn's own columns; leave it out"}});
    }
    if (absl::Status status = CheckColumn(at, fields[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
