#include "services/transform/parameter_values.h"

#include <array>
#include <cmath>
#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>
#include <google/protobuf/struct.pb.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::transform {
namespace {

constexpr int64_t kLargestExactInteger = int64_t{1} << 53;

// What a value of the type looks like, for messages; "" for a type that does not exist.
std::string_view Example(std::string_view type) {
  if (type.empty() || type == "string") return "any text";
  if (type == "integer") return "a whole number such as 42";
  if (type == "double") return "a number such as 0.5";
  if (type == "boolean") return "true or false";
  if (type == "date") return "a date such as 2024-01-31";
  if (type == "timestamp") return "a time such as 2024-01-31T08:00:00Z";
  return "";
}

bool ParsesAs(const std::string& text, std::initializer_list<const char*> formats) {
  absl::Time time;
  std::string error;
  for (const char* format : formats) {
    if (absl::ParseTime(format, text, &time, &error) && time != absl::InfiniteFuture() &&
        time != absl::InfinitePast()) {
      return true;
    }
  }
  return false;
}

bool IsValueOf(std::string_view type, const std::string& text) {
  if (type == "integer") {
    int64_t value;
    return absl::SimpleAtoi(text, &value);
  }
  if (type == "double") {
    double value;
    return absl::SimpleAtod(text, &value) && std::isfinite(value);
  }
  if (type == "boolean") return text == "true" || text == "false";
  if (type == "date") return text.size() == 10 && ParsesAs(text, {"%E4Y-%m-%d"});
  if (type == "timestamp") {
    return ParsesAs(text, {"%E4Y-%m-%d%ET%H:%M:%E*S%Ez", "%E4Y-%m-%d %H:%M:%E*S%Ez",
                           "%E4Y-%m-%d%ET%H:%M:%E*S", "%E4Y-%m-%d %H:%M:%E*S", "%E4Y-%m-%d"});
  }
  return true;
}

const v1::PipelineParameter* Find(const v1::Pipeline& pipeline, const std::string& name) {
  for (const v1::PipelineParameter& parameter : pipeline.parameters()) {
    if (parameter.name() == name) return &parameter;
  }
  return nullptr;
}

}  // namespace

bool IsParameterType(std::string_view type) { return !Example(type).empty(); }

absl::Status CheckParameterValue(const v1::PipelineParameter& parameter, std::string_view text) {
  if (IsValueOf(parameter.type(), std::string(text))) return absl::OkStatus();
  const std::string_view example = Example(parameter.type());
  return InvalidArgument("PARAMETER_INVALID",
                         absl::StrCat("parameter ", parameter.name(), ": \"",
                                      absl::string_view(text.data(), text.size()), "\" is not ",
                                      absl::string_view(example.data(), example.size())),
                         {{"parameter", parameter.name()}, {"type", parameter.type()}});
}

absl::StatusOr<ParameterValues> ResolveParameters(const v1::Pipeline& pipeline,
                                                  const ParameterValues& given) {
  std::vector<std::string> names;
  for (const v1::PipelineParameter& parameter : pipeline.parameters()) {
    names.push_back(parameter.name());
  }
  for (const auto& [name, value] : given) {
    const v1::PipelineParameter* parameter = Find(pipeline, name);
    if (parameter == nullptr) {
      return InvalidArgument(
          "PARAMETER_UNKNOWN",
          absl::StrCat(pipeline.name(), " has no parameter ", name, names::DidYouMean(name, names)),
          {{"parameter", name}});
    }
    TARN_RETURN_IF_ERROR(CheckParameterValue(*parameter, value));
  }
  ParameterValues values = given;
  for (const v1::PipelineParameter& parameter : pipeline.parameters()) {
    if (values.count(parameter.name()) > 0) continue;
    if (!parameter.has_default_value()) {
      return InvalidArgument(
          "PARAMETER_MISSING",
          absl::StrCat("parameter ", parameter.name(), " of ", pipeline.name(),
                       " has no default value and was not given; give it to the run"),
          {{"parameter", parameter.name()}});
    }
    values[parameter.name()] = parameter.default_value();
  }
  return values;
}

google::protobuf::Value BindValue(const v1::PipelineParameter& parameter, const std::string& text) {
  google::protobuf::Value value;
  int64_t integer = 0;
  double number = 0;
  if (parameter.type() == "integer" && absl::SimpleAtoi(text, &integer) &&
      integer <= kLargestExactInteger && integer >= -kLargestExactInteger) {
    value.set_number_value(static_cast<double>(integer));
  } else if (parameter.type() == "double" && absl::SimpleAtod(text, &number)) {
    value.set_number_value(number);
  } else if (parameter.type() == "boolean") {
    value.set_bool_value(text == "true");
  } else {
    value.set_string_value(text);
  }
  return value;
}

}  // namespace tarn::transform
