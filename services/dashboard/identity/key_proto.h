// Keys as the API shows them. Pure functions; any thread.
#pragma once

#include "services/dashboard/identity/key.h"

namespace google::protobuf {
class Timestamp;
}
namespace tarn::dashboard::v1 {
class GetCallerResponse;
class Key;
}  // namespace tarn::dashboard::v1
namespace tarn::auth {
struct Caller;
}

namespace tarn::dashboard {

v1::Key ToProto(const Key& key);
// What a request may set: neither name nor the output-only times.
Key KeyFromProto(const v1::Key& proto);

v1::GetCallerResponse ToProto(const auth::Caller& caller);

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp);
absl::Time TimeOf(const google::protobuf::Timestamp& timestamp);

}  // namespace tarn::dashboard
