#include "services/cli/record_splitter.h"

#include "common/testing/status_matchers.h"
#include "services/cli/record_batcher.h"

namespace tarn::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

struct Split {
  std::vector<std::string> records;  // "line:bytes"
  absl::Status status;
};

Split SplitText(std::string_view text, size_t piece) {
  Split split;
  RecordSplitter splitter([&](const RecordText& record) {
    split.records.push_back(std::to_string(record.line) + ":" + std::string(record.bytes));
    return absl::OkStatus();
  });
  for (size_t i = 0; i < text.size() && split.status.ok(); i += piece) {
    split.status = splitter.Add(text.substr(i, piece));
  }
  if (split.status.ok()) split.status = splitter.Finish();
  return split;
}

// The same whatever the pieces are.
Split SplitText(std::string_view text) {
  Split whole = SplitText(text, std::max<size_t>(1, text.size()));
  for (size_t piece : {1, 2, 7}) EXPECT_EQ(SplitText(text, piece).records, whole.records);
  return whole;
}

TEST(RecordSplitterTest, LinesAreRecordsAsTheyStand) {
  const Split split = SplitText("\xEF\xBB\xBF{\"a\": 1}\r\n\n  {\"b\":[1,2]} \n{\"c\": tru\n5");
  EXPECT_OK(split.status);
  EXPECT_THAT(split.records,
              ElementsAre("1:{\"a\": 1}", "3:{\"b\":[1,2]}", "4:{\"c\": tru", "5:5"));
}

TEST(RecordSplitterTest, AnArraysElementsKeepTheirBytes) {
  const Split split =
      SplitText("[ {\"a\": \"},]\\\"\",\n \"n\": 1.50} ,\n{\"b\":[[],{}]},3,\"x,y\", null\n]\n");
  EXPECT_OK(split.status);
  EXPECT_THAT(split.records, ElementsAre("1:{\"a\": \"},]\\\"\",\n \"n\": 1.50}",
                                         "3:{\"b\":[[],{}]}", "3:3", "3:\"x,y\"", "3:null"));
}

TEST(RecordSplitterTest, EmptyTextsHaveNoRecords) {
  for (const char* text : {"", " \n\n", "\xEF\xBB\xBF", "[]", " [ \n ] \n"}) {
    const Split split = SplitText(text);
    EXPECT_OK(split.status);
    EXPECT_TRUE(split.records.empty());
  }
}

TEST(RecordSplitterTest, AMalformedArrayNamesTheLine) {
  EXPECT_THAT(SplitText("[{}\n{}]").status,
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("line 2: a comma is missing")));
  EXPECT_THAT(SplitText("[{},\n]").status, StatusIs(kInvalid, "INVALID_JSON", HasSubstr("line 2")));
  EXPECT_THAT(SplitText("[{}]\nx").status,
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("after the array")));
  EXPECT_THAT(SplitText("\n[{},\n{\"a\"").status,
              StatusIs(kInvalid, "INVALID_JSON", HasSubstr("begins on line 2")));
}

TEST(RecordSplitterTest, OfATooLargeRecordOneByteTooManyIsKept) {
  size_t size = 0;
  RecordSplitter splitter([&](const RecordText& record) {
    size = record.bytes.size();
    return absl::OkStatus();
  });
  ASSERT_OK(splitter.Add("{\"a\":\""));
  ASSERT_OK(splitter.Add(std::string(3 * kMaxRecordBytes, ' ')));
  ASSERT_OK(splitter.Add("\"}\n"));
  ASSERT_OK(splitter.Finish());
  EXPECT_EQ(size, kMaxRecordBytes + 1);
}

TEST(RecordBatcherTest, BatchesAreBoundedByRecordsAndByBytes) {
  std::vector<size_t> sizes;
  std::vector<int64_t> indexes;
  RecordBatcher batcher([&](const RecordBatch& batch) {
    sizes.push_back(batch.records.size());
    indexes.push_back(batch.index);
    return absl::OkStatus();
  });
  for (int i = 0; i < 1500; ++i) ASSERT_OK(batcher.Add({.bytes = "{}", .line = i + 1}));
  const std::string large(kMaxRecordBytes, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_OK(batcher.Add({.bytes = large, .line = 2000 + i}));
  ASSERT_OK(batcher.Finish());
  EXPECT_THAT(sizes, ElementsAre(1000, 501, 2));
  EXPECT_THAT(indexes, ElementsAre(0, 1, 2));
  EXPECT_EQ(batcher.batch_count(), 3);
}

TEST(RecordBatcherTest, RequestIdsNameTextStreamAndPlace) {
  const std::string id = BatchRequestId("streams/a", "abc", 0, 2);
  EXPECT_EQ(id, BatchRequestId("streams/a", "abc", 0, 2));
  EXPECT_NE(id, BatchRequestId("streams/b", "abc", 0, 2));
  EXPECT_NE(id, BatchRequestId("streams/a", "abd", 0, 2));
  EXPECT_NE(id, BatchRequestId("streams/a", "abc", 1, 2));
  EXPECT_NE(id, BatchRequestId("streams/a", "abc", 0, 3));
}

}  // namespace
}  // namespace tarn::cli
