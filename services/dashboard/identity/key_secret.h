// The form of a key's secret: `tarn_<key id>_<secret>`, where the id is 12 lower-case hexadecimal
// digits, by which the key is found, and the secret 43 characters of base64url (256 random bits).
// Somebody who brings a key of their own (a container's secret) makes it so:
//   echo "tarn_$(openssl rand -hex 6)_$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')"
// Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarn::dashboard {

struct KeySecret {
  std::string key_id;
  // The whole text, prefix and id included: what its bearer shows and what is hashed.
  std::string text;
};

KeySecret NewKeySecret();

// Nothing when `text` is not of that form.
std::optional<KeySecret> ParseKeySecret(std::string_view text);

// The 32 bytes of SHA-256 of a secret.
std::string HashSecret(std::string_view secret);

// Compares in a time that does not depend on where the two differ.
bool SameHash(std::string_view a, std::string_view b);

}  // namespace tarn::dashboard
