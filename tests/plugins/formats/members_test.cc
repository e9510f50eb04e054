// Compressed csv and json: members that other decompressors join to the plain text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/plugins/formats/loaded_format.h"

namespace throng {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Options = std::map<std::string, std::string>;

constexpr size_t kRows = 10'000;
constexpr size_t kBlockRows = 4096;
constexpr size_t kRoom = size_t{4} << 20;
const std::string kGzipMagic = "\x1f\x8b";
const std::string kZstdMagic = "\x28\xb5\x2f\xfd";

std::vector<TableColumn> Interactions(size_t rows) {
  std::vector<int64_t> numbers(rows);
  std::vector<int64_t> times(rows);
  for (size_t i = 0; i < rows; ++i) {
    numbers[i] = static_cast<int64_t>(i * i % 997);
    times[i] = 1705314600000 + static_cast<int64_t>(i) * 1234;
  }
  return InteractionColumns(numbers, numbers, std::vector<int32_t>(rows, 450), times);
}

std::string Stream(const char* plugin, const Options& options, const char* name, size_t rows,
                   int64_t slice_index = 0) {
  const Table table("interactions", Interactions(rows));
  throng_destination destination = table.Destination(THRONG_RECORDS_STREAM, name);
  destination.slice_index = slice_index;
  destination.slice_count = slice_index + 1;
  LoadedFormat format(plugin, options);
  return format.Stream(table, destination, kBlockRows);
}

// The texts of the members, one after the other.
std::vector<std::string> Gunzipped(std::string file) {
  std::vector<std::string> texts;
  std::string text(kRoom, '\0');
  z_stream stream = {};
  stream.next_in = reinterpret_cast<Bytef*>(file.data());
  stream.avail_in = static_cast<uInt>(file.size());
  while (stream.avail_in > 0) {
    EXPECT_EQ(inflateInit2(&stream, 16 + 15), Z_OK);
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    const int result = inflate(&stream, Z_FINISH);
    texts.push_back(text.substr(0, stream.total_out));
    inflateEnd(&stream);
    if (result == Z_STREAM_END) continue;
    ADD_FAILURE() << "member " << texts.size() << " is not whole";
    break;
  }
  return texts;
}

std::vector<std::string> Unzstded(const std::string& file) {
  std::vector<std::string> texts;
  for (size_t at = 0; at < file.size();) {
    const size_t frame = ZSTD_findFrameCompressedSize(file.data() + at, file.size() - at);
    std::string text(kRoom, '\0');
    const size_t size = ZSTD_decompress(text.data(), text.size(), file.data() + at, frame);
    if (ZSTD_isError(frame) != 0 || ZSTD_isError(size) != 0) {
      ADD_FAILURE() << "frame " << texts.size() << " is not whole";
      break;
    }
    EXPECT_EQ(ZSTD_getFrameContentSize(file.data() + at, frame), size);
    texts.push_back(text.substr(0, size));
    at += frame;
  }
  return texts;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string whole;
  for (const std::string& text : texts) whole += text;
  return whole;
}

const std::vector<std::pair<const char*, Options>> kFormats = {
    {THRONG_CSV_PLUGIN, {}},
    {THRONG_JSON_PLUGIN, {{"layout", "lines"}}},
    {THRONG_JSON_PLUGIN, {{"layout", "document"}}}};

Options With(Options options, const std::string& compression) {
  options["compression"] = compression;
  return options;
}

TEST(Members, JoinToThePlainText) {
  for (const auto& [plugin, options] : kFormats) {
    const std::string plain = Stream(plugin, options, "rows", kRows);
    const std::string gzip = Stream(plugin, With(options, "gzip"), "rows", kRows);
    const std::string zstd = Stream(plugin, With(options, "zstd"), "rows", kRows);
    EXPECT_TRUE(Joined(Gunzipped(gzip)) == plain) << plugin;
    EXPECT_TRUE(Joined(Unzstded(zstd)) == plain) << plugin;
    EXPECT_LT(gzip.size(), plain.size() / 2);
    EXPECT_LT(zstd.size(), plain.size() / 2);
  }
}

TEST(Members, AreTheHeaderAndWhatIsEncodedAtOnce) {
  const std::vector<std::string> texts =
      Gunzipped(Stream(THRONG_CSV_PLUGIN, {{"compression", "gzip"}}, "rows", kRows));
  ASSERT_EQ(texts.size(), 4U);
  EXPECT_EQ(texts[0], "user_id,item_id,rating,timestamp\n");
  EXPECT_THAT(texts[2], StartsWith("user_"));
  EXPECT_EQ(texts[2].back(), '\n');
}

TEST(Members, AreCutAtFixedRows) {
  const Table table("interactions", Interactions(1));
  for (const auto& [plugin, options] : kFormats) {
    LoadedFormat gzip(plugin, With(options, "gzip"));
    gzip.Begin(table.Destination(THRONG_RECORDS_STREAM, "rows"));
    EXPECT_EQ(gzip.cut_rows(), 16'384U);
    LoadedFormat plain(plugin, options);
    plain.Begin(table.Destination(THRONG_RECORDS_STREAM, "rows"));
    EXPECT_EQ(plain.cut_rows(), 0U);
  }
}

TEST(Members, AreMadeWhereTheNameSaysSo) {
  EXPECT_THAT(Stream(THRONG_CSV_PLUGIN, {}, "rows.csv.gz", 5), StartsWith(kGzipMagic));
  EXPECT_THAT(Stream(THRONG_CSV_PLUGIN, {}, "rows.csv.zst", 5), StartsWith(kZstdMagic));
  EXPECT_THAT(Stream(THRONG_CSV_PLUGIN, {}, "rows.csv", 5), StartsWith("user_id"));
  EXPECT_THAT(Stream(THRONG_CSV_PLUGIN, {{"compression", "none"}}, "rows.csv.gz", 5),
              StartsWith("user_id"));
  EXPECT_THAT(Stream(THRONG_CSV_PLUGIN, {{"compression", "zstd"}}, "rows.csv.gz", 5),
              StartsWith(kZstdMagic));
}

TEST(Members, LeaveTheLayoutToTheRestOfTheName) {
  const auto text = [](const char* name) {
    return Joined(Gunzipped(Stream(THRONG_JSON_PLUGIN, {}, name, 5)));
  };
  EXPECT_THAT(text("rows.jsonl.gz"), StartsWith("{\"user_id\""));
  EXPECT_THAT(text("rows.json.gz"), StartsWith("{\"metadata\""));
}

TEST(Members, MakeAFileOfNoRowsToo) {
  const std::string csv = Stream(THRONG_CSV_PLUGIN, {}, "rows.csv.gz", 0, 1);
  EXPECT_EQ(Gunzipped(csv), std::vector<std::string>{""});
  const std::string lines = Stream(THRONG_JSON_PLUGIN, {}, "rows.jsonl.zst", 0);
  EXPECT_EQ(Unzstded(lines), std::vector<std::string>{""});
}

TEST(Members, RefuseMessages) {
  const Table table("interactions", Interactions(1));
  LoadedFormat format(THRONG_JSON_PLUGIN, {{"compression", "gzip"}});
  try {
    format.Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic"));
    ADD_FAILURE() << "accepted";
  } catch (const FormatFailure& failure) {
    EXPECT_EQ(failure.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(failure.option, "compression");
    EXPECT_THAT(failure.what(), HasSubstr("leave compression out"));
  }
  LoadedFormat(THRONG_JSON_PLUGIN).Begin(table.Destination(THRONG_RECORDS_MESSAGES, "topic.gz"));
}

TEST(Members, ComeFromAnOptionThatIsPartOfTheIdentity) {
  for (const char* plugin : {THRONG_CSV_PLUGIN, THRONG_JSON_PLUGIN}) {
    const LoadedFormat format(plugin);
    const throng_option* const* option = format.component().options;
    while (*option != nullptr && std::string((*option)->name) != "compression") ++option;
    ASSERT_NE(*option, nullptr);
    EXPECT_EQ((*option)->type, uint32_t{THRONG_OPTION_ENUM});
    EXPECT_EQ((*option)->flags, uint32_t{THRONG_OPTION_IDENTITY});
    EXPECT_EQ((*option)->default_text, nullptr);
  }
}

}  // namespace
}  // namespace throng
