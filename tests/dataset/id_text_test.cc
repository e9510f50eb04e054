// Ids as the text that a world shows, and back.
#include "server/dataset/id_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "throng/random.hpp"
#include "throng/text.hpp"

namespace throng {
namespace {

v1::DatasetSpec Spec(v1::Ids ids) {
  v1::DatasetSpec spec;
  spec.set_seed(42);
  spec.mutable_world()->set_ids(ids);
  spec.mutable_world()->set_user_prefix("user_");
  spec.mutable_world()->set_item_prefix("item_");
  return spec;
}

TEST(IdText, IsAPrefixAndANumberFromTheFirstOn) {
  v1::DatasetSpec spec = Spec(v1::IDS_TEXT);
  EXPECT_EQ(IdText::OfUsers(spec).Of(0), "user_1");
  EXPECT_EQ(IdText::OfItems(spec).Of(44), "item_45");
  spec.mutable_world()->set_user_start(0);
  spec.mutable_world()->set_item_start(4'294'967'295);
  EXPECT_EQ(IdText::OfUsers(spec).Of(0), "user_0");
  EXPECT_EQ(IdText::OfItems(spec).Of(0), "item_4294967295");
  EXPECT_EQ(IdText::OfUsers(spec).NumberOfUuid("user_0"), std::nullopt);
}

TEST(IdText, AUuidIsAFunctionOfSeedTableAndNumberAndReadsBack) {
  v1::DatasetSpec spec = Spec(v1::IDS_UUID);
  const IdText users = IdText::OfUsers(spec);
  const IdText items = IdText::OfItems(spec);
  EXPECT_EQ(users.Of(0), IdText::OfUsers(spec).Of(0));
  EXPECT_EQ(users.Of(0), "7bbcbf6d-7959-8542-9b8e-db626e290eaa");
  std::set<std::string> met;
  for (const int64_t number : {int64_t{0}, int64_t{1}, int64_t{499}, int64_t{4'294'967'294}}) {
    for (const IdText* const ids : {&users, &items}) {
      std::string text = ids->Of(number);
      EXPECT_EQ(text.size(), kUuidText);
      EXPECT_TRUE(met.insert(text).second) << text;
      EXPECT_EQ(ids->NumberOfUuid(text), number);
      EXPECT_EQ((ids == &users ? items : users).NumberOfUuid(text), std::nullopt);
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      EXPECT_EQ(ids->NumberOfUuid(text), number) << "in capitals";
      text[9] = text[9] == '0' ? '1' : '0';
      EXPECT_EQ(ids->NumberOfUuid(text), std::nullopt) << text;
      char bytes[16];
      ids->PutUuid(number, bytes);
      std::string hex = ids->Of(number);
      hex.erase(std::remove(hex.begin(), hex.end(), '-'), hex.end());
      for (int i = 0; i < 16; ++i) {
        EXPECT_EQ(std::stoi(hex.substr(2 * static_cast<size_t>(i), 2), nullptr, 16),
                  static_cast<unsigned char>(bytes[i]));
      }
    }
  }
  spec.set_seed(43);
  EXPECT_NE(IdText::OfUsers(spec).Of(0), users.Of(0));
}

TEST(IdText, WhatIsNoUuidOfTheWorldHasNoNumber) {
  const IdText users = IdText::OfUsers(Spec(v1::IDS_UUID));
  std::string without_dashes = users.Of(7);
  std::replace(without_dashes.begin(), without_dashes.end(), '-', '0');
  for (const std::string& text :
       {std::string(), std::string("7"), users.Of(7) + "0", users.Of(7).substr(1), without_dashes,
        std::string("0197a3c5-88d1-8f00-9c3e-5d7b21a64f90"), std::string(36, '-'),
        std::string(36, 'g')}) {
    EXPECT_EQ(users.NumberOfUuid(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace throng
