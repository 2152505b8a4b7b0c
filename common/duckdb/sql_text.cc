#include "common/duckdb/sql_text.h"

namespace tarn::duckdb {

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (char c : name) {
    if (c == '\0') continue;
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string QuoteLiteral(std::string_view text) {
  std::string out = "'";
  bool has_nul = false;
  for (char c : text) {
    if (c == '\0') {
      out += "' || chr(0) || '";
      has_nul = true;
      continue;
    }
    if (c == '\'') out += '\'';
    out += c;
  }
  out += "'";
  return has_nul ? "(" + out + ")" : out;
}

std::string ExactPath(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == '*' || c == '?' || c == '[') {
      out += '[';
      out += c;
      out += ']';
    } else {
      out += c;
    }
  }
  return out;
}

std::string QuoteLiteralList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ", ";
    out += QuoteLiteral(texts[i]);
  }
  return out + "]";
}

}  // namespace tarn::duckdb
