#include "common/auth/token_verifier.h"

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>

#include "common/auth/testing/fake_tokens.h"
#include "common/auth/token_format.h"
#include "common/clock/fake_clock.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"

namespace tarn::auth {
namespace {

// A key set that counts how often it is asked for and can fail.
class CountingKeySource : public SigningKeySource {
 public:
  absl::StatusOr<std::vector<SigningKey>> FetchKeys() override {
    ++fetches;
    if (!error.ok()) return error;
    return keys;
  }

  std::vector<SigningKey> keys;
  absl::Status error;
  int fetches = 0;
};

class TokenVerifierTest : public ::testing::Test {
 protected:
  TokenVerifierTest() { source_.keys = {signer_.signing_key()}; }

  std::string Mint(const TokenSigner& signer, absl::Duration lifetime = absl::Minutes(5)) {
    return signer.Mint(TestCaller(), lifetime, clock_)->token;
  }

  FakeClock clock_;
  TokenSigner signer_ = TokenSigner::Generate().value();
  TokenSigner other_signer_ = TokenSigner::Generate().value();
  CountingKeySource source_;
  TokenVerifier verifier_{source_, clock_};
};

TEST_F(TokenVerifierTest, GivesTheCallerAsItWasSigned) {
  Caller caller = TestCaller("zoë", kViewerRole);
  caller.groups = {"analysts", "emea"};
  caller.attributes = {{"region", "emea"}};
  ASSERT_OK_AND_ASSIGN(MintedToken minted, signer_.Mint(caller, absl::Minutes(5), clock_));
  ASSERT_OK_AND_ASSIGN(VerifiedToken verified, verifier_.Verify(minted.token));
  EXPECT_EQ(verified.caller, caller);
  EXPECT_EQ(verified.expire_time, minted.expire_time);
}

TEST_F(TokenVerifierTest, RefusesWhatIsNoToken) {
  std::string token = Mint(signer_);
  std::string unsigned_token =
      absl::WebSafeBase64Escape(R"({"alg":"none","kid":"k"})") + token.substr(token.find('.'));
  for (const std::string& bad :
       {std::string("tarn_key"), std::string("a.b"), std::string("a.b.c.d"), std::string(".."),
        "!" + token, token + ".", token + "!", unsigned_token, std::string(20000, 'a'),
        absl::WebSafeBase64Escape("[]") + token.substr(token.find('.'))}) {
    EXPECT_THAT(verifier_.Verify(bad),
                StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_MALFORMED"))
        << bad.substr(0, 50);
  }
  EXPECT_THAT(verifier_.Verify(""), StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING"));
}

TEST_F(TokenVerifierTest, RefusesAForgedPayloadAndAForeignKey) {
  std::string token = Mint(signer_);
  std::string forged = FormatSignedPart(TestCaller("ada", kAdminRole), signer_.signing_key().key_id,
                                        clock_.Now(), clock_.Now() + absl::Hours(1)) +
                       token.substr(token.rfind('.'));
  EXPECT_THAT(verifier_.Verify(forged),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_SIGNATURE_INVALID"));
  EXPECT_THAT(verifier_.Verify(Mint(other_signer_)),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_SIGNATURE_INVALID"));
}

TEST_F(TokenVerifierTest, ATokenEndsFiveSecondsAfterItsExpiry) {
  std::string token = Mint(signer_, absl::Minutes(1));
  clock_.Advance(absl::Seconds(64));
  EXPECT_OK(verifier_.Verify(token));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(verifier_.Verify(token),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"));
}

TEST_F(TokenVerifierTest, VerifiesWithoutFetchingTheKeysAgain) {
  for (int i = 0; i < 10; ++i) EXPECT_OK(verifier_.Verify(Mint(signer_)));
  EXPECT_EQ(source_.fetches, 1);
}

TEST_F(TokenVerifierTest, LearnsANewKeyFromItsFirstToken) {
  ASSERT_OK(verifier_.Verify(Mint(signer_)));
  clock_.Advance(TokenVerifier::kMinRefreshInterval);
  source_.keys.push_back(other_signer_.signing_key());
  EXPECT_OK(verifier_.Verify(Mint(other_signer_)));
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(TokenVerifierTest, UnknownKeysDoNotMakeItFetchAllTheTime) {
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(verifier_.Verify(Mint(other_signer_)).ok());
  EXPECT_EQ(source_.fetches, 1);
  clock_.Advance(TokenVerifier::kMinRefreshInterval);
  EXPECT_FALSE(verifier_.Verify(Mint(other_signer_)).ok());
  EXPECT_EQ(source_.fetches, 2);
}

TEST_F(TokenVerifierTest, AWithdrawnKeyStopsWithinFiveMinutes) {
  ASSERT_OK(verifier_.Verify(Mint(signer_)));
  source_.keys = {other_signer_.signing_key()};
  clock_.Advance(TokenVerifier::kMaxKeyAge + absl::Seconds(1));
  EXPECT_THAT(verifier_.Verify(Mint(signer_)),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_SIGNATURE_INVALID"));
}

TEST_F(TokenVerifierTest, WhatItRemembersEndsWithTheTokenAndTheKey) {
  const std::string token = Mint(signer_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(VerifiedToken verified, verifier_.Verify(token));
    EXPECT_EQ(verified.caller, TestCaller());
  }
  EXPECT_THAT(verifier_.Verify(token + "x"), StatusIs(absl::StatusCode::kUnauthenticated));
  clock_.Advance(absl::Minutes(5) + TokenVerifier::kLeeway);
  EXPECT_THAT(verifier_.Verify(token),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED"));
  // Remembered, and then its key is withdrawn.
  const std::string second = Mint(signer_);
  for (int i = 0; i < 2; ++i) EXPECT_OK(verifier_.Verify(second));
  source_.keys = {other_signer_.signing_key()};
  clock_.Advance(absl::Seconds(3));
  EXPECT_OK(verifier_.Verify(Mint(other_signer_)));  // fetches the new set
  EXPECT_THAT(verifier_.Verify(second),
              StatusIs(absl::StatusCode::kUnauthenticated, "TOKEN_SIGNATURE_INVALID"));
}

TEST_F(TokenVerifierTest, GoesOnWithOldKeysWhileDashboardIsDown) {
  ASSERT_OK(verifier_.Verify(Mint(signer_)));
  source_.error = Unavailable("DOWN", "down");
  clock_.Advance(absl::Hours(1));
  EXPECT_OK(verifier_.Verify(Mint(signer_)));
}

TEST_F(TokenVerifierTest, IsUnavailableUntilTheFirstKeysCanBeRead) {
  source_.error = Unavailable("DOWN", "down");
  EXPECT_THAT(verifier_.Verify(Mint(signer_)),
              StatusIs(absl::StatusCode::kUnavailable, "SIGNING_KEYS_UNAVAILABLE"));
  source_.error = absl::OkStatus();
  clock_.Advance(TokenVerifier::kMinRefreshInterval);
  EXPECT_OK(verifier_.Verify(Mint(signer_)));
}

}  // namespace
}  // namespace tarn::auth
