// An options file in YAML, flattened: nested maps become dotted names. Used by OptionSet alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tarn::config {

struct YamlOption {
  std::string name;                 // "catalog.listen"
  std::vector<std::string> values;  // one, or the items of a list
  bool is_list = false;
  int line = 0;  // counted from 1
};

struct YamlOptions {
  std::vector<YamlOption> options;
  std::vector<std::string> errors;  // "file.yaml:3: …"
};

YamlOptions ReadYamlOptions(std::string_view text, const std::string& file);

}  // namespace tarn::config
