#include "services/transform/pipeline.h"

#include "common/names/names.h"
#include "services/transform/proto_time.h"

namespace tarn::transform {

std::string PipelineName(const std::string& id) {
  return names::Format("pipelines/{pipeline}", {id});
}

v1::Pipeline ToProto(const StoredPipeline& pipeline) {
  v1::Pipeline proto = pipeline.spec;
  proto.set_owner(pipeline.owner);
  proto.set_etag(pipeline.etag);
  *proto.mutable_create_time() = ToTimestamp(pipeline.created_at);
  *proto.mutable_update_time() = ToTimestamp(pipeline.updated_at);
  if (pipeline.next_run_at.has_value()) {
    *proto.mutable_next_run_time() = ToTimestamp(*pipeline.next_run_at);
  }
  return proto;
}

}  // namespace tarn::transform
