#include "services/catalog/table_proto.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include "tarn/catalog/v1/catalog_service.pb.h"

#include "common/ids/ids.h"
#include "common/names/names.h"
#include "common/status/status_macros.h"
#include "common/table_schema/engine_types.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {
namespace {

void DefinitionToProto(const TableDefinition& definition, v1::Table* proto) {
  proto->mutable_schema()->set_schema_id(definition.schema.schema_id);
  for (const Field& field : definition.schema.fields) {
    ToProto(field, proto->mutable_schema()->add_fields());
  }
  for (const PartitionField& field : definition.partition_fields) {
    v1::PartitionField* out = proto->add_partition_fields();
    out->set_source(field.source);
    out->set_transform(FormatTransform(field.transform));
    out->set_name(field.name);
  }
  for (const SortField& field : definition.sort_fields) {
    v1::SortField* out = proto->add_sort_fields();
    out->set_source(field.source);
    out->set_descending(field.descending);
  }
  if (definition.external) {
    v1::ExternalSource* out = proto->mutable_external();
    out->set_path(definition.external->path);
    out->set_format(static_cast<v1::FileFormat>(definition.external->format));
    if (definition.external->csv) ToProto(*definition.external->csv, out->mutable_csv());
    if (!definition.external->xml_row_element.empty()) {
      out->mutable_xml()->set_row_element(definition.external->xml_row_element);
    }
    if (!definition.external->text_pattern.empty()) {
      out->mutable_text()->set_pattern(definition.external->text_pattern);
    }
  }
  if (definition.view) {
    proto->mutable_view()->set_sql(definition.view->sql);
    proto->mutable_view()->set_default_database(definition.view->default_database);
  }
}

TableDefinition DefinitionFromProto(const v1::Table& proto, const std::string& path,
                                    std::vector<FieldViolation>& violations) {
  TableDefinition definition;
  definition.schema.schema_id = proto.schema().schema_id();
  for (int i = 0; i < proto.schema().fields_size(); ++i) {
    definition.schema.fields.push_back(FieldFromProto(
        proto.schema().fields(i), absl::StrCat(path, ".schema.fields[", i, "]"), violations));
  }
  for (int i = 0; i < proto.partition_fields_size(); ++i) {
    const v1::PartitionField& field = proto.partition_fields(i);
    const auto transform = ParseTransform(field.transform());
    if (!transform.ok()) {
      violations.push_back({absl::StrCat(path, ".partition_fields[", i, "].transform"),
                            std::string(transform.status().message())});
      continue;
    }
    definition.partition_fields.push_back({field.source(), *transform, field.name()});
  }
  NamePartitionFields(definition.partition_fields);
  for (const v1::SortField& field : proto.sort_fields()) {
    definition.sort_fields.push_back({field.source(), field.descending()});
  }
  if (proto.has_external()) {
    ExternalSource source{.path = proto.external().path(),
                          .format = static_cast<FileFormat>(proto.external().format()),
                          .xml_row_element = proto.external().xml().row_element(),
                          .text_pattern = proto.external().text().pattern()};
    if (proto.external().has_csv()) source.csv = CsvOptionsFromProto(proto.external().csv());
    definition.external = std::move(source);
  }
  if (proto.has_view()) {
    definition.view = ViewDefinition{proto.view().sql(), proto.view().default_database()};
  }
  return definition;
}

absl::StatusOr<PredicateOperator> OperatorFromProto(v1::PredicateOperator op) {
  switch (op) {
    case v1::PREDICATE_OPERATOR_EQUAL:
      return PredicateOperator::kEqual;
    case v1::PREDICATE_OPERATOR_LESS:
      return PredicateOperator::kLess;
    case v1::PREDICATE_OPERATOR_LESS_OR_EQUAL:
      return PredicateOperator::kLessOrEqual;
    case v1::PREDICATE_OPERATOR_GREATER:
      return PredicateOperator::kGreater;
    case v1::PREDICATE_OPERATOR_GREATER_OR_EQUAL:
      return PredicateOperator::kGreaterOrEqual;
    case v1::PREDICATE_OPERATOR_IN:
      return PredicateOperator::kIn;
    case v1::PREDICATE_OPERATOR_IS_NULL:
      return PredicateOperator::kIsNull;
    case v1::PREDICATE_OPERATOR_IS_NOT_NULL:
      return PredicateOperator::kIsNotNull;
    default:
      return InvalidFields({{"predicates.operator", "is required"}});
  }
}

template <typename Values>
PartitionTuple TupleFromValues(const Values& values) {
  PartitionTuple tuple;
  for (const v1::PartitionValue& value : values) {
    tuple.push_back(
        {value.name(), value.has_value() ? std::optional(value.value()) : std::nullopt});
  }
  return tuple;
}

}  // namespace

std::string EtagOf(absl::Time create_time, int64_t revision) {
  return absl::StrCat(absl::Hex(absl::ToUnixMicros(create_time)), "-", revision);
}

void ToProto(const Database& database, v1::Database* proto) {
  proto->set_name(names::Database(database.id));
  proto->set_comment(database.comment);
  proto->mutable_properties()->insert(database.properties.begin(), database.properties.end());
  proto->set_owner(database.owner);
  *proto->mutable_create_time() = ToTimestamp(database.create_time);
  *proto->mutable_update_time() = ToTimestamp(database.update_time);
  proto->set_etag(EtagOf(database.create_time, database.revision));
}

absl::StatusOr<Database> DatabaseFromProto(const v1::Database& proto) {
  Database database;
  TARN_ASSIGN_OR_RETURN(database.id, names::ParseDatabase(proto.name()));
  database.comment = proto.comment();
  database.properties.insert(proto.properties().begin(), proto.properties().end());
  return database;
}

void ToProto(const Field& field, v1::Field* proto) {
  proto->set_id(field.id);
  proto->set_name(field.name);
  proto->set_type(FormatColumnType(field.type));
  proto->set_required(field.required);
  proto->set_learnt(field.learnt);
  proto->set_widened(field.widened);
  proto->set_doc(field.doc);
  for (const Field& part : field.fields) ToProto(part, proto->add_fields());
}

Field FieldFromProto(const v1::Field& proto, const std::string& path,
                     std::vector<FieldViolation>& violations) {
  Field field{.id = proto.id(),
              .name = proto.name(),
              .required = proto.required(),
              .learnt = proto.learnt(),
              .widened = proto.widened(),
              .doc = proto.doc()};
  if (const auto type = ParseColumnType(proto.type()); type.ok()) {
    field.type = *type;
  } else {
    violations.push_back({path + ".type", std::string(type.status().message())});
  }
  for (int i = 0; i < proto.fields_size(); ++i) {
    field.fields.push_back(
        FieldFromProto(proto.fields(i), absl::StrCat(path, ".fields[", i, "]"), violations));
  }
  return field;
}

std::string DisplayTypeOf(const Field& field) {
  v1::Field proto;
  ToProto(field, &proto);
  return table_schema::DisplayTypeOf(proto);
}

void ToProto(const CsvOptions& options, v1::CsvOptions* proto) {
  proto->set_delimiter(options.delimiter);
  proto->set_quote(options.quote);
  proto->set_escape(options.escape);
  proto->set_header(options.header);
  proto->set_null_text(options.null_text);
}

CsvOptions CsvOptionsFromProto(const v1::CsvOptions& proto) {
  return {proto.delimiter(), proto.quote(), proto.escape(), proto.header(), proto.null_text()};
}

void ToProto(const Table& table, v1::Table* proto) {
  proto->set_name(names::Table(table.key.database, table.key.table));
  proto->set_uid(table.uid);
  proto->set_type(static_cast<v1::TableType>(table.type));
  proto->set_comment(table.comment);
  proto->mutable_properties()->insert(table.properties.begin(), table.properties.end());
  DefinitionToProto(table.definition, proto);
  proto->set_location(table.location);
  if (table.current_snapshot) {
    ToProto(table.key, *table.current_snapshot, proto->mutable_current_snapshot());
  }
  if (table.type != TableType::kView) {
    proto->mutable_statistics()->set_row_count(table.statistics.row_count);
    proto->mutable_statistics()->set_file_count(table.statistics.file_count);
    proto->mutable_statistics()->set_byte_count(table.statistics.byte_count);
  }
  proto->set_owner(table.owner);
  *proto->mutable_create_time() = ToTimestamp(table.create_time);
  *proto->mutable_update_time() = ToTimestamp(table.update_time);
  proto->set_etag(EtagOf(table.create_time, table.revision));
}

absl::StatusOr<Table> TableFromProto(const v1::Table& proto, const std::string& workspace,
                                     const std::string& field) {
  Table table;
  TARN_ASSIGN_OR_RETURN(const names::TableId id, names::ParseTable(proto.name()));
  table.key = {workspace, id.database, id.table};
  std::vector<FieldViolation> violations;
  if (proto.type() == v1::TABLE_TYPE_UNSPECIFIED || !v1::TableType_IsValid(proto.type())) {
    violations.push_back({field + ".type",
                          "is one of TABLE_TYPE_MANAGED, TABLE_TYPE_EXTERNAL, "
                          "TABLE_TYPE_VIEW"});
  } else {
    table.type = static_cast<TableType>(proto.type());
  }
  if (!proto.uid().empty() && !IsUuid(proto.uid())) {
    violations.push_back({field + ".uid", "is a UUID in lower case"});
  }
  table.uid = proto.uid();
  table.comment = proto.comment();
  table.properties.insert(proto.properties().begin(), proto.properties().end());
  table.definition = DefinitionFromProto(proto, field, violations);
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return table;
}

void ToProto(const TableKey& key, const Snapshot& snapshot, v1::Snapshot* proto) {
  proto->set_name(names::Format("databases/{database}/tables/{table}/snapshots/{snapshot}",
                                {key.database, key.table, std::to_string(snapshot.id)}));
  proto->set_snapshot_id(snapshot.id);
  proto->set_parent_snapshot_id(snapshot.parent_id);
  proto->set_sequence_number(snapshot.sequence_number);
  *proto->mutable_commit_time() = ToTimestamp(snapshot.commit_time);
  proto->set_operation(static_cast<v1::SnapshotOperation>(snapshot.operation));
  proto->set_schema_id(snapshot.schema_id);
  proto->set_committed_by(snapshot.committed_by);
  auto& summary = *proto->mutable_summary();
  summary.insert(snapshot.summary.begin(), snapshot.summary.end());
  summary["added-files"] = std::to_string(snapshot.added_files);
  summary["removed-files"] = std::to_string(snapshot.removed_files);
  summary["added-rows"] = std::to_string(snapshot.added_rows);
  summary["removed-rows"] = std::to_string(snapshot.removed_rows);
  summary["total-files"] = std::to_string(snapshot.total_files);
  summary["total-rows"] = std::to_string(snapshot.total_rows);
  summary["total-bytes"] = std::to_string(snapshot.total_bytes);
}

void AddPartition(const PartitionTuple& partition,
                  google::protobuf::RepeatedPtrField<v1::PartitionValue>* proto) {
  for (const PartitionValue& value : partition) {
    v1::PartitionValue* out = proto->Add();
    out->set_name(value.name);
    if (value.value) out->set_value(*value.value);
  }
}

void ToProto(const DataFile& file, v1::DataFile* proto) {
  proto->set_path(file.path);
  proto->set_derived_path(file.derived_path);
  proto->set_row_count(file.row_count);
  proto->set_byte_count(file.byte_count);
  AddPartition(file.partition, proto->mutable_partition());
  for (const ColumnStatistics& column : file.columns) {
    v1::ColumnStatistics* out = proto->add_columns();
    out->set_field_id(column.field_id);
    if (column.null_count) out->set_null_count(*column.null_count);
    if (column.lower_bound) out->set_lower_bound(*column.lower_bound);
    if (column.upper_bound) out->set_upper_bound(*column.upper_bound);
  }
  proto->set_added_sequence_number(file.added_sequence_number);
  if (file.modify_time) *proto->mutable_modify_time() = ToTimestamp(*file.modify_time);
  if (file.added_time) *proto->mutable_added_time() = ToTimestamp(*file.added_time);
}

DataFile DataFileFromProto(const v1::DataFile& proto) {
  DataFile file{.path = proto.path(),
                .derived_path = proto.derived_path(),
                .row_count = proto.row_count(),
                .byte_count = proto.byte_count(),
                .partition = TupleFromValues(proto.partition()),
                .added_sequence_number = proto.added_sequence_number()};
  for (const v1::ColumnStatistics& column : proto.columns()) {
    ColumnStatistics statistics{.field_id = column.field_id()};
    if (column.has_null_count()) statistics.null_count = column.null_count();
    if (column.has_lower_bound()) statistics.lower_bound = column.lower_bound();
    if (column.has_upper_bound()) statistics.upper_bound = column.upper_bound();
    file.columns.push_back(std::move(statistics));
  }
  if (proto.has_modify_time()) file.modify_time = FromTimestamp(proto.modify_time());
  return file;
}

PartitionTuple PartitionTupleFromProto(const v1::PartitionTuple& proto) {
  return TupleFromValues(proto.values());
}

absl::StatusOr<ScanPredicate> PredicateFromProto(const v1::ScanPredicate& proto) {
  ScanPredicate predicate{.column = proto.column()};
  TARN_ASSIGN_OR_RETURN(predicate.op, OperatorFromProto(proto.operator_()));
  predicate.values.assign(proto.values().begin(), proto.values().end());
  return predicate;
}

std::string DefinitionToJson(const TableDefinition& definition) {
  v1::Table proto;
  DefinitionToProto(definition, &proto);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Cannot fail: the message holds neither Any nor Timestamp.
  (void)google::protobuf::util::MessageToJsonString(proto, &json, options);
  return json;
}

absl::StatusOr<TableDefinition> DefinitionFromJson(const std::string& json) {
  v1::Table proto;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // a later release may have written more
  if (!google::protobuf::util::JsonStringToMessage(json, &proto, options).ok()) {
    return Internal("STORED_DEFINITION", "the stored definition of a table cannot be read");
  }
  std::vector<FieldViolation> violations;
  TableDefinition definition = DefinitionFromProto(proto, "definition", violations);
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return definition;
}

}  // namespace tarn::catalog
