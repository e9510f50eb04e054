// The libsvm format and its decoder: what lines hold, what is refused, and what is read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/plugins/formats/driven_decoder.h"
#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<TableColumn> Rows() {
  std::vector<TableColumn> columns =
      InteractionColumns({0, 499}, {44, 999}, {500, 455}, {1705314600000, 1705314661999});
  columns[0].id_count = 500;
  columns[1].id_count = 1000;
  return columns;
}

std::string Stream(const Table& table) {
  LoadedFormat libsvm(THRONG_LIBSVM_PLUGIN);
  return libsvm.Stream(table, table.Destination(THRONG_RECORDS_STREAM, "rows.libsvm"), 1);
}

std::string Refusal(const std::vector<TableColumn>& columns) {
  try {
    Stream(Table("interactions", columns));
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    return failure.what();
  }
  return "";
}

Decoding Read(std::string_view bytes, const std::string& first_item = "501",
              size_t chunk = SIZE_MAX) {
  DrivenDecoder decoder(DecoderIn(THRONG_LIBSVM_PLUGIN), {{"first_item", first_item}});
  decoder.wanted = {{"user_id"}, {"item_id"}, {"rating", THRONG_FOUND_FLOAT64}};
  return decoder.Stream(bytes, chunk);
}

TEST(Libsvm, WritesRatingsAndIndexesOfUsersAndThenOfItems) {
  EXPECT_EQ(Stream(Table("interactions", Rows())), "5 1:1 545:1\n4.55 500:1 1500:1\n");
}

TEST(Libsvm, WritesTheSameWhateverIdsAreAndWhereverTheyBegin) {
  std::vector<TableColumn> columns = Rows();
  columns[0].id_style = THRONG_ID_INTEGER;
  columns[0].id_first = 1000;
  columns[1].id_first = 7;
  EXPECT_EQ(Stream(Table("interactions", columns)), "5 1:1 545:1\n4.55 500:1 1500:1\n");
}

TEST(Libsvm, RefusesWhatNoLineCanSay) {
  std::vector<TableColumn> columns = Rows();
  columns[1].id_count = 2'147'483'148;
  EXPECT_THAT(Refusal(columns), HasSubstr("The ids need 2147483648 indexes, and readers have 32 "
                                          "bits for one, which are 2147483647; ask for fewer"));
  columns[1].id_style = THRONG_ID_UUID;
  columns[1].id_count = 1000;
  EXPECT_THAT(Refusal(columns), HasSubstr("column item_id are UUIDs, whose indexes nobody could"));
  columns[1].id_style = THRONG_ID_TEXT;
  columns[1].id_count = 0;
  EXPECT_THAT(Refusal(columns), HasSubstr("How many ids the column item_id has is not known"));
  columns = Rows();
  columns[2].is_nullable = true;
  EXPECT_THAT(Refusal(columns), HasSubstr("some rows have none; choose a rating"));
  columns.erase(columns.begin() + 2);
  EXPECT_THAT(Refusal(columns), HasSubstr("the table has no such column; give columns: [rating"));
}

TEST(Libsvm, IsReadBackAsNumbers) {
  const std::string text = Stream(Table("interactions", Rows()));
  for (const size_t chunk : {SIZE_MAX, size_t{1}}) {
    const Decoding found = Read(text, "501", chunk);
    EXPECT_THAT(found.rows, ElementsAre("1|45|5.0", "500|1000|4.55"));
    EXPECT_THAT(found.damages, ElementsAre());
  }
}

TEST(Libsvm, WhatIsNoRowIsDamage) {
  EXPECT_THAT(
      Read("5 1:1 545:1\nx 1:1 545:1\n5 1:2 545:1\n5 1:1\n5 501:1 545:1\n5 1:1 545:1 9:1\n4 2:1 "
           "501:1\r\n")
          .damages,
      ElementsAre(HasSubstr("the line is no rating and two indexes: x 1:1 545:1"),
                  HasSubstr("the line is no rating and two indexes: 5 1:2 545:1"),
                  HasSubstr("the line is no rating and two indexes: 5 1:1"),
                  HasSubstr("the line is no user below index 501 and an item from it on: 5 501:1"),
                  HasSubstr("the line is no rating and two indexes: 5 1:1 545:1 9:1")));
}

}  // namespace
}  // namespace throng
