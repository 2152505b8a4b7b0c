// The page tokens of List methods (AIP-158): opaque to clients, bound to the query they continue.
//
//   const std::string query = QueryFingerprint({request.parent(), request.filter()});
//   TARN_ASSIGN_OR_RETURN(std::string after, DecodePageToken(query, request.page_token()));
//   TARN_ASSIGN_OR_RETURN(int size, PageSize(request.page_size()));
//   … rows with key > after, at most size + 1 of them …
//   response.set_next_page_token(EncodePageToken(query, last_key));
//
// A token is not a secret and not a permission: the cursor in it can be read, and whoever sends it
// is checked as for the first page. Pure functions; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn {

// One text for all parameters that decide which rows a list has and in what order; the page size is
// not among them.
std::string QueryFingerprint(std::initializer_list<std::string_view> parameters);

// The token of the page that begins after `cursor`, which is any bytes but none at all: the key of
// the last row given.
std::string EncodePageToken(std::string_view query_fingerprint, std::string_view cursor);

// The cursor of a token, or "" for the empty token, which is the first page. INVALID_ARGUMENT,
// INVALID_PAGE_TOKEN when it is damaged or of another query.
absl::StatusOr<std::string> DecodePageToken(std::string_view query_fingerprint,
                                            std::string_view token);

inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1000;

// The page size to use: `requested`, capped; the default for 0. INVALID_ARGUMENT, INVALID_FIELD
// when it is negative.
absl::StatusOr<int> PageSize(int requested, int default_size = kDefaultPageSize,
                             int max_size = kMaxPageSize);

}  // namespace tarn
