#include "services/query/sql/scan_predicates.h"

#include <algorithm>
#include <optional>
#include <set>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"

namespace tarn::query {
namespace {

namespace catalog = ::tarn::catalog::v1;
using nlohmann::json;

// Longer lists cost more to look through than they spare.
constexpr size_t kMaxInValues = 1000;
// Whole numbers up to here are exact in a double.
constexpr int64_t kExactInDouble = int64_t{1} << 53;

std::string Text(const json& node, const char* key) {
  auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// ---- What stands in the tree

struct Mention {
  TableReference reference;
  std::string alias;
};

// The tables in a FROM itself. `outer` tells whether a row may appear without one of theirs.
void CollectFrom(const json& from, const std::map<const json*, const TableReference*>& tables,
                 std::vector<Mention>& found, bool& outer) {
  if (!from.is_object()) return;
  if (Text(from, "type") == "JOIN") {
    // In other joins (SEMI, ANTI, ASOF, POSITIONAL) a row that the WHERE does not want, or a column
    // that it cannot see, has a say in what is joined.
    const std::string type = Text(from, "join_type");
    const std::string kind = Text(from, "ref_type");
    if (kind != "REGULAR" && kind != "NATURAL" && kind != "CROSS") return;
    if (type != "INNER" && type != "LEFT" && type != "RIGHT" && type != "FULL") return;
    if (type != "INNER") outer = true;
    CollectFrom(from.at("left"), tables, found, outer);
    CollectFrom(from.at("right"), tables, found, outer);
    return;
  }
  auto table = tables.find(&from);
  if (table == tables.end()) return;
  // Renamed columns and samples: what the WHERE says is not said of the table's rows.
  if (!from.value("column_name_alias", json::array()).empty()) return;
  if (!from.value("sample", json()).is_null()) return;
  const std::string alias = Text(from, "alias");
  found.push_back(
      {*table->second, absl::AsciiStrToLower(alias.empty() ? Text(from, "table_name") : alias)});
}

bool IsLiteral(const json& node) {
  if (Text(node, "class") == "CONSTANT") return !node.at("value").value("is_null", true);
  return Text(node, "class") == "CAST" && !node.value("try_cast", true) &&
         IsLiteral(node.at("child"));
}

bool IsColumn(const json& node) { return Text(node, "class") == "COLUMN_REF"; }

std::optional<catalog::PredicateOperator> OperatorOf(const std::string& type, bool flipped) {
  if (type == "COMPARE_EQUAL") return catalog::PREDICATE_OPERATOR_EQUAL;
  const bool less = type == "COMPARE_LESSTHAN" || type == "COMPARE_LESSTHANOREQUALTO";
  const bool greater = type == "COMPARE_GREATERTHAN" || type == "COMPARE_GREATERTHANOREQUALTO";
  if (!less && !greater) return std::nullopt;
  const bool or_equal = absl::EndsWith(type, "OREQUALTO");
  if (less != flipped) {
    return or_equal ? catalog::PREDICATE_OPERATOR_LESS_OR_EQUAL : catalog::PREDICATE_OPERATOR_LESS;
  }
  return or_equal ? catalog::PREDICATE_OPERATOR_GREATER_OR_EQUAL
                  : catalog::PREDICATE_OPERATOR_GREATER;
}

// A column and what is said of it.
struct Condition {
  const json* column = nullptr;
  Conjunct conjunct;
};

// The conditions that one conjunct of a WHERE makes; none when it is not simple.
std::vector<Condition> ConditionsOf(const json& node) {
  const std::string type = Text(node, "type");
  const std::string node_class = Text(node, "class");
  const auto comparison = [](const json& column, catalog::PredicateOperator op,
                             const json& literal) {
    return Condition{&column, {"", Conjunct::Kind::kComparison, op, {literal}}};
  };
  if (node_class == "COMPARISON") {
    const json& left = node.at("left");
    const json& right = node.at("right");
    const bool flipped = IsLiteral(left) && IsColumn(right);
    const auto op = OperatorOf(type, flipped);
    if (op && (flipped || (IsColumn(left) && IsLiteral(right)))) {
      return {comparison(flipped ? right : left, *op, flipped ? left : right)};
    }
  }
  if (node_class == "BETWEEN" && type == "COMPARE_BETWEEN" && IsColumn(node.at("input"))) {
    std::vector<Condition> both;
    if (IsLiteral(node.at("lower"))) {
      both.push_back(comparison(node.at("input"), catalog::PREDICATE_OPERATOR_GREATER_OR_EQUAL,
                                node.at("lower")));
    }
    if (IsLiteral(node.at("upper"))) {
      both.push_back(comparison(node.at("input"), catalog::PREDICATE_OPERATOR_LESS_OR_EQUAL,
                                node.at("upper")));
    }
    return both;
  }
  static const json kNone = json::array();
  const auto listed = node.find("children");
  const json& children = listed != node.end() && listed->is_array() ? *listed : kNone;
  if (node_class == "OPERATOR" && !children.empty() && IsColumn(children[0])) {
    Condition condition{&children[0], {}};
    if (type == "OPERATOR_IS_NULL") {
      condition.conjunct.kind = Conjunct::Kind::kIsNull;
      return {condition};
    }
    if (type == "OPERATOR_IS_NOT_NULL") {
      condition.conjunct.kind = Conjunct::Kind::kIsNotNull;
      return {condition};
    }
    if (type == "COMPARE_IN" && children.size() <= kMaxInValues + 1 &&
        std::all_of(children.begin() + 1, children.end(), IsLiteral)) {
      condition.conjunct.kind = Conjunct::Kind::kIn;
      condition.conjunct.literals.assign(children.begin() + 1, children.end());
      return {condition};
    }
  }
  if (node_class == "FUNCTION" && Text(node, "function_name") == "~~" && children.size() == 2 &&
      IsColumn(children[0]) && IsLiteral(children[1])) {
    Condition condition{&children[0], {}};
    condition.conjunct.kind = Conjunct::Kind::kPrefix;
    condition.conjunct.literals = {children[1]};
    return {condition};
  }
  return {};
}

void CollectConditions(const json& where, std::vector<Condition>& conditions) {
  if (!where.is_object()) return;
  if (Text(where, "type") == "CONJUNCTION_AND") {
    for (const json& child : where.at("children")) CollectConditions(child, conditions);
    return;
  }
  for (Condition& condition : ConditionsOf(where)) conditions.push_back(std::move(condition));
}

// Whether a column's reference may be one of this table's. Without a qualifier it may be: if it is
// another table's too, the engine refuses it as ambiguous, or the two are equal (USING).
bool MayBeOf(const json& names, const Mention& table) {
  const auto is = [&](size_t i, const std::string& name) {
    return absl::EqualsIgnoreCase(names[i].get<std::string>(), name);
  };
  if (names.size() == 1) return true;
  if (names.size() == 2) return is(0, table.alias);
  return names.size() == 3 && is(0, table.reference.database) && is(1, table.alias);
}

void CollectOf(const json& node, const std::map<const json*, const TableReference*>& tables,
               std::map<TableReference, std::vector<Conjunct>>& conjuncts) {
  if (!node.is_structured()) return;
  if (node.is_object() && node.contains("cte_map") && node.contains("from_table") &&
      node.value("sample", json()).is_null()) {
    std::vector<Mention> from;
    bool outer = false;
    CollectFrom(node.at("from_table"), tables, from, outer);
    std::vector<Condition> conditions;
    if (!from.empty() && node.contains("where_clause")) {
      CollectConditions(node.at("where_clause"), conditions);
    }
    for (const Mention& table : from) {
      for (const Condition& condition : conditions) {
        // What an outer join makes up is NULL where the file had no such row.
        if (outer && condition.conjunct.kind == Conjunct::Kind::kIsNull) continue;
        const json& names = condition.column->at("column_names");
        if (!MayBeOf(names, table)) continue;
        Conjunct conjunct = condition.conjunct;
        conjunct.column = absl::AsciiStrToLower(names.back().get<std::string>());
        conjuncts[table.reference].push_back(std::move(conjunct));
      }
    }
  }
  for (const json& child : node) CollectOf(child, tables, conjuncts);
}

// ---- What it means for a type

// A literal's text, and the type that it is cast to: "" for a plain constant.
struct Literal {
  std::string text;
  std::string type;     // of the constant: INTEGER, DECIMAL, VARCHAR, …
  std::string cast_to;  // of the cast around it
};

std::string DecimalText(int64_t value, int scale) {
  std::string digits = absl::StrCat(value < 0 ? -value : value);
  if (scale > 0) {
    if (digits.size() <= static_cast<size_t>(scale))
      digits.insert(0, static_cast<size_t>(scale) + 1 - digits.size(), '0');
    digits.insert(digits.size() - static_cast<size_t>(scale), ".");
  }
  return absl::StrCat(value < 0 ? "-" : "", digits);
}

std::optional<Literal> LiteralOf(const json& node) {
  if (Text(node, "class") == "CAST") {
    std::optional<Literal> literal = LiteralOf(node.at("child"));
    if (!literal || !literal->cast_to.empty()) return std::nullopt;
    literal->cast_to = Text(node.at("cast_type"), "id");
    return literal;
  }
  const json& value = node.at("value");
  Literal literal;
  literal.type = Text(value.at("type"), "id");
  const json& content = value.at("value");
  if (content.is_string()) {
    literal.text = content.get<std::string>();
  } else if (content.is_number_integer()) {
    int scale = 0;
    if (literal.type == "DECIMAL") scale = value.at("type").at("type_info").value("scale", 0);
    literal.text = DecimalText(content.get<int64_t>(), scale);
  } else {
    return std::nullopt;
  }
  return literal;
}

bool IsWholeNumber(const std::string& type) {
  static const std::set<std::string> kTypes = {"TINYINT",  "SMALLINT",  "INTEGER", "BIGINT",
                                               "UTINYINT", "USMALLINT", "UINTEGER"};
  return kTypes.count(type) > 0;
}

bool HasForm(const std::string& text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool same = form[i] == '0' ? absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                                     : text[i] == form[i];
    if (!same) return false;
  }
  return true;
}

bool IsDate(const std::string& text) { return HasForm(text, "0000-00-00"); }

// "2026-01-31 12:00:00", with or without a fraction.
bool IsTimestamp(const std::string& text) {
  const size_t point = text.find('.');
  if (!HasForm(text.substr(0, point), "0000-00-00 00:00:00")) return false;
  if (point == std::string::npos) return true;
  const std::string fraction = text.substr(point + 1);
  return !fraction.empty() && fraction.size() <= 6 &&
         std::all_of(fraction.begin(), fraction.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); });
}

// The literal as the catalog takes it for a column of `type`; nothing when the engine might compare
// it otherwise.
std::optional<std::string> ValueFor(const std::string& type, const json& node) {
  const std::optional<Literal> literal = LiteralOf(node);
  if (!literal) return std::nullopt;
  const bool plain = literal->cast_to.empty();
  const bool is_text = literal->type == "VARCHAR";
  if (type == "string") {
    if (is_text && (plain || literal->cast_to == "VARCHAR")) return literal->text;
    return std::nullopt;
  }
  if (type == "int" || type == "long" || absl::StartsWith(type, "decimal(")) {
    if (plain && (IsWholeNumber(literal->type) || literal->type == "DECIMAL")) return literal->text;
    return std::nullopt;
  }
  if (type == "double") {
    int64_t number = 0;
    if (plain && IsWholeNumber(literal->type) && absl::SimpleAtoi(literal->text, &number) &&
        number > -kExactInDouble && number < kExactInDouble) {
      return literal->text;
    }
    return std::nullopt;
  }
  if (!is_text) return std::nullopt;
  if (type == "date") {
    if (IsDate(literal->text) && (plain || literal->cast_to == "DATE")) return literal->text;
    return std::nullopt;
  }
  if (type == "timestamp") {
    if (!plain && literal->cast_to != "TIMESTAMP" && literal->cast_to != "DATE")
      return std::nullopt;
    if (IsDate(literal->text)) return absl::StrCat(literal->text, " 00:00:00");
    if (literal->cast_to != "DATE" && IsTimestamp(literal->text)) return literal->text;
    return std::nullopt;
  }
  if (type == "timestamptz") {
    const bool right_type = plain || literal->cast_to == "TIMESTAMP WITH TIME ZONE";
    // Without a zone of its own it would be the session's.
    if (right_type && absl::EndsWith(literal->text, "+00") &&
        IsTimestamp(literal->text.substr(0, literal->text.size() - 3))) {
      return literal->text;
    }
  }
  return std::nullopt;
}

// The smallest text above all that begin with `prefix`; nothing where that is not simple.
std::optional<std::string> AboveAll(std::string prefix) {
  const auto last = static_cast<unsigned char>(prefix.back());
  if (last >= 0x7E) return std::nullopt;
  prefix.back() = static_cast<char>(last + 1);
  return prefix;
}

void AddPrefix(const Conjunct& conjunct, const catalog::ScanPredicate& base,
               std::vector<catalog::ScanPredicate>& predicates) {
  const std::optional<std::string> pattern = ValueFor("string", conjunct.literals[0]);
  if (!pattern) return;
  const std::string prefix = pattern->substr(0, pattern->find_first_of("%_"));
  if (prefix.empty()) return;
  catalog::ScanPredicate from = base;
  from.set_operator_(catalog::PREDICATE_OPERATOR_GREATER_OR_EQUAL);
  from.add_values(prefix);
  predicates.push_back(std::move(from));
  if (const std::optional<std::string> end = AboveAll(prefix)) {
    catalog::ScanPredicate below = base;
    below.set_operator_(catalog::PREDICATE_OPERATOR_LESS);
    below.add_values(*end);
    predicates.push_back(std::move(below));
  }
}

}  // namespace

absl::StatusOr<std::map<TableReference, std::vector<Conjunct>>> CollectConjuncts(
    const json& tree, std::string_view default_database) {
  TARN_ASSIGN_OR_RETURN(const std::vector<sql_expression::TableMention> mentions,
                        sql_expression::FindTables(tree, default_database));
  std::map<TableReference, int> counts;
  for (const sql_expression::TableMention& mention : mentions) ++counts[mention.reference];
  std::map<const json*, const TableReference*> once;
  for (const sql_expression::TableMention& mention : mentions) {
    if (counts[mention.reference] == 1) once[mention.node] = &mention.reference;
  }
  std::map<TableReference, std::vector<Conjunct>> conjuncts;
  CollectOf(tree, once, conjuncts);
  return conjuncts;
}

std::vector<catalog::ScanPredicate> ToScanPredicates(const std::vector<Conjunct>& conjuncts,
                                                     const catalog::Schema& schema) {
  std::vector<catalog::ScanPredicate> predicates;
  for (const Conjunct& conjunct : conjuncts) {
    const auto field = std::find_if(
        schema.fields().begin(), schema.fields().end(), [&](const catalog::Field& candidate) {
          return absl::EqualsIgnoreCase(candidate.name(), conjunct.column);
        });
    if (field == schema.fields().end() || table_schema::IsSystemColumn(*field)) continue;
    catalog::ScanPredicate predicate;
    predicate.set_column(field->name());
    if (conjunct.kind == Conjunct::Kind::kIsNull || conjunct.kind == Conjunct::Kind::kIsNotNull) {
      if (!field->fields().empty()) continue;  // a nested column's bounds are not its own
      predicate.set_operator_(conjunct.kind == Conjunct::Kind::kIsNull
                                  ? catalog::PREDICATE_OPERATOR_IS_NULL
                                  : catalog::PREDICATE_OPERATOR_IS_NOT_NULL);
      predicates.push_back(std::move(predicate));
      continue;
    }
    if (conjunct.kind == Conjunct::Kind::kPrefix) {
      if (field->type() == "string") AddPrefix(conjunct, predicate, predicates);
      continue;
    }
    predicate.set_operator_(conjunct.kind == Conjunct::Kind::kIn ? catalog::PREDICATE_OPERATOR_IN
                                                                 : conjunct.op);
    bool understood = true;
    for (const json& literal : conjunct.literals) {
      const std::optional<std::string> value = ValueFor(field->type(), literal);
      understood = understood && value.has_value();
      if (value) predicate.add_values(*value);
    }
    if (understood) predicates.push_back(std::move(predicate));
  }
  return predicates;
}

}  // namespace tarn::query
