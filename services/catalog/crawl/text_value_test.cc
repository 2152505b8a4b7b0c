#include "services/catalog/crawl/text_value.h"

#include <gtest/gtest.h>

namespace tarn::catalog {
namespace {

TEST(TextValueTest, TextIsWhatItCanBeReadAsWithoutLoss) {
  const std::pair<const char*, InferredKind> cases[] = {
      {"", InferredKind::kNothing},
      {"0", InferredKind::kLong},
      {"-12", InferredKind::kLong},
      {"9223372036854775807", InferredKind::kLong},
      {"9223372036854775808", InferredKind::kString},
      {"06902", InferredKind::kString},
      {"-01", InferredKind::kString},
      {"+1", InferredKind::kString},
      {" 1", InferredKind::kString},
      {"1.5", InferredKind::kDouble},
      {"0.5", InferredKind::kDouble},
      {".5", InferredKind::kDouble},
      {"1e5", InferredKind::kDouble},
      {"00.5", InferredKind::kString},
      {"1e", InferredKind::kString},
      {"1e999", InferredKind::kString},
      {"-", InferredKind::kString},
      {"1.2.3", InferredKind::kString},
      {"true", InferredKind::kBoolean},
      {"FALSE", InferredKind::kBoolean},
      {"t", InferredKind::kString},
      {"2019-12-21", InferredKind::kDate},
      {"2019-02-30", InferredKind::kString},
      {"2019-12-21 10:00:00", InferredKind::kTimestamp},
      {"2019-12-21T10:00:00.123456", InferredKind::kTimestamp},
      {"2019-12-21T10:00:00Z", InferredKind::kTimestampTz},
      {"2019-12-21 10:00:00+02:00", InferredKind::kTimestampTz},
      {"2019-12-21 10:00Z", InferredKind::kString},
      {"2019-12-21T10:00:00.1234567", InferredKind::kString},
      {"00:59:59", InferredKind::kString},
      {"hello", InferredKind::kString},
      {"58862ba8c590a926", InferredKind::kString},
  };
  for (const auto& [text, kind] : cases) EXPECT_EQ(ClassifyText(text), kind) << text;
}

TEST(TextValueTest, CodesOfDigitsAreText) {
  EXPECT_EQ(ClassifyValue("postcode", "97008"), InferredKind::kString);
  EXPECT_EQ(ClassifyValue("Zip_Code", "97008"), InferredKind::kString);
  EXPECT_EQ(ClassifyValue("zip", ""), InferredKind::kNothing);
  EXPECT_EQ(ClassifyValue("zipped", "1"), InferredKind::kLong);
}

TEST(TextValueTest, EvidenceWidensInWhateverOrder) {
  const auto of = [](std::initializer_list<InferredKind> kinds) {
    InferredType type;
    for (const InferredKind kind : kinds) type.Observe(kind);
    return type.kind;
  };
  using K = InferredKind;
  EXPECT_EQ(of({K::kLong, K::kDouble}), K::kDouble);
  EXPECT_EQ(of({K::kDouble, K::kNothing, K::kLong}), K::kDouble);
  EXPECT_EQ(of({K::kDate, K::kTimestamp}), K::kTimestamp);
  EXPECT_EQ(of({K::kTimestamp, K::kTimestampTz}), K::kString);
  EXPECT_EQ(of({K::kBoolean, K::kLong}), K::kString);
  EXPECT_EQ(FieldOf("c", {}).type.kind, TypeKind::kString);
}

}  // namespace
}  // namespace tarn::catalog
