#include "services/alerting/rule/message_template.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/status/error.h"

namespace tarn::alerting {
namespace {

constexpr std::array<std::string_view, 6> kBuiltIn = {"value", "threshold", "severity",
                                                      "rule",  "state",     "labels"};

bool IsBuiltIn(std::string_view name) {
  return std::find(kBuiltIn.begin(), kBuiltIn.end(), name) != kBuiltIn.end();
}

std::string Join(const Labels& labels) {
  return absl::StrJoin(labels, ", ", absl::PairFormatter("="));
}

std::string_view StateName(const MessageFacts& facts) {
  return facts.firing ? "firing" : "resolved";
}

std::string Fill(const std::string& name, const MessageFacts& facts) {
  if (name == "value") return FormatValue(facts.value);
  if (name == "threshold") return FormatValue(facts.threshold.value);
  if (name == "severity") return facts.severity;
  if (name == "rule") return facts.rule;
  if (name == "state") return std::string(StateName(facts));
  if (name == "labels") return Join(facts.labels);
  auto label = facts.labels.find(name);
  return label == facts.labels.end() ? "" : label->second;
}

std::string DefaultText(const MessageFacts& facts) {
  std::string_view symbol = Symbol(facts.threshold.comparison);
  std::string_view state = StateName(facts);
  return absl::StrCat(
      facts.rule, facts.labels.empty() ? "" : absl::StrCat(" (", Join(facts.labels), ")"), " is ",
      absl::string_view(state.data(), state.size()), ", ", facts.severity, ": value ",
      FormatValue(facts.value), ", condition ", absl::string_view(symbol.data(), symbol.size()),
      " ", FormatValue(facts.threshold.value));
}

}  // namespace

absl::StatusOr<MessageTemplate> MessageTemplate::Parse(std::string_view text) {
  MessageTemplate result;
  std::string literal;
  auto flush = [&] {
    if (!literal.empty()) result.parts_.push_back({false, std::move(literal)});
    literal.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    std::string_view rest = text.substr(i);
    if (rest.substr(0, 2) == "$$") {
      literal.push_back('$');
      ++i;
    } else if (rest.substr(0, 2) == "${") {
      size_t end = rest.find('}');
      if (end == std::string_view::npos || end == 2) {
        return InvalidArgument(
            "INVALID_TEMPLATE",
            "${ must be followed by a name and }, as in ${value}; write $$ for a dollar sign");
      }
      flush();
      result.parts_.push_back({true, std::string(rest.substr(2, end - 2))});
      i += end;
    } else {
      literal.push_back(text[i]);
    }
  }
  flush();
  return result;
}

absl::Status MessageTemplate::CheckNames(const std::vector<std::string>& labels) const {
  for (const Part& part : parts_) {
    if (!part.is_name || IsBuiltIn(part.text)) continue;
    if (std::find(labels.begin(), labels.end(), part.text) != labels.end()) continue;
    return InvalidArgument(
        "INVALID_TEMPLATE",
        absl::StrCat("${", part.text, "} is neither a label column (",
                     labels.empty() ? "there are none" : absl::StrJoin(labels, ", "),
                     ") nor one of value, threshold, severity, rule, state, labels"));
  }
  return absl::OkStatus();
}

bool MessageTemplate::Names(std::string_view name) const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.is_name && part.text == name; });
}

std::string MessageTemplate::Render(const MessageFacts& facts) const {
  if (parts_.empty()) return DefaultText(facts);
  std::string text = facts.firing || Names("state") ? "" : "Resolved: ";
  for (const Part& part : parts_) {
    text += part.is_name ? Fill(part.text, facts) : part.text;
  }
  return text;
}

std::string FormatValue(double value) {
  std::array<char, 32> text;
  std::to_chars_result end = std::to_chars(text.data(), text.data() + text.size(), value);
  return std::string(text.data(), end.ptr);
}

std::string_view Symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterOrEqual:
      return ">=";
    case Comparison::kLess:
      return "<";
    case Comparison::kLessOrEqual:
      return "<=";
    case Comparison::kEqual:
      return "=";
    case Comparison::kNotEqual:
      return "<>";
  }
  return "?";
}

}  // namespace tarn::alerting
