#include "services/catalog/crawl/csv_scanner.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/text_value.h"

namespace tarn::catalog {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr int kSampleRows = 200;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

absl::Status Corrupt(int64_t line, std::string_view problem) {
  return InvalidArgument("CORRUPT_FILE", absl::StrCat("line ", line, ": ", std::string(problem)));
}

// The automaton behind VisitCsvRows: takes one character after the other.
class RowReader {
 public:
  RowReader(const CsvDialect& dialect, const CsvRowVisitor& visit)
      : dialect_(dialect), visit_(visit) {}

  absl::Status Take(char c) {
    if (skip_line_feed_) {
      skip_line_feed_ = false;
      if (c == '\n') return absl::OkStatus();
    }
    if (++row_bytes_ > kMaxCsvRowBytes) return TooLong();
    switch (state_) {
      case State::kComment:
        if (c == '\n' || c == '\r') {
          skip_line_feed_ = c == '\r';
          BeginRow();
        }
        row_bytes_ = 0;
        return absl::OkStatus();
      case State::kFieldStart:
        if (c == dialect_.comment && c != '\0' && fields_.empty()) {
          state_ = State::kComment;
          return absl::OkStatus();
        }
        if (c == dialect_.quote) {
          state_ = State::kQuoted;
          quote_line_ = line_;
          return absl::OkStatus();
        }
        state_ = State::kPlain;
        [[fallthrough]];
      case State::kPlain:
        return TakePlain(c);
      case State::kQuoted:
        if (c == dialect_.escape && dialect_.escape != dialect_.quote) {
          state_ = State::kEscaped;
        } else if (c == dialect_.quote) {
          state_ = State::kQuoteEnd;
        } else {
          if (c == '\n') ++line_;
          field_.push_back(c);
        }
        return absl::OkStatus();
      case State::kEscaped:
        field_.push_back(c);
        state_ = State::kQuoted;
        return absl::OkStatus();
      case State::kQuoteEnd:
        if (c == dialect_.quote && dialect_.escape == dialect_.quote) {
          field_.push_back(c);
          state_ = State::kQuoted;
          return absl::OkStatus();
        }
        if (c != dialect_.delimiter && c != '\n' && c != '\r') {
          return Corrupt(line_, absl::StrCat("field ", fields_.size() + 1,
                                             " has text after its closing quote"));
        }
        return TakePlain(c);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (state_ == State::kQuoted || state_ == State::kEscaped) {
      return Corrupt(quote_line_, "a quoted field begins here and does not end");
    }
    if (state_ == State::kComment) return absl::OkStatus();
    if (state_ != State::kFieldStart || !fields_.empty()) EndRow();
    return absl::OkStatus();
  }

  bool stopped() const { return stopped_; }

 private:
  enum class State { kFieldStart, kPlain, kQuoted, kEscaped, kQuoteEnd, kComment };

  absl::Status TakePlain(char c) {
    if (c == dialect_.delimiter) {
      EndField();
    } else if (c == '\n' || c == '\r') {
      skip_line_feed_ = c == '\r';
      EndRow();
      BeginRow();
    } else {
      field_.push_back(c);
    }
    return absl::OkStatus();
  }

  absl::Status TooLong() const {
    const bool quoted = state_ == State::kQuoted || state_ == State::kEscaped;
    return Corrupt(quoted ? quote_line_ : row_line_,
                   absl::StrCat(quoted ? "a quoted field begins here; its row" : "the row",
                                " is longer than ", kMaxCsvRowBytes >> 20, " MiB"));
  }

  void BeginRow() {
    state_ = State::kFieldStart;
    row_line_ = ++line_;
    row_bytes_ = 0;
  }

  void EndField() {
    fields_.push_back(std::move(field_));
    field_.clear();
    state_ = State::kFieldStart;
  }

  void EndRow() {
    const bool quoted = state_ == State::kQuoteEnd;
    EndField();
    if (fields_.size() > 1 || !fields_[0].empty() || quoted) {
      stopped_ = !visit_(row_line_, fields_);
    }
    fields_.clear();
  }

  const CsvDialect dialect_;
  const CsvRowVisitor& visit_;
  State state_ = State::kFieldStart;
  bool skip_line_feed_ = false;
  bool stopped_ = false;
  int64_t line_ = 1;
  int64_t row_line_ = 1;
  int64_t quote_line_ = 1;
  size_t row_bytes_ = 0;
  std::string field_;
  std::vector<std::string> fields_;
};

absl::Status CheckHeader(const std::vector<std::string>& fields,
                         const std::vector<std::string>& names) {
  const std::vector<std::string> found = ColumnNames(fields, /*header=*/true);
  if (found.size() != names.size()) {
    return Corrupt(1, absl::StrCat("the header names ", found.size(),
                                   " columns, where the table's files have ", names.size()));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (found[i] == names[i]) continue;
    return Corrupt(1, absl::StrCat("column ", i + 1, " is called \"", found[i],
                                   "\", where the table's files call it \"", names[i], "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VisitCsvRows(std::istream& in, const CsvDialect& dialect, const CsvRowVisitor& visit) {
  RowReader reader(dialect, visit);
  std::vector<char> block(kBlockBytes);
  bool first = true;
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    std::string_view text(block.data(), static_cast<size_t>(in.gcount()));
    if (first && text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      text.remove_prefix(kByteOrderMark.size());
    }
    first = false;
    for (const char c : text) {
      TARN_RETURN_IF_ERROR(reader.Take(c));
      if (reader.stopped()) return absl::OkStatus();
    }
  }
  if (in.bad()) return FailedPrecondition("FILE_IO", "the file cannot be read");
  return reader.Finish();
}

std::string CsvRow(const CsvDialect& dialect, const std::vector<std::string>& fields) {
  std::string row;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) row.push_back(dialect.delimiter);
    row.push_back(dialect.quote);
    for (const char c : fields[i]) {
      if (c == dialect.quote || c == dialect.escape) row.push_back(dialect.escape);
      row.push_back(c);
    }
    row.push_back(dialect.quote);
  }
  row.push_back('\n');
  return row;
}

char DetectDelimiter(std::string_view sample, char quote, char comment) {
  // By the rows that have as many fields as the first one; of two delimiters that divide all rows
  // evenly, the one that makes more fields, and then the rarer one (1;2,5 has decimal commas).
  struct Score {
    int even_rows = 0;
    size_t fields = 0;
  };
  char best = ',';
  Score best_score;
  for (const char delimiter : {'\t', '|', ';', ','}) {
    std::istringstream in{std::string(sample)};
    Score score;
    int rows = 0;
    // The sample may end inside a row: an error there does not matter.
    VisitCsvRows(in, {delimiter, quote, quote, comment},
                 [&](int64_t, const std::vector<std::string>& row) {
                   if (rows == 0) score.fields = row.size();
                   if (row.size() == score.fields) ++score.even_rows;
                   return ++rows < kSampleRows;
                 })
        .IgnoreError();
    if (score.fields < 2) continue;
    if (score.even_rows > best_score.even_rows ||
        (score.even_rows == best_score.even_rows && score.fields > best_score.fields)) {
      best = delimiter;
      best_score = score;
    }
  }
  return best;
}

bool LooksLikeHeader(const std::vector<std::string>& first_row) {
  std::set<std::string> seen;
  for (const std::string& field : first_row) {
    const std::string name(absl::StripAsciiWhitespace(field));
    if (name.empty() || ClassifyText(name) != InferredKind::kString) return false;
    const unsigned char first = static_cast<unsigned char>(name.front());
    if (!absl::ascii_isalpha(first) && first != '_' && first < 0x80) return false;
    if (!seen.insert(absl::AsciiStrToLower(name)).second) return false;
  }
  return true;
}

std::vector<std::string> ColumnNames(const std::vector<std::string>& first_row, bool header) {
  std::vector<std::string> names;
  std::map<std::string, int> seen;
  for (size_t i = 0; i < first_row.size(); ++i) {
    std::string name = header ? std::string(absl::StripAsciiWhitespace(first_row[i])) : "";
    if (name.empty()) name = absl::StrCat("column_", i + 1);
    const int times = ++seen[absl::AsciiStrToLower(name)];
    if (times > 1) absl::StrAppend(&name, "_", times);
    names.push_back(std::move(name));
  }
  return names;
}

absl::StatusOr<ScannedFile> ScanCsv(std::istream& in, const CsvDialect& dialect, bool header,
                                    const std::string& null_text,
                                    const std::vector<std::string>& names) {
  ScannedFile scanned;
  std::vector<bool> is_code;
  for (const std::string& name : names) {
    scanned.columns.parts.emplace_back(name, InferredType{});
    is_code.push_back(IsCodeName(name));
  }
  absl::Status problem;
  bool first = true;
  const absl::Status read =
      VisitCsvRows(in, dialect, [&](int64_t line, const std::vector<std::string>& fields) {
        if (first && header) {
          first = false;
          problem = CheckHeader(fields, names);
          return problem.ok();
        }
        first = false;
        if (fields.size() != names.size()) {
          problem = Corrupt(
              line,
              absl::StrCat(fields.size(), " fields, where the table's files have ", names.size()));
          return false;
        }
        ++scanned.row_count;
        for (size_t i = 0; i < fields.size(); ++i) {
          InferredType& column = scanned.columns.parts[i].second;
          if (fields[i].empty() || fields[i] == null_text) continue;
          column.Observe(is_code[i] ? InferredKind::kString : ClassifyText(fields[i]), fields[i]);
        }
        return true;
      });
  TARN_RETURN_IF_ERROR(problem);
  TARN_RETURN_IF_ERROR(read);
  return scanned;
}

}  // namespace tarn::catalog
