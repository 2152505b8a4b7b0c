// A table, managed or external, or a view. Plain values: no proto, no SQL.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "services/catalog/partition_spec.h"
#include "services/catalog/schema.h"
#include "services/catalog/snapshot.h"

namespace tarn::catalog {

// Stored by these numbers, which are those of the proto.
enum class TableType { kManaged = 1, kExternal = 2, kView = 3 };
enum class FileFormat {
  kUnspecified = 0,
  kParquet = 1,
  kCsv = 2,
  kJsonLines = 3,
  kJsonArray = 4,
  kXml = 5,
  kText = 6,
};

struct CsvOptions {
  std::string delimiter;  // empty: to be found out
  std::string quote;
  std::string escape;
  bool header = false;
  std::string null_text;

  friend bool operator==(const CsvOptions&, const CsvOptions&) = default;
};

struct ExternalSource {
  std::string path;  // relative to the workspace's landing area
  FileFormat format = FileFormat::kUnspecified;
  std::optional<CsvOptions> csv;
  std::string xml_row_element;
  std::string text_pattern;

  friend bool operator==(const ExternalSource&, const ExternalSource&) = default;
};

struct ViewDefinition {
  std::string sql;
  std::string default_database;

  friend bool operator==(const ViewDefinition&, const ViewDefinition&) = default;
};

// Where a table is found: names that are unique in a workspace.
struct TableKey {
  std::string workspace;
  std::string database;
  std::string table;

  std::string SqlName() const { return database + "." + table; }
  friend bool operator==(const TableKey&, const TableKey&) = default;
};

struct TableStatistics {
  int64_t row_count = 0;  // -1: a file's count is not known
  int64_t file_count = 0;
  int64_t byte_count = 0;
};

// What one schema version of a table says. Older versions are kept for older snapshots.
struct TableDefinition {
  Schema schema;
  std::vector<PartitionField> partition_fields;
  std::vector<SortField> sort_fields;
  std::optional<ExternalSource> external;
  std::optional<ViewDefinition> view;

  friend bool operator==(const TableDefinition&, const TableDefinition&) = default;
};

struct Table {
  TableKey key;
  std::string uid;
  TableType type = TableType::kManaged;
  std::string comment;
  std::map<std::string, std::string> properties;
  TableDefinition definition;
  int last_field_id = 0;
  std::string location;  // of a managed table's files, relative to the lake's root
  std::optional<Snapshot> current_snapshot;
  TableStatistics statistics;
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  int64_t revision = 0;  // one more with each change of the definition; its etag
};

}  // namespace tarn::catalog
