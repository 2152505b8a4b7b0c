// Internet addresses and ranges of them. Plain values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

struct sockaddr;

namespace tarn::alerting {

// IPv4 addresses are kept as IPv6 knows them (::ffff:a.b.c.d), so that both forms are one.
class IpAddress {
 public:
  using Octets = std::array<uint8_t, 16>;

  // "10.1.2.3" or "fd00::1", without zone and brackets; nothing for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);
  // Of AF_INET and AF_INET6; nothing for other families.
  static std::optional<IpAddress> FromSocket(const sockaddr& address);

  // Whether it belongs to the internet at large: not to this machine, a private or shared network,
  // a link, a group of receivers, documentation or anything else that is set aside; nor an IPv6
  // address that carries an IPv4 address of those.
  bool IsPublic() const;

  bool is_v4() const;
  const Octets& octets() const { return octets_; }

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  explicit IpAddress(const Octets& octets) : octets_(octets) {}

  Octets octets_;
};

class IpRange {
 public:
  // "10.0.0.0/8", "fd00::/8", or one address.
  static std::optional<IpRange> Parse(std::string_view text);

  bool Contains(const IpAddress& address) const;

 private:
  IpRange(const IpAddress& base, int bits) : base_(base), bits_(bits) {}

  IpAddress base_;
  int bits_;  // of all 128
};

}  // namespace tarn::alerting
