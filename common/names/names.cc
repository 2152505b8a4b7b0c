#include "common/names/names.h"

#include <cstdio>
#include <cstdlib>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::names {
namespace {

constexpr std::string_view kDatabasePattern = "databases/{database}";
constexpr std::string_view kTablePattern = "databases/{database}/tables/{table}";
constexpr std::size_t kMaxIdLength = 63;  // as PostgreSQL's identifiers
constexpr std::size_t kMaxSegmentLength = 128;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsId(std::string_view id, bool dashes) {
  if (id.empty() || id.size() > kMaxIdLength || !IsLower(id[0])) return false;
  for (char c : id) {
    if (!IsLower(c) && !IsDigit(c) && c != '_' && !(dashes && c == '-')) return false;
  }
  return true;
}

bool IsSegment(std::string_view value) {
  if (value.empty() || value.size() > kMaxSegmentLength) return false;
  for (char c : value) {
    if (!IsLower(c) && !IsDigit(c) && !(c >= 'A' && c <= 'Z') &&
        std::string_view("._~@-").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool IsVariable(std::string_view segment) { return !segment.empty() && segment.front() == '{'; }

bool ValueFits(std::string_view variable, std::string_view value) {
  return variable == "{database}" || variable == "{table}" ? IsId(value, false) : IsSegment(value);
}

// False when `name` is not of the pattern's form; fills `values` otherwise.
bool Match(std::string_view pattern, std::string_view name, std::vector<std::string>* values) {
  const std::vector<std::string_view> want = Split(pattern, '/');
  const std::vector<std::string_view> have = Split(name, '/');
  if (want.size() != have.size()) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!IsVariable(want[i])) {
      if (want[i] != have[i]) return false;
    } else {
      if (!ValueFits(want[i], have[i])) return false;
      if (values != nullptr) values->emplace_back(have[i]);
    }
  }
  return true;
}

absl::Status NotOfForm(std::string_view what, std::string_view value, std::string_view form) {
  return InvalidArgument(
      "INVALID_RESOURCE_NAME",
      std::string(what) + " '" + std::string(value) + "' is not of the form " + std::string(form),
      {{"name", std::string(value)}, {"form", std::string(form)}});
}

std::string_view Unquoted(std::string_view part) {
  if (part.size() >= 2 && part.front() == '"' && part.back() == '"') {
    return part.substr(1, part.size() - 2);
  }
  return part;
}

}  // namespace

std::string Database(std::string_view database) { return Format(kDatabasePattern, {database}); }

std::string Table(std::string_view database, std::string_view table) {
  return Format(kTablePattern, {database, table});
}

std::string Table(const TableId& id) { return Table(id.database, id.table); }

absl::StatusOr<std::string> ParseDatabase(std::string_view name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> values, Parse(kDatabasePattern, name));
  return std::move(values[0]);
}

absl::StatusOr<TableId> ParseTable(std::string_view name) {
  TARN_ASSIGN_OR_RETURN(std::vector<std::string> values, Parse(kTablePattern, name));
  return TableId{std::move(values[0]), std::move(values[1])};
}

std::string SqlName(const TableId& id) { return id.database + "." + id.table; }

absl::StatusOr<TableId> ParseSqlName(std::string_view sql_name) {
  const std::vector<std::string_view> parts = Split(sql_name, '.');
  if (parts.size() == 2) {
    const std::string_view database = Unquoted(parts[0]);
    const std::string_view table = Unquoted(parts[1]);
    if (IsId(database, false) && IsId(table, false)) {
      return TableId{std::string(database), std::string(table)};
    }
  }
  return NotOfForm("table", sql_name, "database.table (lower-case letters, digits and _)");
}

absl::StatusOr<std::vector<std::string>> Parse(std::string_view pattern, std::string_view name) {
  std::vector<std::string> values;
  if (Match(pattern, name, &values)) return values;
  return NotOfForm("name", name, pattern);
}

bool Matches(std::string_view pattern, std::string_view name) {
  return Match(pattern, name, nullptr);
}

std::string Format(std::string_view pattern, std::initializer_list<std::string_view> values) {
  std::string name;
  auto value = values.begin();
  for (std::string_view segment : Split(pattern, '/')) {
    if (!name.empty()) name.push_back('/');
    if (!IsVariable(segment)) {
      name.append(segment);
    } else if (value != values.end()) {
      name.append(*value++);
    } else {
      std::fprintf(stderr, "names::Format: too few values for a template\n");
      std::abort();
    }
  }
  if (value != values.end()) {
    std::fprintf(stderr, "names::Format: too many values for a template\n");
    std::abort();
  }
  return name;
}

absl::Status ValidateId(std::string_view field, std::string_view id) {
  if (IsId(id, true)) return absl::OkStatus();
  return InvalidFields({{std::string(field),
                         std::string("'").append(id) +
                             "' is not a valid id: a lower-case letter, then up to 62 lower-case "
                             "letters, digits, _ or -"}});
}

absl::Status ValidateSqlId(std::string_view field, std::string_view id) {
  if (IsId(id, false)) return absl::OkStatus();
  return InvalidFields(
      {{std::string(field), std::string("'").append(id) +
                                "' is not a valid SQL id: a lower-case letter, then up to 62 "
                                "lower-case letters, digits or _"}});
}

absl::Status ValidateNewDatabaseId(std::string_view field, std::string_view id) {
  TARN_RETURN_IF_ERROR(ValidateSqlId(field, id));
  if (!IsReservedDatabase(id)) return absl::OkStatus();
  return InvalidFields(
      {{std::string(field), std::string("'").append(id) +
                                "' is reserved (system, information_schema and names that end in "
                                "__archive are Tarn's own); choose another"}});
}

bool IsReservedDatabase(std::string_view database) {
  return database == "system" || database == "information_schema" ||
         database.ends_with("__archive");
}

}  // namespace tarn::names
