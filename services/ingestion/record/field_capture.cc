#include "services/ingestion/record/field_capture.h"

namespace tarn::ingestion {

void FieldCapture::Begin() {
  text_.clear();
  levels_.assign(1, {Container::kObject, {}});
}

void FieldCapture::Enter(Container container, std::string_view name) {
  levels_.push_back({container, name});
}

void FieldCapture::EnterElement(Container container, size_t index) {
  levels_.push_back({container, {}, index});
}

void FieldCapture::Leave() {
  if (levels_.back().open) text_ += IsArray(levels_.back()) ? ']' : '}';
  levels_.pop_back();
}

void FieldCapture::Add(std::string_view name, std::string_view value) {
  Open(levels_.size() - 1);
  BeginItem(levels_.back(), name, 0);
  text_ += value;
}

const std::string& FieldCapture::Finish() {
  Leave();
  return text_;
}

void FieldCapture::Open(size_t depth) {
  Level& level = levels_[depth];
  if (level.open) return;
  if (depth > 0) {
    Open(depth - 1);
    BeginItem(levels_[depth - 1], level.name, level.index);
  }
  text_ += IsArray(level) ? '[' : '{';
  level.open = true;
}

void FieldCapture::BeginItem(Level& parent, std::string_view name, size_t index) {
  const auto next = [&] {
    if (parent.written++ > 0) text_ += ',';
  };
  if (!IsArray(parent)) {
    next();
    text_ += '"';
    text_ += name;
    text_ += "\":";
    return;
  }
  while (parent.written < index) {
    next();
    text_ += parent.container == Container::kArrayOfArrays ? "[]" : "{}";
  }
  next();
}

}  // namespace tarn::ingestion
