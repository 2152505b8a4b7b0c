#include "services/catalog/typed_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/time/civil_time.h>

namespace tarn::catalog {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// Reads fixed-width fields from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool Digits(size_t min, size_t max, int64_t& value) {
    size_t n = 0;
    value = 0;
    while (n < rest_.size() && n < max && absl::ascii_isdigit(rest_[n])) {
      value = value * 10 + (rest_[n++] - '0');
    }
    if (n < min) return false;
    rest_.remove_prefix(n);
    return true;
  }
  bool Eat(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool ReadDate(Reader& in, int64_t& days) {
  int64_t year, month, day;
  if (!in.Digits(4, 4, year) || !in.Eat('-') || !in.Digits(2, 2, month) || !in.Eat('-') ||
      !in.Digits(2, 2, day)) {
    return false;
  }
  const absl::CivilDay civil(year, month, day);
  if (civil.year() != year || civil.month() != month || civil.day() != day) return false;
  days = civil - absl::CivilDay(1970, 1, 1);
  return true;
}

// hh:mm[:ss[.ffffff]]; digits beyond micros make it unknown, since rounding is not ours to guess.
bool ReadTime(Reader& in, int64_t& micros) {
  int64_t hour, minute, second = 0, fraction = 0;
  if (!in.Digits(2, 2, hour) || !in.Eat(':') || !in.Digits(2, 2, minute)) return false;
  if (in.Eat(':')) {
    if (!in.Digits(2, 2, second)) return false;
    if (in.Eat('.')) {
      const size_t before = in.rest().size();
      if (!in.Digits(1, 6, fraction)) return false;
      for (size_t n = before - in.rest().size(); n < 6; ++n) fraction *= 10;
    }
  }
  if (hour > 24 || minute > 59 || second > 59) return false;
  micros = ((hour * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

// Z, +hh, +hhmm or +hh:mm.
bool ReadOffset(Reader& in, int64_t& micros) {
  micros = 0;
  if (in.Eat('Z') || in.Eat('z')) return true;
  const bool east = in.Eat('+');
  if (!east && !in.Eat('-')) return false;
  int64_t hour, minute = 0;
  if (!in.Digits(2, 2, hour)) return false;
  if (in.Eat(':') || !in.AtEnd()) {
    if (!in.Digits(2, 2, minute)) return false;
  }
  micros = (hour * 60 + minute) * 60 * kMicrosPerSecond * (east ? 1 : -1);
  return true;
}

std::optional<TypedValue> ParseMoment(std::string_view text, bool with_zone) {
  Reader in(text);
  int64_t days, time = 0, offset = 0;
  if (!ReadDate(in, days)) return std::nullopt;
  if (in.Eat(' ') || in.Eat('T')) {
    if (!ReadTime(in, time)) return std::nullopt;
  }
  if (with_zone && !ReadOffset(in, offset)) return std::nullopt;
  if (!in.AtEnd()) return std::nullopt;
  return TypedValue(days * kMicrosPerDay + time - offset);
}

std::optional<TypedValue> ParseDecimalText(std::string_view text) {
  DecimalText value;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    value.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const size_t point = std::min(text.find('.'), text.size());
  value.whole = text.substr(0, point);
  if (point < text.size()) value.fraction = text.substr(point + 1);
  const auto digits = [](const std::string& s) {
    return std::all_of(s.begin(), s.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
  };
  if (value.whole.size() + value.fraction.size() == 0 || !digits(value.whole) ||
      !digits(value.fraction)) {
    return std::nullopt;
  }
  value.whole.erase(0, std::min(value.whole.find_first_not_of('0'), value.whole.size()));
  value.fraction.erase(value.fraction.find_last_not_of('0') + 1);
  if (value.whole.empty() && value.fraction.empty()) value.negative = false;
  return TypedValue(std::move(value));
}

std::optional<TypedValue> ParseDouble(std::string_view text) {
  double value;
  if (!absl::SimpleAtod(absl::string_view(text.data(), text.size()), &value) ||
      !std::isfinite(value)) {
    return std::nullopt;
  }
  return TypedValue(value);
}

std::optional<TypedValue> ParseBoolean(std::string_view text) {
  const absl::string_view view(text.data(), text.size());
  if (view == "1" || absl::EqualsIgnoreCase(view, "true")) return TypedValue(int64_t{1});
  if (view == "0" || absl::EqualsIgnoreCase(view, "false")) return TypedValue(int64_t{0});
  return std::nullopt;
}

int64_t FloorDays(int64_t micros) {
  return micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
}

// The first moment of the year, month, day or hour that `micros` is in.
int64_t TruncateMoment(TransformKind kind, int64_t micros) {
  const int64_t days = FloorDays(micros);
  const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + days;
  if (kind == TransformKind::kYear) {
    return (absl::CivilDay(day.year(), 1, 1) - absl::CivilDay(1970, 1, 1)) * kMicrosPerDay;
  }
  if (kind == TransformKind::kMonth) {
    return (absl::CivilDay(day.year(), day.month(), 1) - absl::CivilDay(1970, 1, 1)) *
           kMicrosPerDay;
  }
  if (kind == TransformKind::kDay) return days * kMicrosPerDay;
  const int64_t hour_micros = kMicrosPerDay / 24;
  return days * kMicrosPerDay + (micros - days * kMicrosPerDay) / hour_micros * hour_micros;
}

// The first `width` characters of UTF-8 text.
std::string FirstCharacters(const std::string& text, int width) {
  size_t at = 0;
  for (int n = 0; n < width && at < text.size(); ++n) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return text.substr(0, at);
}

}  // namespace

std::strong_ordering operator<=>(const DecimalText& a, const DecimalText& b) {
  if (a.negative != b.negative) {
    return a.negative ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  std::strong_ordering magnitude = a.whole.size() <=> b.whole.size();
  if (magnitude == 0) magnitude = a.whole.compare(b.whole) <=> 0;
  if (magnitude == 0) magnitude = a.fraction.compare(b.fraction) <=> 0;
  return a.negative ? 0 <=> magnitude : magnitude;
}

std::optional<TypedValue> ParseTypedValue(const ColumnType& type, std::string_view text) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return ParseBoolean(text);
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kDecimal:
      return ParseDecimalText(text);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return ParseDouble(text);
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
      return ParseMoment(text, /*with_zone=*/false);
    case TypeKind::kTimestampTz:
      return ParseMoment(text, /*with_zone=*/true);
    case TypeKind::kTime: {
      Reader in(text);
      int64_t micros;
      if (!ReadTime(in, micros) || !in.AtEnd()) return std::nullopt;
      return TypedValue(micros);
    }
    case TypeKind::kString:
      return TypedValue(std::string(text));
    case TypeKind::kUuid:
      return TypedValue(absl::AsciiStrToLower(absl::string_view(text.data(), text.size())));
    default:
      return std::nullopt;
  }
}

std::optional<std::strong_ordering> CompareTypedValues(const TypedValue& a, const TypedValue& b) {
  if (a.index() != b.index()) return std::nullopt;
  if (const auto* x = std::get_if<int64_t>(&a)) return *x <=> std::get<int64_t>(b);
  if (const auto* x = std::get_if<DecimalText>(&a)) return *x <=> std::get<DecimalText>(b);
  if (const auto* x = std::get_if<std::string>(&a))
    return x->compare(std::get<std::string>(b)) <=> 0;
  const double x = std::get<double>(a), y = std::get<double>(b);
  return x < y   ? std::strong_ordering::less
         : x > y ? std::strong_ordering::greater
                 : std::strong_ordering::equal;
}

std::optional<TypedValue> ApplyTransform(const Transform& transform, const ColumnType& type,
                                         const TypedValue& value) {
  switch (transform.kind) {
    case TransformKind::kIdentity:
      return value;
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay:
    case TransformKind::kHour: {
      const auto* micros = std::get_if<int64_t>(&value);
      if (micros == nullptr) return std::nullopt;
      return TypedValue(TruncateMoment(transform.kind, *micros));
    }
    case TransformKind::kTruncate: {
      if (type.kind == TypeKind::kString) {
        const auto* text = std::get_if<std::string>(&value);
        if (text == nullptr) return std::nullopt;
        return TypedValue(FirstCharacters(*text, transform.parameter));
      }
      const auto* number = std::get_if<DecimalText>(&value);
      int64_t n;
      if (number == nullptr || type.kind == TypeKind::kDecimal || !number->fraction.empty() ||
          !absl::SimpleAtoi((number->negative ? "-" : "") +
                                (number->whole.empty() ? std::string("0") : number->whole),
                            &n)) {
        return std::nullopt;
      }
      const int64_t remainder =
          ((n % transform.parameter) + transform.parameter) % transform.parameter;
      if (n < INT64_MIN + remainder) return std::nullopt;
      return ParseDecimalText(std::to_string(n - remainder));
    }
    case TransformKind::kBucket:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<TypedValue> ParsePartitionValue(const Transform& transform, const ColumnType& type,
                                              std::string_view text) {
  int64_t hour;
  switch (transform.kind) {
    case TransformKind::kIdentity:
    case TransformKind::kTruncate:
      return ParseTypedValue(type, text);
    case TransformKind::kYear:
      return ParseMoment(std::string(text) + "-01-01", false);
    case TransformKind::kMonth:
      return ParseMoment(std::string(text) + "-01", false);
    case TransformKind::kDay:
      return ParseMoment(text, false);
    case TransformKind::kHour: {
      if (text.size() != 13 || text[10] != '-') return std::nullopt;
      Reader in(text.substr(11));
      const std::optional<TypedValue> day = ParseMoment(text.substr(0, 10), false);
      if (!day || !in.Digits(2, 2, hour) || hour > 23) return std::nullopt;
      return TypedValue(std::get<int64_t>(*day) + hour * (kMicrosPerDay / 24));
    }
    case TransformKind::kBucket:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tarn::catalog
