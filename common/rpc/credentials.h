// What a call carries besides its request. A plain value.
#pragma once

#include <string>

namespace tarn::rpc {

struct Credentials {
  // A bearer token, or "" for the calls that need none.
  std::string token;
  // Travels with every call made on behalf of one request; "" lets the callee make one.
  std::string request_id;
};

inline constexpr char kAuthorizationMetadata[] = "authorization";
inline constexpr char kRequestIdMetadata[] = "x-request-id";

}  // namespace tarn::rpc
