#include "services/catalog/crawl/column_explanation.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

#include "services/catalog/crawl/text_encoding.h"
#include "services/catalog/crawl/text_value.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMaxSamples = 3;

// What one file says of a column.
struct Source {
  const LandingFile* file;
  const InferredType* type;
};

// What is said of one type by all files.
struct Seen {
  SeenType type;
  InferredKind kind = InferredKind::kNothing;
};

// Whether values of `seen` are of the column's type by themselves, or become so without loss.
bool Fits(InferredKind seen, TypeKind type) {
  switch (type) {
    case TypeKind::kDouble:
      return seen == InferredKind::kDouble || seen == InferredKind::kLong;
    case TypeKind::kTimestamp:
      return seen == InferredKind::kTimestamp || seen == InferredKind::kDate;
    case TypeKind::kString:
      return seen == InferredKind::kString;
    case TypeKind::kBoolean:
      return seen == InferredKind::kBoolean;
    case TypeKind::kLong:
      return seen == InferredKind::kLong;
    case TypeKind::kDate:
      return seen == InferredKind::kDate;
    case TypeKind::kTimestampTz:
      return seen == InferredKind::kTimestampTz;
    case TypeKind::kStruct:
      return seen == InferredKind::kStruct;
    case TypeKind::kList:
      return seen == InferredKind::kList;
    case TypeKind::kMap:
      return seen == InferredKind::kMap;
    default:
      return false;
  }
}

class Explainer {
 public:
  Explainer(const std::string& root, std::vector<ColumnExplanation>& out)
      : root_(root), out_(out) {}

  void Explain(const std::string& column, const Field& field, const std::vector<Source>& sources) {
    ColumnExplanation explanation{.column = column, .type = DisplayTypeOf(field)};
    std::vector<Seen> seen;
    for (const Source& source : sources) {
      ++explanation.file_count;
      explanation.value_count += source.type->value_count;
      Collect(source, seen);
    }
    Judge(field, seen, explanation);
    std::stable_sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
      return a.type.value_count > b.type.value_count;
    });
    for (Seen& entry : seen) explanation.seen.push_back(std::move(entry.type));
    out_.push_back(std::move(explanation));
    for (size_t i = 0; i < field.fields.size(); ++i) {
      const Field& part = field.fields[i];
      std::vector<Source> parts;
      for (const Source& source : sources) {
        const InferredType* type = source.type->FindPart(part.name, i);
        if (type != nullptr) parts.push_back({source.file, type});
      }
      Explain(field.type.kind == TypeKind::kList ? column + "[]" : column + "." + part.name, part,
              parts);
    }
  }

 private:
  // A name that is no UTF-8 is shown as far as it is.
  std::string Below(const std::string& path) const {
    const std::string below = path.starts_with(root_) ? path.substr(root_.size()) : path;
    return below.substr(0, Utf8Prefix(below));
  }

  void Add(const Source& source, InferredKind kind, std::string type, int64_t count,
           const std::string& value, std::vector<Seen>& seen) const {
    auto found = std::find_if(seen.begin(), seen.end(),
                              [&](const Seen& entry) { return entry.type.type == type; });
    if (found == seen.end()) {
      seen.push_back({.type = {.type = std::move(type)}, .kind = kind});
      found = seen.end() - 1;
    }
    found->type.value_count += count;
    ++found->type.file_count;
    if (found->type.samples.size() < kMaxSamples) {
      found->type.samples.push_back({Below(source.file->path), value});
    }
  }

  void Collect(const Source& source, std::vector<Seen>& seen) const {
    for (const SeenKind& entry : source.type->seen) {
      Add(source, entry.kind, std::string(KindName(entry.kind)), entry.value_count, entry.sample,
          seen);
    }
    // Declared by the file: there are no values to tell of.
    if (source.type->seen.empty() && source.type->kind != InferredKind::kNothing) {
      const Field declared = FieldOf("", *source.type);
      Add(source, InferredKind::kExact, FormatColumnType(declared.type), 0, "", seen);
    }
  }

  static std::string Example(const Seen& seen) {
    const ValueSample& sample = seen.type.samples.front();
    const std::string value = sample.value.empty() ? "" : "\"" + sample.value + "\" ";
    return absl::StrCat(seen.type.type, " (", value, "in ", sample.path, ")");
  }

  static void Judge(const Field& field, const std::vector<Seen>& seen,
                    ColumnExplanation& explanation) {
    if (seen.empty()) {
      explanation.reason = "there is no value: text, which holds whatever comes";
      return;
    }
    if (std::all_of(seen.begin(), seen.end(),
                    [](const Seen& entry) { return entry.kind == InferredKind::kExact; })) {
      explanation.confidence = 1;
      explanation.conflict = seen.size() > 1 && field.type.kind == TypeKind::kString;
      explanation.reason = seen.size() == 1 ? "the files declare it"
                                            : "the files declare several types; this one holds all";
      return;
    }
    int64_t fitting = 0;
    const Seen* misfit = nullptr;
    for (const Seen& entry : seen) {
      if (Fits(entry.kind, field.type.kind)) {
        fitting += entry.type.value_count;
      } else if (misfit == nullptr) {
        misfit = &entry;
      }
    }
    explanation.confidence =
        static_cast<double>(fitting) / static_cast<double>(explanation.value_count + 1);
    if (misfit == nullptr) {
      explanation.reason = seen.size() == 1 ? "all values are of this type"
                                            : "it holds the values of both types without loss";
      if (field.type.kind == TypeKind::kString && IsCodeName(field.name)) {
        explanation.reason = "the name is that of a code, whose digits are no number";
      }
      return;
    }
    if (seen.size() == 1) {
      explanation.reason = "text, since no other type is sure to hold " + Example(*misfit);
      return;
    }
    explanation.conflict = true;
    const Seen& other = &seen.front() == misfit ? seen[1] : seen.front();
    explanation.reason =
        "text, since types conflict: " + Example(*misfit) + " and " + Example(other);
  }

  const std::string& root_;
  std::vector<ColumnExplanation>& out_;
};

// What the folders' names say of one partition column, a value a folder.
std::vector<InferredType> PartitionEvidence(const std::vector<LandingFile>& files, size_t index) {
  std::vector<InferredType> evidence(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const std::optional<std::string>& value = files[i].partition[index].value;
    if (!value) continue;
    evidence[i].Observe(value->empty() ? InferredKind::kString
                                       : ClassifyValue(files[i].partition[index].name, *value),
                        *value);
  }
  return evidence;
}

}  // namespace

std::vector<ColumnExplanation> ExplainColumns(const std::vector<LandingFile>& files,
                                              const std::vector<const InferredType*>& evidence,
                                              const InferredTable& table, const std::string& root) {
  std::vector<ColumnExplanation> explanations;
  Explainer explainer(root, explanations);
  const size_t first_partition = table.columns.size() - table.partition_fields.size();
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const Field& field = table.columns[i];
    std::vector<Source> sources;
    if (i >= first_partition) {
      const std::vector<InferredType> values = PartitionEvidence(files, i - first_partition);
      for (size_t k = 0; k < files.size(); ++k) sources.push_back({&files[k], &values[k]});
      explainer.Explain(field.name, field, sources);
      ColumnExplanation& explanation = explanations.back();
      if (!explanation.conflict && explanation.value_count > 0) explanation.confidence = 1;
      explanation.reason = "partition, of folders' names: " + explanation.reason;
      continue;
    }
    for (size_t k = 0; k < files.size(); ++k) {
      const InferredType* type = evidence[k]->FindPart(field.name, i);
      if (type != nullptr) sources.push_back({&files[k], type});
    }
    explainer.Explain(field.name, field, sources);
  }
  return explanations;
}

}  // namespace tarn::catalog
