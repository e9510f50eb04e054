#include "server/dataset/further_column.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "server/control/status.h"
#include "throng/plugin.h"

namespace throng {
namespace {

using testing::HasSubstr;

FurtherColumn ColumnOf(uint32_t type, bool is_nullable) {
  FurtherColumn column;
  column.type = type;
  column.name = "niche";
  column.doc = "Of the item.";
  column.is_nullable = is_nullable;
  if (type == THRONG_COLUMN_LABEL) column.labels = {"jazz", "folk"};
  return column;
}

// Whether a column holds the value, unless or if values may be absent.
template <class T>
std::pair<bool, bool> Holds(uint32_t type, T value) {
  return {ColumnOf(type, false).Holds(&value, 1), ColumnOf(type, true).Holds(&value, 1)};
}

constexpr std::pair kAlways{true, true};
constexpr std::pair kIfNullable{false, true};
constexpr std::pair kNever{false, false};

TEST(FurtherColumnTest, HoldsWhatItsTypeHasAndWhatIsAbsentIfItMayBe) {
  EXPECT_EQ(Holds<uint8_t>(THRONG_COLUMN_BOOL, 1), kAlways);
  EXPECT_EQ(Holds<uint8_t>(THRONG_COLUMN_BOOL, 2), kIfNullable);
  EXPECT_EQ(Holds<uint8_t>(THRONG_COLUMN_BOOL, 3), kNever);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_LABEL, 1), kAlways);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_LABEL, -1), kIfNullable);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_LABEL, 2), kNever);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_RATING, 0), kAlways);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_RATING, -1), kIfNullable);
  EXPECT_EQ(Holds<int32_t>(THRONG_COLUMN_RATING, -2), kNever);
  EXPECT_EQ(Holds<int64_t>(THRONG_COLUMN_INT64, INT64_MIN + 1), kAlways);
  EXPECT_EQ(Holds<int64_t>(THRONG_COLUMN_INT64, INT64_MIN), kIfNullable);
  EXPECT_EQ(Holds<int64_t>(THRONG_COLUMN_TIMESTAMP, 0), kAlways);
  EXPECT_EQ(Holds<int64_t>(THRONG_COLUMN_TIMESTAMP, INT64_MIN), kIfNullable);
  EXPECT_EQ(Holds<int64_t>(THRONG_COLUMN_TIMESTAMP, 253'402'300'800'000), kNever);
  EXPECT_EQ(Holds<double>(THRONG_COLUMN_FLOAT64, -1e300), kAlways);
  EXPECT_EQ(Holds<double>(THRONG_COLUMN_FLOAT64, std::nan("")), kIfNullable);
  EXPECT_EQ(Holds<double>(THRONG_COLUMN_FLOAT64, std::numeric_limits<double>::infinity()), kNever);
}

// As `printf choice.niche | sha256sum` begins.
TEST(FurtherColumnTest, HasANumberOfItsNameAlone) {
  FurtherColumn column = ColumnOf(THRONG_COLUMN_LABEL, false);
  column.role = static_cast<size_t>(Role::kChoice);
  column.index = 3;
  EXPECT_EQ(column.FieldNumber(), 0x18ac49eU);
  column.role = static_cast<size_t>(Role::kRating);
  EXPECT_EQ(column.FieldNumber(), 0x19572e5U);
}

TEST(FurtherColumnTest, IsDeclaredInPlainWords) {
  const auto fault = [](auto&& change) {
    FurtherColumn column = ColumnOf(THRONG_COLUMN_LABEL, false);
    change(&column);
    return MessageOf(CheckFurtherColumns({column}));
  };
  EXPECT_EQ(fault([](FurtherColumn*) {}), "");
  for (const char* label : {"", "a,b", "a\"b", "a\x7f", "a\xc2\x9b", "a\n"}) {
    EXPECT_THAT(fault([&](FurtherColumn* column) { column->labels[1] = label; }),
                HasSubstr("has a label that is empty or would break CSV"))
        << label;
  }
  for (const char* doc : {"", "\x1b[31mred", "\xff"}) {
    EXPECT_THAT(fault([&](FurtherColumn* column) { column->doc = doc; }),
                HasSubstr("has a doc that is empty or no plain text"))
        << doc;
  }
  EXPECT_THAT(fault([](FurtherColumn* column) { column->type = THRONG_COLUMN_INT64; }),
              HasSubstr("has needless labels"));
}

}  // namespace
}  // namespace throng
