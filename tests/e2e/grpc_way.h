// What the ways over gRPC have in common: a channel, and tokens for a key.
#pragma once

#include <memory>

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/service_directory.h"
#include "tests/e2e/record_way.h"

namespace tarn::e2e {

struct GrpcWayConnection {
  explicit GrpcWayConnection(const WayTarget& target)
      : channel(rpc::CreateChannelTo(target.address, grpc::InsecureChannelCredentials())),
        tokens([this] { return channel; }, target.key_file, SystemClock()),
        stub(ingestion::v1::IngestionService::NewStub(channel)) {}

  const std::shared_ptr<grpc::Channel> channel;
  auth::RemoteTokenProvider tokens;
  const std::unique_ptr<ingestion::v1::IngestionService::Stub> stub;
};

}  // namespace tarn::e2e
