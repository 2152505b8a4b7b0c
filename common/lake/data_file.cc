#include "common/lake/data_file.h"

namespace tarn::lake {

std::string ColumnStats::DottedPath() const {
  std::string out;
  for (const std::string& name : path) {
    if (!out.empty()) out.push_back('.');
    if (name.find_first_of(".\"") == std::string::npos) {
      out += name;
      continue;
    }
    out.push_back('"');
    for (char c : name) {
      if (c == '"') out.push_back('"');
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out;
}

const ColumnStats* DataFileStats::Find(std::string_view dotted_path) const {
  for (const ColumnStats& column : columns) {
    if (column.DottedPath() == dotted_path) return &column;
  }
  return nullptr;
}

}  // namespace tarn::lake
