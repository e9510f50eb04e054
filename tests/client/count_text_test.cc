#include "client/count_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace throng {
namespace {

// The digits, or the sentence.
std::string Parsed(std::string_view text) {
  const auto count = ParseCount(text);
  return count.ok() ? *count : std::string(count.status().message());
}

TEST(CountText, IsWhatPeopleType) {
  for (const auto& [text, digits] : {
           std::pair("50000", "50000"),
           std::pair("50k", "50000"),
           std::pair("50K", "50000"),
           std::pair("1M", "1000000"),
           std::pair("1m", "1000000"),
           std::pair("2G", "2000000000"),
           std::pair("50 k", "50000"),
           std::pair("1.5M", "1500000"),
           std::pair("2.5k", "2500"),
           std::pair("50_000", "50000"),
           std::pair("1_0000", "10000"),
           std::pair("50,000", "50000"),
           std::pair("1,234,567", "1234567"),
           std::pair("50 000", "50000"),
           std::pair("1e6", "1000000"),
           std::pair("1.5e+3", "1500"),
           std::pair("1.234e3", "1234"),
           std::pair(" 7 ", "7"),
           std::pair("007", "7"),
           std::pair("0", "0"),
           std::pair("0k", "0"),
           std::pair("5.0", "5"),
           std::pair("99999999999999999999", "99999999999999999999"),
       }) {
    EXPECT_EQ(Parsed(text), digits) << text;
  }
}

TEST(CountText, WhatMayBeMoreThanOneNumberIsRefused) {
  for (const char* text : {"50.000", "1.000.000", "1.500k", "1,5k", "50,00", "50,000k", "5,0",
                           "5 0", "1,234_567", "1__0", ",5"}) {
    EXPECT_EQ(Parsed(text), std::string("\"") + text +
                                "\" may be read as more than one number; write it without points "
                                "and commas, as 50000 or 50k.");
  }
}

TEST(CountText, WhatIsNoWholeNumberIsRefused) {
  for (const char* text : {"", "abc", "k", "-5", "+5", "1.5", "1.2345k", "1e", "1e-3", "1e99",
                           "0x10", "5x", "5kk", "5.", ".5", "5ki", "50 users"}) {
    EXPECT_EQ(Parsed(text), std::string("\"") + text +
                                "\" is no whole number; write one such as 500, 50k or 1M.");
  }
}

}  // namespace
}  // namespace throng
