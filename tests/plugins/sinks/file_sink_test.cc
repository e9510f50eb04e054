// The file sink: what it finds, takes up, refuses and leaves.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/plugins/sinks/loaded_sink.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kName[] = "rows.csv";

std::string Sha256Of(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(digest[i]));
    hex += two;
  }
  return hex;
}

class FileSinkTest : public ::testing::Test {
 protected:
  // A sink for `kName`.
  LoadedSink Sink(bool overwrite = false) { return SinkAt(folder_.path(kName), overwrite); }
  LoadedSink SinkAt(const std::string& path, bool overwrite = false) {
    return LoadedSink(THRONG_FILE_PLUGIN,
                      {{"path", path}, {"overwrite", overwrite ? "true" : "false"}}, &host_);
  }
  // Leaves the first 10 rows committed, and some more not.
  void LeaveUnfinished(const TestTarget& target = {}) {
    LoadedSink sink = Sink();
    ASSERT_EQ(sink.Open(target).code, THRONG_OK);
    ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
    ASSERT_EQ(sink.Write(WalkRows(0, 10)).code, THRONG_OK);
    ASSERT_EQ(sink.Commit(10, WalkState(10)).code, THRONG_OK);
    ASSERT_EQ(sink.Write(WalkRows(10, 13)).code, THRONG_OK);
  }
  void LeaveFinished(const TestTarget& target = {}) {
    LoadedSink sink = Sink();
    ASSERT_EQ(Walk(
                  &sink, [](int64_t) {}, target)
                  .message,
              "");
  }
  // Walks to the end, which must succeed, and checks everything that is left.
  void ExpectWalkCompletes(LoadedSink sink) {
    EXPECT_EQ(Walk(&sink, [](int64_t) {}).message, "");
    sink.Destroy();
    EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
    EXPECT_EQ(folder_.Read(kName), WalkText());
    const auto manifest = nlohmann::json::parse(folder_.Read("rows.csv.manifest.json"));
    EXPECT_EQ(manifest["sha256"], Sha256Of(WalkText()));
  }
  // What open says when it refuses; with `overwrite` the same place is written anew.
  std::string RefusalThenOverwrite(throng_code code, bool is_told_by_peek = true) {
    const OpenResult refused = Sink().Open();
    EXPECT_EQ(refused.code, code);
    EXPECT_EQ(refused.option, "path");
    EXPECT_EQ(Sink().Peek().message, is_told_by_peek ? refused.message : "");
    const auto before = folder_.Files();
    EXPECT_EQ(Sink(true).Open().code, THRONG_OK);
    EXPECT_EQ(folder_.Files(), before) << "nothing goes before there is something to write";
    ExpectWalkCompletes(Sink(true));
    return refused.message;
  }

  ScratchFolder folder_;
  TestHost host_;
};

const TestTarget kOther{.identity = std::string(64, 'b')};

// Runs `body` in a child process, which may change its user and mounts. False if it says so.
bool InChild(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    const bool ran = body();
    std::fflush(stdout);
    _exit(::testing::Test::HasFailure() ? 1 : ran ? 0 : 77);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77))
      << "the child failed; see above";
  return !WIFEXITED(status) || WEXITSTATUS(status) != 77;
}

TEST_F(FileSinkTest, SaysWhatItIs) {
  LoadedSink sink = Sink();
  EXPECT_STREQ(sink.component().role, THRONG_ROLE_SINK);
  EXPECT_EQ(sink.functions().is_durable, 1);
  EXPECT_EQ(sink.component().options[0]->flags,
            THRONG_OPTION_REQUIRED | THRONG_OPTION_IDENTITY | THRONG_OPTION_PATH);
  EXPECT_EQ(sink.component().options[1]->flags, 0u) << "overwrite does not decide what is written";
}

TEST_F(FileSinkTest, WritesTheFileAndItsManifestAndNothingElse) {
  LeaveFinished();
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
  EXPECT_EQ(folder_.Read(kName), WalkText());
  const auto manifest = nlohmann::json::parse(folder_.Read("rows.csv.manifest.json"));
  EXPECT_EQ(manifest["file"], "rows.csv");
  EXPECT_EQ(manifest["bytes"], WalkText().size());
  EXPECT_EQ(manifest["sha256"], Sha256Of(WalkText()));
  EXPECT_EQ(manifest["identity"], std::string(64, 'a'));
  EXPECT_EQ(manifest["position"], kWalkRows);
  EXPECT_EQ(manifest["rows"], 30) << "the host's own members follow";
  EXPECT_EQ(manifest["spec"]["seed"], "42");
  EXPECT_EQ(manifest["share"], 0.15);
  const auto in_order = nlohmann::ordered_json::parse(folder_.Read("rows.csv.manifest.json"));
  EXPECT_EQ(std::prev(in_order.end()).key(), "host_state") << "people do not read it";
}

TEST_F(FileSinkTest, ShowsItsThreeFilesWhileItIsUnfinished) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv.lock", "rows.csv.part", "rows.csv.position"));
  EXPECT_EQ(folder_.Read("rows.csv.lock"), std::to_string(getpid()) + "\n");
}

TEST_F(FileSinkTest, GoesOnWhereItWasCommitted) {
  LeaveUnfinished();
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv.part", "rows.csv.position"));
  {
    LoadedSink sink = Sink();
    const OpenResult opened = sink.Open();
    EXPECT_EQ(opened.code, THRONG_OK);
    EXPECT_TRUE(opened.has_position);
    EXPECT_FALSE(opened.is_complete);
    EXPECT_EQ(opened.position, 10);
    EXPECT_EQ(opened.host_state, WalkState(10));
    EXPECT_EQ(folder_.Read("rows.csv.part"), "text\n" + WalkRows(0, 10))
        << "what was not committed is cut off";
  }
  ExpectWalkCompletes(Sink());
}

TEST_F(FileSinkTest, ARefusedPlanLeavesNothing) {
  {
    LoadedSink sink = SinkAt(folder_.path("new/deep/rows.csv"));
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    EXPECT_THAT(folder_.Files(), ElementsAre("new/deep/rows.csv.lock"));
  }
  EXPECT_THAT(folder_.Files(), IsEmpty());
}

TEST_F(FileSinkTest, WhatWasNeverCommittedLeavesNothing) {
  {
    LoadedSink sink = SinkAt(folder_.path("new/deep/rows.csv"));
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
  }
  EXPECT_THAT(folder_.Files(), IsEmpty());
}

TEST_F(FileSinkTest, WhatAKilledRunLeftBeforeItsFirstCommitGoesWithARefusedPlan) {
  std::string position;
  {
    LoadedSink sink = Sink();
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
    position = folder_.Read("rows.csv.position");
  }
  folder_.Write("rows.csv.position", position);  // as if it had been killed
  folder_.Write("rows.csv.part", "te");
  {
    LoadedSink sink = Sink();
    const OpenResult opened = sink.Open();
    EXPECT_EQ(opened.code, THRONG_OK);
    EXPECT_FALSE(opened.has_position);
  }
  EXPECT_THAT(folder_.Files(), IsEmpty());
}

TEST_F(FileSinkTest, AnEmptyOutputIsAFile) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  EXPECT_EQ(sink.Finish().message, "");
  EXPECT_EQ(folder_.Read(kName), "");
  EXPECT_TRUE(Sink().Open().is_complete);
}

TEST_F(FileSinkTest, ACompleteFileIsLeftAlone) {
  LeaveFinished();
  const auto written = std::filesystem::last_write_time(folder_.path(kName));
  for (const bool overwrite : {false, true}) {
    const OpenResult opened = Sink(overwrite).Open();
    EXPECT_EQ(opened.code, THRONG_OK);
    EXPECT_TRUE(opened.is_complete);
    EXPECT_EQ(opened.position, kWalkRows);
    EXPECT_EQ(opened.host_state, WalkState(kWalkRows));
  }
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
  EXPECT_EQ(std::filesystem::last_write_time(folder_.path(kName)), written);
}

TEST_F(FileSinkTest, FinishMayBeRepeated) {
  LoadedSink sink = Sink();
  ASSERT_EQ(Walk(&sink, [](int64_t) {}).code, THRONG_OK);
  EXPECT_EQ(sink.Finish("end\n", kWalkManifest).code, THRONG_OK);
  EXPECT_EQ(folder_.Read(kName), WalkText());
}

TEST_F(FileSinkTest, FinishComesAfterTheLastCommit) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Write("text\n").code, THRONG_OK);
  EXPECT_EQ(sink.Finish().code, THRONG_INTERNAL);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  EXPECT_EQ(sink.Finish("", "[1]").message, "The host's manifest is not a JSON object.");
  EXPECT_EQ(sink.Finish().code, THRONG_OK);
}

// ---- Refusals, each with its remedy ----------------------------------------------------------

TEST_F(FileSinkTest, RefusesAForeignFile) {
  folder_.Write(kName, "somebody's\n");
  EXPECT_EQ(RefusalThenOverwrite(THRONG_ALREADY_EXISTS),
            folder_.path(kName) + " exists, and its manifest " +
                folder_.path("rows.csv.manifest.json") +
                " is missing, without which nothing says that it is this dataset in this form; "
                "put the manifest back, choose another path, delete " +
                folder_.path(kName) + ", or set overwrite: true.");
  EXPECT_THAT(
      host_.log,
      testing::Each(folder_.path(kName) + " exists, and its manifest " +
                    folder_.path("rows.csv.manifest.json") +
                    " is missing, without which nothing says that it is this dataset in this "
                    "form; what is there is replaced, since overwrite is set."));
}

TEST_F(FileSinkTest, SaysThatAManifestIsLost) {
  LeaveFinished();
  std::filesystem::remove(folder_.path("rows.csv.manifest.json"));
  EXPECT_THAT(RefusalThenOverwrite(THRONG_ALREADY_EXISTS),
              HasSubstr("its manifest " + folder_.path("rows.csv.manifest.json") + " is missing"));
}

TEST_F(FileSinkTest, RefusesAFinishedFileOfAnotherDataset) {
  LeaveFinished(kOther);
  EXPECT_THAT(RefusalThenOverwrite(THRONG_ALREADY_EXISTS, false), HasSubstr("is not this dataset"));
}

TEST_F(FileSinkTest, RefusesAnUnfinishedFileOfAnotherDataset) {
  LeaveUnfinished(kOther);
  EXPECT_EQ(
      RefusalThenOverwrite(THRONG_ALREADY_EXISTS),
      folder_.path("rows.csv.part") +
          " is unfinished and not this dataset in this form; choose another path, or delete " +
          folder_.path("rows.csv.part") + " and " + folder_.path("rows.csv.position") +
          " to start over, or set overwrite: true.");
}

TEST_F(FileSinkTest, RefusesAForeignPart) {
  folder_.Write("rows.csv.part", "somebody's\n");
  EXPECT_THAT(RefusalThenOverwrite(THRONG_ALREADY_EXISTS), HasSubstr("No valid"));
}

TEST_F(FileSinkTest, RefusesADamagedPosition) {
  LeaveUnfinished();
  std::string text = folder_.Read("rows.csv.position");
  text[text.find("\"position\":10") + 11] = '2';
  folder_.Write("rows.csv.position", text);
  EXPECT_THAT(RefusalThenOverwrite(THRONG_ALREADY_EXISTS), HasSubstr("No valid"));
}

TEST_F(FileSinkTest, RefusesAForeignManifest) {
  folder_.Write("rows.csv.manifest.json", "{\"name\": \"a web app\"}");
  EXPECT_THAT(RefusalThenOverwrite(THRONG_ALREADY_EXISTS), HasSubstr("is not a manifest"));
}

TEST_F(FileSinkTest, AManifestWhoseFileWasDeletedIsNotInTheWay) {
  LeaveFinished(kOther);
  std::filesystem::remove(folder_.path(kName));
  ExpectWalkCompletes(Sink());
}

TEST_F(FileSinkTest, RefusesATamperedPart) {
  LeaveUnfinished();
  std::string text = folder_.Read("rows.csv.part");
  text[20] ^= 1;
  folder_.Write("rows.csv.part", text);
  const OpenResult refused = Sink().Open();
  EXPECT_EQ(refused.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(refused.message,
            folder_.path("rows.csv.part") +
                " was changed: its SHA-256 is not the one that was committed; delete " +
                folder_.path("rows.csv.part") + " and " + folder_.path("rows.csv.position") +
                " to start over, or set overwrite: true.");
  EXPECT_EQ(folder_.Read("rows.csv.part"), text) << "a refusal changes nothing";
  ExpectWalkCompletes(Sink(true));
}

// Too large to be read before the first row.
class LargeFileSinkTest : public FileSinkTest {
 protected:
  static constexpr size_t kBytes = size_t{20} << 20;

  void LeaveLarge() {
    LoadedSink sink = Sink();
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(sink.Write(std::string(kBytes / 4, 'x')).code, THRONG_OK);
    ASSERT_EQ(sink.Commit(4, "state").code, THRONG_OK);
    ASSERT_EQ(sink.Write("not committed").code, THRONG_OK);
  }
  void Flip(size_t at) {
    const int file = open(folder_.path("rows.csv.part").c_str(), O_RDWR);
    char byte = 0;
    ASSERT_EQ(pread(file, &byte, 1, static_cast<off_t>(at)), 1);
    byte ^= 1;
    ASSERT_EQ(pwrite(file, &byte, 1, static_cast<off_t>(at)), 1);
    close(file);
  }
  std::string WasChanged() const {
    return folder_.path("rows.csv.part") +
           " was changed: its SHA-256 is not the one that was committed; delete " +
           folder_.path("rows.csv.part") + " and " + folder_.path("rows.csv.position") +
           " to start over, or set overwrite: true.";
  }
  void ExpectComplete(const std::string& text) {
    EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
    EXPECT_EQ(folder_.Read(kName), text);
    const auto manifest = nlohmann::json::parse(folder_.Read("rows.csv.manifest.json"));
    EXPECT_EQ(manifest["sha256"], Sha256Of(text));
    EXPECT_FALSE(manifest.contains("sha256_states"));
  }
  // Writes and commits one row more, and finishes.
  Result Go(LoadedSink* sink, int64_t rows) {
    Result result = sink->Write("row\n");
    if (result.code == THRONG_OK) result = sink->Commit(rows, "state");
    return result.code == THRONG_OK ? sink->Finish("end\n") : result;
  }
};

TEST_F(LargeFileSinkTest, GoesOnAndEndsWhole) {
  LeaveLarge();
  LoadedSink sink = Sink();
  const OpenResult opened = sink.Open();
  EXPECT_EQ(opened.position, 4);
  EXPECT_EQ(Go(&sink, 5).message, "");
  sink.Destroy();
  ExpectComplete(std::string(kBytes, 'x') + "row\nend\n");
}

TEST_F(LargeFileSinkTest, IsNotFinishedWithAByteThatWasChanged) {
  for (const size_t at : {size_t{0}, kBytes / 2, kBytes - 1}) {
    std::filesystem::remove(folder_.path("rows.csv.part"));
    std::filesystem::remove(folder_.path("rows.csv.position"));
    LeaveLarge();
    Flip(at);
    for (int process = 0; process < 2; ++process) {  // those that follow find it, too
      LoadedSink sink = Sink();
      const OpenResult opened = sink.Open();
      ASSERT_EQ(opened.message, "");
      const Result refused = Go(&sink, opened.position + 1);
      EXPECT_EQ(refused.code, THRONG_FAILED_PRECONDITION);
      EXPECT_EQ(refused.message, WasChanged());
      EXPECT_EQ(refused.option, "path");
      sink.Destroy();
      EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv.part", "rows.csv.position"));
    }
  }
  Flip(kBytes - 1);  // as it was
  LoadedSink sink = Sink();
  const OpenResult opened = sink.Open();
  EXPECT_EQ(Go(&sink, opened.position + 1).message, "");
}

TEST_F(LargeFileSinkTest, IsWrittenAnewIfItMayBe) {
  LeaveLarge();
  Flip(7);
  LoadedSink sink = Sink(true);
  EXPECT_FALSE(sink.Open().has_position);
  EXPECT_THAT(host_.log, ElementsAre(folder_.path("rows.csv.part") +
                                     " was changed: its SHA-256 is not the one that was committed; "
                                     "what is there is replaced, since overwrite is set."));
  EXPECT_EQ(Go(&sink, 1).message, "");
  sink.Destroy();
  ExpectComplete("row\nend\n");
}

// PATH.position of a version that kept the digest alone.
TEST_F(LargeFileSinkTest, GoesOnFromAnOlderPosition) {
  LeaveLarge();
  const std::string text = folder_.Read("rows.csv.position");
  const std::string line = text.substr(0, text.find(",\"sha256_states\"")) + "}";
  folder_.Write("rows.csv.position", line + "\n" + Sha256Of(line) + "\n");
  Flip(9);
  EXPECT_EQ(Sink().Open().message, WasChanged());
  Flip(9);
  LoadedSink sink = Sink();
  EXPECT_EQ(sink.Open().position, 4);
  EXPECT_EQ(Go(&sink, 5).message, "");
  sink.Destroy();
  ExpectComplete(std::string(kBytes, 'x') + "row\nend\n");
}

TEST_F(LargeFileSinkTest, StopsWhileItIsChecked) {
  LeaveLarge();
  LoadedSink sink = Sink();
  host_.is_cancelled = [] { return true; };
  ASSERT_EQ(sink.Open().message, "");
  EXPECT_EQ(sink.Commit(4, "state").message, "") << "what was written can be kept";
  const Result stopped = sink.Finish("end\n");
  EXPECT_EQ(stopped.code, THRONG_CANCELLED);
  EXPECT_EQ(stopped.message,
            "Stopped while " + folder_.path("rows.csv.part") + " was read to go on with it.");
}

TEST_F(FileSinkTest, RefusesATruncatedPart) {
  LeaveUnfinished();
  std::filesystem::resize_file(folder_.path("rows.csv.part"), 7);
  EXPECT_THAT(RefusalThenOverwrite(THRONG_FAILED_PRECONDITION),
              HasSubstr("was truncated: it has 7 of the"));
}

TEST_F(FileSinkTest, RefusesWhenThePartIsGone) {
  LeaveUnfinished();
  std::filesystem::remove(folder_.path("rows.csv.part"));
  EXPECT_THAT(RefusalThenOverwrite(THRONG_FAILED_PRECONDITION), HasSubstr("is gone, though"));
}

TEST_F(FileSinkTest, RefusesAFinishedFileOfAnotherSize) {
  LeaveFinished();
  folder_.Write(kName, WalkText() + "one more\n");
  EXPECT_THAT(RefusalThenOverwrite(THRONG_FAILED_PRECONDITION),
              HasSubstr("was changed: it had " + std::to_string(WalkText().size()) + " bytes"));
}

TEST_F(FileSinkTest, AnUnfinishedReplacementGoesOn) {
  folder_.Write(kName, "somebody's\n");
  {
    LoadedSink sink = Sink(true);
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    ASSERT_EQ(sink.Write("text\n" + WalkRows(0, 10)).code, THRONG_OK);
    ASSERT_EQ(sink.Commit(10, WalkState(10)).code, THRONG_OK);
  }
  EXPECT_EQ(folder_.Read(kName), "somebody's\n") << "the old file stays until the new is whole";
  const OpenResult refused = Sink().Open();
  EXPECT_EQ(refused.code, THRONG_ALREADY_EXISTS);
  EXPECT_EQ(refused.message, folder_.path(kName) + " exists beside the unfinished " +
                                 folder_.path("rows.csv.part") + "; delete " + folder_.path(kName) +
                                 " or set overwrite: true, and it goes on.");
  EXPECT_EQ(Sink(true).Open().position, 10);
  ExpectWalkCompletes(Sink(true));
}

TEST_F(FileSinkTest, AFinishedFileBesideAnUnfinishedOneIsRefused) {
  LeaveFinished();
  const std::string manifest = folder_.Read("rows.csv.manifest.json");
  std::filesystem::remove(folder_.path(kName));
  LeaveUnfinished();
  folder_.Write(kName, WalkText());
  folder_.Write("rows.csv.manifest.json", manifest);
  EXPECT_THAT(Sink().Open().message, HasSubstr("exists beside the unfinished"));
  EXPECT_EQ(Sink(true).Open().position, 10);
  ExpectWalkCompletes(Sink(true));
}

TEST_F(FileSinkTest, RefusesAFileThatCameIntoBeingMeanwhile) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  folder_.Write(kName, "somebody's\n");
  folder_.Write("rows.csv.manifest.json", "also somebody's\n");
  const Result refused = sink.Finish();
  EXPECT_EQ(refused.code, THRONG_ALREADY_EXISTS);
  EXPECT_THAT(refused.message, HasSubstr("came into being while it was written here"));
  sink.Destroy();
  EXPECT_EQ(folder_.Read(kName), "somebody's\n");
  EXPECT_EQ(folder_.Read("rows.csv.manifest.json"), "also somebody's\n");
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json", "rows.csv.part",
                                           "rows.csv.position"));
}

TEST_F(FileSinkTest, RefusesWhatIsNoOrdinaryFile) {
  std::filesystem::create_directory(folder_.path("sub"));
  std::filesystem::create_symlink("elsewhere", folder_.path("link"));
  for (const std::string& path :
       {folder_.path("sub"), folder_.path("link"), std::string("/dev/null")}) {
    const OpenResult refused = SinkAt(path, true).Open();
    EXPECT_EQ(refused.code, THRONG_INVALID_ARGUMENT);
    EXPECT_EQ(refused.message,
              path + " is there and is not an ordinary file; choose another path.");
  }
  for (const char* path : {"/dev/null/rows.csv", "/dev/null/out/more/rows.csv"}) {
    EXPECT_THAT(SinkAt(path).Open().message, HasSubstr("/dev/null is not a folder")) << path;
    EXPECT_EQ(SinkAt(path).Peek().code, THRONG_INVALID_ARGUMENT) << path;
  }
}

TEST_F(FileSinkTest, RefusesPathsThatNameNoFile) {
  for (const char* path : {"", "out/", "out/..", "."}) {
    const Result refused = SinkAt(path).validated;
    EXPECT_EQ(refused.code, THRONG_INVALID_ARGUMENT) << path;
    EXPECT_THAT(refused.message, HasSubstr("names no file")) << path;
  }
  EXPECT_EQ(SinkAt("out/rows.csv").validated.code, THRONG_OK);
  const Result too_long = SinkAt(folder_.path(std::string(238, 'x'))).Open();
  EXPECT_THAT(too_long.message, HasSubstr("is too long; use at most 237 bytes"));
  EXPECT_EQ(SinkAt(folder_.path(std::string(237, 'x'))).Open().code, THRONG_OK);
}

// ---- The lock ----------------------------------------------------------------------------------

TEST_F(FileSinkTest, OnlyOneProcessWrites) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  const OpenResult refused = Sink().Open();
  EXPECT_EQ(refused.code, THRONG_UNAVAILABLE);
  EXPECT_EQ(refused.message, folder_.path(kName) + " is being written by process " +
                                 std::to_string(getpid()) +
                                 "; wait for it, stop it, or choose another path.");
  EXPECT_EQ(sink.Commit(0).code, THRONG_OK) << "the one that holds it is not disturbed";
}

TEST_F(FileSinkTest, WaitsForTheOneThatStillCommits) {
  LoadedSink old_one = Sink();
  ASSERT_EQ(old_one.Open().code, THRONG_OK);
  ASSERT_EQ(old_one.Write("text\n" + WalkRows(0, 10)).code, THRONG_OK);
  host_.is_cancelled = [&] {  // asked while the new one waits
    EXPECT_EQ(old_one.Commit(10, WalkState(10)).code, THRONG_OK);
    old_one.Destroy();
    host_.is_cancelled = [] { return false; };
    return false;
  };
  LoadedSink new_one = Sink();
  EXPECT_EQ(new_one.Open().position, 10);
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv.lock", "rows.csv.part", "rows.csv.position"));
}

TEST_F(FileSinkTest, StopsWaitingWhenTheHostStops) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  host_.is_cancelled = [] { return true; };
  EXPECT_EQ(Sink().Open().code, THRONG_CANCELLED);
}

TEST_F(FileSinkTest, StopsReadingWhenTheHostStops) {
  LeaveUnfinished();
  host_.is_cancelled = [] { return true; };
  EXPECT_EQ(Sink().Open().code, THRONG_CANCELLED);
  host_.is_cancelled = [] { return false; };
  ExpectWalkCompletes(Sink());
}

// ---- What happens to the place meanwhile -------------------------------------------------------

TEST_F(FileSinkTest, AVanishedFolderIsSaidAndGoneOnWithWhenItIsBack) {
  {
    LoadedSink sink = SinkAt(folder_.path("out/rows.csv"));
    ASSERT_EQ(sink.Open().code, THRONG_OK);
    ASSERT_EQ(sink.Write("text\n" + WalkRows(0, 10)).code, THRONG_OK);
    ASSERT_EQ(sink.Commit(10, WalkState(10)).code, THRONG_OK);
    std::filesystem::rename(folder_.path("out"), folder_.path("away"));
    const Result lost = sink.Commit(10, WalkState(10));
    EXPECT_EQ(lost.code, THRONG_FAILED_PRECONDITION);
    EXPECT_EQ(lost.message, "The folder " + folder_.path("out") +
                                " has vanished (No such file or directory); bring it back, and the "
                                "same command goes on where it was committed.");
  }
  std::filesystem::rename(folder_.path("away"), folder_.path("out"));
  LoadedSink sink = SinkAt(folder_.path("out/rows.csv"));
  EXPECT_EQ(Walk(&sink, [](int64_t row) { EXPECT_GT(row, 10); }).message, "");
  EXPECT_EQ(folder_.Read("out/rows.csv"), WalkText());
  EXPECT_THAT(folder_.Files(), ElementsAre("out/rows.csv", "out/rows.csv.manifest.json"));
}

TEST_F(FileSinkTest, NoticesThatItsPartWasReplaced) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  std::filesystem::remove(folder_.path("rows.csv.part"));
  folder_.Write("rows.csv.part", "somebody's\n");
  const Result lost = sink.Commit(5);
  EXPECT_EQ(lost.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(lost.message, folder_.path("rows.csv.part") +
                              " was deleted or replaced while it was in use; see that nothing else "
                              "touches it, and give the same command again.");
  EXPECT_EQ(sink.Finish().code, THRONG_FAILED_PRECONDITION);
}

TEST_F(FileSinkTest, NoticesThatItsLockWasRemoved) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  std::filesystem::remove(folder_.path("rows.csv.lock"));
  EXPECT_THAT(sink.Commit(5).message, HasSubstr("rows.csv.lock was deleted or replaced"));
  LoadedSink other = Sink();
  ASSERT_EQ(other.Open().code, THRONG_OK);
  sink.Destroy();
  EXPECT_TRUE(std::filesystem::exists(folder_.path("rows.csv.lock"))) << "it is the other's";
}

TEST_F(FileSinkTest, AFullDiskIsSaidAndGoneOnWithWhenThereIsSpace) {
  const bool ran = InChild([&] {
    if (unshare(CLONE_NEWNS) != 0) return false;
    const std::string disk = folder_.path("disk");
    std::filesystem::create_directory(disk);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k") != 0) {
      return false;
    }
    folder_.Write("disk/ballast", std::string(128 << 10, 'x'));
    const std::string block = WalkRows(0, 2000);  // 32 kB
    LoadedSink sink = SinkAt(disk + "/rows.csv");
    EXPECT_EQ(sink.Open().code, THRONG_OK);
    std::string written;
    Result result;
    while ((result = sink.Write(block)).code == THRONG_OK) {
      written += block;
      EXPECT_EQ(sink.Commit(static_cast<int64_t>(written.size())).message, "");
    }
    EXPECT_EQ(result.code, THRONG_RESOURCE_EXHAUSTED);
    EXPECT_EQ(result.message, "The disk that holds " + disk +
                                  "/rows.csv.part is full (No space left on device); free some "
                                  "space, and writing goes on where it stopped.");
    EXPECT_EQ(std::filesystem::file_size(disk + "/rows.csv.part"), written.size());
    std::filesystem::remove(disk + "/ballast");
    EXPECT_EQ(sink.Write(block).message, "");
    written += block;
    EXPECT_EQ(sink.Commit(static_cast<int64_t>(written.size())).message, "");
    EXPECT_EQ(sink.Finish().message, "");
    EXPECT_EQ(folder_.Read("disk/rows.csv"), written);
    return true;
  });
  if (!ran) GTEST_SKIP() << "needs the right to mount a tmpfs";
}

TEST_F(FileSinkTest, AReadOnlyFolderIsSaidToAnOrdinaryUser) {
  LeaveUnfinished();
  const bool ran = InChild([&] {
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
    // Loaded while files of the build tree can be read.
    LoadedSink sink = Sink(), deeper = SinkAt(folder_.path("new/rows.csv"));
    if (geteuid() == 0 && setuid(65534) != 0) return false;
    const OpenResult refused = sink.Open();
    EXPECT_EQ(refused.code, THRONG_PERMISSION_DENIED);
    EXPECT_EQ(refused.message, folder_.path("rows.csv.lock") +
                                   " may not be written (Permission denied); make the folder " +
                                   folder_.path() +
                                   " and what is in it writable, and the same command goes on, or "
                                   "choose another path.");
    EXPECT_EQ(deeper.Open().code, THRONG_PERMISSION_DENIED);
    return true;
  });
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  if (!ran) GTEST_SKIP() << "needs the right to become another user";
  ExpectWalkCompletes(Sink());
}

TEST_F(FileSinkTest, ACompleteFileNeedsNoWritableFolder) {
  LeaveFinished();
  InChild([&] {
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
    LoadedSink sink = Sink();
    if (geteuid() == 0 && setuid(65534) != 0) return false;
    const OpenResult opened = sink.Open();
    EXPECT_EQ(opened.message, "");
    EXPECT_TRUE(opened.is_complete);
    return true;
  });
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
}

// ---- Peek and reset ----------------------------------------------------------------------------

TEST_F(FileSinkTest, PeekTellsAndChangesNothing) {
  EXPECT_FALSE(Sink().Peek().has_position);
  EXPECT_FALSE(SinkAt(folder_.path("nowhere/rows.csv")).Peek().has_position);
  EXPECT_THAT(folder_.Files(), IsEmpty());
  LeaveUnfinished();
  const std::string part = folder_.Read("rows.csv.part");
  {
    LoadedSink writing = Sink();
    ASSERT_EQ(writing.Open().code, THRONG_OK);
    ASSERT_EQ(writing.Write(WalkRows(10, 13)).code, THRONG_OK);
    const OpenResult peeked = Sink().Peek();
    EXPECT_EQ(peeked.position, 10);
    EXPECT_EQ(peeked.host_state, WalkState(10));
    EXPECT_FALSE(peeked.is_complete);
    EXPECT_EQ(folder_.Read("rows.csv.part"), part);
  }
  ExpectWalkCompletes(Sink());
  EXPECT_TRUE(Sink().Peek().is_complete);
  EXPECT_EQ(Sink().Peek().position, kWalkRows);
  EXPECT_THAT(folder_.Files(), ElementsAre("rows.csv", "rows.csv.manifest.json"));
}

TEST_F(FileSinkTest, ResetRemovesWhatIsTheOutputs) {
  EXPECT_EQ(Sink().Reset().code, THRONG_OK);
  EXPECT_EQ(SinkAt(folder_.path("nowhere/rows.csv")).Reset().code, THRONG_OK);
  LeaveUnfinished();
  EXPECT_EQ(Sink().Reset().code, THRONG_OK);
  EXPECT_THAT(folder_.Files(), IsEmpty());
  LeaveFinished();
  EXPECT_EQ(Sink().Reset().code, THRONG_OK);
  EXPECT_THAT(folder_.Files(), IsEmpty());
}

TEST_F(FileSinkTest, ResetSaysWhatItDidNotRemove) {
  LeaveUnfinished(kOther);
  folder_.Write(kName, "somebody's\n");
  const auto before = folder_.Files();
  const Result kept = Sink().Reset();
  EXPECT_EQ(kept.code, THRONG_FAILED_PRECONDITION);
  EXPECT_EQ(kept.message, "Not removed, since this output did not leave it like that: " +
                              folder_.path("rows.csv") + ", " + folder_.path("rows.csv.part") +
                              ", " + folder_.path("rows.csv.position") +
                              "; delete it yourself, or set overwrite: true.");
  EXPECT_EQ(folder_.Files(), before);
}

TEST_F(FileSinkTest, ResetDoesNotTakeTheFileFromItsWriter) {
  LoadedSink sink = Sink();
  ASSERT_EQ(sink.Open().code, THRONG_OK);
  ASSERT_EQ(sink.Commit(0).code, THRONG_OK);
  host_.is_cancelled = [] { return true; };  // rather than wait
  EXPECT_EQ(Sink().Reset().code, THRONG_CANCELLED);
  EXPECT_EQ(sink.Finish().code, THRONG_OK);
}

}  // namespace
}  // namespace throng
