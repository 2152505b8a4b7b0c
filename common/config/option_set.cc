#include "common/config/option_set.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/config/yaml_options.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"

namespace tarn::config {
namespace {

constexpr char kConfigVariable[] = "TARN_CONFIG";

// catalog.max-rows -> TARN_CATALOG_MAX_ROWS
std::string EnvironmentName(const std::string& option) {
  std::string name = "TARN_" + absl::AsciiStrToUpper(option);
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

std::map<std::string, std::string> ToMap(const char* const* environment) {
  std::map<std::string, std::string> map;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const char* equals = std::strchr(*environment, '=');
    if (equals != nullptr && equals[1] != '\0') {
      map.emplace(std::string(*environment, equals), equals + 1);
    }
  }
  return map;
}

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "OptionSet: %s\n", what.c_str());
  std::abort();
}

}  // namespace

OptionSet::OptionSet(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

void OptionSet::AddOption(std::string name, Target target, std::string help,
                          std::function<absl::Status()> validate, bool secret) {
  if (name.empty() || name == "config" || name == "help" ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") != std::string::npos) {
    Die("'" + name + "' cannot be an option's name");
  }
  Option option{target, std::move(help), std::move(validate), secret, FormatTarget(target)};
  if (!options_.emplace(name, std::move(option)).second) Die("'" + name + "' was added twice");
}

absl::Status OptionSet::Load(int argc, const char* const* argv, const char* const* environment) {
  errors_.clear();
  arguments_.clear();
  const std::map<std::string, std::string> variables = ToMap(environment);
  std::string file;
  if (auto it = variables.find(kConfigVariable); it != variables.end()) file = it->second;

  std::vector<std::pair<std::string, std::string>> flags;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      help_requested_ = true;
      continue;
    }
    if (argument == "--") {
      arguments_.insert(arguments_.end(), argv + i + 1, argv + argc);
      break;
    }
    if (!argument.starts_with("--")) {
      arguments_.push_back(argument);
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto option = options_.find(name);
    if (option == options_.end() && name != "config") {
      errors_.push_back("--" + name + ": there is no such option" + Suggestion(name));
      // The value of a misspelt flag is not an argument.
      if (equals == std::string::npos && i + 1 < argc && argv[i + 1][0] != '-') ++i;
      continue;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (option != options_.end() && std::holds_alternative<bool*>(option->second.target)) {
      value = "true";  // a switch takes its value only after '='
    } else if (i + 1 < argc && std::strncmp(argv[i + 1], "--", 2) != 0) {
      value = argv[++i];
    } else {
      errors_.push_back("--" + name + ": needs a value");
      continue;
    }
    if (name == "config") {
      file = value;
    } else {
      flags.emplace_back(name, std::move(value));
    }
  }
  if (help_requested_) return absl::OkStatus();

  if (!arguments_allowed_) {
    for (const std::string& argument : arguments_) {
      errors_.push_back("'" + argument + "': is not an option; options begin with --");
    }
  }
  if (!file.empty()) ReadFile(file);
  ReadEnvironment(variables);
  for (const auto& [name, value] : flags) ApplyFlag(name, value);
  Validate();
  if (errors_.empty()) return absl::OkStatus();
  return InvalidArgument("INVALID_OPTION",
                         errors_.size() == 1
                             ? errors_[0]
                             : absl::StrCat(errors_.size(), " options are wrong:\n  ",
                                            absl::StrJoin(errors_, "\n  ")));
}

void OptionSet::ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) {
    errors_.push_back(path + ": cannot read the options file: " + std::strerror(errno));
    return;
  }
  YamlOptions file = ReadYamlOptions(text, path);
  errors_.insert(errors_.end(), file.errors.begin(), file.errors.end());
  for (const YamlOption& entry : file.options) {
    const std::string source = path + ":" + std::to_string(entry.line);
    const auto it = options_.find(entry.name);
    if (it == options_.end()) {
      errors_.push_back(source + ": " + entry.name + ": there is no such option" +
                        Suggestion(entry.name));
    } else if (!entry.is_list) {
      Set(it->second, entry.name, entry.values[0], source);
    } else if (auto* list = std::get_if<std::vector<std::string>*>(&it->second.target)) {
      **list = entry.values;
      it->second.source = source;
    } else {
      errors_.push_back(source + ": " + entry.name + ": takes one value, not a list");
    }
  }
}

void OptionSet::ReadEnvironment(const std::map<std::string, std::string>& environment) {
  for (auto& [name, option] : options_) {
    const std::string variable = EnvironmentName(name);
    if (auto it = environment.find(variable); it != environment.end()) {
      Set(option, name, it->second, variable);
    }
  }
}

void OptionSet::ApplyFlag(const std::string& name, const std::string& value) {
  Option& option = options_.at(name);
  auto* list = std::get_if<std::vector<std::string>*>(&option.target);
  if (list != nullptr && option.from_flag) {  // given again: append
    std::vector<std::string> before = **list;
    Set(option, name, value, "--" + name);
    (*list)->insert((*list)->begin(), before.begin(), before.end());
    return;
  }
  Set(option, name, value, "--" + name);
  option.from_flag = true;
}

void OptionSet::Set(Option& option, const std::string& name, const std::string& text,
                    const std::string& source) {
  option.source = source;
  const absl::Status status = ParseInto(option.target, text);
  if (status.ok()) return;
  const std::string subject = source == "--" + name ? source : source + ": " + name;
  errors_.push_back(subject + ": " +
                    (option.secret ? std::string("the value") : absl::StrCat("'", text, "'")) +
                    " " + Message(status));
}

std::string OptionSet::Suggestion(const std::string& name) const {
  std::vector<std::string> known;
  for (const auto& [option, unused] : options_) known.push_back(option);
  return names::DidYouMean(name, known);
}

void OptionSet::Validate() {
  for (auto& [name, option] : options_) {
    if (!option.validate) continue;
    const absl::Status status = option.validate();
    if (status.ok()) continue;
    const std::string subject =
        option.source == "--" + name ? option.source : option.source + ": " + name;
    const std::string value = option.secret ? std::string("the value")
                                            : absl::StrCat("'", FormatTarget(option.target), "'");
    errors_.push_back(subject + ": " + value + " " + Message(status));
  }
}

std::string OptionSet::Help() const {
  std::string text = program_ + ": " + summary_ + "\n\nUsage: " + program_ +
                     " [--config FILE] [--option=value …]\n\n"
                     "An option is given by flag, by environment variable (--catalog.listen is "
                     "TARN_CATALOG_LISTEN)\nor in the YAML file of --config, in that order of "
                     "precedence.\n";
  std::string group;
  bool first = true;
  for (const auto& [name, option] : options_) {
    const std::string own_group = name.substr(0, name.find('.'));
    if (first || own_group != group) absl::StrAppend(&text, "\n", own_group, ":\n");
    first = false;
    group = own_group;
    const std::string_view type = TypeName(option.target);
    absl::StrAppend(&text, "  --", name, " ", absl::string_view(type.data(), type.size()),
                    "\n      ", option.help);
    if (!option.secret && !option.default_text.empty()) {
      absl::StrAppend(&text, " (default: ", option.default_text, ")");
    }
    text += "\n";
  }
  return text;
}

std::map<std::string, std::string> OptionSet::Values() const {
  std::map<std::string, std::string> values;
  for (const auto& [name, option] : options_) {
    values.emplace(name, option.secret ? "***" : FormatTarget(option.target));
  }
  return values;
}

absl::Status MustNotBeEmpty(const std::string& value) {
  return value.empty() ? InvalidArgument("INVALID_OPTION", "must not be empty") : absl::OkStatus();
}

absl::Status MustBePositive(const std::int64_t& value) {
  return value > 0 ? absl::OkStatus() : InvalidArgument("INVALID_OPTION", "must be positive");
}

absl::Status MustBePositiveDuration(const absl::Duration& value) {
  return value > absl::ZeroDuration() ? absl::OkStatus()
                                      : InvalidArgument("INVALID_OPTION", "must be positive");
}

}  // namespace tarn::config
