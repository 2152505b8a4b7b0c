#include "common/sql_expression/expression_tree.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/duckdb/sql_tree.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::sql_expression {
namespace {

using nlohmann::json;

constexpr int kMaxSimpleCases = 2;

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

absl::Status SqlError(std::string_view message) {
  return InvalidArgument(duckdb::kSqlError, message);
}

bool IsWord(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(),
                    [](char a, char b) { return absl::ascii_tolower(a) == b; });
}

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

// How many CASE stand in the text without a WHEN right after them. Too many rather than too few:
// strings and comments count too.
int CountSimpleCases(std::string_view text) {
  int count = 0;
  for (size_t at = 0; at + 4 <= text.size(); ++at) {
    if (!IsWord(text.substr(at, 4), "case")) continue;
    if (at > 0 && IsWordCharacter(text[at - 1])) continue;
    size_t next = at + 4;
    if (next < text.size() && IsWordCharacter(text[next])) continue;
    while (next < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[next]))) {
      ++next;
    }
    if (!IsWord(text.substr(std::min(next, text.size()), 4), "when")) ++count;
  }
  return count;
}

}  // namespace

absl::StatusOr<json> ParseExpression(duckdb::Connection& connection, std::string_view text) {
  if (absl::StripAsciiWhitespace({text.data(), text.size()}).empty()) {
    return SqlError("an expression is needed");
  }
  if (text.find('\0') != std::string_view::npos) return SqlError("a NUL byte cannot stand here");
  if (text.size() > kMaxExpressionBytes) {
    return InvalidArgument(
        "EXPRESSION_TOO_LARGE",
        absl::StrCat("an expression has at most ", kMaxExpressionBytes, " bytes; make it shorter"));
  }
  if (CountSimpleCases(text) > kMaxSimpleCases) {
    return InvalidArgument("EXPRESSION_TOO_LARGE",
                           "at most two CASE x WHEN …; write CASE WHEN x = … instead");
  }
  absl::StatusOr<std::string> parsed =
      duckdb::SelectToTree(connection, "SELECT (" + std::string(text) + "\n)");
  if (!parsed.ok()) {
    return SqlError(absl::StrCat("not an expression: ", parsed.status().message()));
  }
  json tree = json::parse(*parsed, nullptr, false);
  if (tree.is_discarded()) return Internal(duckdb::kEngineFatal, "the engine's tree is not JSON");
  const json& node = tree["statements"][0]["node"];
  static constexpr auto kEmpty =
      std::to_array<const char*>({"where_clause", "having", "sample", "qualify"});
  bool alone = Text(node, "type") == "SELECT_NODE" && node.contains("select_list") &&
               node["select_list"].size() == 1 && node["modifiers"].empty() &&
               node["cte_map"]["map"].empty() && node["group_expressions"].empty() &&
               node["group_sets"].empty() && Text(node["from_table"], "type") == "EMPTY" &&
               Text(node, "aggregate_handling") == "STANDARD_HANDLING";
  for (const char* clause : kEmpty) {
    alone = alone && node.value(clause, json()).is_null();
  }
  if (!alone) return SqlError("one expression is needed, and nothing beside it");
  return tree;
}

json& ExpressionOf(json& tree) { return tree["statements"][0]["node"]["select_list"][0]; }

absl::StatusOr<std::string> ExpressionSql(duckdb::Connection& connection, json& tree) {
  ExpressionOf(tree)["alias"] = "";
  TARN_ASSIGN_OR_RETURN(const std::string select, duckdb::TreeToSelect(connection, tree.dump()));
  const std::string kSelect = "SELECT ";
  if (!absl::StartsWith(select, kSelect)) {
    return Internal(duckdb::kEngineFatal, "the engine wrote an expression that is none");
  }
  return "(" + select.substr(kSelect.size()) + ")";
}

}  // namespace tarn::sql_expression
