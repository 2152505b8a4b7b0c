#include "services/alerting/delivery/ip_address.h"

#include <algorithm>
#include <string>
#include <vector>

#include <absl/strings/numbers.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tarn::alerting {
namespace {

constexpr int kV4Prefix = 96;

IpAddress::Octets MapV4(const void* four) {
  IpAddress::Octets octets{};
  octets[10] = octets[11] = 0xff;
  const auto* bytes = static_cast<const uint8_t*>(four);
  std::copy(bytes, bytes + 4, octets.begin() + 12);
  return octets;
}

// Set aside by the registries of special-purpose addresses (RFC 6890 and its successors).
const std::vector<IpRange>& SpecialRanges() {
  static const std::vector<IpRange>& ranges = *[] {
    auto* made = new std::vector<IpRange>;
    for (const char* text :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
          "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"}) {
      made->push_back(*IpRange::Parse(text));
    }
    return made;
  }();
  return ranges;
}

// Of IPv6, 2000::/3 alone is given out; of that, these are set aside. 6to4 and Teredo addresses
// carry an IPv4 address to which the packets go.
const std::vector<IpRange>& SpecialV6Ranges() {
  static const std::vector<IpRange>& ranges =
      *new std::vector<IpRange>{*IpRange::Parse("2001::/23"), *IpRange::Parse("2001:db8::/32"),
                                *IpRange::Parse("2002::/16"), *IpRange::Parse("3fff::/20")};
  return ranges;
}

bool IsIn(const std::vector<IpRange>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const IpRange& range) { return range.Contains(address); });
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  in_addr four;
  if (inet_pton(AF_INET, copy.c_str(), &four) == 1) return IpAddress(MapV4(&four));
  Octets octets;
  if (inet_pton(AF_INET6, copy.c_str(), octets.data()) == 1) return IpAddress(octets);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::FromSocket(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return IpAddress(MapV4(&reinterpret_cast<const sockaddr_in&>(address).sin_addr));
  }
  if (address.sa_family == AF_INET6) {
    Octets octets;
    const auto* bytes = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr.s6_addr;
    std::copy(bytes, bytes + octets.size(), octets.begin());
    return IpAddress(octets);
  }
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::all_of(octets_.begin(), octets_.begin() + 10, [](uint8_t o) { return o == 0; }) &&
         octets_[10] == 0xff && octets_[11] == 0xff;
}

bool IpAddress::IsPublic() const {
  if (is_v4()) return !IsIn(SpecialRanges(), *this);
  // 64:ff9b::/96 is how a network with IPv6 alone writes IPv4 addresses.
  static const IpRange& nat64 = *new IpRange(*IpRange::Parse("64:ff9b::/96"));
  if (nat64.Contains(*this)) return IpAddress(MapV4(octets_.data() + 12)).IsPublic();
  return (octets_[0] & 0xe0) == 0x20 && !IsIn(SpecialV6Ranges(), *this);
}

std::optional<IpRange> IpRange::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> base = IpAddress::Parse(text.substr(0, slash));
  if (!base.has_value()) return std::nullopt;
  const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  const int width = v4 ? 32 : 128;
  int bits = width;
  if (slash != std::string_view::npos) {
    const std::string length(text.substr(slash + 1));
    if (length.empty() ||
        !std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
        !absl::SimpleAtoi(length, &bits) || bits > width) {
      return std::nullopt;
    }
  }
  return IpRange(*base, v4 ? kV4Prefix + bits : bits);
}

bool IpRange::Contains(const IpAddress& address) const {
  const IpAddress::Octets& a = base_.octets();
  const IpAddress::Octets& b = address.octets();
  const int whole = bits_ / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int rest = bits_ % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace tarn::alerting
