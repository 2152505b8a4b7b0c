#include "services/ingestion/activity/activity_compiler.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include "common/duckdb/sql_text.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/sql_expression/row_expression.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/activity/unit_conversion.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/record/schema_learner.h"

namespace tarn::ingestion {
namespace {

using duckdb::QuoteIdentifier;
using duckdb::QuoteLiteral;
using duckdb::TypeKind;
using table_schema::Field;
using table_schema::LogicalTypeOf;

// The value of the step's guarded expression.
constexpr char kValue[] = "struct_extract(__tarn_try, 'v')";
constexpr size_t kMaxConstantBytes = 1024;

bool SameName(const std::string& a, const std::string& b) { return absl::EqualsIgnoreCase(a, b); }

std::vector<std::string> NamesOf(const std::vector<ActivityColumn>& columns) {
  std::vector<std::string> names;
  for (const ActivityColumn& column : columns) names.push_back(column.field.name());
  return names;
}

bool IsReservedName(const std::string& name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return table_schema::IsSystemColumnName(lower) || lower.starts_with(kHiddenPrefix);
}

}  // namespace

absl::Status ActivityCompiler::Bad(const std::string& field, std::string description) const {
  return InvalidFields(
      {{field.empty() ? at_ : absl::StrCat(at_, ".", field), std::move(description)}});
}

absl::StatusOr<size_t> ActivityCompiler::Find(const std::string& field,
                                              const std::string& name) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (SameName(columns_[i].field.name(), name)) return i;
  }
  return Bad(field, absl::StrCat("there is no column \"", name, "\" before this activity",
                                 names::DidYouMean(name, NamesOf(columns_))));
}

absl::Status ActivityCompiler::CheckNewName(const std::string& field, const std::string& name,
                                            const std::vector<ActivityColumn>& columns) const {
  if (!IsUsableFieldName(name)) {
    return Bad(field, "a column's name has 1 to 255 bytes of UTF-8 without control characters");
  }
  if (IsReservedName(name)) {
    return Bad(field, absl::StrCat("the name \"", name, "\" is reserved for Tarn itself"));
  }
  for (const ActivityColumn& column : columns) {
    if (SameName(column.field.name(), name)) {
      return Bad(field, absl::StrCat("there is a column \"", column.field.name(), "\" already"));
    }
  }
  if (columns.size() >= kMaxActivityColumns) {
    return Bad(field, absl::StrCat("a row has at most ", kMaxActivityColumns, " columns"));
  }
  return absl::OkStatus();
}

absl::Status ActivityCompiler::CheckMissing(const std::string& field,
                                            v1::MissingPolicy missing) const {
  if (v1::MissingPolicy_IsValid(missing)) return absl::OkStatus();
  return Bad(field, "must be NULLS, REFUSE or DROP");
}

ActivityColumn ActivityCompiler::MakeColumn(const std::string& name, const std::string& type) {
  ActivityColumn column;
  column.field.set_name(name);
  column.field.set_type(type);
  column.type = LogicalTypeOf(column.field);
  return column;
}

void ActivityCompiler::Put(ActivityColumn column, std::string sql,
                           std::vector<ActivityColumn>& columns, std::vector<std::string>& select) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!SameName(columns[i].field.name(), column.field.name())) continue;
    // The name stays as it was written first.
    column.field.set_name(columns[i].field.name());
    columns[i] = std::move(column);
    select[i] = std::move(sql);
    return;
  }
  columns.push_back(std::move(column));
  select.push_back(std::move(sql));
}

void ActivityCompiler::PassAll(SqlStep& step) const {
  for (const ActivityColumn& column : columns_) {
    step.select.push_back(QuoteIdentifier(column.field.name()));
  }
}

absl::Status ActivityCompiler::Begin(const table_schema::Fields& fields) {
  columns_.clear();
  for (const Field& field : fields) {
    if (IsReservedName(field.name())) {
      return InvalidFields({{scope_.path, absl::StrCat("records with a field \"", field.name(),
                                                       "\" cannot go through activities: the name "
                                                       "is reserved for Tarn itself")}});
    }
  }
  if (fields.empty()) {
    return InvalidFields(
        {{scope_.path, "the columns of the records must be known; declare the stream's columns"}});
  }
  for (const Field& field : fields) {
    ActivityColumn column{.field = field, .type = LogicalTypeOf(field)};
    column.field.set_required(false);
    columns_.push_back(std::move(column));
  }
  return absl::OkStatus();
}

absl::StatusOr<ActivityStep> ActivityCompiler::Compile(const v1::Activity& activity, int index) {
  at_ = absl::StrCat(scope_.path, "[", index, "]");
  if (activity.name().size() > 100) return Bad("name", "at most 100 characters");
  const auto* field = activity.GetReflection()->GetOneofFieldDescriptor(
      activity, activity.GetDescriptor()->oneof_decl(0));
  if (field == nullptr) return Bad("", "one kind of activity is needed, such as filter or compute");
  at_ = absl::StrCat(at_, ".", field->name());
  ActivityStep step;
  step.index = index;
  const std::string place = absl::StrCat("activity ", index + 1, ", ", field->name());
  step.label = activity.name().empty() ? place : absl::StrCat(activity.name(), " (", place, ")");
  next_ = columns_;
  SqlStep sql;
  absl::Status status;
  switch (activity.kind_case()) {
    case v1::Activity::kFilter:
      status = Filter(activity.filter().expression(), "expression", sql);
      break;
    case v1::Activity::kSelect:
      status = Select(activity.select(), sql);
      break;
    case v1::Activity::kRemove:
      status = Remove(activity.remove(), sql);
      break;
    case v1::Activity::kRename:
      status = Rename(activity.rename(), sql);
      break;
    case v1::Activity::kAdd:
      status = Add(activity.add(), sql);
      break;
    case v1::Activity::kCompute:
      status = Compute(activity.compute(), sql);
      break;
    case v1::Activity::kConvert:
      status = Convert(activity.convert(), sql);
      break;
    case v1::Activity::kFlatten:
      status = Flatten(activity.flatten(), sql);
      break;
    case v1::Activity::kEnrich:
      status = Enrich(activity.enrich(), sql);
      break;
    case v1::Activity::kLookup:
      status = Lookup(activity.lookup(), sql);
      break;
    case v1::Activity::kDeduplicate: {
      TARN_ASSIGN_OR_RETURN(step.work, Deduplicate(activity.deduplicate()));
      break;
    }
    case v1::Activity::kCall: {
      TARN_ASSIGN_OR_RETURN(step.work, Call(activity.call()));
      break;
    }
    case v1::Activity::KIND_NOT_SET:
      break;
  }
  TARN_RETURN_IF_ERROR(status);
  if (std::holds_alternative<SqlStep>(step.work)) step.work = std::move(sql);
  columns_ = next_;
  step.columns = columns_;
  return step;
}

namespace {

std::vector<sql_expression::RowColumn> ExpressionColumns(
    const std::vector<ActivityColumn>& columns) {
  std::vector<sql_expression::RowColumn> result;
  for (const ActivityColumn& column : columns) {
    result.push_back({column.field.name(), column.type, column.growth});
  }
  // Known of every row, and part of the table in the end.
  result.push_back(
      {std::string(table_schema::kIngestedAtColumn), {.kind = TypeKind::kTimestampTz}, 1});
  return result;
}

}  // namespace

absl::StatusOr<ActivityStep> ActivityCompiler::CompileDeduplication(
    const v1::DeduplicateActivity& deduplicate, const std::string& path) {
  at_ = path;
  ActivityStep step{.index = kBeforeActivities, .label = "deduplication", .columns = columns_};
  TARN_ASSIGN_OR_RETURN(step.work, Deduplicate(deduplicate));
  return step;
}

absl::StatusOr<ActivityStep> ActivityCompiler::CompileCondition(const std::string& expression,
                                                                const std::string& path) {
  at_ = path;
  SqlStep sql;
  TARN_RETURN_IF_ERROR(Filter(expression, "", sql));
  return ActivityStep{
      .index = kBeforeActivities, .label = "when", .columns = columns_, .work = std::move(sql)};
}

absl::Status ActivityCompiler::Filter(const std::string& condition, const std::string& field,
                                      SqlStep& step) {
  const auto expression =
      sql_expression::CompileRowExpression(connection_, condition, ExpressionColumns(columns_));
  if (expression.status().code() == absl::StatusCode::kInvalidArgument) {
    return Bad(field, std::string(expression.status().message()));
  }
  TARN_RETURN_IF_ERROR(expression.status());
  if (expression->type.kind != TypeKind::kBoolean) {
    return Bad(field, absl::StrCat("must be true or false, but gives ",
                                   expression->type.ToSqlString(), "; compare it with something"));
  }
  step.guarded = expression->sql;
  step.keep = absl::StrCat("coalesce(", kValue, ", false)");
  PassAll(step);
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Select(const v1::SelectActivity& select, SqlStep& step) {
  if (select.columns().empty()) return Bad("columns", "at least one column is needed");
  next_.clear();
  for (int i = 0; i < select.columns_size(); ++i) {
    const std::string field = absl::StrCat("columns[", i, "]");
    TARN_ASSIGN_OR_RETURN(const size_t at, Find(field, select.columns(i)));
    for (const ActivityColumn& column : next_) {
      if (column.field.name() == columns_[at].field.name()) return Bad(field, "stands twice");
    }
    next_.push_back(columns_[at]);
    step.select.push_back(QuoteIdentifier(columns_[at].field.name()));
  }
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Remove(const v1::RemoveActivity& remove, SqlStep& step) {
  if (remove.columns().empty()) return Bad("columns", "at least one column is needed");
  std::set<size_t> gone;
  for (int i = 0; i < remove.columns_size(); ++i) {
    const std::string field = absl::StrCat("columns[", i, "]");
    TARN_ASSIGN_OR_RETURN(const size_t at, Find(field, remove.columns(i)));
    if (!gone.insert(at).second) return Bad(field, "stands twice");
  }
  if (gone.size() == columns_.size()) return Bad("columns", "no column would be left");
  next_.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (gone.contains(i)) continue;
    next_.push_back(columns_[i]);
    step.select.push_back(QuoteIdentifier(columns_[i].field.name()));
  }
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Rename(const v1::RenameActivity& rename, SqlStep& step) {
  if (rename.columns().empty()) return Bad("columns", "at least one column is needed");
  PassAll(step);
  std::set<size_t> renamed;
  // In the order of the names, so that messages do not differ from one time to the next.
  const std::map<std::string, std::string> ordered(rename.columns().begin(),
                                                   rename.columns().end());
  for (const auto& [from, to] : ordered) {
    const std::string field = absl::StrCat("columns[\"", from, "\"]");
    TARN_ASSIGN_OR_RETURN(const size_t at, Find(field, from));
    if (!renamed.insert(at).second) return Bad(field, "is renamed twice");
    next_[at].field.set_name(to);
  }
  for (const auto& [from, to] : ordered) {
    const std::string field = absl::StrCat("columns[\"", from, "\"]");
    TARN_RETURN_IF_ERROR(CheckNewName(field, to, {}));
    const auto same = std::count_if(next_.begin(), next_.end(), [&](const ActivityColumn& column) {
      return SameName(column.field.name(), to);
    });
    if (same > 1) return Bad(field, absl::StrCat("there would be two columns \"", to, "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<ActivityCompiler::Part> ActivityCompiler::PartAt(const std::string& field,
                                                                const std::string& path) {
  // A column's name may hold points: the longest that is one wins.
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  size_t used = 0;
  const ActivityColumn* column = nullptr;
  for (size_t length = names.size(); length > 0 && column == nullptr; --length) {
    const std::string name =
        absl::StrJoin(names.begin(), names.begin() + static_cast<int64_t>(length), ".");
    for (const ActivityColumn& candidate : columns_) {
      if (!SameName(candidate.field.name(), name)) continue;
      column = &candidate;
      used = length;
    }
  }
  if (column == nullptr) return Find(field, names[0]).status();
  Part part{*column, QuoteIdentifier(column->field.name())};
  for (; used < names.size(); ++used) {
    const Field parent = part.column.field;
    const auto child = std::find_if(
        parent.fields().begin(), parent.fields().end(),
        [&](const Field& candidate) { return SameName(candidate.name(), names[used]); });
    if (parent.type() != "struct" || child == parent.fields().end()) {
      std::vector<std::string> known;
      for (const Field& candidate : parent.fields()) known.push_back(candidate.name());
      return Bad(field, absl::StrCat("\"", parent.name(), "\" has no field \"", names[used], "\"",
                                     names::DidYouMean(names[used], known)));
    }
    part.sql = absl::StrCat("struct_extract(", part.sql, ", ", QuoteLiteral(child->name()), ")");
    part.column.field = *child;
  }
  part.column.field.set_required(false);
  part.column.type = LogicalTypeOf(part.column.field);
  return part;
}

absl::Status ActivityCompiler::Add(const v1::AddActivity& add, SqlStep& step) {
  if (add.columns().empty() || add.columns_size() > 100) {
    return Bad("columns", "1 to 100 columns are needed");
  }
  PassAll(step);
  for (int i = 0; i < add.columns_size(); ++i) {
    const v1::AddedColumn& added = add.columns(i);
    const std::string field = absl::StrCat("columns[", i, "]");
    TARN_RETURN_IF_ERROR(CheckNewName(absl::StrCat(field, ".column"), added.column(), next_));
    Part part;
    if (added.source_case() == v1::AddedColumn::kFrom) {
      TARN_ASSIGN_OR_RETURN(part, PartAt(absl::StrCat(field, ".from"), added.from()));
    } else if (added.value().has_string_value()) {
      if (added.value().string_value().size() > kMaxConstantBytes) {
        return Bad(absl::StrCat(field, ".value"), "at most 1024 bytes");
      }
      part.column = MakeColumn(added.column(), "string");
      part.sql = QuoteLiteral(added.value().string_value());
    } else if (added.value().has_number_value()) {
      part.column = MakeColumn(added.column(), "double");
      char digits[64];
      std::snprintf(digits, sizeof digits, "%.17g", added.value().number_value());
      part.sql = absl::StrCat("CAST('", digits, "' AS DOUBLE)");
    } else if (added.value().has_bool_value()) {
      part.column = MakeColumn(added.column(), "boolean");
      part.sql = added.value().bool_value() ? "true" : "false";
    } else {
      return Bad(field, "either from, or a value that is text, a number, true or false");
    }
    part.column.field.set_name(added.column());
    part.column.field.set_id(0);
    next_.push_back(std::move(part.column));
    step.select.push_back(std::move(part.sql));
  }
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Compute(const v1::ComputeActivity& compute, SqlStep& step) {
  const bool replaces =
      std::any_of(columns_.begin(), columns_.end(), [&](const ActivityColumn& column) {
        return SameName(column.field.name(), compute.column());
      });
  if (!replaces) TARN_RETURN_IF_ERROR(CheckNewName("column", compute.column(), columns_));
  const auto expression = sql_expression::CompileRowExpression(connection_, compute.expression(),
                                                               ExpressionColumns(columns_));
  if (expression.status().code() == absl::StatusCode::kInvalidArgument) {
    return Bad("expression", std::string(expression.status().message()));
  }
  TARN_RETURN_IF_ERROR(expression.status());
  const auto field = table_schema::FieldFromEngine(compute.column(), expression->type);
  if (!field.ok()) return Bad("expression", std::string(field.status().message()));
  ActivityColumn column{.field = *field, .type = {}, .growth = std::max(1.0, expression->growth)};
  column.type = LogicalTypeOf(column.field);
  step.guarded = column.type == expression->type
                     ? expression->sql
                     : absl::StrCat("CAST(", expression->sql, " AS ",
                                    table_schema::EngineTypeOf(column.field), ")");
  PassAll(step);
  Put(std::move(column), kValue, next_, step.select);
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Convert(const v1::ConvertActivity& convert, SqlStep& step) {
  TARN_ASSIGN_OR_RETURN(const size_t at, Find("column", convert.column()));
  const std::string into = convert.into().empty() ? columns_[at].field.name() : convert.into();
  if (!SameName(into, columns_[at].field.name())) {
    TARN_RETURN_IF_ERROR(CheckNewName("into", into, columns_));
  }
  absl::StatusOr<UnitConversion> conversion = ConvertUnits(
      convert.from(), convert.to(), QuoteIdentifier(columns_[at].field.name()), columns_[at].type);
  if (!conversion.ok()) {
    const std::vector<FieldViolation> found = FieldViolationsOf(conversion.status());
    if (found.empty()) return conversion.status();
    return Bad(found[0].field, found[0].description);
  }
  ActivityColumn column = MakeColumn(into, conversion->type);
  step.guarded = std::move(conversion->sql);
  step.check = std::move(conversion->check);
  step.check_message = std::move(conversion->check_message);
  PassAll(step);
  Put(std::move(column), kValue, next_, step.select);
  return absl::OkStatus();
}

absl::Status ActivityCompiler::FlattenFields(const std::string& prefix, const Part& part,
                                             bool recursive, std::vector<Part>& parts) {
  if (part.column.field.fields_size() > static_cast<int>(kMaxActivityColumns)) {
    return Bad("columns", "too many fields");
  }
  for (const Field& child : part.column.field.fields()) {
    Part inner{part.column,
               absl::StrCat("struct_extract(", part.sql, ", ", QuoteLiteral(child.name()), ")")};
    inner.column.field = child;
    if (recursive && child.type() == "struct") {
      TARN_RETURN_IF_ERROR(
          FlattenFields(absl::StrCat(prefix, child.name(), "_"), inner, recursive, parts));
      continue;
    }
    inner.column.field.set_name(absl::StrCat(prefix, child.name()));
    inner.column.field.set_id(0);
    inner.column.field.set_required(false);
    inner.column.type = LogicalTypeOf(inner.column.field);
    parts.push_back(std::move(inner));
  }
  return absl::OkStatus();
}

absl::Status ActivityCompiler::Flatten(const v1::FlattenActivity& flatten, SqlStep& step) {
  if (flatten.columns().empty() || flatten.columns_size() > 100) {
    return Bad("columns", "1 to 100 columns are needed");
  }
  std::map<size_t, std::vector<Part>> flat;
  for (int i = 0; i < flatten.columns_size(); ++i) {
    const std::string field = absl::StrCat("columns[", i, "]");
    TARN_ASSIGN_OR_RETURN(const size_t at, Find(field, flatten.columns(i)));
    if (columns_[at].field.type() != "struct") {
      return Bad(field, absl::StrCat("is no struct, but ",
                                     table_schema::DisplayTypeOf(columns_[at].field)));
    }
    if (flat.contains(at)) return Bad(field, "stands twice");
    const Part whole{columns_[at], QuoteIdentifier(columns_[at].field.name())};
    TARN_RETURN_IF_ERROR(FlattenFields(flatten.prefix(), whole, flatten.recursive(), flat[at]));
  }
  next_.clear();
  // What stays is there first, so that a clash is told of the new name.
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!flat.contains(i)) next_.push_back(columns_[i]);
  }
  for (const auto& [at, parts] : flat) {
    for (const Part& part : parts) {
      absl::Status free = CheckNewName("columns", part.column.field.name(), next_);
      if (!free.ok()) {
        const std::vector<FieldViolation> found = FieldViolationsOf(free);
        return Bad("columns", absl::StrCat("flattening ", columns_[at].field.name(), ": ",
                                           found[0].description, "; give a prefix"));
      }
      next_.push_back(part.column);
    }
  }
  // In the struct's place.
  next_.clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (!flat.contains(i)) {
      next_.push_back(columns_[i]);
      step.select.push_back(QuoteIdentifier(columns_[i].field.name()));
      continue;
    }
    for (const Part& part : flat[i]) {
      next_.push_back(part.column);
      step.select.push_back(part.sql);
    }
  }
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
