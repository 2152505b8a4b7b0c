// The values of tables' histories to proto and back. Pure; any thread.
#pragma once

#include <string>

#include "services/catalog/history/schema_comparison.h"
#include "services/catalog/history/schema_version.h"
#include "services/catalog/history/snapshot_difference.h"
#include "services/catalog/history/snapshot_reference.h"
#include "services/catalog/history/tag.h"
#include "services/catalog/table.h"

namespace tarn::catalog::v1 {
class FieldChange;
class FileDifference;
class FileOrigins;
class FileTotals;
class PartitionDifference;
class SchemaVersion;
class SnapshotReference;
class Tag;
}  // namespace tarn::catalog::v1

namespace tarn::catalog {

// databases/{database}/tables/{table}/tags/{tag}
inline constexpr char kTagPattern[] = "databases/{database}/tables/{table}/tags/{tag}";

SnapshotReference ReferenceFromProto(const v1::SnapshotReference& proto);

void ToProto(const TableKey& key, const Tag& tag, v1::Tag* proto);
void ToProto(const FileTotals& totals, v1::FileTotals* proto);
void ToProto(const PartitionDifference& difference, v1::PartitionDifference* proto);
void ToProto(const FileDifference& difference, v1::FileDifference* proto);
void ToProto(const SchemaVersion& version, v1::SchemaVersion* proto);
void ToProto(const FieldChange& change, v1::FieldChange* proto);
// A file that was read with its origins.
void ToProto(const DataFile& file, v1::FileOrigins* proto);

}  // namespace tarn::catalog
