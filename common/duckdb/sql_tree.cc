#include "common/duckdb/sql_tree.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::duckdb {
namespace {

std::string TextField(const nlohmann::json& json, const char* key) {
  auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Continuation bytes of UTF-8 do not begin a character.
bool BeginsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// Where the character with this number begins; the parser counts characters, we count bytes.
size_t ByteOffset(std::string_view sql, size_t characters) {
  size_t offset = 0;
  for (; offset < sql.size(); ++offset) {
    if (BeginsCharacter(sql[offset]) && characters-- == 0) break;
  }
  return offset;
}

// The engine's answer for text that it cannot serialize, as a Status.
absl::Status SerializeError(const nlohmann::json& answer, std::string_view sql) {
  std::string message = TextField(answer, "error_message");
  ErrorMetadata metadata{{"engine_error", TextField(answer, "error_type")}};
  if (std::string subtype = TextField(answer, "error_subtype"); !subtype.empty()) {
    metadata["error_subtype"] = std::move(subtype);
  }
  if (metadata["engine_error"] == "not implemented") {
    metadata["error_subtype"] = "NOT_A_SELECT";
    return InvalidArgument(kSqlError, "only SELECT statements can be read as a query",
                           std::move(metadata));
  }
  const std::string position = TextField(answer, "position");
  size_t characters = 0;
  if (std::from_chars(position.data(), position.data() + position.size(), characters).ec ==
      std::errc()) {
    const size_t offset = ByteOffset(sql, characters);
    const std::string_view before = sql.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
    const std::string_view in_line = before.substr(line_start);
    const auto column = 1 + std::count_if(in_line.begin(), in_line.end(), BeginsCharacter);
    metadata["position"] = std::to_string(offset);
    metadata["line"] = std::to_string(line);
    metadata["column"] = std::to_string(column);
    message += " (line " + metadata["line"] + ", column " + metadata["column"] + ")";
  }
  return InvalidArgument(kSqlError, message, std::move(metadata));
}

}  // namespace

absl::StatusOr<std::string> SelectToTree(Connection& connection, std::string_view sql) {
  TARN_ASSIGN_OR_RETURN(QueryResult result,
                        connection.Query("SELECT json_serialize_sql($1::VARCHAR)", {Value(sql)}));
  const Value value = result.At(0, 0);
  const auto* tree = value.As<std::string>();
  if (tree == nullptr) return Internal(kEngineFatal, "the engine gave no tree");
  auto json = nlohmann::json::parse(*tree, nullptr, false);
  // The engine writes the literal 1e400 as a word that JSON does not have.
  if (!json.is_object()) {
    return InvalidArgument(kSqlError, "the statement holds a number that is out of range");
  }
  if (json.value("error", false)) return SerializeError(json, sql);
  const size_t count = json.contains("statements") ? json["statements"].size() : 0;
  if (count == 0) return InvalidArgument(kSqlError, "there is no statement to run");
  if (count > 1) {
    return InvalidArgument(kSqlError,
                           "one statement at a time; there are " + std::to_string(count) + " here");
  }
  return *tree;
}

absl::StatusOr<std::string> TreeToSelect(Connection& connection, std::string_view tree) {
  TARN_ASSIGN_OR_RETURN(QueryResult result,
                        connection.Query("SELECT json_deserialize_sql($1::JSON)", {Value(tree)}));
  const Value value = result.At(0, 0);
  const auto* sql = value.As<std::string>();
  if (sql == nullptr) return InvalidArgument(kSqlError, "the tree holds no statement");
  return *sql;
}

}  // namespace tarn::duckdb
