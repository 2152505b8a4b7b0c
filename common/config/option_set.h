// The options of a program, from a YAML file, the environment and flags.
//
//   CatalogOptions options;                       // its initial values are the defaults
//   config::OptionSet set("tarn-catalog", "Tables, their snapshots and who may read them.");
//   set.Add("catalog.listen", &options.listen, "address that gRPC listens on");
//   TARN_RETURN_IF_ERROR(set.Load(argc, argv, environ));
//   if (set.help_requested()) std::cout << set.Help();
//
// catalog.listen is `catalog: {listen: …}` in the file (--config FILE or TARN_CONFIG),
// TARN_CATALOG_LISTEN in the environment, --catalog.listen on the command line. Precedence: flags,
// environment, file, default. Unknown names are errors in the file and among flags; in the
// environment they are ignored, since programs share it. An empty environment variable is as one
// not set.
//
// The set keeps pointers to the targets, which outlive it. One thread, at start.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <absl/status/status.h>

#include "common/config/option_value.h"

namespace tarn::config {

class OptionSet {
 public:
  OptionSet(std::string program, std::string summary);

  // Says what is wrong with a value ("must be positive"), or OK. Called once, after loading, with
  // the value that won, default included.
  template <typename T>
  using Validator = std::function<absl::Status(const T&)>;

  // Adds an option of one of the types of `Target`. A name is lower-case words with dots, dashes
  // and underscores, and is added once: a program that breaks this ends.
  template <typename T>
  void Add(std::string name, T* target, std::string help,
           Validator<std::type_identity_t<T>> validator = nullptr) {
    AddOption(std::move(name), target, std::move(help), Bind(target, std::move(validator)), false);
  }

  // The same for a value that is never shown: not in help, errors or Values().
  template <typename T>
  void AddSecret(std::string name, T* target, std::string help,
                 Validator<std::type_identity_t<T>> validator = nullptr) {
    AddOption(std::move(name), target, std::move(help), Bind(target, std::move(validator)), true);
  }

  // Reads all sources into the targets. Every error found is in the one INVALID_ARGUMENT,
  // INVALID_OPTION that is returned, each with its source ("tarn.yaml:12", "TARN_X", "--x"); the
  // targets are then in no particular state. With --help among the flags nothing is validated.
  // `environment` is as environ: "NAME=value", ended by a null pointer; it may be null.
  absl::Status Load(int argc, const char* const* argv, const char* const* environment);

  bool help_requested() const { return help_requested_; }
  // Arguments that are no flags, in order. Refused unless allowed before Load.
  const std::vector<std::string>& arguments() const { return arguments_; }
  void AllowArguments() { arguments_allowed_ = true; }

  // All options by group, with type, default and meaning, for a terminal.
  std::string Help() const;

  // Name to present value, secrets as "***": for a log line at start.
  std::map<std::string, std::string> Values() const;

 private:
  struct Option {
    Target target;
    std::string help;
    std::function<absl::Status()> validate;  // may be null
    bool secret = false;
    std::string default_text;
    std::string source = "default";  // of the present value
    bool from_flag = false;
  };

  template <typename T>
  static std::function<absl::Status()> Bind(const T* target, Validator<T> validator) {
    if (!validator) return nullptr;
    return [target, validator = std::move(validator)] { return validator(*target); };
  }

  void AddOption(std::string name, Target target, std::string help,
                 std::function<absl::Status()> validate, bool secret);
  void ReadFile(const std::string& path);
  void ReadEnvironment(const std::map<std::string, std::string>& environment);
  void ApplyFlag(const std::string& name, const std::string& value);
  void Set(Option& option, const std::string& name, const std::string& text,
           const std::string& source);
  std::string Suggestion(const std::string& name) const;
  void Validate();

  std::string program_;
  std::string summary_;
  std::map<std::string, Option> options_;
  std::vector<std::string> arguments_;
  std::vector<std::string> errors_;
  bool arguments_allowed_ = false;
  bool help_requested_ = false;
};

// Validators that many options need.
absl::Status MustNotBeEmpty(const std::string& value);
absl::Status MustBePositive(const std::int64_t& value);
absl::Status MustBePositiveDuration(const absl::Duration& value);

}  // namespace tarn::config
