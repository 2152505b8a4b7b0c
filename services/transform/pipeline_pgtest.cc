// Pipelines: making, reading, listing, changing, removing.
#include <gmock/gmock.h>

#include "common/rpc/client.h"
#include "common/status/error.h"
#include "common/testing/status_matchers.h"
#include "services/transform/testing/transform_fixture.h"

namespace tarn::transform {
namespace {

using ::testing::ElementsAre;
using Stub = v1::TransformService::Stub;

constexpr char kOneStep[] = R"(steps { id: "only" sql { sql: "SELECT only" } } )";

class PipelinePgTest : public TransformFixture {
 protected:
  absl::StatusOr<v1::Pipeline> Get(const std::string& name = "pipelines/p") {
    v1::GetPipelineRequest request;
    request.set_name(name);
    return rpc::Call(process().stub(), &Stub::GetPipeline, request, As("bob", auth::kViewerRole));
  }
  absl::StatusOr<v1::Pipeline> Update(const v1::Pipeline& pipeline,
                                      const std::vector<std::string>& mask = {},
                                      const std::string& user = "ada") {
    v1::UpdatePipelineRequest request;
    *request.mutable_pipeline() = pipeline;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return rpc::Call(process().stub(), &Stub::UpdatePipeline, request, As(user));
  }
  absl::Status Delete(const std::string& etag = "") {
    v1::DeletePipelineRequest request;
    request.set_name("pipelines/p");
    request.set_etag(etag);
    return rpc::Call(process().stub(), &Stub::DeletePipeline, request, As("ada")).status();
  }
};

TEST_F(PipelinePgTest, WhatWasMadeIsRead) {
  ASSERT_OK_AND_ASSIGN(v1::Pipeline made, Create(PipelineOf(kOneStep)));
  EXPECT_EQ(made.owner(), "ada");
  EXPECT_EQ(made.max_concurrent_runs(), 1);
  EXPECT_NE(made.etag(), "");
  ASSERT_OK_AND_ASSIGN(v1::Pipeline read, Get());
  EXPECT_EQ(read.DebugString(), made.DebugString());
  EXPECT_THAT(Create(PipelineOf(kOneStep)),
              StatusIs(absl::StatusCode::kAlreadyExists, "PIPELINE_EXISTS"));
  EXPECT_THAT(Get("pipelines/none"), StatusIs(absl::StatusCode::kNotFound, "PIPELINE_NOT_FOUND"));
}

TEST_F(PipelinePgTest, ABadOneIsRefusedOverTheWireWithItsFields) {
  absl::Status status = Create(PipelineOf(R"(steps { id: "a" })")).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  ASSERT_EQ(FieldViolationsOf(status).size(), 1u);
  EXPECT_EQ(FieldViolationsOf(status)[0].field, "pipeline.steps[0]");
}

TEST_F(PipelinePgTest, PagesAreOrderedByName) {
  for (const char* name : {"c", "a", "b"}) {
    ASSERT_OK(Create(PipelineOf(std::string(kOneStep) + "name: \"pipelines/" + name + "\"")));
  }
  v1::ListPipelinesRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    ASSERT_OK_AND_ASSIGN(v1::ListPipelinesResponse page,
                         rpc::Call(process().stub(), &Stub::ListPipelines, request, As("bob")));
    for (const v1::Pipeline& pipeline : page.pipelines()) names.push_back(pipeline.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("pipelines/a", "pipelines/b", "pipelines/c"));
}

TEST_F(PipelinePgTest, AnUpdateThatChangesNothingChangesNothing) {
  ASSERT_OK_AND_ASSIGN(v1::Pipeline made, Create(PipelineOf(kOneStep)));
  clock_.Advance(absl::Minutes(1));
  ASSERT_OK_AND_ASSIGN(v1::Pipeline same, Update(PipelineOf(kOneStep), {}, "bob"));
  EXPECT_EQ(same.DebugString(), made.DebugString());
}

TEST_F(PipelinePgTest, AnUpdateReplacesWhatItsMaskNames) {
  ASSERT_OK_AND_ASSIGN(v1::Pipeline made, Create(PipelineOf(kOneStep)));
  v1::Pipeline change = PipelineOf(R"(description: "x" paused: true)");
  ASSERT_OK_AND_ASSIGN(v1::Pipeline changed, Update(change, {"description"}));
  EXPECT_EQ(changed.description(), "x");
  EXPECT_FALSE(changed.paused());
  EXPECT_EQ(changed.steps_size(), 1);
  EXPECT_NE(changed.etag(), made.etag());
  EXPECT_THAT(Update(change, {"owner"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  change.set_etag(made.etag());
  EXPECT_THAT(Update(change, {"paused"}), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
}

TEST_F(PipelinePgTest, WhoeverChangesWhatAPipelineDoesOwnsIt) {
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  ASSERT_OK_AND_ASSIGN(v1::Pipeline paused,
                       Update(PipelineOf("paused: true"), {"paused"}, "mallory"));
  EXPECT_EQ(paused.owner(), "ada");
  ASSERT_OK_AND_ASSIGN(
      v1::Pipeline changed,
      Update(PipelineOf(R"(steps { id: "only" sql { sql: "SELECT secrets" } })"), {}, "mallory"));
  EXPECT_EQ(changed.owner(), "mallory");
}

TEST_F(PipelinePgTest, AWorkspaceSeesItsOwn) {
  ASSERT_OK(Create(PipelineOf(kOneStep)));
  auth::Caller stranger = auth::TestCaller("eve");
  stranger.workspace = "other";
  v1::GetPipelineRequest request;
  request.set_name("pipelines/p");
  EXPECT_THAT(rpc::Call(process().stub(), &Stub::GetPipeline, request,
                        {.token = authority_.TokenFor(stranger)}),
              StatusIs(absl::StatusCode::kNotFound, "PIPELINE_NOT_FOUND"));
}

TEST_F(PipelinePgTest, AViewerChangesNothing) {
  v1::CreatePipelineRequest request;
  *request.mutable_pipeline() = PipelineOf(kOneStep);
  EXPECT_THAT(
      rpc::Call(process().stub(), &Stub::CreatePipeline, request, As("bob", auth::kViewerRole)),
      StatusIs(absl::StatusCode::kPermissionDenied, "ROLE_REQUIRED"));
}

TEST_F(PipelinePgTest, APipelineIsRemovedWithTheRightEtag) {
  ASSERT_OK_AND_ASSIGN(v1::Pipeline made, Create(PipelineOf(kOneStep)));
  EXPECT_THAT(Delete("other"), StatusIs(absl::StatusCode::kAborted, "ETAG_MISMATCH"));
  EXPECT_OK(Delete(made.etag()));
  EXPECT_THAT(Delete(), StatusIs(absl::StatusCode::kNotFound, "PIPELINE_NOT_FOUND"));
}

}  // namespace
}  // namespace tarn::transform
