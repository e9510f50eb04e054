#include "proto/option_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace throng {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kSecond = 1000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kDay = 24 * kHour;

TEST(OptionTextTest, WholeNumbersAreWholeAndFit) {
  EXPECT_EQ(ParseInt64("-12"), -12);
  EXPECT_EQ(ParseInt64(" 7 "), 7);
  EXPECT_EQ(ParseInt64("9223372036854775807"), kMost);
  for (const char* text : {"", " ", "1.0", "1e3", "0x10", "12a", "+1", "9223372036854775808"}) {
    EXPECT_EQ(ParseInt64(text), std::nullopt) << text;
  }
}

TEST(OptionTextTest, NumbersAreFinite) {
  EXPECT_EQ(ParseDouble("0.5"), 0.5);
  EXPECT_EQ(ParseDouble("1e-3"), 1e-3);
  EXPECT_EQ(ParseDouble("-7"), -7);
  for (const char* text : {"", "nan", "NaN", "inf", "-inf", "1e999", "1,5", "a", "1 2"}) {
    EXPECT_EQ(ParseDouble(text), std::nullopt) << text;
  }
}

TEST(OptionTextTest, DurationsAreSumsOfNumbersWithUnits) {
  EXPECT_EQ(ParseDuration("250ms"), 250);
  EXPECT_EQ(ParseDuration("30s"), 30 * kSecond);
  EXPECT_EQ(ParseDuration("1h30m"), kHour + kHour / 2);
  EXPECT_EQ(ParseDuration("7d"), 7 * kDay);
  EXPECT_EQ(ParseDuration("0s"), 0);
  EXPECT_EQ(ParseDuration("1w"), 7 * kDay);
  EXPECT_EQ(ParseDuration("1.5h"), kHour + kHour / 2);
  EXPECT_EQ(ParseDuration("0.1s"), 100);
  EXPECT_EQ(ParseDuration("0.000000001w"), std::nullopt) << "less than a millisecond";
  EXPECT_EQ(ParseDuration("0.250s1ms"), 251);
  for (const char* text : {"", "30", "-1s", "1.h", ".5h", "0.0001s", "1.0000000000s", "s", "1h30",
                           "106751991168d", "9223372036854775807ms1ms"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(OptionTextTest, DurationsAreWrittenInTheLargestUnitThatDividesThem) {
  EXPECT_EQ(DurationText(30 * kDay), "30d");
  EXPECT_EQ(DurationText(14 * kDay), "14d");
  EXPECT_EQ(DurationText(36 * kHour), "36h");
  EXPECT_EQ(DurationText(90 * kSecond), "90s");
  EXPECT_EQ(DurationText(1), "1ms");
  EXPECT_EQ(DurationText(0), "0ms");
}

TEST(OptionTextTest, SizesHaveDecimalAndBinaryUnits) {
  EXPECT_EQ(ParseSize("4096"), 4096);
  EXPECT_EQ(ParseSize("64KiB"), 65'536);
  EXPECT_EQ(ParseSize("1MB"), 1'000'000);
  EXPECT_EQ(ParseSize("2 GiB"), int64_t{2} << 30);
  EXPECT_EQ(ParseSize("1.5MB"), 1'500'000);
  EXPECT_EQ(ParseSize("0.5KiB"), 512);
  for (const char* text :
       {"", "KB", "-1", "1kb", "1.5", "0.3KiB", "1MB2", "9223372036854775807KiB"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(OptionTextTest, ListsHaveBracketsOrNot) {
  EXPECT_THAT(ParseList("[0.1, 0.9]"), Optional(ElementsAre(0.1, 0.9)));
  EXPECT_THAT(ParseList("1,2,3"), Optional(ElementsAre(1, 2, 3)));
  EXPECT_THAT(ParseList("[]"), Optional(IsEmpty()));
  EXPECT_THAT(ParseList(""), Optional(IsEmpty()));
  for (const char* text : {"1,", ",1", "[1", "1 2", "1,nan", "a"}) {
    EXPECT_EQ(ParseList(text), std::nullopt) << text;
  }
}

TEST(OptionTextTest, TimesAreDatesOrRelativeToNow) {
  constexpr int64_t kNow = 1'705'314'600'000;
  const auto ms = [](const char* text) {
    const auto time = ParseTimestamp(text, kNow);
    EXPECT_TRUE(time) << text;
    return time ? time->ms : -1;
  };
  EXPECT_EQ(ms("1970-01-01"), 0);
  EXPECT_EQ(ms("2024-01-15T10:30:00Z"), kNow);
  EXPECT_EQ(ms("2024-01-15T10:30:00.250Z"), kNow + 250);
  EXPECT_EQ(ms("2024-01-15T10:30:00.2Z"), kNow + 200);
  EXPECT_EQ(ms("2024-01-15T10:30:00.123456789Z"), kNow + 123);
  EXPECT_EQ(ms("2024-01-15T11:30:00+01:00"), kNow);
  EXPECT_EQ(ms("2024-01-15T06:00:00.25-04:30"), kNow + 250);
  EXPECT_EQ(ms("2024-01-15t10:30:00z"), kNow);
  EXPECT_EQ(ms("2024-01-15 10:30:00Z"), kNow);
  EXPECT_EQ(ms("now"), kNow);
  EXPECT_EQ(ms("now-7d"), kNow - 7 * kDay);
  EXPECT_EQ(ms("now+1h30m"), kNow + kHour + kHour / 2);
  EXPECT_TRUE(ParseTimestamp("now-7d", kNow)->is_relative);
  EXPECT_FALSE(ParseTimestamp("2024-01-15", kNow)->is_relative);
  for (const char* text :
       {"", "now-", "now7d", "yesterday", "2024-02-30", "2024-13-01", "2024-1-1",
        "2024-01-15T24:00:00Z", "2024-01-15T10:30:00", "2024-01-15_10:30:00Z",
        "2024-01-15T10:30:00.Z", "2024-01-15T10:60:00Z", "now-9223372036854775807ms",
        "2024-01-15T10:30:00+0100", "2024-01-15T10:30:00+24:00", "2024-01-15T10:30:00+01:60",
        "2024-01-15T10:30:00Z+01:00"}) {
    EXPECT_FALSE(ParseTimestamp(text, std::numeric_limits<int64_t>::min())) << text;
  }
}

TEST(OptionTextTest, TimesAreWrittenInUtc) {
  EXPECT_EQ(TimestampText(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(TimestampText(1'705'314'600'250), "2024-01-15T10:30:00.250Z");
  EXPECT_EQ(TimestampText(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace throng
