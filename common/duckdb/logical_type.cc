#include "common/duckdb/logical_type.h"

#include "common/duckdb/sql_text.h"

namespace tarn::duckdb {

std::string_view TypeKindName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInvalid:
      return "INVALID";
    case TypeKind::kNull:
      return "\"NULL\"";
    case TypeKind::kBoolean:
      return "BOOLEAN";
    case TypeKind::kTinyInt:
      return "TINYINT";
    case TypeKind::kSmallInt:
      return "SMALLINT";
    case TypeKind::kInteger:
      return "INTEGER";
    case TypeKind::kBigInt:
      return "BIGINT";
    case TypeKind::kHugeInt:
      return "HUGEINT";
    case TypeKind::kUTinyInt:
      return "UTINYINT";
    case TypeKind::kUSmallInt:
      return "USMALLINT";
    case TypeKind::kUInteger:
      return "UINTEGER";
    case TypeKind::kUBigInt:
      return "UBIGINT";
    case TypeKind::kUHugeInt:
      return "UHUGEINT";
    case TypeKind::kFloat:
      return "FLOAT";
    case TypeKind::kDouble:
      return "DOUBLE";
    case TypeKind::kDecimal:
      return "DECIMAL";
    case TypeKind::kVarchar:
      return "VARCHAR";
    case TypeKind::kBlob:
      return "BLOB";
    case TypeKind::kBit:
      return "BIT";
    case TypeKind::kBigNum:
      return "BIGNUM";
    case TypeKind::kUuid:
      return "UUID";
    case TypeKind::kDate:
      return "DATE";
    case TypeKind::kTime:
      return "TIME";
    case TypeKind::kTimeNs:
      return "TIME_NS";
    case TypeKind::kTimeTz:
      return "TIME WITH TIME ZONE";
    case TypeKind::kTimestampS:
      return "TIMESTAMP_S";
    case TypeKind::kTimestampMs:
      return "TIMESTAMP_MS";
    case TypeKind::kTimestamp:
      return "TIMESTAMP";
    case TypeKind::kTimestampNs:
      return "TIMESTAMP_NS";
    case TypeKind::kTimestampTz:
      return "TIMESTAMP WITH TIME ZONE";
    case TypeKind::kInterval:
      return "INTERVAL";
    case TypeKind::kEnum:
      return "ENUM";
    case TypeKind::kList:
      return "LIST";
    case TypeKind::kArray:
      return "ARRAY";
    case TypeKind::kStruct:
      return "STRUCT";
    case TypeKind::kMap:
      return "MAP";
    case TypeKind::kUnion:
      return "UNION";
  }
  return "INVALID";
}

bool LogicalType::IsInteger() const {
  return kind >= TypeKind::kTinyInt && kind <= TypeKind::kUHugeInt;
}

bool LogicalType::IsNumeric() const {
  return kind >= TypeKind::kTinyInt && kind <= TypeKind::kDecimal;
}

bool LogicalType::IsNested() const { return kind >= TypeKind::kList && kind <= TypeKind::kUnion; }

std::string LogicalType::ToSqlString() const {
  switch (kind) {
    case TypeKind::kDecimal:
      return "DECIMAL(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    case TypeKind::kEnum: {
      std::string out = "ENUM(";
      for (size_t i = 0; i < labels.size(); ++i) {
        if (i > 0) out += ", ";
        out += QuoteLiteral(labels[i]);
      }
      return out + ")";
    }
    case TypeKind::kList:
      return children[0].ToSqlString() + "[]";
    case TypeKind::kArray:
      return children[0].ToSqlString() + "[" + std::to_string(array_size) + "]";
    case TypeKind::kMap:
      return "MAP(" + children[0].ToSqlString() + ", " + children[1].ToSqlString() + ")";
    case TypeKind::kStruct:
    case TypeKind::kUnion: {
      std::string out(TypeKindName(kind));
      out += "(";
      for (size_t i = 0; i < children.size(); ++i) {
        if (i > 0) out += ", ";
        if (!child_names[i].empty()) out += QuoteIdentifier(child_names[i]) + " ";
        out += children[i].ToSqlString();
      }
      return out + ")";
    }
    default:
      return alias == "JSON" ? alias : std::string(TypeKindName(kind));
  }
}

}  // namespace tarn::duckdb
