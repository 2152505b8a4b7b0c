#include "common/status/error.h"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(ErrorTest, CarriesReasonAndMetadata) {
  absl::Status status = NotFound("TABLE_NOT_FOUND", "table a.b does not exist", {{"table", "a.b"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrorReason(status), "TABLE_NOT_FOUND");
  EXPECT_EQ(ErrorMetadataOf(status).at("table"), "a.b");
}

TEST(ErrorTest, AnnotatingKeepsCodeAndReason) {
  absl::Status status = Annotate(Aborted("COMMIT_CONFLICT", "a file is gone"), "compacting a.b");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(status.message(), "compacting a.b: a file is gone");
  EXPECT_EQ(ErrorReason(status), "COMMIT_CONFLICT");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "context").ok());
}

TEST(ErrorTest, ListsEveryBadField) {
  absl::Status status = InvalidFields({{"spec.a", "is required"}, {"spec.b", "is negative"}});
  EXPECT_EQ(status.message(), "spec.a: is required; spec.b: is negative");
  ASSERT_EQ(FieldViolationsOf(status).size(), 2u);
  EXPECT_EQ(FieldViolationsOf(status)[1].field, "spec.b");
}

TEST(ErrorTest, AForeignErrorHasNoReason) { EXPECT_EQ(ErrorReason(absl::InternalError("x")), ""); }

}  // namespace
}  // namespace tarn
