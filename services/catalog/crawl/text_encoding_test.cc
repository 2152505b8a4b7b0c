#include "services/catalog/crawl/text_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::HasSubstr;

// Decodes in pieces of every size.
absl::StatusOr<std::string> Decode(TextEncoding encoding, std::string_view bytes) {
  absl::StatusOr<std::string> first;
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    TextDecoder decoder(encoding);
    std::string out;
    absl::Status status;
    for (size_t at = 0; at < bytes.size() && status.ok(); at += piece) {
      status = decoder.Decode(bytes.substr(at, piece), /*last=*/false, out);
    }
    if (status.ok()) status = decoder.Decode("", /*last=*/true, out);
    const absl::StatusOr<std::string> result =
        status.ok() ? absl::StatusOr<std::string>(out) : absl::StatusOr<std::string>(status);
    if (piece == 1) first = result;
    EXPECT_EQ(first.ok(), result.ok()) << piece;
    if (first.ok() && result.ok()) {
      EXPECT_EQ(*first, *result) << piece;
    }
  }
  return first;
}

TEST(TextEncodingTest, EveryEncodingComesOutAsUtf8) {
  EXPECT_THAT(Decode(TextEncoding::kUtf8, "aö€😀"), IsOkAndHolds("aö€😀"));
  EXPECT_THAT(Decode(TextEncoding::kLatin1, "a\xF6\x80"), IsOkAndHolds("aö€"));
  const std::string little("a\0\xF6\0\xAC\x20\x3D\xD8\x00\xDE", 10);
  EXPECT_THAT(Decode(TextEncoding::kUtf16Le, little), IsOkAndHolds("aö€😀"));
  const std::string big("\0a\0\xF6\x20\xAC\xD8\x3D\xDE\x00", 10);
  EXPECT_THAT(Decode(TextEncoding::kUtf16Be, big), IsOkAndHolds("aö€😀"));
}

TEST(TextEncodingTest, BytesThatAreNoTextAreNamedByTheirLine) {
  for (const char* bytes : {"a\n\xFFzzzz", "a\n\xC0\x80zzz", "a\n\xED\xA0\x80zz", "a\n\xE2\x82"}) {
    EXPECT_THAT(Decode(TextEncoding::kUtf8, bytes),
                StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 2")));
  }
  EXPECT_THAT(Decode(TextEncoding::kUtf16Le, std::string("a\0\x00\xDE"
                                                         "b\0c\0",
                                                         8)),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("UTF-16")));
  EXPECT_THAT(Decode(TextEncoding::kUtf16Le, "abc"),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE"));
}

TEST(TextEncodingTest, AMarkTellsUtf16UnlessAnotherEncodingIsGiven) {
  EXPECT_EQ(DetectEncoding(TextEncoding::kUnspecified, "\xFF\xFE"), TextEncoding::kUtf16Le);
  EXPECT_EQ(DetectEncoding(TextEncoding::kUnspecified, "\xFE\xFF"), TextEncoding::kUtf16Be);
  EXPECT_EQ(DetectEncoding(TextEncoding::kUnspecified, ""), TextEncoding::kUtf8);
  EXPECT_EQ(DetectEncoding(TextEncoding::kLatin1, "\xFF\xFE"), TextEncoding::kLatin1);
}

}  // namespace
}  // namespace tarn::catalog
