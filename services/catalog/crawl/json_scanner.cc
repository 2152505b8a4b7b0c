#include "services/catalog/crawl/json_scanner.h"

#include <string>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::catalog {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMaxDepth = 100;

// Takes the parser's events and widens the types of `rows` by them. Below what has become text,
// events go to a scrap that nobody reads.
class ShapeReader : public nlohmann::json_sax<json> {
 public:
  // With `array`, the outermost value is an array of rows; else it is one row.
  ShapeReader(ScannedFile& file, bool array) : file_(file), array_(array) {}

  bool null() override { return Scalar(InferredKind::kNothing); }
  bool boolean(bool) override { return Scalar(InferredKind::kBoolean); }
  bool number_integer(int64_t) override { return Scalar(InferredKind::kLong); }
  bool number_unsigned(uint64_t value) override {
    return Scalar(value <= INT64_MAX ? InferredKind::kLong : InferredKind::kString);
  }
  bool number_float(double, const std::string& text) override {
    const bool whole = text.find_first_of(".eE") == std::string::npos;
    return Scalar(whole ? InferredKind::kString : InferredKind::kDouble);
  }
  bool string(std::string&) override { return Scalar(InferredKind::kString); }
  bool binary(json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return Open(InferredKind::kStruct); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override {
    if (array_ && !in_array_) return in_array_ = true;
    return Open(InferredKind::kList);
  }
  bool end_array() override {
    if (stack_.empty()) return true;
    return Close();
  }
  bool key(std::string& name) override {
    stack_.back().key = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_position = position;
    problem = "is not JSON";
    return false;
  }

  std::size_t error_position = 0;
  std::string problem;

 private:
  struct Level {
    InferredType* type;
    std::string key;
  };

  bool Fail(std::string what) {
    problem = std::move(what);
    return false;
  }

  InferredType& Target() {
    Level& top = stack_.back();
    if (top.type == &scrap_) return scrap_;
    return top.type->Part(top.type->kind == InferredKind::kList ? "element" : top.key);
  }

  bool Scalar(InferredKind kind) {
    if (stack_.empty()) return Fail(array_ ? "an element is not an object" : "is not an object");
    InferredType& target = Target();
    if (&target != &scrap_) target.Observe(kind);
    return true;
  }

  bool Open(InferredKind kind) {
    if (stack_.size() >= kMaxDepth) return Fail("values are nested more than 100 deep");
    if (stack_.empty()) {
      if (kind != InferredKind::kStruct || (array_ && !in_array_)) {
        return Fail(array_ ? "an element is not an object" : "is not an object");
      }
      ++file_.row_count;
      stack_.push_back({&file_.columns, ""});
      return true;
    }
    InferredType* target = &Target();
    if (target != &scrap_ && !target->ObserveNested(kind)) target = &scrap_;
    stack_.push_back({target, ""});
    return true;
  }

  bool Close() {
    stack_.pop_back();
    return true;
  }

  ScannedFile& file_;
  const bool array_;
  bool in_array_ = false;
  std::vector<Level> stack_;
  InferredType scrap_;
};

absl::Status Corrupt(std::string where, std::string_view problem) {
  return InvalidArgument("CORRUPT_FILE", absl::StrCat(where, ": ", std::string(problem)));
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Line and column of a position in a file that was read, both from 1.
std::string LineOf(std::istream& in, std::size_t position) {
  in.clear();
  in.seekg(0);
  int64_t line = 1, column = 0;
  char c = 0;
  for (std::size_t i = 0; i + 1 < position && in.get(c); ++i) {
    ++column;
    if (c == '\n') {
      ++line;
      column = 0;
    }
  }
  return absl::StrCat("line ", line, ", column ", column + 1);
}

}  // namespace

absl::StatusOr<ScannedFile> ScanJsonLines(std::istream& in) {
  ScannedFile file;
  std::string text;
  for (int64_t line = 1; std::getline(in, text); ++line) {
    std::string_view row = text;
    if (line == 1 && row.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      row.remove_prefix(kByteOrderMark.size());
      file.byte_order_mark = true;
    }
    if (IsBlank(row)) continue;
    ShapeReader reader(file, /*array=*/false);
    if (json::sax_parse(row, &reader)) continue;
    const std::string where = absl::StrCat("line ", line);
    if (reader.error_position == 0) return Corrupt(where, reader.problem);
    if (reader.error_position > row.size()) {
      return Corrupt(where, "the JSON object ends in the middle; the line is cut off");
    }
    return Corrupt(absl::StrCat(where, ", column ", reader.error_position), "this is not JSON");
  }
  if (in.bad()) return FailedPrecondition("FILE_IO", "the file cannot be read");
  return file;
}

absl::StatusOr<ScannedFile> ScanJsonArray(std::istream& in) {
  ScannedFile file;
  std::string mark(kByteOrderMark.size(), '\0');
  in.read(mark.data(), static_cast<std::streamsize>(mark.size()));
  file.byte_order_mark = in && mark == kByteOrderMark;
  in.clear();
  in.seekg(0);
  ShapeReader reader(file, /*array=*/true);
  if (json::sax_parse(in, &reader)) return file;
  if (reader.error_position == 0) {
    return Corrupt(absl::StrCat("element ", file.row_count + 1), reader.problem);
  }
  in.clear();
  in.seekg(0, std::ios::end);
  const bool cut_off = static_cast<std::streamoff>(reader.error_position) > in.tellg();
  return Corrupt(
      LineOf(in, reader.error_position),
      cut_off ? "the JSON array ends in the middle; the file is cut off" : "this is not JSON");
}

}  // namespace tarn::catalog
