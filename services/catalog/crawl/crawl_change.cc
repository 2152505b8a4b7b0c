#include "services/catalog/crawl/crawl_change.h"

#include <algorithm>
#include <map>
#include <set>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "services/catalog/crawl/landing_folder.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

// How files are read and divided, for people.
std::string ReadingText(const TableDefinition& definition) {
  std::vector<std::string> parts;
  if (definition.external) {
    const ExternalSource& source = *definition.external;
    parts.push_back(FormatName(source.format) + " in " + source.path);
    if (source.csv) {
      parts.push_back(absl::StrCat("delimiter \"", source.csv->delimiter, "\", quote \"",
                                   source.csv->quote, "\", escape \"", source.csv->escape,
                                   source.csv->header ? "\", a header" : "\", no header"));
      if (!source.csv->null_text.empty()) {
        parts.push_back("NULL written " + source.csv->null_text);
      }
    }
    if (!source.xml_row_element.empty()) parts.push_back("rows <" + source.xml_row_element + ">");
    if (!source.text_pattern.empty()) parts.push_back("pattern " + source.text_pattern);
  }
  if (!definition.partition_fields.empty()) {
    parts.push_back("partitions " +
                    absl::StrJoin(definition.partition_fields, "/",
                                  [](std::string* out, const PartitionField& field) {
                                    out->append(field.source);
                                  }));
  }
  return absl::StrJoin(parts, "; ");
}

// Whether the catalog names the file in just this form already.
bool SameFile(const DataFile& a, const DataFile& b) {
  return a.path == b.path && a.derived_path == b.derived_path && a.row_count == b.row_count &&
         a.byte_count == b.byte_count && a.partition == b.partition &&
         a.modify_time == b.modify_time;
}

}  // namespace

std::vector<CrawlChange> CompareDefinitions(const TableDefinition& before,
                                            const TableDefinition& after) {
  std::vector<CrawlChange> changes;
  const std::string reading = ReadingText(before), new_reading = ReadingText(after);
  if (reading != new_reading) {
    changes.push_back({CrawlChangeKind::kChangeReading, "", reading, new_reading, ""});
  }
  for (const Field& field : after.schema.fields) {
    const Field* old = FindColumn(before.schema.fields, field.name);
    const std::string type = DisplayTypeOf(field);
    if (old == nullptr) {
      changes.push_back({CrawlChangeKind::kAddColumn, field.name, "", type, ""});
    } else if (const std::string old_type = DisplayTypeOf(*old); old_type != type) {
      changes.push_back({CrawlChangeKind::kChangeColumn, field.name, old_type, type, ""});
    }
  }
  for (const Field& field : before.schema.fields) {
    if (FindColumn(after.schema.fields, field.name) != nullptr) continue;
    changes.push_back({CrawlChangeKind::kDropColumn, field.name, DisplayTypeOf(field), "", ""});
  }
  return changes;
}

FileDifference CompareFiles(const std::vector<DataFile>& live, const std::vector<DataFile>& found) {
  std::map<std::string, const DataFile*> before;
  for (const DataFile& file : live) before.emplace(file.path, &file);
  FileDifference difference;
  for (const DataFile& file : found) {
    const auto old = before.find(file.path);
    if (old != before.end() && SameFile(*old->second, file)) {
      before.erase(old);
    } else {
      difference.added.push_back(file);
    }
  }
  for (const auto& [path, file] : before) difference.removed.push_back(path);
  return difference;
}

std::vector<CrawlChange> DescribeFiles(const FileDifference& difference, const std::string& root) {
  const auto below = [&root](const std::string& path) {
    return path.starts_with(root) ? path.substr(root.size()) : path;
  };
  std::set<std::string> removed(difference.removed.begin(), difference.removed.end());
  std::vector<CrawlChange> changes;
  for (const DataFile& file : difference.added) {
    const bool replaced = removed.erase(file.path) > 0;
    changes.push_back({replaced ? CrawlChangeKind::kReplaceFile : CrawlChangeKind::kAddFile,
                       below(file.path), "", "", ""});
  }
  for (const std::string& path : removed) {
    changes.push_back({CrawlChangeKind::kRemoveFile, below(path), "", "", ""});
  }
  return changes;
}

}  // namespace tarn::catalog
