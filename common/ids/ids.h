// Identifiers and secrets from the operating system's randomness. Any thread. A machine that cannot
// give random bytes cannot run Tarn safely: the process ends rather than hand out a guessable
// value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

// A UUID version 7 (RFC 9562) in lower-case text: 48 bits of Unix milliseconds, 74 random bits.
// Those of one process ascend in the order of the calls, also within a millisecond and when the
// system's clock is set back.
std::string NewUuid();

// True for the text form of any UUID in lower case, as NewUuid writes it.
bool IsUuid(std::string_view text);

// Eight random lower-case hexadecimal digits: for folder and temporary names, where a clash is
// noticed and retried. Not unique enough to be a key.
std::string NewShortId();

// `bytes` random bytes in base64url without padding: 32 bytes give 43 characters. For keys and
// session secrets.
std::string NewSecret(std::size_t bytes = 32);

// Fills `out` with random bytes fit for keys.
void FillRandom(std::span<std::uint8_t> out);

}  // namespace tarn
