#include "services/query/table_writer.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_text.h"
#include "common/ids/ids.h"
#include "common/lake/lake_paths.h"
#include "common/lake/parquet_writer.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
namespace wire = worker;
using table_schema::Field;
using table_schema::Fields;

// The types that a value of the first may be stored as without losing anything.
bool WidensTo(const std::string& from, const std::string& to) {
  static const std::set<std::pair<std::string, std::string>> kWidenings = {
      {"int", "long"}, {"int", "double"}, {"float", "double"}, {"date", "timestamp"}};
  return kWidenings.count({from, to}) > 0;
}

bool Assignable(const Field& from, const Field& to) {
  return table_schema::SameType(from, to) || WidensTo(from.type(), to.type());
}

// A partition tuple with its names as one comparable text; NULL apart from any value.
template <typename Values>
std::string TupleKey(const Values& values) {
  std::string key;
  for (const catalog::PartitionValue& value : values) {
    absl::StrAppend(&key, value.name(), std::string(1, '\0'),
                    value.has_value() ? absl::StrCat("=", value.value()) : "-",
                    std::string(1, '\0'));
  }
  return key;
}

// Which field each column of the query fills: by the names that the statement lists; without these
// by position, but for system columns, which are never meant by position and filled by a column of
// their name.
absl::StatusOr<std::vector<int>> Targets(const Statement& statement,
                                         const wire::ResultSchema& schema, const Fields& fields) {
  std::vector<std::string> names;
  std::vector<int> by_position;
  for (int i = 0; i < fields.size(); ++i) {
    names.push_back(fields[i].name());
    if (!table_schema::IsSystemColumn(fields[i])) by_position.push_back(i);
  }
  std::vector<int> targets;
  for (const std::string& wanted : statement.insert_columns) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return absl::EqualsIgnoreCase(name, wanted);
    });
    if (found == names.end()) {
      return InvalidArgument("COLUMN_MISMATCH", absl::StrCat("the table has no column ", wanted,
                                                             names::DidYouMean(wanted, names)));
    }
    targets.push_back(static_cast<int>(found - names.begin()));
  }
  size_t wanted = targets.size();
  size_t given = static_cast<size_t>(schema.columns_size());
  if (statement.insert_columns.empty()) {
    wanted = by_position.size();
    given = 0;
    for (const wire::ResultSchema::Column& column : schema.columns()) {
      const auto system = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
        return table_schema::IsSystemColumn(field) && field.name() == column.name();
      });
      if (system != fields.end()) {
        targets.push_back(static_cast<int>(system - fields.begin()));
      } else if (given++ < wanted) {
        targets.push_back(by_position[given - 1]);
      }
    }
  }
  if (given == wanted) return targets;
  return InvalidArgument("COLUMN_MISMATCH", absl::StrCat("the query returns ", given,
                                                         " columns where ", wanted, " are wanted"));
}

absl::StatusOr<std::vector<std::string>> Sources(const Statement& statement,
                                                 const wire::ResultSchema& schema,
                                                 const Fields& fields) {
  TARN_ASSIGN_OR_RETURN(const std::vector<int> targets, Targets(statement, schema, fields));
  std::vector<std::string> sources(fields.size());
  for (int i = 0; i < schema.columns_size(); ++i) {
    const int at = targets[i];
    const wire::ResultSchema::Column& column = schema.columns(i);
    const Field& field = fields[at];
    if (!sources[at].empty()) {
      return InvalidArgument("COLUMN_MISMATCH",
                             absl::StrCat("column ", field.name(), " is listed twice"));
    }
    const bool is_null = column.display_type() == "string" && column.problem() == "null";
    if (!is_null && !Assignable(column.field(), field)) {
      return InvalidArgument(
          "TYPE_MISMATCH",
          absl::StrCat("column ", field.name(), " is ", table_schema::DisplayTypeOf(field),
                       " but the query gives ", column.display_type(), "; write CAST(… AS ",
                       table_schema::EngineTypeOf(field), ")"),
          {{"column", field.name()}});
    }
    sources[at] = column.name();
  }
  return sources;
}

}  // namespace

absl::StatusOr<Fields> StorableFields(const wire::ResultSchema& schema) {
  Fields fields;
  std::set<std::string> seen;
  for (const wire::ResultSchema::Column& column : schema.columns()) {
    if (!column.has_field()) return InvalidArgument("TYPE_NOT_SUPPORTED", column.problem());
    if (column.name().empty()) {
      return InvalidArgument("COLUMN_MISMATCH", "a column has no name; give it one with AS");
    }
    if (!seen.insert(absl::AsciiStrToLower(column.name())).second) {
      return InvalidArgument(
          "COLUMN_MISMATCH",
          absl::StrCat("two columns are called ", column.name(), "; rename one with AS"));
    }
    *fields.Add() = column.field();
  }
  return fields;
}

catalog::Table NewTable(const Statement& statement, Fields fields) {
  catalog::Table table;
  table.set_name(names::Table(statement.target.database, statement.target.table));
  table.set_type(catalog::TABLE_TYPE_MANAGED);
  table.set_uid(NewUuid());
  table_schema::AssignFieldIds(fields, 0);
  *table.mutable_schema()->mutable_fields() = std::move(fields);
  for (const PartitionTransform& transform : statement.partitioned_by) {
    catalog::PartitionField* field = table.add_partition_fields();
    field->set_source(transform.column);
    field->set_transform(transform.transform);
    const std::string function = transform.transform.substr(0, transform.transform.find('['));
    field->set_name(function == "identity" ? transform.column
                                           : absl::StrCat(transform.column, "_", function));
  }
  return table;
}

absl::Status RefuseSystemColumns(const Fields& fields) {
  for (const Field& field : fields) {
    if (!table_schema::IsSystemColumn(field)) continue;
    return InvalidArgument("COLUMN_RESERVED",
                           absl::StrCat(field.name(),
                                        " is a system column, which the delivery of a stream adds "
                                        "by itself; give the column another name with AS"),
                           {{"column", field.name()}});
  }
  return absl::OkStatus();
}

absl::StatusOr<TableWrite> PlanWrite(const Statement& statement, const wire::ResultSchema& schema,
                                     const std::optional<catalog::Table>& existing) {
  TARN_ASSIGN_OR_RETURN(Fields result, StorableFields(schema));
  TableWrite write;
  if (statement.kind == StatementKind::kCreateTableAs) {
    TARN_RETURN_IF_ERROR(RefuseSystemColumns(result));
    catalog::Table table = NewTable(statement, std::move(result));
    for (catalog::PartitionField& partition : *table.mutable_partition_fields()) {
      std::vector<std::string> names;
      for (const Field& field : table.schema().fields()) names.push_back(field.name());
      bool found = false;
      for (const std::string& name : names) {
        if (!absl::EqualsIgnoreCase(name, partition.source())) continue;
        partition.set_source(name);
        found = true;
      }
      if (!found) {
        return InvalidArgument("COLUMN_MISMATCH",
                               absl::StrCat("PARTITIONED BY names ", partition.source(),
                                            ", which the query does not return",
                                            names::DidYouMean(partition.source(), names)));
      }
    }
    write.fields = table.schema().fields();
    write.partition_fields = table.partition_fields();
    for (const Field& field : write.fields) write.sources.push_back(field.name());
    if (existing.has_value()) {
      table.set_uid(existing->uid());
      write.location = existing->location();
    }
    write.definition = std::move(table);
    return write;
  }
  write.location = existing->location();
  write.fields = existing->schema().fields();
  write.schema_id = existing->schema().schema_id();
  write.partition_fields = existing->partition_fields();
  TARN_ASSIGN_OR_RETURN(write.sources, Sources(statement, schema, write.fields));
  return write;
}

absl::Status PublishFiles(const wire::Done& done, const std::filesystem::path& staging,
                          const std::filesystem::path& data) {
  std::vector<lake::WrittenFile> files;
  for (const wire::WrittenFile& written : done.files()) {
    lake::WrittenFile file;
    file.relative_path = written.path();
    file.path = (staging / written.path()).string();
    files.push_back(std::move(file));
  }
  return lake::PublishWrittenFiles(files, data);
}

catalog::CommitTableRequest CommitRequest(const Statement& statement, const TableWrite& write,
                                          const wire::Done& done,
                                          const std::optional<PlannedScan>& base) {
  catalog::CommitTableRequest commit;
  commit.set_table(names::Table(statement.target.database, statement.target.table));
  commit.set_operation(statement.kind == StatementKind::kInsert
                           ? catalog::SNAPSHOT_OPERATION_APPEND
                           : catalog::SNAPSHOT_OPERATION_OVERWRITE);
  std::map<std::string, const wire::WrittenFile*> partitions;
  for (const wire::WrittenFile& written : done.files()) {
    catalog::DataFile* file = commit.add_added_files();
    file->set_path(absl::StrCat(write.location, "/", written.path()));
    file->set_row_count(written.row_count());
    file->set_byte_count(written.byte_count());
    *file->mutable_partition() = written.partition();
    for (const wire::WrittenFile::Column& column : written.columns()) {
      catalog::ColumnStatistics* statistics = file->add_columns();
      statistics->set_field_id(column.field_id());
      if (column.has_null_count()) statistics->set_null_count(column.null_count());
      if (column.has_lower_bound()) statistics->set_lower_bound(column.lower_bound());
      if (column.has_upper_bound()) statistics->set_upper_bound(column.upper_bound());
    }
    partitions.emplace(TupleKey(written.partition()), &written);
  }
  if (write.definition.has_value()) {
    *commit.mutable_create_or_replace() = *write.definition;
    commit.set_create_only(!statement.or_replace);
    return commit;
  }
  commit.set_schema_id(write.schema_id);
  if (!base.has_value()) return commit;
  commit.set_base_snapshot_id(base->table.current_snapshot().snapshot_id());
  const bool whole_table = write.partition_fields.empty();
  for (const catalog::DataFile& file : base->files) {
    if (whole_table || partitions.count(TupleKey(file.partition())) > 0)
      commit.add_removed_paths(file.path());
  }
  if (whole_table) {
    commit.mutable_conflict_filter()->set_whole_table(true);
    return commit;
  }
  for (const auto& [key, written] : partitions) {
    *commit.mutable_conflict_filter()->add_partitions()->mutable_values() = written->partition();
  }
  return commit;
}

}  // namespace tarn::query
