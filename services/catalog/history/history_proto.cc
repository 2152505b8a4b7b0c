#include "services/catalog/history/history_proto.h"

#include "tarn/catalog/v1/history.pb.h"
#include "tarn/catalog/v1/table.pb.h"

#include "common/names/names.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {

SnapshotReference ReferenceFromProto(const v1::SnapshotReference& proto) {
  SnapshotReference reference{.snapshot_id = proto.snapshot_id(), .tag = proto.tag()};
  if (proto.has_as_of_time()) reference.as_of_time = FromTimestamp(proto.as_of_time());
  return reference;
}

void ToProto(const TableKey& key, const Tag& tag, v1::Tag* proto) {
  proto->set_name(names::Format(kTagPattern, {key.database, key.table, tag.name}));
  proto->set_snapshot_id(tag.snapshot_id);
  proto->set_comment(tag.comment);
  if (tag.expire_time) *proto->mutable_expire_time() = ToTimestamp(*tag.expire_time);
  *proto->mutable_create_time() = ToTimestamp(tag.create_time);
  proto->set_created_by(tag.created_by);
}

void ToProto(const FileTotals& totals, v1::FileTotals* proto) {
  proto->set_file_count(totals.file_count);
  proto->set_row_count(totals.row_count);
  proto->set_byte_count(totals.byte_count);
}

void ToProto(const PartitionDifference& difference, v1::PartitionDifference* proto) {
  AddPartition(difference.partition, proto->mutable_partition());
  ToProto(difference.added, proto->mutable_added());
  ToProto(difference.removed, proto->mutable_removed());
}

void ToProto(const FileDifference& difference, v1::FileDifference* proto) {
  proto->set_side(difference.added ? v1::DIFFERENCE_SIDE_ADDED : v1::DIFFERENCE_SIDE_REMOVED);
  ToProto(difference.file, proto->mutable_file());
}

void ToProto(const SchemaVersion& version, v1::SchemaVersion* proto) {
  // The part of a table that a version keeps is encoded as a table's.
  Table table;
  table.definition = version.definition;
  v1::Table encoded;
  ToProto(table, &encoded);
  proto->set_schema_id(version.definition.schema.schema_id);
  *proto->mutable_create_time() = ToTimestamp(version.create_time);
  proto->mutable_schema()->Swap(encoded.mutable_schema());
  proto->mutable_partition_fields()->Swap(encoded.mutable_partition_fields());
  proto->set_replaced(version.replaced);
}

void ToProto(const FieldChange& change, v1::FieldChange* proto) {
  proto->set_kind(static_cast<v1::FieldChangeKind>(change.kind));
  proto->set_path(change.path);
  proto->set_field_id(change.field_id);
  proto->set_before(change.before);
  proto->set_after(change.after);
}

void ToProto(const DataFile& file, v1::FileOrigins* proto) {
  proto->set_path(file.path);
  AddPartition(file.partition, proto->mutable_partition());
  proto->set_row_count(file.row_count);
  for (const FileOrigin& origin : file.origins) {
    v1::FileOrigin* out = proto->add_origins();
    out->set_kind(static_cast<v1::OriginKind>(origin.kind));
    out->set_source(origin.source);
    out->set_cause(origin.cause);
    out->set_committed_by(origin.committed_by);
    if (origin.log_range) {
      out->set_log_id(origin.log_range->log_id);
      out->set_from_position(origin.log_range->from);
      out->set_to_position(origin.log_range->to);
    }
    out->set_row_count(origin.row_count.value_or(-1));
    if (origin.first_commit_time) {
      *out->mutable_first_commit_time() = ToTimestamp(*origin.first_commit_time);
      *out->mutable_last_commit_time() = ToTimestamp(*origin.last_commit_time);
    }
  }
}

}  // namespace tarn::catalog
