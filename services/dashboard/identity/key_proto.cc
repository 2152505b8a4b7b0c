#include "services/dashboard/identity/key_proto.h"

#include "tarn/dashboard/v1/auth_service.pb.h"
#include "tarn/dashboard/v1/key.pb.h"

#include "common/auth/caller.h"
#include "common/names/names.h"

namespace tarn::dashboard {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(
      static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
}

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

v1::Key ToProto(const Key& key) {
  v1::Key proto;
  proto.set_name(names::Format("keys/{key}", {key.id}));
  proto.set_display_name(key.display_name);
  proto.set_user(key.user);
  proto.mutable_groups()->Add(key.groups.begin(), key.groups.end());
  proto.mutable_roles()->Add(key.roles.begin(), key.roles.end());
  proto.mutable_attributes()->insert(key.attributes.begin(), key.attributes.end());
  SetTimestamp(key.create_time, proto.mutable_create_time());
  if (key.expire_time) SetTimestamp(*key.expire_time, proto.mutable_expire_time());
  if (key.revoke_time) SetTimestamp(*key.revoke_time, proto.mutable_revoke_time());
  if (key.last_use_time) SetTimestamp(*key.last_use_time, proto.mutable_last_use_time());
  return proto;
}

Key KeyFromProto(const v1::Key& proto) {
  Key key;
  key.display_name = proto.display_name();
  key.user = proto.user();
  key.groups.assign(proto.groups().begin(), proto.groups().end());
  key.roles.assign(proto.roles().begin(), proto.roles().end());
  key.attributes.insert(proto.attributes().begin(), proto.attributes().end());
  if (proto.has_expire_time()) key.expire_time = TimeOf(proto.expire_time());
  return key;
}

v1::GetCallerResponse ToProto(const auth::Caller& caller) {
  v1::GetCallerResponse proto;
  proto.set_workspace(caller.workspace);
  proto.set_user(caller.user);
  proto.mutable_groups()->Add(caller.groups.begin(), caller.groups.end());
  proto.mutable_roles()->Add(caller.roles.begin(), caller.roles.end());
  proto.mutable_attributes()->insert(caller.attributes.begin(), caller.attributes.end());
  return proto;
}

}  // namespace tarn::dashboard
