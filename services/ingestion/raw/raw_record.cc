#include "services/ingestion/raw/raw_record.h"

#include <charconv>
#include <optional>

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "services/ingestion/record/record_check.h"

namespace tarn::ingestion {
namespace {

constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%E6SZ";
constexpr std::string_view kArrival = "{\"arrived\":\"";
constexpr std::string_view kLog = "\",\"log\":\"";
constexpr std::string_view kPosition = "\",\"position\":";
constexpr std::string_view kRecord = ",\"record\":";
constexpr std::string_view kPayload = ",\"payload\":\"";

bool Skip(std::string_view& rest, std::string_view expected) {
  if (rest.substr(0, expected.size()) != expected) return false;
  rest.remove_prefix(expected.size());
  return true;
}

// What stands before the next quote, which stays.
std::optional<std::string_view> UntilQuote(std::string_view rest) {
  const size_t end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

// A line feed would end the line, and some readers take a carriage return for one.
bool FitsOnALine(std::string_view payload) {
  return payload.find_first_of("\n\r") == std::string_view::npos && !CheckRecord(payload);
}

std::optional<RawRecord> Parse(std::string_view rest) {
  RawRecord record;
  if (!Skip(rest, kArrival)) return std::nullopt;
  const std::optional<std::string_view> arrival = UntilQuote(rest);
  if (!arrival || !absl::ParseTime(kTimeFormat, std::string(*arrival), &record.arrival, nullptr)) {
    return std::nullopt;
  }
  rest.remove_prefix(arrival->size());
  if (!Skip(rest, kLog)) return std::nullopt;
  const std::optional<std::string_view> log = UntilQuote(rest);
  if (!log) return std::nullopt;
  record.log_id = *log;
  rest.remove_prefix(log->size());
  if (!Skip(rest, kPosition)) return std::nullopt;
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), record.position);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  if (Skip(rest, kRecord)) {
    if (rest.size() < 2 || rest.back() != '}') return std::nullopt;
    record.payload = rest.substr(0, rest.size() - 1);
    return record;
  }
  if (!Skip(rest, kPayload) || rest.size() < 2 || rest.substr(rest.size() - 2) != "\"}") {
    return std::nullopt;
  }
  rest.remove_suffix(2);
  if (!absl::Base64Unescape(absl::string_view(rest.data(), rest.size()), &record.payload)) {
    return std::nullopt;
  }
  return record;
}

}  // namespace

void AppendRawLine(const ArrivedLine& record, std::string& out) {
  out.append(kArrival);
  out.append(absl::FormatTime(kTimeFormat, record.arrival, absl::UTCTimeZone()));
  out.append(kLog).append(record.log_id).append(kPosition);
  out.append(std::to_string(record.position));
  if (FitsOnALine(record.payload)) {
    out.append(kRecord).append(record.payload).append("}\n");
  } else {
    out.append(kPayload)
        .append(absl::Base64Escape(absl::string_view(record.payload.data(), record.payload.size())))
        .append("\"}\n");
  }
}

absl::StatusOr<RawRecord> ParseRawLine(std::string_view line) {
  std::optional<RawRecord> record = Parse(line);
  if (record) return *std::move(record);
  return MakeError(absl::StatusCode::kDataLoss, "RAW_COPY_DAMAGED",
                   absl::StrCat("is no line of a raw copy: ", std::string(line.substr(0, 60)),
                                line.size() > 60 ? "…" : ""));
}

}  // namespace tarn::ingestion
