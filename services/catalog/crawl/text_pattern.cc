#include "services/catalog/crawl/text_pattern.h"

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/text_file.h"
#include "services/catalog/crawl/text_value.h"

namespace tarn::catalog {
namespace {

constexpr size_t kMaxPatternBytes = 4000;
// Of the line, in an error.
constexpr size_t kShownBytes = 80;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

absl::Status Invalid(std::string_view what) {
  return InvalidArgument("INVALID_PATTERN", std::string(what));
}

absl::Status Corrupt(int64_t line, std::string_view problem) {
  return InvalidArgument("CORRUPT_FILE", absl::StrCat("line ", line, ": ", std::string(problem)));
}

std::string Shown(std::string_view line) {
  const std::string_view start = line.substr(0, kShownBytes);
  return std::string(start.substr(0, Utf8Prefix(start)));
}

}  // namespace

TextPattern::TextPattern(std::unique_ptr<re2::RE2> expression, std::vector<Column> columns)
    : expression_(std::move(expression)), columns_(std::move(columns)) {}
TextPattern::TextPattern(TextPattern&& other) noexcept = default;
TextPattern::~TextPattern() = default;

absl::StatusOr<TextPattern> TextPattern::Create(const std::string& pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return Invalid(absl::StrCat("has more than ", kMaxPatternBytes, " bytes"));
  }
  RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_unique<RE2>(pattern, options);
  if (!expression->ok()) return Invalid("is no regular expression: " + expression->error());
  std::vector<Column> columns;
  for (const auto& [group, name] : expression->CapturingGroupNames()) {
    columns.push_back({group, name});
  }
  if (columns.empty()) return Invalid("has no named group (?P<name>…) that would be a column");
  return TextPattern(std::move(expression), std::move(columns));
}

absl::Status TextPattern::VisitFields(std::istream& in, char comment,
                                      const FieldsVisitor& visit) const {
  std::vector<re2::StringPiece> groups(static_cast<size_t>(expression_->NumberOfCapturingGroups()) +
                                       1);
  std::vector<std::string_view> fields(columns_.size());
  std::string text;
  for (int64_t number = 1;; ++number) {
    const absl::StatusOr<bool> more = ReadLine(in, kMaxLineBytes, text);
    if (!more.ok()) return Corrupt(number, std::string(more.status().message()));
    if (!*more) return absl::OkStatus();
    std::string_view line = text;
    if (number == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (line.empty() || (comment != '\0' && line.front() == comment)) continue;
    const re2::StringPiece piece(line.data(), line.size());
    if (!expression_->Match(piece, 0, piece.size(), RE2::ANCHOR_BOTH, groups.data(),
                            static_cast<int>(groups.size()))) {
      return Corrupt(number, "the pattern does not fit \"" + Shown(line) + "\"");
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      const re2::StringPiece& group = groups[static_cast<size_t>(columns_[i].group)];
      fields[i] = std::string_view(group.data(), group.size());
    }
    TARN_RETURN_IF_ERROR(visit(fields));
  }
}

absl::StatusOr<ScannedFile> TextPattern::Scan(std::istream& in, char comment) const {
  ScannedFile file;
  std::vector<bool> is_code;
  for (const Column& column : columns_) {
    file.columns.parts.emplace_back(column.name, InferredType{});
    is_code.push_back(IsCodeName(column.name));
  }
  TARN_RETURN_IF_ERROR(
      VisitFields(in, comment, [&](const std::vector<std::string_view>& fields) -> absl::Status {
        ++file.row_count;
        for (size_t i = 0; i < fields.size(); ++i) {
          if (fields[i].empty()) continue;
          file.columns.parts[i].second.Observe(
              is_code[i] ? InferredKind::kString : ClassifyText(fields[i]), fields[i]);
        }
        return absl::OkStatus();
      }));
  return file;
}

absl::Status TextPattern::VisitRows(
    std::istream& in, char comment,
    const std::function<absl::Status(const std::string& row)>& visit) const {
  return VisitFields(in, comment, [&](const std::vector<std::string_view>& fields) -> absl::Status {
    nlohmann::json row = nlohmann::json::object();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!fields[i].empty()) row[columns_[i].name] = std::string(fields[i]);
    }
    return visit(row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  });
}

}  // namespace tarn::catalog
