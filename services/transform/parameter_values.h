// The values of a pipeline's parameters: checked by type, completed by defaults, and as they are
// bound to a statement. Pure functions; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace google::protobuf {
class Value;
}

namespace tarn::transform {

namespace v1 {
class Pipeline;
class PipelineParameter;
}  // namespace v1

using ParameterValues = std::map<std::string, std::string>;

// Whether there is such a type; "" is string.
bool IsParameterType(std::string_view type);

// INVALID_ARGUMENT, PARAMETER_INVALID when `text` is no value of the type; says what one looks
// like.
absl::Status CheckParameterValue(const v1::PipelineParameter& parameter, std::string_view text);

// The value of every parameter for a run. INVALID_ARGUMENT: PARAMETER_UNKNOWN, PARAMETER_MISSING,
// PARAMETER_INVALID, each with the parameter in the metadata.
absl::StatusOr<ParameterValues> ResolveParameters(const v1::Pipeline& pipeline,
                                                  const ParameterValues& given);

// A value that was checked, as a statement's parameter: numbers and booleans as such (integers
// beyond 2^53 as text, which the engine casts), dates, times and strings as text.
google::protobuf::Value BindValue(const v1::PipelineParameter& parameter, const std::string& text);

}  // namespace tarn::transform
