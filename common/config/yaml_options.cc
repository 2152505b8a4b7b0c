#include "common/config/yaml_options.h"

#include <set>

#include <yaml-cpp/yaml.h>

namespace tarn::config {
namespace {

class Flattener {
 public:
  Flattener(const std::string& file, YamlOptions& out) : file_(file), out_(out) {}

  void Walk(const YAML::Node& node, const std::string& prefix) {
    for (const auto& entry : node) {
      const int line = entry.first.Mark().line + 1;
      if (!entry.first.IsScalar()) {
        Fail(line, "a name must be plain text");
        continue;
      }
      const std::string name =
          prefix.empty() ? entry.first.Scalar() : prefix + "." + entry.first.Scalar();
      const YAML::Node& value = entry.second;
      if (value.IsMap()) {
        Walk(value, name);
      } else if (!seen_.insert(name).second) {
        Fail(line, name + " is given twice");
      } else if (value.IsScalar()) {
        out_.options.push_back({name, {value.Scalar()}, false, line});
      } else if (value.IsSequence()) {
        AddList(value, name, line);
      }  // a name without a value says nothing
    }
  }

 private:
  void AddList(const YAML::Node& list, const std::string& name, int line) {
    YamlOption option{name, {}, true, line};
    for (const auto& item : list) {
      if (!item.IsScalar()) {
        Fail(item.Mark().line + 1, name + " is a list whose items must be plain text");
        return;
      }
      option.values.push_back(item.Scalar());
    }
    out_.options.push_back(std::move(option));
  }

  void Fail(int line, const std::string& what) {
    out_.errors.push_back(file_ + ":" + std::to_string(line) + ": " + what);
  }

  const std::string& file_;
  YamlOptions& out_;
  std::set<std::string> seen_;
};

}  // namespace

YamlOptions ReadYamlOptions(std::string_view text, const std::string& file) {
  YamlOptions out;
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsMap()) {
      Flattener(file, out).Walk(root, "");
    } else if (!root.IsNull()) {
      out.errors.push_back(file + ":1: must be a map of options, such as 'catalog: {listen: …}'");
    }
  } catch (const YAML::Exception& e) {
    out.errors.push_back(file + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
  }
  return out;
}

}  // namespace tarn::config
