#include "services/ingestion/activity/unit_conversion.h"

#include <algorithm>
#include <array>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/names/nearest_name.h"
#include "common/status/error.h"

namespace tarn::ingestion {
namespace {

// base = (value + before) * factor / divisor. Two constants instead of one keep 5/9 exact enough
// that 20 degrees Celsius are 68 Fahrenheit to the last bit.
struct Unit {
  const char* name;
  const char* kind;
  const char* before;
  const char* factor;
  const char* divisor;
};

constexpr auto kUnits = std::to_array<Unit>({
    {"celsius", "temperature", "0", "1", "1"},
    {"fahrenheit", "temperature", "-32", "1", "1.8"},
    {"kelvin", "temperature", "-273.15", "1", "1"},
    {"meter", "length", "0", "1", "1"},
    {"kilometer", "length", "0", "1000", "1"},
    {"centimeter", "length", "0", "1", "100"},
    {"millimeter", "length", "0", "1", "1000"},
    {"mile", "length", "0", "1609.344", "1"},
    {"yard", "length", "0", "0.9144", "1"},
    {"foot", "length", "0", "0.3048", "1"},
    {"inch", "length", "0", "0.0254", "1"},
    {"kilogram", "mass", "0", "1", "1"},
    {"gram", "mass", "0", "1", "1000"},
    {"pound", "mass", "0", "0.45359237", "1"},
    {"ounce", "mass", "0", "0.028349523125", "1"},
    {"pascal", "pressure", "0", "1", "1"},
    {"hectopascal", "pressure", "0", "100", "1"},
    {"kilopascal", "pressure", "0", "1000", "1"},
    {"bar", "pressure", "0", "100000", "1"},
    {"psi", "pressure", "0", "6894.757293168", "1"},
    {"atmosphere", "pressure", "0", "101325", "1"},
    {"meter_per_second", "speed", "0", "1", "1"},
    {"kilometer_per_hour", "speed", "0", "1", "3.6"},
    {"mile_per_hour", "speed", "0", "0.44704", "1"},
    {"knot", "speed", "0", "1852", "3600"},
    {"joule", "energy", "0", "1", "1"},
    {"kilojoule", "energy", "0", "1000", "1"},
    {"watt_hour", "energy", "0", "3600", "1"},
    {"kilowatt_hour", "energy", "0", "3600000", "1"},
    {"watt", "power", "0", "1", "1"},
    {"kilowatt", "power", "0", "1000", "1"},
    {"horsepower", "power", "0", "745.6998715822702", "1"},
    {"liter", "volume", "0", "1", "1"},
    {"milliliter", "volume", "0", "1", "1000"},
    {"cubic_meter", "volume", "0", "1000", "1"},
    {"gallon", "volume", "0", "3.785411784", "1"},
    {"degree", "angle", "0", "3.141592653589793", "180"},
    {"radian", "angle", "0", "1", "1"},
});

constexpr auto kOthers = std::to_array<const char*>({"epoch_seconds", "epoch_milliseconds", "hex"});

const Unit* FindUnit(const std::string& name) {
  const auto* found = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const Unit& unit) { return name == unit.name; });
  return found == kUnits.end() ? nullptr : found;
}

absl::Status Violation(const char* field, std::string description) {
  return InvalidFields({{field, std::move(description)}});
}

std::string Number(const char* text) { return absl::StrCat("CAST('", text, "' AS DOUBLE)"); }

bool Is(const char* text, const char* expected) { return std::string_view(text) == expected; }

// Factors of one are left out, so that the result is what one would have written.
std::string Times(std::string sql, const char* factor, const char* divisor) {
  if (!Is(factor, "1")) sql = absl::StrCat("(", sql, " * ", Number(factor), ")");
  if (!Is(divisor, "1")) sql = absl::StrCat("(", sql, " / ", Number(divisor), ")");
  return sql;
}

UnitConversion BetweenUnits(const Unit& from, const Unit& to, const std::string& argument) {
  std::string sql = absl::StrCat("CAST(", argument, " AS DOUBLE)");
  if (!Is(from.before, "0")) sql = absl::StrCat("(", sql, " + ", Number(from.before), ")");
  sql = Times(std::move(sql), from.factor, from.divisor);
  sql = Times(std::move(sql), to.divisor, to.factor);
  if (!Is(to.before, "0")) sql = absl::StrCat("(", sql, " - ", Number(to.before), ")");
  return {.sql = std::move(sql), .type = "double"};
}

// Seconds of the first and last second of the years 0001 to 9999.
constexpr char kFirstSecond[] = "-62135596800";
constexpr char kEndSecond[] = "253402300800";

UnitConversion FromEpoch(const std::string& argument, bool whole, bool millis) {
  const char* const scale = millis ? "000" : "";
  UnitConversion result{.type = "timestamptz"};
  if (whole) {
    result.sql = absl::StrCat("make_timestamptz(CAST(", argument, " AS BIGINT) * ",
                              millis ? "1000" : "1000000", ")");
  } else {
    result.sql = absl::StrCat("to_timestamp(CAST(", argument, " AS DOUBLE)",
                              millis ? " / CAST('1000' AS DOUBLE)" : "", ")");
  }
  // NaN is larger than everything to the engine.
  result.check = absl::StrCat("(", argument, " IS NULL OR (", argument, " >= ", kFirstSecond, scale,
                              " AND ", argument, " < ", kEndSecond, scale, "))");
  result.check_message = absl::StrCat("the value is no time of the years 0001 to 9999 in ",
                                      millis ? "milliseconds" : "seconds", " since 1970");
  return result;
}

}  // namespace

absl::StatusOr<UnitConversion> ConvertUnits(const std::string& from, const std::string& to,
                                            const std::string& argument,
                                            const duckdb::LogicalType& type) {
  if (from == "epoch_seconds" || from == "epoch_milliseconds") {
    if (to != "timestamp") return Violation("to", absl::StrCat(from, " becomes timestamp"));
    if (!type.IsNumeric()) {
      return Violation("column", absl::StrCat("is no number, but ", type.ToSqlString()));
    }
    return FromEpoch(argument, type.IsInteger(), from == "epoch_milliseconds");
  }
  if (from == "hex") {
    if (to != "decimal") return Violation("to", "hex becomes decimal");
    if (type.kind != duckdb::TypeKind::kVarchar) {
      return Violation("column", absl::StrCat("is no text, but ", type.ToSqlString()));
    }
    UnitConversion result{.type = "long"};
    result.sql =
        absl::StrCat("CAST('0x' || regexp_replace(", argument, ", '^0[xX]', '') AS BIGINT)");
    result.check = absl::StrCat("(", argument, " IS NULL OR regexp_full_match(", argument,
                                ", '(0[xX])?0*[0-7]?[0-9a-fA-F]{1,15}'))");
    result.check_message = "the text is no hexadecimal number of at most 63 bits";
    return result;
  }
  const Unit* source = FindUnit(from);
  if (source == nullptr) {
    std::vector<std::string> known(kOthers.begin(), kOthers.end());
    for (const Unit& unit : kUnits) known.emplace_back(unit.name);
    return Violation("from",
                     absl::StrCat("\"", from, "\" is not known", names::DidYouMean(from, known),
                                  "; there are ", absl::StrJoin(known, ", ")));
  }
  const Unit* target = FindUnit(to);
  if (target == nullptr || !Is(target->kind, source->kind)) {
    std::vector<std::string> known;
    for (const Unit& unit : kUnits) {
      if (Is(unit.kind, source->kind)) known.emplace_back(unit.name);
    }
    return Violation("to", absl::StrCat("\"", to, "\" is no unit of ", source->kind,
                                        names::DidYouMean(to, known), "; there are ",
                                        absl::StrJoin(known, ", ")));
  }
  if (!type.IsNumeric()) {
    return Violation("column", absl::StrCat("is no number, but ", type.ToSqlString()));
  }
  return BetweenUnits(*source, *target, argument);
}

}  // namespace tarn::ingestion
