#include "common/table_schema/engine_types.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::table_schema {
namespace {

using duckdb::LogicalType;
using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using duckdb::TypeKind;

Field MakeField(std::string_view name, std::string_view type) {
  Field field;
  field.set_name(std::string(name));
  field.set_type(std::string(type));
  return field;
}

absl::Status Unsupported(std::string_view name, const LogicalType& type, std::string_view advice) {
  return InvalidArgument(
      "TYPE_NOT_SUPPORTED",
      absl::StrCat("column ", std::string(name), " has type ", type.ToSqlString(),
                   ", which no table can hold exactly; ", std::string(advice)),
      {{"column", std::string(name)}, {"type", type.ToSqlString()}});
}

absl::StatusOr<Field> Nested(std::string_view name, const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kStruct: {
      Field field = MakeField(name, "struct");
      for (size_t i = 0; i < type.children.size(); ++i) {
        if (type.child_names[i].empty()) {
          return Unsupported(name, type, "give the fields of the struct names");
        }
        TARN_ASSIGN_OR_RETURN(*field.add_fields(),
                              FieldFromEngine(type.child_names[i], type.children[i]));
      }
      return field;
    }
    case TypeKind::kList:
    case TypeKind::kArray: {
      Field field = MakeField(name, "list");
      TARN_ASSIGN_OR_RETURN(*field.add_fields(), FieldFromEngine("element", type.children[0]));
      return field;
    }
    default: {
      Field field = MakeField(name, "map");
      TARN_ASSIGN_OR_RETURN(*field.add_fields(), FieldFromEngine("key", type.children[0]));
      TARN_ASSIGN_OR_RETURN(*field.add_fields(), FieldFromEngine("value", type.children[1]));
      return field;
    }
  }
}

std::string ChildList(const Fields& fields, std::string (*child)(const Field&),
                      std::string_view between) {
  std::string text;
  for (const Field& field : fields) {
    absl::StrAppend(&text, text.empty() ? "" : std::string(between), child(field));
  }
  return text;
}

std::string NamedIds(const Field& field);

// {__duckdb_field_id: 2, "x": 3} for a nested field, 2 for another.
std::string IdsOf(const Field& field) {
  if (field.fields().empty()) return absl::StrCat(field.id());
  return absl::StrCat("{__duckdb_field_id: ", field.id(), ", ",
                      ChildList(field.fields(), NamedIds, ", "), "}");
}

std::string NamedIds(const Field& field) {
  return absl::StrCat(QuoteLiteral(field.name()), ": ", IdsOf(field));
}

}  // namespace

absl::StatusOr<Field> FieldFromEngine(std::string_view name, const LogicalType& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return MakeField(name, "boolean");
    case TypeKind::kTinyInt:
    case TypeKind::kSmallInt:
    case TypeKind::kUTinyInt:
    case TypeKind::kUSmallInt:
    case TypeKind::kInteger:
      return MakeField(name, "int");
    case TypeKind::kUInteger:
    case TypeKind::kBigInt:
      return MakeField(name, "long");
    case TypeKind::kUBigInt:
      return MakeField(name, "decimal(20,0)");
    case TypeKind::kHugeInt:
    case TypeKind::kUHugeInt:
      return MakeField(name, "decimal(38,0)");
    case TypeKind::kFloat:
      return MakeField(name, "float");
    case TypeKind::kDouble:
      return MakeField(name, "double");
    case TypeKind::kDecimal:
      return MakeField(name, absl::StrCat("decimal(", type.precision, ",", type.scale, ")"));
    case TypeKind::kVarchar:
    case TypeKind::kEnum:
    case TypeKind::kNull:
      return MakeField(name, "string");
    case TypeKind::kBlob:
      return MakeField(name, "binary");
    case TypeKind::kUuid:
      return MakeField(name, "uuid");
    case TypeKind::kDate:
      return MakeField(name, "date");
    case TypeKind::kTime:
      return MakeField(name, "time");
    case TypeKind::kTimestampS:
    case TypeKind::kTimestampMs:
    case TypeKind::kTimestamp:
      return MakeField(name, "timestamp");
    case TypeKind::kTimestampTz:
      return MakeField(name, "timestamptz");
    case TypeKind::kStruct:
    case TypeKind::kList:
    case TypeKind::kArray:
    case TypeKind::kMap:
      return Nested(name, type);
    case TypeKind::kTimestampNs:
      return Unsupported(name, type, "cast it to TIMESTAMP (microseconds)");
    case TypeKind::kTimeNs:
    case TypeKind::kTimeTz:
      return Unsupported(name, type, "cast it to TIME");
    default:
      return Unsupported(name, type, "cast it to VARCHAR");
  }
}

std::string EngineTypeOf(const Field& field) {
  static const auto* const kTypes =
      new std::map<std::string, std::string>{{"boolean", "BOOLEAN"},
                                             {"int", "INTEGER"},
                                             {"long", "BIGINT"},
                                             {"float", "FLOAT"},
                                             {"double", "DOUBLE"},
                                             {"date", "DATE"},
                                             {"time", "TIME"},
                                             {"timestamp", "TIMESTAMP"},
                                             {"timestamptz", "TIMESTAMP WITH TIME ZONE"},
                                             {"string", "VARCHAR"},
                                             {"uuid", "UUID"},
                                             {"binary", "BLOB"}};
  if (auto plain = kTypes->find(field.type()); plain != kTypes->end()) return plain->second;
  if (field.type() == "struct") {
    return absl::StrCat("STRUCT(",
                        ChildList(
                            field.fields(),
                            [](const Field& child) {
                              return absl::StrCat(QuoteIdentifier(child.name()), " ",
                                                  EngineTypeOf(child));
                            },
                            ", "),
                        ")");
  }
  if (field.type() == "list") return absl::StrCat(EngineTypeOf(field.fields(0)), "[]");
  if (field.type() == "map") {
    return absl::StrCat("MAP(", EngineTypeOf(field.fields(0)), ", ", EngineTypeOf(field.fields(1)),
                        ")");
  }
  std::string decimal = field.type();  // decimal(p,s)
  std::transform(decimal.begin(), decimal.end(), decimal.begin(),
                 [](char c) { return std::toupper(c); });
  return decimal;
}

LogicalType LogicalTypeOf(const Field& field) {
  static const auto* const kKinds =
      new std::map<std::string, TypeKind>{{"boolean", TypeKind::kBoolean},
                                          {"int", TypeKind::kInteger},
                                          {"long", TypeKind::kBigInt},
                                          {"float", TypeKind::kFloat},
                                          {"double", TypeKind::kDouble},
                                          {"date", TypeKind::kDate},
                                          {"time", TypeKind::kTime},
                                          {"timestamp", TypeKind::kTimestamp},
                                          {"timestamptz", TypeKind::kTimestampTz},
                                          {"string", TypeKind::kVarchar},
                                          {"uuid", TypeKind::kUuid},
                                          {"binary", TypeKind::kBlob},
                                          {"struct", TypeKind::kStruct},
                                          {"list", TypeKind::kList},
                                          {"map", TypeKind::kMap}};
  LogicalType type;
  if (auto kind = kKinds->find(field.type()); kind != kKinds->end()) type.kind = kind->second;
  int precision = 0;
  int scale = 0;
  if (std::sscanf(field.type().c_str(), "decimal(%d,%d)", &precision, &scale) == 2) {
    type.kind = TypeKind::kDecimal;
    type.precision = static_cast<uint8_t>(precision);
    type.scale = static_cast<uint8_t>(scale);
    type.storage_bytes = precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
  }
  for (const Field& child : field.fields()) {
    type.children.push_back(LogicalTypeOf(child));
    if (field.type() == "struct") type.child_names.push_back(child.name());
  }
  return type;
}

std::string DisplayTypeOf(const Field& field) {
  if (field.type() == "struct") {
    return absl::StrCat("struct<",
                        ChildList(
                            field.fields(),
                            [](const Field& child) {
                              return absl::StrCat(child.name(), ": ", DisplayTypeOf(child));
                            },
                            ", "),
                        ">");
  }
  if (field.type() == "list" || field.type() == "map") {
    return absl::StrCat(field.type(), "<", ChildList(field.fields(), DisplayTypeOf, ", "), ">");
  }
  return field.type();
}

int AssignFieldIds(Fields& fields, int last_id) {
  for (Field& field : fields) {
    if (field.id() == 0) field.set_id(++last_id);
    last_id = std::max(last_id, field.id());
  }
  for (Field& field : fields) last_id = AssignFieldIds(*field.mutable_fields(), last_id);
  return last_id;
}

std::string FieldIdsSpec(const Fields& fields) {
  return absl::StrCat("{", ChildList(fields, NamedIds, ", "), "}");
}

std::string ReadSchemaSpec(const Fields& fields) {
  return absl::StrCat("MAP {",
                      ChildList(
                          fields,
                          [](const Field& field) {
                            return absl::StrCat(field.id(), ": {name: ", QuoteLiteral(field.name()),
                                                ", type: ", QuoteLiteral(EngineTypeOf(field)),
                                                ", default_value: NULL}");
                          },
                          ", "),
                      "}");
}

bool SameType(const Field& a, const Field& b) {
  if (a.type() != b.type() || a.fields_size() != b.fields_size()) return false;
  for (int i = 0; i < a.fields_size(); ++i) {
    const bool named = a.type() == "struct";
    if (named && a.fields(i).name() != b.fields(i).name()) return false;
    if (!SameType(a.fields(i), b.fields(i))) return false;
  }
  return true;
}

}  // namespace tarn::table_schema
