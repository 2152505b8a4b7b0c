#include "services/dashboard/identity/identity_manager.h"

#include <gtest/gtest.h>

#include "common/auth/token_verifier.h"
#include "common/clock/fake_clock.h"
#include "common/testing/status_matchers.h"
#include "services/dashboard/identity/identity_store_contract.h"
#include "services/dashboard/identity/key_secret.h"
#include "services/dashboard/identity/testing/fake_identity_store.h"

namespace tarn::dashboard {
namespace {

class FakeStoreFixture : public ::testing::Test {
 protected:
  IdentityStore& store() { return store_; }
  FakeIdentityStore store_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, IdentityStoreContract, FakeStoreFixture);

class IdentityManagerTest : public ::testing::Test {
 protected:
  IdentityManagerTest() { identity_.SetSigner(*auth::TokenSigner::Generate()); }

  static Key NewKey(const std::string& user, std::vector<std::string> roles) {
    Key key;
    key.display_name = "a key";
    key.user = user;
    key.roles = std::move(roles);
    return key;
  }

  CreatedKey Create(Key key) {
    auto created = identity_.CreateKey(admin_, std::move(key), "");
    EXPECT_OK(created);
    return *created;
  }

  FakeClock clock_;
  FakeIdentityStore store_;
  IdentityManager identity_{store_, clock_};
  auth::Caller admin_{.workspace = "default", .user = "admin", .roles = {"admin"}};
};

TEST_F(IdentityManagerTest, AKeyIsExchangedForATokenThatVerifies) {
  Key key = NewKey("ada", {"editor"});
  key.groups = {"ops"};
  key.attributes = {{"region", "emea"}};
  CreatedKey created = Create(key);
  ASSERT_OK_AND_ASSIGN(IssuedToken token, identity_.ExchangeKey(created.secret));
  EXPECT_LE(token.expire_time, clock_.Now() + absl::Minutes(5));
  auth::FixedKeySource keys(identity_.SigningKeys());
  auth::TokenVerifier verifier(keys, clock_);
  ASSERT_OK_AND_ASSIGN(auth::VerifiedToken verified, verifier.Verify(token.token));
  EXPECT_EQ(verified.caller,
            (auth::Caller{"default", "ada", {"ops"}, {"editor"}, {{"region", "emea"}}}));
}

TEST_F(IdentityManagerTest, TheSecretIsNotStored) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  ASSERT_OK_AND_ASSIGN(auto stored, store_.FindKey(created.key.id));
  EXPECT_EQ(stored->secret_hash, HashSecret(created.secret));
  EXPECT_NE(stored->secret_hash, created.secret);
}

TEST_F(IdentityManagerTest, WrongKeysGetOneAnswer) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  std::string wrong = created.secret;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  absl::Status malformed = identity_.ExchangeKey("hello").status();
  EXPECT_THAT(malformed, StatusIs(absl::StatusCode::kUnauthenticated, "KEY_INVALID"));
  EXPECT_EQ(identity_.ExchangeKey(wrong).status(), malformed);
  EXPECT_EQ(identity_.ExchangeKey(NewKeySecret().text).status(), malformed);
  EXPECT_EQ(identity_.ExchangeKey("").status(), malformed);
}

TEST_F(IdentityManagerTest, RevokedAndExpiredKeysSaySo) {
  Key key = NewKey("ada", {"viewer"});
  key.expire_time = clock_.Now() + absl::Hours(1);
  CreatedKey expiring = Create(key);
  CreatedKey revoked = Create(NewKey("bob", {"viewer"}));
  ASSERT_OK(identity_.RevokeKey("default", revoked.key.id));
  EXPECT_THAT(identity_.ExchangeKey(revoked.secret),
              StatusIs(absl::StatusCode::kUnauthenticated, "KEY_REVOKED"));
  EXPECT_OK(identity_.ExchangeKey(expiring.secret));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(identity_.ExchangeKey(expiring.secret),
              StatusIs(absl::StatusCode::kUnauthenticated, "KEY_EXPIRED"));
}

TEST_F(IdentityManagerTest, ManyWrongKeysAreSlowedDownAndRightOnesAreNot) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(identity_.ExchangeKey("wrong"), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  EXPECT_THAT(identity_.ExchangeKey("wrong"),
              StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_ATTEMPTS"));
  EXPECT_OK(identity_.ExchangeKey(created.secret));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(identity_.ExchangeKey("wrong"), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(IdentityManagerTest, TheLastUseIsKnownToTheMinute) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  clock_.Advance(absl::Seconds(90));
  ASSERT_OK(identity_.ExchangeKey(created.secret));
  ASSERT_OK_AND_ASSIGN(auto stored, store_.FindKey(created.key.id));
  EXPECT_EQ(stored->key.last_use_time, FakeClock::DefaultStart() + absl::Minutes(1));
}

TEST_F(IdentityManagerTest, AMintedTokenCarriesTheUnionOfTheUsersLiveKeys) {
  Key first = NewKey("ada", {"viewer"});
  first.groups = {"ops"};
  first.attributes = {{"region", "emea"}, {"team", "a"}};
  Key second = NewKey("ada", {"editor"});
  second.groups = {"finance", "ops"};
  second.attributes = {{"region", "apac"}};
  Create(first);
  clock_.Advance(absl::Seconds(1));
  Create(second);
  CreatedKey gone = Create(NewKey("ada", {"admin"}));
  Create(NewKey("ann", {"admin"}));
  ASSERT_OK(identity_.RevokeKey("default", gone.key.id));
  ASSERT_OK_AND_ASSIGN(IssuedToken token, identity_.MintToken("default", "ada"));
  EXPECT_EQ(token.caller, (auth::Caller{"default",
                                        "ada",
                                        {"finance", "ops"},
                                        {"editor", "viewer"},
                                        {{"region", "apac"}, {"team", "a"}}}));
}

TEST_F(IdentityManagerTest, AUserWithoutALiveKeyIsGone) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  ASSERT_OK(identity_.RevokeKey("default", created.key.id));
  EXPECT_THAT(identity_.MintToken("default", "ada"),
              StatusIs(absl::StatusCode::kNotFound, "USER_NOT_FOUND"));
  EXPECT_THAT(identity_.MintToken("elsewhere", "ada"),
              StatusIs(absl::StatusCode::kNotFound, "USER_NOT_FOUND"));
}

TEST_F(IdentityManagerTest, ASessionSlidesAndEnds) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  ASSERT_OK_AND_ASSIGN(SignedIn signed_in, identity_.SignIn(created.secret));
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Hours(11));
    EXPECT_OK(identity_.RefreshSession(signed_in.session));
  }
  clock_.Advance(absl::Hours(12));
  EXPECT_THAT(identity_.RefreshSession(signed_in.session),
              StatusIs(absl::StatusCode::kUnauthenticated, "SESSION_INVALID"));
}

TEST_F(IdentityManagerTest, ASessionEndsWithItsKeyOrBySignOut) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  ASSERT_OK_AND_ASSIGN(SignedIn first, identity_.SignIn(created.secret));
  ASSERT_OK_AND_ASSIGN(SignedIn second, identity_.SignIn(created.secret));
  ASSERT_OK(identity_.SignOut(first.session));
  ASSERT_OK(identity_.SignOut(first.session));
  EXPECT_THAT(identity_.RefreshSession(first.session),
              StatusIs(absl::StatusCode::kUnauthenticated, "SESSION_INVALID"));
  ASSERT_OK(identity_.RevokeKey("default", created.key.id));
  EXPECT_THAT(identity_.RefreshSession(second.session),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(identity_.RefreshSession(""), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(IdentityManagerTest, ExpiredSessionsAreForgotten) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  ASSERT_OK(identity_.SignIn(created.secret));
  clock_.Advance(absl::Hours(13));
  ASSERT_OK(identity_.SignIn(created.secret));
  EXPECT_EQ(store_.session_count(), 1u);
}

TEST_F(IdentityManagerTest, ABadKeyIsRefusedWithEveryField) {
  Key key = NewKey("no spaces", {"service"});
  key.display_name = "";
  key.expire_time = clock_.Now();
  absl::Status status = identity_.CreateKey(admin_, key, "").status();
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolationsOf(status)) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ::testing::ElementsAre("key.display_name", "key.user", "key.roles[0]",
                                             "key.expire_time"));
}

// By the role that MintToken adds, its owner's resources would act as Tarn itself, in all
// workspaces.
TEST_F(IdentityManagerTest, NobodyIsGivenAKeyOfTheServicesUser) {
  absl::Status status = identity_.CreateKey(admin_, NewKey("service", {"viewer"}), "").status();
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u) << status;
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "key.user");
}

TEST_F(IdentityManagerTest, ADatabaseThatIsDownIsNotAWrongKey) {
  CreatedKey created = Create(NewKey("ada", {"viewer"}));
  store_.FailWith(Unavailable("POSTGRES_UNAVAILABLE", "down"));
  EXPECT_THAT(identity_.ExchangeKey(created.secret),
              StatusIs(absl::StatusCode::kUnavailable, "POSTGRES_UNAVAILABLE"));
}

TEST(KeySecretTest, ANewSecretParsesToItself) {
  KeySecret secret = NewKeySecret();
  EXPECT_EQ(secret.text.size(), 61u);
  auto parsed = ParseKeySecret(secret.text);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->key_id, secret.key_id);
  EXPECT_FALSE(ParseKeySecret(secret.text + "x").has_value());
  EXPECT_FALSE(ParseKeySecret(secret.text.substr(1)).has_value());
  EXPECT_FALSE(ParseKeySecret(std::string(61, 'a')).has_value());
}

}  // namespace
}  // namespace tarn::dashboard
