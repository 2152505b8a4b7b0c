#include "common/rpc/status_conversion.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::rpc {
namespace {

absl::Status RoundTrip(const absl::Status& status) { return FromGrpcStatus(ToGrpcStatus(status)); }

TEST(StatusConversionTest, EveryCodeSurvives) {
  for (int code = 0; code <= 16; ++code) {
    absl::Status status(static_cast<absl::StatusCode>(code), code == 0 ? "" : "message");
    EXPECT_EQ(RoundTrip(status), status);
    EXPECT_EQ(StatusCodeName(status.code()), absl::StatusCodeToString(status.code()));
  }
}

TEST(StatusConversionTest, ReasonMetadataAndFieldsSurvive) {
  absl::Status missing = NotFound("TABLE_NOT_FOUND", "no table a.b", {{"table", "a.b"}});
  EXPECT_EQ(RoundTrip(missing), missing);
  absl::Status invalid = InvalidFields({{"spec.a", "is required"}, {"spec.b", "is negative"}});
  EXPECT_EQ(RoundTrip(invalid), invalid);
  EXPECT_EQ(FieldViolationsOf(RoundTrip(invalid)).size(), 2u);
}

TEST(StatusConversionTest, AForeignErrorKeepsCodeAndMessage) {
  EXPECT_EQ(FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no route")),
            absl::UnavailableError("no route"));
  grpc::Status damaged(grpc::StatusCode::ABORTED, "text", "\xff\xff not a proto");
  EXPECT_EQ(FromGrpcStatus(damaged), absl::AbortedError("text"));
}

TEST(StatusConversionTest, WhatIsTooLargeIsCutAndTheReasonKept) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 1000; ++i)
    violations.push_back({"field", "is wrong in many words, ä€🙂"});
  absl::Status status = RoundTrip(InvalidFields(std::move(violations)));
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  EXPECT_LE(status.message().size(), kMaxWireMessageBytes);
  EXPECT_TRUE(FieldViolationsOf(status).empty());
}

TEST(StatusConversionTest, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(RoundTrip(absl::InternalError("ä\xff€ \xed\xa0\x80🙂")),
            absl::InternalError("ä?€ ???🙂"));
}

}  // namespace
}  // namespace tarn::rpc
