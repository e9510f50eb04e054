// What formats and sinks hand back is looked at before anybody uses it, so that nobody else is
// blamed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "server/control/status.h"
#include "server/host/instances.h"

namespace throng {
namespace {

// Does to the host's buffer what a test says, to encode and to end.
using Deed = std::function<void(const throng_block* block, throng_buffer* out)>;

void Append(throng_buffer* out, std::string_view text) {
  ASSERT_EQ(out->reserve(out, text.size()), 1);
  std::memcpy(out->data + out->size, text.data(), text.size());
  out->size += text.size();
}

class FormatTest : public testing::Test {
 protected:
  FormatTest() {
    component_.role = Role::kFormat;
    component_.name = "scripted";
    component_.format.create = [](const throng_host*, const throng_value*, void** self,
                                  throng_error*) -> throng_code {
      *self = &deed_of_all;
      return THRONG_OK;
    };
    component_.format.destroy = [](void*) {};
    component_.format.encode = [](void*, const throng_block* block, throng_buffer* out,
                                  throng_error*) -> throng_code {
      deed_of_all(block, out);
      return THRONG_OK;
    };
    component_.format.end = [](void*, const throng_summary*, throng_buffer* out,
                               throng_error*) -> throng_code {
      deed_of_all(nullptr, out);
      return THRONG_OK;
    };
    block_.struct_size = sizeof block_;
    block_.rows = 2;
    block_.first_row = 7;
  }

  std::string Encode(const Deed& deed) { return WithFormat(deed, &FormatTest::EncodeBlock); }
  std::string EncodeMessages(const Deed& deed) {
    block_.key_end = key_end_.data();
    block_.value_end = value_end_.data();
    return Encode(deed);
  }
  std::string End(const Deed& deed) { return WithFormat(deed, &FormatTest::EndOutput); }

 private:
  absl::Status EncodeBlock(Format* format, throng_buffer* out) {
    return format->Encode(block_, out);
  }
  absl::Status EndOutput(Format* format, throng_buffer* out) {
    return format->End(throng_summary{}, out);
  }
  // What is said of a format that does `deed` to a buffer with three bytes in it.
  std::string WithFormat(const Deed& deed,
                         absl::Status (FormatTest::*call)(Format*, throng_buffer*)) {
    deed_of_all = deed;
    const auto format = Format::Create(component_, environment_, nullptr);
    RecordBuffer buffer;
    Append(buffer.abi(), "abc");
    char* const data = buffer.abi()->data;
    const absl::Status status = (this->*call)(format->get(), buffer.abi());
    if (buffer.abi()->data == nullptr) buffer.abi()->data = data;  // to be freed
    return MessageOf(status);
  }

  inline static Deed deed_of_all;
  const Environment environment_;
  Component component_;
  throng_block block_{};
  std::array<uint32_t, 2> key_end_{};
  std::array<uint32_t, 2> value_end_{};
};

TEST_F(FormatTest, ABufferIsAppendedToWithinItsBounds) {
  const Deed well = [](const throng_block*, throng_buffer* out) { Append(out, "de"); };
  EXPECT_EQ(Encode(well), "");
  EXPECT_EQ(End(well), "");

  const Deed cut = [](const throng_block*, throng_buffer* out) { out->size = 1; };
  const std::string of_it = " a buffer of 3 bytes and says that 1 of them are full; 3 were.";
  EXPECT_EQ(Encode(cut), "format `scripted` encoded rows 7 to 8 into" + of_it);
  EXPECT_EQ(End(cut), "format `scripted` wrote its epilogue into" + of_it);

  const Deed beyond = [](const throng_block*, throng_buffer* out) { out->size = 9; };
  EXPECT_THAT(Encode(beyond), testing::HasSubstr("a buffer of 3 bytes and says that 9 of them"));
  EXPECT_THAT(End(beyond), testing::HasSubstr("a buffer of 3 bytes and says that 9 of them"));

  const Deed lost = [](const throng_block*, throng_buffer* out) { out->data = nullptr; };
  EXPECT_EQ(Encode(lost),
            "format `scripted` encoded rows 7 to 8 into a buffer that it has set to NULL.");
  EXPECT_EQ(End(lost),
            "format `scripted` wrote its epilogue into a buffer that it has set to NULL.");
}

TEST_F(FormatTest, RoomThatNobodyHasIsNotGiven) {
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX - 3, size_t{PTRDIFF_MAX}}) {
    EXPECT_EQ(Encode([&](const throng_block*, throng_buffer* out) {
                EXPECT_EQ(out->reserve(out, bytes), 0) << bytes;
              }),
              "");
  }
}

TEST_F(FormatTest, MessagesFollowOneAnotherToTheEnd) {
  const auto with = [this](std::array<uint32_t, 4> ends) {
    return EncodeMessages([ends](const throng_block* block, throng_buffer* out) {
      Append(out, "kvkv");
      block->key_end[0] = ends[0];
      block->value_end[0] = ends[1];
      block->key_end[1] = ends[2];
      block->value_end[1] = ends[3];
    });
  };
  const std::string wrong = "format `scripted` encoded a message wrong: ";
  EXPECT_EQ(with({4, 5, 6, 7}), "");
  EXPECT_EQ(with({2, 5, 6, 7}), wrong + "the key of row 7 ends at 2, before it begins.");
  EXPECT_EQ(with({1000000, 5, 6, 7}), wrong + "the value of row 7 ends at 5, before it begins.");
  EXPECT_EQ(with({4, 5, 4, 7}), wrong + "the key of row 8 ends at 4, before it begins.");
  EXPECT_EQ(with({0, 0, 0, 0}), wrong + "the key of row 7 ends at 0, before it begins.");
  EXPECT_EQ(with({4, 5, 6, 6}),
            "format `scripted` encoded messages wrong: of rows 7 to 8, the last value ends at 6 "
            "and the buffer at 7.");
}

TEST(PrologueTest, IsNoLargerThanAllowedAndSomewhere) {
  static throng_prologue given;
  Component component;
  component.role = Role::kFormat;
  component.name = "scripted";
  component.format.create = [](const throng_host*, const throng_value*, void** self,
                               throng_error*) -> throng_code {
    *self = &given;
    return THRONG_OK;
  };
  component.format.destroy = [](void*) {};
  component.format.begin = [](void*, const throng_destination*, throng_prologue* prologue,
                              throng_error*) -> throng_code {
    *prologue = given;
    return THRONG_OK;
  };
  const auto said = [&](throng_bytes bytes, throng_bytes state) {
    given = {};
    given.struct_size = sizeof given;
    given.bytes = bytes;
    given.state = state;
    const Environment environment;
    const auto format = Format::Create(component, environment, nullptr);
    return MessageOf((*format)->Begin(throng_destination{}).status());
  };
  EXPECT_EQ(said({"a", 1}, {"b", 1}), "");
  EXPECT_EQ(said({"a", size_t{1} << 40}, {}),
            "format `scripted` gave a prologue of 1099511627776 bytes; 67108864 are allowed.");
  EXPECT_EQ(said({nullptr, 3}, {}),
            "format `scripted` gave a prologue of 3 bytes at NULL; 67108864 are allowed.");
  EXPECT_EQ(said({}, {"b", (size_t{1} << 20) + 1}),
            "format `scripted` gave a state of 1048577 bytes; 1048576 are allowed.");
}

TEST(OpenedTest, LimitsACommitToNoLessThanNothing) {
  static throng_opened given;
  Component component;
  component.role = Role::kSink;
  component.name = "scripted";
  component.sink.create = [](const throng_host*, const throng_value*, void** self,
                             throng_error*) -> throng_code {
    *self = &given;
    return THRONG_OK;
  };
  component.sink.destroy = [](void*) {};
  component.sink.open = [](void*, const throng_target*, throng_opened* opened,
                           throng_error*) -> throng_code {
    *opened = given;
    return THRONG_OK;
  };
  const auto said = [&](int64_t rows, int64_t ms) {
    given = {};
    given.struct_size = sizeof given;
    given.max_commit_rows = rows;
    given.max_commit_ms = ms;
    const Environment environment;
    const auto sink = Sink::Create(component, environment, nullptr);
    return MessageOf((*sink)->Open(throng_target{}).status());
  };
  EXPECT_EQ(said(0, 5), "");
  EXPECT_EQ(said(-1, 0),
            "sink `scripted` limits a commit to -1 rows and 0 ms; 0 is no limit, and less there is "
            "not.");
  EXPECT_THAT(said(0, -1), testing::HasSubstr("limits a commit to 0 rows and -1 ms"));
}

}  // namespace
}  // namespace throng
