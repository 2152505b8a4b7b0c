#include "services/transform/parameter_values.h"

#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/testing/status_matchers.h"

namespace tarn::transform {
namespace {

using ::testing::HasSubstr;

v1::PipelineParameter Parameter(const std::string& name, const std::string& type) {
  v1::PipelineParameter parameter;
  parameter.set_name(name);
  parameter.set_type(type);
  return parameter;
}

v1::Pipeline PipelineWith(std::initializer_list<v1::PipelineParameter> parameters) {
  v1::Pipeline pipeline;
  pipeline.set_name("pipelines/p");
  for (const v1::PipelineParameter& parameter : parameters) *pipeline.add_parameters() = parameter;
  return pipeline;
}

TEST(ParameterValuesTest, ValuesAreCheckedByType) {
  struct Case {
    const char* type;
    std::vector<const char*> good;
    std::vector<const char*> bad;
  };
  for (const Case& c : std::vector<Case>{
           {"", {"", "x"}, {}},
           {"integer", {"0", "-9223372036854775808"}, {"", "1.5", "9223372036854775808", "x"}},
           {"double", {"0.5", "-1e300", "7"}, {"", "inf", "nan", "1e999", "x"}},
           {"boolean", {"true", "false"}, {"", "yes", "TRUE"}},
           {"date",
            {"0001-01-01", "9999-12-31", "2024-02-29"},
            {"", "2023-02-29", "2024-2-1", "31.1.2024"}},
           {"timestamp",
            {"2024-01-31T08:00:00Z", "2024-01-31 08:00:00.5", "2024-01-31T08:00:00+02:00"},
            {"", "08:00", "2024-13-01T00:00:00Z", "infinite-future"}}}) {
    for (const char* value : c.good) {
      EXPECT_OK(CheckParameterValue(Parameter("x", c.type), value)) << c.type << " " << value;
    }
    for (const char* value : c.bad) {
      EXPECT_THAT(CheckParameterValue(Parameter("x", c.type), value),
                  StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_INVALID"))
          << c.type << " " << value;
    }
  }
}

TEST(ParameterValuesTest, DefaultsFillInWhatIsNotGiven) {
  v1::PipelineParameter home = Parameter("home", "string");
  home.set_default_value("");
  ASSERT_OK_AND_ASSIGN(
      ParameterValues values,
      ResolveParameters(PipelineWith({home, Parameter("n", "integer")}), {{"n", "7"}}));
  EXPECT_EQ(values, (ParameterValues{{"home", ""}, {"n", "7"}}));
}

TEST(ParameterValuesTest, MissingUnknownAndInvalidValuesAreToldApart) {
  v1::Pipeline pipeline = PipelineWith({Parameter("home", ""), Parameter("day", "date")});
  EXPECT_THAT(ResolveParameters(pipeline, {{"home", "x"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_MISSING", HasSubstr("day")));
  EXPECT_THAT(ResolveParameters(pipeline, {{"hone", "x"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_UNKNOWN",
                       HasSubstr("did you mean home")));
  EXPECT_THAT(ResolveParameters(pipeline, {{"home", "x"}, {"day", "today"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "PARAMETER_INVALID",
                       HasSubstr("a date such as")));
}

TEST(ParameterValuesTest, ValuesAreBoundWithTheirType) {
  EXPECT_EQ(BindValue(Parameter("x", "integer"), "42").number_value(), 42);
  EXPECT_EQ(BindValue(Parameter("x", "integer"), "9007199254740993").string_value(),
            "9007199254740993");
  EXPECT_EQ(BindValue(Parameter("x", "double"), "0.5").number_value(), 0.5);
  EXPECT_TRUE(BindValue(Parameter("x", "boolean"), "true").bool_value());
  EXPECT_EQ(BindValue(Parameter("x", "date"), "2024-01-31").string_value(), "2024-01-31");
  EXPECT_EQ(BindValue(Parameter("x", ""), "'; DROP TABLE t").string_value(), "'; DROP TABLE t");
}

}  // namespace
}  // namespace tarn::transform
