#include "services/catalog/governance/mask_sql.h"

#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

std::string PartialSql(const v1::ColumnMask::Partial& partial, const std::string& column) {
  const std::string sign =
      duckdb::QuoteLiteral(partial.sign().empty() ? std::string("*") : partial.sign());
  const int shown = partial.keep_first() + partial.keep_last();
  return absl::StrCat("CASE WHEN length(", column, ") <= ", shown, " THEN repeat(", sign,
                      ", length(", column, ")) ELSE left(", column, ", ", partial.keep_first(),
                      ") || repeat(", sign, ", length(", column, ") - ", shown, ") || right(",
                      column, ", ", partial.keep_last(), ") END");
}

}  // namespace

std::string_view MaskName(const v1::ColumnMask& mask) {
  switch (mask.mask_case()) {
    case v1::ColumnMask::kNull:
      return "null";
    case v1::ColumnMask::kConstant:
      return "constant";
    case v1::ColumnMask::kHash:
      return "hash";
    case v1::ColumnMask::kPartial:
      return "partial";
    case v1::ColumnMask::kExpression:
      return "expression";
    case v1::ColumnMask::MASK_NOT_SET:
      break;
  }
  return "none";
}

absl::StatusOr<std::string> MaskSql(PolicyCompiler& compiler, const v1::ColumnMask& mask,
                                    const PolicyScope& scope, std::string_view hash_secret) {
  const PolicyColumn* column = FindPolicyColumn(scope.table, mask.column());
  if (column == nullptr) {
    return InvalidArgument(
        "COLUMN_NOT_FOUND",
        absl::StrCat("table ", names::SqlName(scope.table.id), " has no column ", mask.column()),
        {{"column", mask.column()}});
  }
  const std::string type = column->type.ToSqlString();
  if ((mask.has_hash() || mask.has_partial()) && column->type.kind != duckdb::TypeKind::kVarchar) {
    return InvalidArgument(
        "MASK_TYPE",
        absl::StrCat("a ", std::string(MaskName(mask)), " mask is for text; column ", column->name,
                     " is ", type, ". Use null, constant or expression"));
  }
  const std::string value =
      absl::StrCat(duckdb::QuoteIdentifier(kRowAlias), ".", duckdb::QuoteIdentifier(column->name));
  switch (mask.mask_case()) {
    case v1::ColumnMask::kNull:
      return absl::StrCat("CAST(NULL AS ", type, ")");
    case v1::ColumnMask::kConstant:
      return compiler.ConstantSql(mask.constant().value(), column->type);
    case v1::ColumnMask::kHash:
      return absl::StrCat("sha256(", duckdb::QuoteLiteral(hash_secret), " || ", value, ")");
    case v1::ColumnMask::kPartial:
      return PartialSql(mask.partial(), value);
    case v1::ColumnMask::kExpression: {
      TARN_ASSIGN_OR_RETURN(const CompiledExpression compiled,
                            compiler.CompileMask(mask.expression(), column->type, scope));
      return compiled.sql;
    }
    case v1::ColumnMask::MASK_NOT_SET:
      break;
  }
  return InvalidFields({{"column_mask.mask",
                         "is required: one of null, constant, hash, partial, "
                         "expression"}});
}

}  // namespace tarn::catalog
