#include "common/auth/ed25519.h"

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::auth {
namespace {

TEST(Ed25519Test, ASignatureVerifiesWithThePublicHalfOfItsKeyAlone) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(PrivateKey other, PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(std::string signature, key.Sign("text"));
  ASSERT_OK_AND_ASSIGN(PublicKey public_key, PublicKey::FromRaw(key.public_key()));
  ASSERT_OK_AND_ASSIGN(PublicKey other_public_key, PublicKey::FromRaw(other.public_key()));
  EXPECT_TRUE(public_key.Verifies("text", signature));
  EXPECT_FALSE(public_key.Verifies("Text", signature));
  EXPECT_FALSE(public_key.Verifies("text", signature.substr(1)));
  EXPECT_FALSE(public_key.Verifies("text", ""));
  EXPECT_FALSE(other_public_key.Verifies("text", signature));
}

TEST(Ed25519Test, AKeySurvivesPem) {
  ASSERT_OK_AND_ASSIGN(PrivateKey key, PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(std::string pem, key.ToPem());
  ASSERT_OK_AND_ASSIGN(PrivateKey read, PrivateKey::FromPem(pem));
  EXPECT_EQ(read.public_key(), key.public_key());
  EXPECT_EQ(KeyIdOf(read.public_key()).size(), 16u);
}

TEST(Ed25519Test, WhatIsNoKeyIsRefused) {
  EXPECT_THAT(PrivateKey::FromPem("no key"),
              StatusIs(absl::StatusCode::kInvalidArgument, "KEY_INVALID"));
  EXPECT_THAT(PublicKey::FromRaw("short"),
              StatusIs(absl::StatusCode::kInvalidArgument, "KEY_INVALID"));
}

}  // namespace
}  // namespace tarn::auth
