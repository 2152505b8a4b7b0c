#include "services/catalog/history/schema_comparison.h"

#include <algorithm>
#include <unordered_map>

#include <absl/strings/ascii.h>

namespace tarn::catalog {
namespace {

// The fields of one level, to be found by those of another schema.
class FieldIndex {
 public:
  FieldIndex(const std::vector<Field>& fields, MatchBy match) : match_(match) {
    for (const Field& field : fields) by_key_.emplace(KeyOf(field), &field);
  }

  const Field* Find(const Field& wanted) const {
    const auto found = by_key_.find(KeyOf(wanted));
    return found == by_key_.end() ? nullptr : found->second;
  }

 private:
  std::string KeyOf(const Field& field) const {
    return match_ == MatchBy::kId ? std::to_string(field.id) : absl::AsciiStrToLower(field.name);
  }

  const MatchBy match_;
  std::unordered_map<std::string, const Field*> by_key_;
};

// Which of `places` (all different) are not part of a longest run that ascends: with these taken
// out, the others stand in their old order.
std::vector<bool> OutOfOrder(const std::vector<size_t>& places) {
  const size_t count = places.size();
  // Where the best run of each length ends so far, and what stands before each place in its run.
  std::vector<size_t> ends;
  std::vector<size_t> previous(count, count);
  for (size_t i = 0; i < count; ++i) {
    const auto longer = std::lower_bound(ends.begin(), ends.end(), i,
                                         [&](size_t a, size_t b) { return places[a] < places[b]; });
    if (longer != ends.begin()) previous[i] = *(longer - 1);
    if (longer == ends.end()) {
      ends.push_back(i);
    } else {
      *longer = i;
    }
  }
  std::vector<bool> out(count, true);
  for (size_t i = ends.empty() ? count : ends.back(); i < count; i = previous[i]) out[i] = false;
  return out;
}

std::string Requiredness(const Field& field) { return field.required ? "required" : "optional"; }

class Comparison {
 public:
  explicit Comparison(MatchBy match) : match_(match) {}

  void Compare(const std::vector<Field>& before, const std::vector<Field>& after,
               const std::string& prefix) {
    const FieldIndex olds(before, match_);
    const FieldIndex news(after, match_);
    // Of the fields that both have, in the second's order: their places in the first.
    std::vector<size_t> places;
    for (const Field& field : after) {
      if (const Field* old = olds.Find(field); old != nullptr) {
        places.push_back(static_cast<size_t>(old - before.data()));
      }
    }
    const std::vector<bool> moved = OutOfOrder(places);
    size_t common = 0;
    for (const Field& field : after) {
      const std::string path = prefix + field.name;
      const Field* old = olds.Find(field);
      if (old == nullptr) {
        Add(FieldChangeKind::kAdded, path, field, "", FormatColumnType(field.type));
        continue;
      }
      CompareField(*old, field, path);
      if (moved[common++]) {
        Add(FieldChangeKind::kMoved, path, field, PlaceOf(before, *old), PlaceOf(after, field));
      }
      Compare(old->fields, field.fields, path + ".");
    }
    for (const Field& old : before) {
      if (news.Find(old) != nullptr) continue;
      Add(FieldChangeKind::kDropped, prefix + old.name, old, FormatColumnType(old.type), "");
    }
  }

  std::vector<FieldChange> Take() { return std::move(changes_); }

 private:
  static std::string PlaceOf(const std::vector<Field>& fields, const Field& field) {
    return std::to_string(&field - fields.data() + 1);
  }

  void Add(FieldChangeKind kind, const std::string& path, const Field& field, std::string before,
           std::string after) {
    changes_.push_back({kind, path, field.id, std::move(before), std::move(after)});
  }

  void CompareField(const Field& old, const Field& field, const std::string& path) {
    if (old.name != field.name) Add(FieldChangeKind::kRenamed, path, field, old.name, field.name);
    if (old.type != field.type) {
      // A long becomes a double where its values allow it (schema_evolution.h), which `widened`
      // tells.
      const bool widened =
          match_ == MatchBy::kId && (CanWiden(old.type, field.type) || field.widened);
      Add(widened ? FieldChangeKind::kWidened : FieldChangeKind::kRetyped, path, field,
          FormatColumnType(old.type), FormatColumnType(field.type));
    }
    if (old.required != field.required) {
      Add(FieldChangeKind::kRequiredness, path, field, Requiredness(old), Requiredness(field));
    }
    if (old.doc != field.doc) Add(FieldChangeKind::kDocumented, path, field, old.doc, field.doc);
  }

  const MatchBy match_;
  std::vector<FieldChange> changes_;
};

}  // namespace

std::vector<FieldChange> CompareFields(const std::vector<Field>& before,
                                       const std::vector<Field>& after, MatchBy match) {
  Comparison comparison(match);
  comparison.Compare(before, after, "");
  return comparison.Take();
}

}  // namespace tarn::catalog
