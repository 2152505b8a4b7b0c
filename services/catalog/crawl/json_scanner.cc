#include "services/catalog/crawl/json_scanner.h"

#include <streambuf>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/text_file.h"

namespace tarn::catalog {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMaxDepth = 100;

// The bytes of a stream, which ends where more than kMaxLineBytes follow one another without a
// mark: the parser would gather a token of any length.
class BoundedBuffer : public std::streambuf {
 public:
  explicit BoundedBuffer(std::streambuf& in) : in_(in), block_(64 * 1024) {}

  // An element ends here.
  void Mark() { unmarked_ = 0; }
  bool exceeded() const { return unmarked_ > kMaxLineBytes; }

 protected:
  int_type underflow() override {
    if (exceeded()) return traits_type::eof();
    const std::streamsize got =
        in_.sgetn(block_.data(), static_cast<std::streamsize>(block_.size()));
    if (got <= 0) return traits_type::eof();
    unmarked_ += static_cast<size_t>(got);
    setg(block_.data(), block_.data(), block_.data() + got);
    return traits_type::to_int_type(block_.front());
  }

 private:
  std::streambuf& in_;
  std::vector<char> block_;
  size_t unmarked_ = 0;
};

// Takes the parser's events and widens the types of `rows` by them. Below what has become text,
// events go to a scrap that nobody reads.
class ShapeReader : public nlohmann::json_sax<json> {
 public:
  // With `elements`, the outermost value is an array of rows, each of which is marked; else it is
  // one row. `columns` counts the file's.
  ShapeReader(ScannedFile& file, size_t& columns, BoundedBuffer* elements = nullptr)
      : file_(file), columns_(columns), elements_(elements), array_(elements != nullptr) {}

  bool null() override { return Scalar(InferredKind::kNothing, {}); }
  bool boolean(bool value) override {
    return Scalar(InferredKind::kBoolean, value ? "true" : "false");
  }
  bool number_integer(int64_t value) override {
    return Scalar(InferredKind::kLong, absl::StrCat(value));
  }
  bool number_unsigned(uint64_t value) override {
    return Scalar(value <= INT64_MAX ? InferredKind::kLong : InferredKind::kString,
                  absl::StrCat(value));
  }
  bool number_float(double, const std::string& text) override {
    const bool whole = text.find_first_of(".eE") == std::string::npos;
    return Scalar(whole ? InferredKind::kString : InferredKind::kDouble, text);
  }
  bool string(std::string& text) override { return Scalar(InferredKind::kString, text); }
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

  // Where the next value goes; null when there are too many columns.
  InferredType* Target() {
    Level& top = stack_.back();
    if (top.type == &scrap_) return &scrap_;
    const size_t before = top.type->parts.size();
    InferredType& part =
        top.type->Part(top.type->kind == InferredKind::kList ? "element" : top.key);
    columns_ += top.type->parts.size() - before;
    return columns_ <= kMaxColumns ? &part : nullptr;
  }

  bool FailForColumns() {
    return Fail(absl::StrCat("there are more than ", kMaxColumns,
                             " different fields up to here; do names hold what should be values?"));
  }

  bool Scalar(InferredKind kind, std::string_view text) {
    if (stack_.empty()) return Fail(array_ ? "an element is not an object" : "is not an object");
    InferredType* target = Target();
    if (target == nullptr) return FailForColumns();
    if (target != &scrap_) target->Observe(kind, text);
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
    InferredType* target = Target();
    if (target == nullptr) return FailForColumns();
    if (target != &scrap_ && !target->ObserveNested(kind)) target = &scrap_;
    stack_.push_back({target, ""});
    return true;
  }

  bool Close() {
    stack_.pop_back();
    if (stack_.empty() && elements_ != nullptr) elements_->Mark();
    return true;
  }

  ScannedFile& file_;
  size_t& columns_;
  BoundedBuffer* const elements_;
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

// Where a position in a stream that was read lies.
struct Place {
  std::string text;  // line and column, both from 1
  bool behind_end = false;
};

Place PlaceOf(std::istream& in, std::size_t position) {
  in.clear();
  in.seekg(0);
  int64_t line = 1, column = 0;
  std::size_t read = 0;
  for (char c = 0; read + 1 < position && in.get(c); ++read) {
    ++column;
    if (c == '\n') {
      ++line;
      column = 0;
    }
  }
  const bool behind_end = in.peek() == std::istream::traits_type::eof();
  return {absl::StrCat("line ", line, ", column ", column + 1), behind_end};
}

}  // namespace

absl::StatusOr<ScannedFile> ScanJsonLines(std::istream& in) {
  ScannedFile file;
  size_t columns = 0;
  std::string text;
  for (int64_t line = 1;; ++line) {
    const absl::StatusOr<bool> more = ReadLine(in, kMaxLineBytes, text);
    if (!more.ok())
      return Corrupt(absl::StrCat("line ", line), std::string(more.status().message()));
    if (!*more) break;
    std::string_view row = text;
    if (line == 1 && row.starts_with(kByteOrderMark)) {
      row.remove_prefix(kByteOrderMark.size());
      file.needs_copy = true;
    }
    if (IsBlank(row)) continue;
    ShapeReader reader(file, columns);
    if (json::sax_parse(row, &reader)) continue;
    const std::string where = absl::StrCat("line ", line);
    if (reader.error_position == 0) return Corrupt(where, reader.problem);
    if (reader.error_position > row.size()) {
      return Corrupt(where, "the JSON object ends in the middle; the line is cut off");
    }
    return Corrupt(absl::StrCat(where, ", column ", reader.error_position), "this is not JSON");
  }
  return file;
}

absl::StatusOr<ScannedFile> ScanJsonArray(std::istream& in) {
  ScannedFile file;
  std::string mark(kByteOrderMark.size(), '\0');
  in.read(mark.data(), static_cast<std::streamsize>(mark.size()));
  file.needs_copy = in && mark == kByteOrderMark;
  in.clear();
  in.seekg(0);
  size_t columns = 0;
  BoundedBuffer elements(*in.rdbuf());
  std::istream bounded(&elements);
  ShapeReader reader(file, columns, &elements);
  if (json::sax_parse(bounded, &reader)) return file;
  if (elements.exceeded()) {
    return Corrupt(absl::StrCat("element ", file.row_count),
                   absl::StrCat("is longer than ", kMaxLineBytes >> 20, " MiB"));
  }
  if (reader.error_position == 0) {
    return Corrupt(absl::StrCat("element ", file.row_count + 1), reader.problem);
  }
  const Place place = PlaceOf(in, reader.error_position);
  return Corrupt(place.text, place.behind_end
                                 ? "the JSON array ends in the middle; the file is cut off"
                                 : "this is not JSON");
}

}  // namespace tarn::catalog
