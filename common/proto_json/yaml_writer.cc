#include "common/proto_json/yaml_writer.h"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/proto_json/yaml_document.h"

namespace tarn::proto_json {
namespace {

using Json = nlohmann::ordered_json;

bool HasControlCharacters(const std::string& text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return true;
  }
  return false;
}

// A literal block cannot say where blanks at its ends are, nor hold control characters.
bool FitsLiteral(const std::string& text) {
  return text.find('\n') != std::string::npos && !HasControlCharacters(text) && text[0] != ' ' &&
         text[0] != '\n' && text.back() == '\n' && text[text.size() - 2] != '\n';
}

// Words that YAML 1.1 readers take for switches.
bool IsOldSwitch(const std::string& text) {
  for (const char* word : {"y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On",
                           "ON", "off", "Off", "OFF"}) {
    if (text == word) return true;
  }
  return false;
}

void EmitText(YAML::Emitter& out, const std::string& text) {
  if (PlainScalarKind(text) != Node::Kind::kString || IsOldSwitch(text)) {
    out << YAML::DoubleQuoted << text;
  } else if (FitsLiteral(text)) {
    out << YAML::Literal << text.substr(0, text.size() - 1);  // the block ends the last line
  } else if (text.find('\n') != std::string::npos || HasControlCharacters(text)) {
    out << YAML::DoubleQuoted << text;
  } else {
    out << text;
  }
}

void Emit(YAML::Emitter& out, const Json& json) {
  switch (json.type()) {
    case Json::value_t::object:
      out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
      for (const auto& [key, value] : json.items()) {
        out << YAML::Key;
        EmitText(out, key);
        out << YAML::Value;
        Emit(out, value);
      }
      out << YAML::EndMap;
      break;
    case Json::value_t::array:
      out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
      for (const Json& item : json) Emit(out, item);
      out << YAML::EndSeq;
      break;
    case Json::value_t::string:
      EmitText(out, json.get_ref<const std::string&>());
      break;
    default:
      out << json.dump();  // null, switches and numbers read the same in YAML
  }
}

}  // namespace

std::string WriteYaml(const Json& json) {
  YAML::Emitter out;
  Emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace tarn::proto_json
