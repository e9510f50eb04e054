// The text of values, against the plainest means, and that no writer goes beyond its slack.
#include "throng/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/plugins/formats/naive_text.h"
#include "throng/random.hpp"

namespace throng {
namespace {

// What a writer writes, having seen that it keeps to the text and its slack.
std::string TextOf(const std::function<char*(char*)>& write) {
  constexpr size_t kRoom = 1024;
  constexpr char kUntouched = '\x7f';
  std::string room(kRoom, kUntouched);
  char* const start = room.data() + 64;
  const char* const end = write(start);
  std::string text(start, static_cast<size_t>(end - start));
  EXPECT_EQ(room.substr(0, 64), std::string(64, kUntouched)) << text;
  const size_t touched = 64 + text.size() + kTextSlack;
  EXPECT_EQ(room.substr(touched), std::string(kRoom - touched, kUntouched)) << text;
  return text;
}

// Each power of ten and of two, what stands beside it, and numbers of every length.
std::vector<uint64_t> Numbers() {
  std::vector<uint64_t> numbers = {0, std::numeric_limits<uint64_t>::max()};
  for (uint64_t power = 1; power < 10'000'000'000'000'000'000U; power *= 10) {
    numbers.insert(numbers.end(), {power - 1, power, power + 1, 9 * power});
  }
  for (uint64_t i = 0; i < 64; ++i) {
    const uint64_t power = uint64_t{1} << i;
    numbers.insert(numbers.end(), {power - 1, power, power + 1, Hash(1, i) >> i});
  }
  return numbers;
}

TEST(Text, HasNumbersOfAnyLength) {
  for (uint64_t n = 0; n < 20'000; ++n) {
    ASSERT_EQ(TextOf([&](char* p) { return WriteNumber(n, p); }), std::to_string(n));
  }
  for (const uint64_t n : Numbers()) {
    EXPECT_EQ(TextOf([&](char* p) { return WriteNumber(n, p); }), std::to_string(n));
    const auto number = static_cast<int64_t>(n);
    EXPECT_EQ(TextOf([&](char* p) { return WriteSigned(number, p); }), std::to_string(number));
  }
}

TEST(Text, HasRatingsWithOneDecimalOrTwo) {
  for (int32_t hundredths = -1200; hundredths <= 1200; ++hundredths) {
    ASSERT_EQ(TextOf([&](char* p) { return WriteRating(hundredths, p); }), NaiveRating(hundredths));
  }
  EXPECT_EQ(TextOf([](char* p) { return WriteRating(450, p); }), "4.5");
  for (const int32_t extreme :
       {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()}) {
    EXPECT_EQ(TextOf([&](char* p) { return WriteRating(extreme, p); }), NaiveRating(extreme));
  }
}

TEST(Text, HasDoublesThatReadBackAsTheyAre) {
  EXPECT_EQ(TextOf([](char* p) { return WriteFloat(0.1, p); }), "0.1");
  EXPECT_EQ(TextOf([](char* p) { return WriteFloat(-std::nan(""), p); }), "-nan");
  size_t longest = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(Hash(2, i));
    if (!std::isfinite(value)) continue;
    const std::string text = TextOf([&](char* p) { return WriteFloat(value, p); });
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    longest = std::max(longest, text.size());
  }
  EXPECT_EQ(longest, kMaxValueText);
}

TEST(Text, HasTimesOfTenThousandYearsAfterTheirLead) {
  constexpr int64_t kFirst = -62'167'219'200'000;  // 0000-01-01
  constexpr int64_t kEnd = 253'402'300'800'000;    // 10000-01-01
  for (const std::string& lead : {std::string(), std::string("at "), std::string(40, '-')}) {
    TimestampWriter writer(lead);
    const auto text = [&](int64_t ms) {
      return TextOf([&](char* p) { return writer.Write(ms, p); });
    };
    EXPECT_EQ(text(1'705'314'600'999), lead + "2024-01-15T10:30:00Z");
    EXPECT_EQ(text(kFirst), lead + "0000-01-01T00:00:00Z");
    EXPECT_EQ(text(kEnd - 1), lead + "9999-12-31T23:59:59Z");
    EXPECT_EQ(text(-1), lead + "1969-12-31T23:59:59Z");
    for (uint64_t i = 0; i < 2000; ++i) {
      const int64_t ms = kFirst + static_cast<int64_t>(MultiplyHigh(
                                      Hash(3, i), static_cast<uint64_t>(kEnd - kFirst)));
      ASSERT_EQ(text(ms), lead + NaiveTimestamp(ms));
    }
    for (int64_t second = 0; second < 86'400; second += 59) {  // each minute, and each second
      ASSERT_EQ(text(second * 1000 + 999), lead + NaiveTimestamp(second * 1000));
    }
    EXPECT_THROW(text(kFirst - 1), Error);
    EXPECT_THROW(text(kEnd), Error);
  }
  char room[kTimestampText + kTextSlack];
  EXPECT_EQ(TimestampWriter().Write(0, room) - room, kTimestampText);
}

TEST(Text, HasUuidsOfTheContractsFormula) {
  // throng_hash(42, 7) is 0xccf635ee9e9e2fa4, as hash.h says.
  EXPECT_EQ(TextOf([](char* p) { return WriteUuid(42, 7, p); }).substr(0, 20),
            "ccf635ee-9e9e-8fa4-b");
  for (uint64_t i = 0; i < 2000; ++i) {
    const uint64_t key = Hash(4, i);
    const auto number = static_cast<int64_t>(i * i);
    ASSERT_EQ(TextOf([&](char* p) { return WriteUuid(key, number, p); }), NaiveUuid(key, number));
  }
}

TEST(Text, HasFixedTextsOfAnySize) {
  EXPECT_EQ(TextOf([](char* p) { return FixedText().Write(p); }), "");
  for (size_t size = 0; size < 100; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
    const FixedText fixed(text);
    EXPECT_EQ(fixed.size(), size);
    EXPECT_EQ(TextOf([&](char* p) { return fixed.Write(p); }), text);
  }
}

TEST(Text, HasStringsAsJsonWantsThem) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString(R"(say "a\b")"), R"("say \"a\\b\"")");
  EXPECT_EQ(JsonString("\n\x1f\x7f caf\xc3\xa9"), "\"\\u000a\\u001f\x7f caf\xc3\xa9\"");
}

}  // namespace
}  // namespace throng
