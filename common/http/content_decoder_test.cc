#include "common/http/content_decoder.h"

#include <random>
#include <zstd.h>

#include <gtest/gtest.h>

#include "common/http/testing/gzip.h"
#include "common/testing/status_matchers.h"

namespace tarn {
namespace {

using ::testing::HasSubstr;

constexpr size_t kLimit = 1u << 20;

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Encoding {
  const char* name;
  std::string (*encode)(const std::string&);
};
constexpr Encoding kEncodings[] = {{"gzip", Gzip}, {"zstd", Zstd}};

TEST(ContentDecoderTest, GivesBackWhatWasEncoded) {
  for (const Encoding& encoding : kEncodings) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, kLimit - 1, kLimit}) {
      const std::string text(size, 'x');
      EXPECT_EQ(*DecodeContent(encoding.name, encoding.encode(text), kLimit), text)
          << encoding.name << " " << size;
      // Several members or frames are one text.
      if (size <= 1000) {
        EXPECT_EQ(
            *DecodeContent(encoding.name, encoding.encode(text) + encoding.encode("tail"), kLimit),
            text + "tail");
      }
    }
  }
  EXPECT_EQ(*DecodeContent("", "plain", kLimit), "plain");
  EXPECT_EQ(*DecodeContent("Identity", "plain", kLimit), "plain");
  EXPECT_EQ(*DecodeContent(" GZIP ", Gzip("a"), kLimit), "a");
}

TEST(ContentDecoderTest, ABombIsRefusedAtItsBound) {
  // A gigabyte of zeros in a megabyte: were it decoded whole, the test would be slow and large.
  const std::string zeros(64u << 20, '\0');
  for (const Encoding& encoding : kEncodings) {
    std::string bomb = encoding.encode(zeros);
    const std::string one = bomb;
    for (int i = 0; i < 15; ++i) bomb += one;
    EXPECT_THAT(DecodeContent(encoding.name, bomb, kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
    EXPECT_THAT(DecodeContent(encoding.name, encoding.encode(std::string(kLimit + 1, 'x')), kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
  }
  EXPECT_THAT(DecodeContent("", std::string(kLimit + 1, 'x'), kLimit),
              StatusIs(absl::StatusCode::kInvalidArgument, "REQUEST_TOO_LARGE"));
}

TEST(ContentDecoderTest, WhatEndsTooSoonOrIsSomethingElseIsRefused) {
  std::string text;
  std::minstd_rand random(1);
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(random() % 256);
  for (const Encoding& encoding : kEncodings) {
    const std::string whole = encoding.encode(text);
    for (size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 97) {
      EXPECT_THAT(DecodeContent(encoding.name, whole.substr(0, size), kLimit),
                  StatusIs(absl::StatusCode::kInvalidArgument, "ENCODING_INVALID"))
          << encoding.name << " " << size;
    }
    EXPECT_THAT(DecodeContent(encoding.name, "{\"a\": 1}", kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument, "ENCODING_INVALID"));
    EXPECT_THAT(DecodeContent(encoding.name, whole + "tail", kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument, "ENCODING_INVALID"));
  }
  EXPECT_THAT(DecodeContent("br", "x", kLimit),
              StatusIs(absl::StatusCode::kInvalidArgument, "ENCODING_UNKNOWN", HasSubstr("br")));
}

TEST(ContentDecoderTest, RandomDamageIsRefusedOrDecodesWithinTheBound) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "{\"n\": " + std::to_string(i) + "}\n";
  for (const Encoding& encoding : kEncodings) {
    const std::string whole = encoding.encode(text);
    for (unsigned seed = 0; seed < 2000; ++seed) {
      std::minstd_rand random(seed + 1);
      std::string damaged = whole;
      for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
        damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
      }
      const absl::StatusOr<std::string> decoded = DecodeContent(encoding.name, damaged, kLimit);
      if (decoded.ok()) {
        EXPECT_LE(decoded->size(), kLimit);
      }
    }
  }
}

}  // namespace
}  // namespace tarn
