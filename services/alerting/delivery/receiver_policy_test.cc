// Which receivers may be posted to, by name and by the address that is connected to.
#include "services/alerting/delivery/receiver_policy.h"

#include <netinet/in.h>

#include "common/testing/status_matchers.h"
#include "services/alerting/delivery/http_sender.h"

namespace tarn::alerting {
namespace {

bool MayConnect(const ReceiverPolicy& policy, const std::string& host, const char* address) {
  return policy.MayConnect(host, *IpAddress::Parse(address));
}

TEST(IpAddressTest, OnlyAddressesOfTheInternetArePublic) {
  for (const char* address :
       {"8.8.8.8", "1.1.1.1", "172.32.0.1", "172.15.255.255", "100.128.0.1", "2606:4700::1111",
        "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(IpAddress::Parse(address)->IsPublic()) << address;
  }
  for (const char* address :
       {"0.0.0.0",         "10.0.0.1",        "100.64.0.1",      "127.0.0.1",   "127.255.255.254",
        "169.254.169.254", "172.16.0.1",      "172.31.255.255",  "192.0.2.1",   "192.168.1.1",
        "198.18.0.1",      "224.0.0.1",       "255.255.255.255", "::",          "::1",
        "fe80::1",         "fc00::1",         "fd12:3456::1",    "ff02::1",     "::ffff:127.0.0.1",
        "::127.0.0.1",     "64:ff9b::7f00:1", "2002:7f00:1::",   "2001:db8::1", "2001::1"}) {
    EXPECT_FALSE(IpAddress::Parse(address)->IsPublic()) << address;
  }
  for (const char* text : {"", "localhost", "127.1", "1.2.3.4.5", "[::1]", "fe80::1%eth0"}) {
    EXPECT_EQ(IpAddress::Parse(text), std::nullopt) << text;
  }
}

TEST(IpAddressTest, IsReadFromASocketsAddress) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(0x7f000001);
  EXPECT_EQ(IpAddress::FromSocket(reinterpret_cast<sockaddr&>(four)),
            IpAddress::Parse("127.0.0.1"));
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_loopback;
  EXPECT_EQ(IpAddress::FromSocket(reinterpret_cast<sockaddr&>(six)), IpAddress::Parse("::1"));
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_EQ(IpAddress::FromSocket(other), std::nullopt);
}

TEST(IpRangeTest, HasTheAddressesOfItsPrefix) {
  EXPECT_TRUE(IpRange::Parse("10.0.0.0/8")->Contains(*IpAddress::Parse("10.255.0.1")));
  EXPECT_FALSE(IpRange::Parse("10.0.0.0/8")->Contains(*IpAddress::Parse("11.0.0.1")));
  EXPECT_TRUE(IpRange::Parse("172.16.0.0/12")->Contains(*IpAddress::Parse("172.31.0.1")));
  EXPECT_FALSE(IpRange::Parse("172.16.0.0/12")->Contains(*IpAddress::Parse("172.32.0.1")));
  EXPECT_TRUE(IpRange::Parse("10.1.2.3")->Contains(*IpAddress::Parse("::ffff:10.1.2.3")));
  EXPECT_TRUE(IpRange::Parse("fd00::/8")->Contains(*IpAddress::Parse("fdff::1")));
  EXPECT_TRUE(IpRange::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("8.8.8.8")));
  EXPECT_FALSE(IpRange::Parse("0.0.0.0/0")->Contains(*IpAddress::Parse("2a00::1")));
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "fd00::/129", "a.b/8"}) {
    EXPECT_EQ(IpRange::Parse(text), std::nullopt) << text;
  }
}

TEST(ReceiverPolicyTest, WithoutAListAnyPublicAddressMayBePostedTo) {
  const ReceiverPolicy policy;
  EXPECT_OK(policy.CheckHost("hooks.example.com"));
  EXPECT_OK(policy.CheckHost("8.8.8.8"));
  EXPECT_TRUE(MayConnect(policy, "hooks.example.com", "8.8.8.8"));
  // A name that leads inside is caught where the connection is made.
  EXPECT_FALSE(MayConnect(policy, "hooks.example.com", "10.0.0.1"));
  EXPECT_FALSE(MayConnect(policy, "hooks.example.com", "169.254.169.254"));
  EXPECT_THAT(policy.CheckHost("[::1]"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "HOST_NOT_ALLOWED"));
}

TEST(ReceiverPolicyTest, AListNamesAllThatMayBePostedTo) {
  const ReceiverPolicy policy =
      *ReceiverPolicy::Parse({"Hooks.example.com", ".corp.example", "10.1.0.0/16", "[fd00::7]"});
  EXPECT_OK(policy.CheckHost("hooks.example.com"));
  EXPECT_OK(policy.CheckHost("a.corp.example"));
  EXPECT_OK(policy.CheckHost("10.1.2.3"));
  EXPECT_OK(policy.CheckHost("[fd00::7]"));
  EXPECT_FALSE(policy.CheckHost("10.2.0.1").ok());
  EXPECT_FALSE(policy.CheckHost("8.8.8.8").ok());
  // What is allowed by its name may be anywhere.
  EXPECT_TRUE(MayConnect(policy, "a.corp.example", "192.168.0.1"));
  // Of another name the address decides.
  EXPECT_OK(policy.CheckHost("elsewhere.example"));
  EXPECT_TRUE(MayConnect(policy, "elsewhere.example", "10.1.9.9"));
  EXPECT_FALSE(MayConnect(policy, "elsewhere.example", "8.8.8.8"));
  EXPECT_FALSE(MayConnect(policy, "corp.example", "127.0.0.1"));
}

TEST(ReceiverPolicyTest, ListsOfNamesAloneDecideByName) {
  const ReceiverPolicy policy = *ReceiverPolicy::Parse({"hooks.example.com"});
  EXPECT_FALSE(policy.CheckHost("elsewhere.example").ok());
  EXPECT_FALSE(policy.CheckHost("8.8.8.8").ok());
}

TEST(ReceiverPolicyTest, RefusesWhatIsNoHostOrAddress) {
  for (const char* entry : {"", "http://example.com", "example.com:80", "10.0.0.0/40", "a b"}) {
    EXPECT_THAT(ReceiverPolicy::Parse({entry}),
                StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_OPTION"))
        << entry;
  }
}

// No packet leaves for these: the connection is refused before it is tried.
TEST(HttpSenderTest, ConnectsOnlyWhereThePolicyAllows) {
  // By a range, so that the name passes and its address decides.
  const HttpSender sender(*ReceiverPolicy::Parse({"192.0.2.0/24"}));
  EXPECT_THAT(sender.Post({.url = "http://localhost:1/"}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "HOST_NOT_ALLOWED"));
  // Forms of an address that only the library reads as one.
  for (const char* url : {"http://127.1:1/", "http://2130706433:1/", "http://0x7f000001:1/",
                          "http://0:1/", "http://[::ffff:127.0.0.1]:1/"}) {
    EXPECT_THAT(HttpSender(ReceiverPolicy()).Post({.url = url}),
                StatusIs(absl::StatusCode::kFailedPrecondition, "HOST_NOT_ALLOWED"))
        << url;
  }
  const HttpSender named(*ReceiverPolicy::Parse({"localhost"}));
  EXPECT_THAT(named.Post({.url = "http://localhost:1/"}),
              StatusIs(absl::StatusCode::kUnavailable, "RECEIVER_UNREACHABLE"));
}

}  // namespace
}  // namespace tarn::alerting
