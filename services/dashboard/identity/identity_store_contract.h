// What every IdentityStore must do: the fake and the PostgreSQL one pass the same tests. A fixture
// gives `store()`.
#pragma once

#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "services/dashboard/identity/identity_store.h"
#include "services/dashboard/identity/key_secret.h"

namespace tarn::dashboard {

inline absl::Time ContractTime() { return absl::FromUnixSeconds(1'700'000'000); }

inline StoredKey ContractKey(const std::string& id, const std::string& user = "ada",
                             const std::string& role = "editor") {
  StoredKey stored;
  stored.key.id = id;
  stored.key.workspace = "default";
  stored.key.display_name = "for tests, \"quoted\"";
  stored.key.user = user;
  stored.key.groups = {"ops", "emea,north"};
  stored.key.roles = {role};
  stored.key.attributes = {{"region", "em\"ea"}};
  stored.key.create_time = ContractTime();
  stored.key.expire_time = ContractTime() + absl::Hours(1);
  stored.secret_hash = HashSecret("secret of " + id);
  return stored;
}

template <typename Fixture>
class IdentityStoreContract : public Fixture {};
TYPED_TEST_SUITE_P(IdentityStoreContract);

TYPED_TEST_P(IdentityStoreContract, AKeyComesBackAsItWasStored) {
  StoredKey key = ContractKey("aaaaaaaaaaaa");
  ASSERT_OK(this->store().InsertKey(key, "admin", ""));
  ASSERT_OK_AND_ASSIGN(auto found, this->store().FindKey("aaaaaaaaaaaa"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->secret_hash, key.secret_hash);
  EXPECT_EQ(found->key.display_name, key.key.display_name);
  EXPECT_EQ(found->key.groups, key.key.groups);
  EXPECT_EQ(found->key.roles, key.key.roles);
  EXPECT_EQ(found->key.attributes, key.key.attributes);
  EXPECT_EQ(found->key.create_time, key.key.create_time);
  EXPECT_EQ(found->key.expire_time, key.key.expire_time);
  EXPECT_FALSE(found->key.revoke_time.has_value());
  ASSERT_OK_AND_ASSIGN(found, this->store().FindKey("bbbbbbbbbbbb"));
  EXPECT_FALSE(found.has_value());
}

TYPED_TEST_P(IdentityStoreContract, ARequestMakesOneKeyForEachUser) {
  ASSERT_OK(this->store().InsertKey(ContractKey("aaaaaaaaaaaa"), "admin", "r1"));
  EXPECT_THAT(this->store().InsertKey(ContractKey("bbbbbbbbbbbb"), "admin", "r1"),
              StatusIs(absl::StatusCode::kAlreadyExists, "REQUEST_ALREADY_DONE"));
  EXPECT_OK(this->store().InsertKey(ContractKey("cccccccccccc"), "other", "r1"));
  EXPECT_OK(this->store().InsertKey(ContractKey("dddddddddddd"), "admin", ""));
  EXPECT_OK(this->store().InsertKey(ContractKey("eeeeeeeeeeee"), "admin", ""));
}

TYPED_TEST_P(IdentityStoreContract, KeysAreListedByIdWithinTheWorkspace) {
  for (const char* id : {"cccccccccccc", "aaaaaaaaaaaa", "bbbbbbbbbbbb"}) {
    ASSERT_OK(this->store().InsertKey(ContractKey(id), "admin", ""));
  }
  StoredKey foreign = ContractKey("bbbbbbbbbbb0");
  foreign.key.workspace = "elsewhere";
  ASSERT_OK(this->store().InsertKey(foreign, "admin", ""));
  ASSERT_OK_AND_ASSIGN(auto keys, this->store().ListKeys("default", "aaaaaaaaaaaa", 10));
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id, "bbbbbbbbbbbb");
  EXPECT_EQ(keys[1].id, "cccccccccccc");
}

TYPED_TEST_P(IdentityStoreContract, RevocationEndsSessionsAndKeepsItsTime) {
  ASSERT_OK(this->store().InsertKey(ContractKey("aaaaaaaaaaaa"), "admin", ""));
  Session session{HashSecret("s"), "aaaaaaaaaaaa", ContractTime(), ContractTime() + absl::Hours(1)};
  ASSERT_OK(this->store().InsertSession(session));
  ASSERT_OK(this->store().RevokeKey("default", "aaaaaaaaaaaa", ContractTime()));
  ASSERT_OK_AND_ASSIGN(Key again, this->store().RevokeKey("default", "aaaaaaaaaaaa",
                                                          ContractTime() + absl::Minutes(1)));
  EXPECT_EQ(again.revoke_time, ContractTime());
  ASSERT_OK_AND_ASSIGN(auto found, this->store().FindSession(session.secret_hash));
  EXPECT_FALSE(found.has_value());
}

TYPED_TEST_P(IdentityStoreContract, TheLastAdministratorsKeyIsNotRevoked) {
  ASSERT_OK(this->store().InsertKey(ContractKey("aaaaaaaaaaaa", "ann", "admin"), "", ""));
  EXPECT_THAT(this->store().RevokeKey("default", "aaaaaaaaaaaa", ContractTime()),
              StatusIs(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN_KEY"));
  ASSERT_OK(this->store().InsertKey(ContractKey("bbbbbbbbbbbb", "bob", "admin"), "", ""));
  EXPECT_OK(this->store().RevokeKey("default", "aaaaaaaaaaaa", ContractTime()));
  EXPECT_THAT(this->store().RevokeKey("default", "zzzzzzzzzzzz", ContractTime()),
              StatusIs(absl::StatusCode::kNotFound, "KEY_NOT_FOUND"));
}

TYPED_TEST_P(IdentityStoreContract, AFileKeyIsMadeOnceAndOnlyWithItsFile) {
  auto fails = [] { return absl::UnavailableError("disk"); };
  auto works = [] { return absl::OkStatus(); };
  EXPECT_FALSE(
      this->store().InsertFileKey(ContractKey("aaaaaaaaaaaa"), kOriginAdminFile, true, fails).ok());
  ASSERT_OK_AND_ASSIGN(auto found, this->store().FindKey("aaaaaaaaaaaa"));
  EXPECT_FALSE(found.has_value());
  EXPECT_THAT(
      this->store().InsertFileKey(ContractKey("aaaaaaaaaaaa"), kOriginAdminFile, true, works),
      IsOkAndHolds(true));
  EXPECT_THAT(
      this->store().InsertFileKey(ContractKey("bbbbbbbbbbbb"), kOriginAdminFile, true, works),
      IsOkAndHolds(false));
}

TYPED_TEST_P(IdentityStoreContract, ARegisteredKeyStaysAsItIs) {
  ASSERT_OK(this->store().RegisterKey(ContractKey("aaaaaaaaaaaa"), kOriginServiceFile));
  ASSERT_OK(this->store().RegisterKey(ContractKey("aaaaaaaaaaaa"), kOriginServiceFile));
  StoredKey other = ContractKey("aaaaaaaaaaaa");
  other.secret_hash = HashSecret("another");
  EXPECT_THAT(this->store().RegisterKey(other, kOriginServiceFile),
              StatusIs(absl::StatusCode::kFailedPrecondition, "KEY_ID_TAKEN"));
}

TYPED_TEST_P(IdentityStoreContract, SessionsAreExtendedAndExpire) {
  ASSERT_OK(this->store().InsertKey(ContractKey("aaaaaaaaaaaa"), "admin", ""));
  std::string hash = HashSecret("s");
  absl::Time end = ContractTime() + absl::Hours(1);
  ASSERT_OK(this->store().InsertSession({hash, "aaaaaaaaaaaa", ContractTime(), end}));
  ASSERT_OK(this->store().ExtendSession(hash, end + absl::Hours(1)));
  ASSERT_OK(this->store().DeleteExpiredSessions(end));
  ASSERT_OK_AND_ASSIGN(auto session, this->store().FindSession(hash));
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->expire_time, end + absl::Hours(1));
  ASSERT_OK(this->store().DeleteExpiredSessions(end + absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(session, this->store().FindSession(hash));
  EXPECT_FALSE(session.has_value());
}

REGISTER_TYPED_TEST_SUITE_P(IdentityStoreContract, AKeyComesBackAsItWasStored,
                            ARequestMakesOneKeyForEachUser, KeysAreListedByIdWithinTheWorkspace,
                            RevocationEndsSessionsAndKeepsItsTime,
                            TheLastAdministratorsKeyIsNotRevoked,
                            AFileKeyIsMadeOnceAndOnlyWithItsFile, ARegisteredKeyStaysAsItIs,
                            SessionsAreExtendedAndExpire);

}  // namespace tarn::dashboard
