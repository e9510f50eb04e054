#include "throng/options.hpp"

#include <gtest/gtest.h>

#include <string>

namespace throng {
namespace {

enum class Taste { kSweet, kSour, kBitter };
struct Options {
  Taste taste = Taste::kBitter;
};

TEST(Option, AnEnumsDefaultIsOneOfItsChoices) {
  const auto declare = [] { return Option<&Options::taste>("taste", "What it tastes of."); };
  EXPECT_NO_THROW(declare().Choices({"sweet", "sour", "bitter"}));
  std::string said;
  try {
    declare().Choices({"sweet", "sour"});
  } catch (const Error& error) {
    said = error.what();
  }
  EXPECT_EQ(said, "option taste has a default beyond its 2 choices.");
}

}  // namespace
}  // namespace throng
