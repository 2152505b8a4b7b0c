#include "services/catalog/crawl/xml_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace tarn::catalog {
namespace {

using ::testing::HasSubstr;

constexpr char kRates[] =
    "<?xml version=\"1.0\"?>\n<root>\n"
    "  <row><state>ca</state><year>2019</year><from>00:00:00</from><rate>5.051</rate></row>\n"
    "  <row><state>ct</state><year>2019</year><from>01:00:00</from><rate>6</rate></row>\n"
    "</root>\n";

TEST(XmlRowsTest, TheRepeatedElementIsFound) {
  ASSERT_OK_AND_ASSIGN(const XmlRows rows, ReadXmlRows(kRates, ""));
  EXPECT_EQ(rows.row_element, "row");
  EXPECT_EQ(rows.scanned.row_count, 2);
  const Field row = FieldOf("row", rows.scanned.columns);
  EXPECT_EQ(row.fields[0].type.kind, TypeKind::kString);
  EXPECT_EQ(row.fields[1].type.kind, TypeKind::kLong);
  EXPECT_EQ(row.fields[2].type.kind, TypeKind::kString);
  EXPECT_EQ(row.fields[3].type.kind, TypeKind::kDouble);
  EXPECT_THAT(rows.json_lines, HasSubstr("{\"state\":\"ca\",\"year\":\"2019\""));
}

TEST(XmlRowsTest, RowsMayLieDeeperAndBeNamed) {
  const char* text = "<a><meta>x</meta><items><i n='1'><v>2</v><v>3</v></i><i n='2'/></items></a>";
  ASSERT_OK_AND_ASSIGN(const XmlRows found, ReadXmlRows(text, ""));
  EXPECT_EQ(found.row_element, "i");
  EXPECT_EQ(found.scanned.row_count, 2);
  const Field row = FieldOf("row", found.scanned.columns);
  EXPECT_EQ(row.fields[0].name, "n");
  EXPECT_EQ(row.fields[1].type.kind, TypeKind::kList);
  ASSERT_OK_AND_ASSIGN(const XmlRows given, ReadXmlRows(text, "v"));
  EXPECT_EQ(given.scanned.row_count, 2);
  EXPECT_THAT(ReadXmlRows(text, "nope"),
              StatusIs(absl::StatusCode::kInvalidArgument, "ROW_ELEMENT_NOT_FOUND"));
}

TEST(XmlRowsTest, PrefixesOfNamespacesAreNoPartOfNames) {
  const char* text =
      "<a:r xmlns:a='u' xmlns='v'><a:i a:id='1'><x xmlns:b='w'>2</x></a:i><a:i/></a:r>";
  ASSERT_OK_AND_ASSIGN(const XmlRows rows, ReadXmlRows(text, ""));
  EXPECT_EQ(rows.row_element, "i");
  const Field row = FieldOf("row", rows.scanned.columns);
  ASSERT_EQ(row.fields.size(), 2u);
  EXPECT_EQ(row.fields[0].name, "id");
  EXPECT_EQ(row.fields[1].name, "x");
  EXPECT_EQ(row.fields[1].type.kind, TypeKind::kLong);
  ASSERT_OK(ReadXmlRows(text, "a:i").status());
}

TEST(XmlRowsTest, ElementsMayNotBeNestedAnyDepth) {
  std::string open, close;
  for (int i = 0; i < 300'000; ++i) {
    open += "<a>";
    close += "</a>";
  }
  EXPECT_THAT(ReadXmlRows(open + close, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE",
                       HasSubstr("nested more than 100 deep")));
}

TEST(XmlRowsTest, BytesThatAreNoTextAreRefused) {
  EXPECT_THAT(ReadXmlRows("<r>\n<i>K\xF6ln</i><i/></r>", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 2")));
}

TEST(XmlRowsTest, ADocumentThatDoesNotParseIsNamedByItsLine) {
  EXPECT_THAT(ReadXmlRows("<root>\n<row><a>1</a>\n</root>", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, "CORRUPT_FILE", HasSubstr("line 3")));
}

}  // namespace
}  // namespace tarn::catalog
