// Plugins of folders as workers describe them, and those that runs use, kept.
#include "server/daemon/plugin_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <thread>

#include "server/control/digest.h"
#include "server/daemon/supervisor.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string DigestOf(const std::string& text) { return Digest().Add(text).Hex(); }

WorkerEnd EndBy(WorkerEnd::Kind kind, const std::string& sentence) {
  WorkerEnd end;
  end.kind = kind;
  end.sentence = sentence;
  return end;
}

// Describes files by their text: "NAME ROLE COMPONENT", "bad", "crash", "hang" or "kill".
class FakeWorkers : public Workers {
 public:
  explicit FakeWorkers(const ScratchFolder& folder) : folder_(folder) {}
  ~FakeWorkers() override {
    for (std::thread& thread : threads_) thread.join();
  }

  WorkerId Launch(const worker::v1::Start& start, std::shared_ptr<WorkerListener> listener,
                  const LaunchOptions&) override {
    ++launched;
    asked.assign(start.describe().paths().begin(), start.describe().paths().end());
    listener_ = listener;
    threads_.emplace_back([this, start, listener] {
      if (end_instead) return listener->OnEnded(*end_instead);
      for (const std::string& path : start.describe().paths()) {
        if (!Describe(path, listener.get())) return;
      }
      listener->OnEnded({});
    });
    return 1;
  }
  void Send(WorkerId, const worker::v1::ToWorker&) override {}
  void Kill(WorkerId) override {
    threads_.emplace_back([listener = listener_] {
      listener->OnEnded(EndBy(WorkerEnd::Kind::kKilled, "The daemon ended it."));
    });
  }

  int launched = 0;
  std::vector<std::string> asked;        // of the last one
  std::optional<WorkerEnd> end_instead;  // of describing
  int kills = 0;                         // still to come
  std::function<void()> before_describing = [] {};

 private:
  // Whether it goes on behind this file.
  bool Describe(const std::string& path, WorkerListener* listener) {
    before_describing();
    const std::string text = folder_.Read(std::filesystem::relative(path, folder_.path()));
    if (text == "hang") return false;
    if (text == "kill" && kills-- > 0) {
      listener->OnEnded(EndBy(WorkerEnd::Kind::kKilled, "SIGKILL from outside."));
      return false;
    }
    if (text == "crash") {
      listener->OnEnded(EndBy(WorkerEnd::Kind::kCrashed, "SIGSEGV."));
      return false;
    }
    worker::v1::FromWorker message;
    message.mutable_described()->set_path(path);
    if (text == "bad") {
      message.mutable_described()->set_error("plugin " + path + " cannot be loaded: it is bad");
    } else {
      std::istringstream words(text);
      std::string name, role, component;
      words >> name >> role >> component;
      auto* plugin = message.mutable_described()->mutable_plugin();
      plugin->set_name("plugins/" + name);
      plugin->set_version("1.0.0");
      plugin->set_path(path);
      plugin->set_sha256(DigestOf(text));
      plugin->add_components()->set_role(role);
      plugin->mutable_components(0)->set_name(component);
    }
    listener->OnMessage(message);
    return true;
  }

  const ScratchFolder& folder_;
  std::vector<std::thread> threads_;
  std::shared_ptr<WorkerListener> listener_;
};

class PluginIndexTest : public testing::Test {
 protected:
  PluginIndexTest() {
    for (const char* name : {"a", "b"}) std::filesystem::create_directory(folder_.path(name));
  }

  PluginIndex Index(const std::string& state = "") {
    return {{folder_.path("a"), folder_.path("b")}, state, &workers_, milliseconds(1000)};
  }
  static std::vector<std::string> Names(const PluginSnapshot& snapshot) {
    std::vector<std::string> names;
    for (const auto& plugin : snapshot.plugins) names.push_back(plugin.name());
    return names;
  }
  static std::vector<std::string> Errors(const PluginSnapshot& snapshot) {
    std::vector<std::string> errors;
    for (const auto& error : snapshot.errors) errors.push_back(error.message());
    return errors;
  }
  static v1::PluginUse Use(const std::string& text) {
    std::istringstream words(text);
    std::string name, role, component;
    words >> name >> role >> component;
    v1::PluginUse use;
    use.set_plugin(name);
    use.set_role(role);
    use.set_component(component);
    use.set_version("1.0.0");
    use.set_sha256(DigestOf(text));
    return use;
  }

  ScratchFolder folder_;
  FakeWorkers workers_{folder_};
};

TEST_F(PluginIndexTest, DescribesAllNewFilesWithOneWorker) {
  folder_.Write("a/zipf.so", "zipf choice zipf");
  folder_.Write("a/notes.txt", "not a plugin");
  folder_.Write("b/file.so", "file sink file");
  PluginIndex index = Index();
  const auto snapshot = index.Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/file", "plugins/zipf"));
  EXPECT_THAT(snapshot->errors, IsEmpty());
  EXPECT_EQ(snapshot->plugins[1].path(), folder_.path("a/zipf.so"));
  EXPECT_EQ(snapshot->plugins[1].sha256(), DigestOf("zipf choice zipf"));
  EXPECT_EQ(workers_.launched, 1);
  EXPECT_THAT(workers_.asked, ElementsAre(folder_.path("a/zipf.so"), folder_.path("b/file.so")));
  EXPECT_EQ(index.Refresh(), snapshot);
  EXPECT_EQ(workers_.launched, 1);
}

TEST_F(PluginIndexTest, DescribesOnlyWhatHasChanged) {
  folder_.Write("a/one.so", "one choice one");
  folder_.Write("a/two.so", "two choice two");
  PluginIndex index = Index();
  index.Refresh();
  folder_.Write("a/next", "two choice second");
  std::filesystem::rename(folder_.path("a/next"), folder_.path("a/two.so"));
  const auto snapshot = index.Refresh();
  EXPECT_EQ(snapshot->plugins.at(1).components(0).name(), "second");
  EXPECT_THAT(workers_.asked, ElementsAre(folder_.path("a/two.so")));
  std::filesystem::remove(folder_.path("a/one.so"));
  EXPECT_THAT(Names(*index.Refresh()), ElementsAre("plugins/two"));
  EXPECT_EQ(workers_.launched, 2);
}

TEST_F(PluginIndexTest, TellsWhatCannotBeLoaded) {
  folder_.Write("a/bad.so", "bad");
  folder_.Write("a/good.so", "good choice good");
  const auto snapshot = Index().Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/good"));
  EXPECT_THAT(Errors(*snapshot),
              ElementsAre("plugin " + folder_.path("a/bad.so") + " cannot be loaded: it is bad"));
}

TEST_F(PluginIndexTest, NamesTheFilesThatCrashOrHangAWorkerAndDescribesTheRest) {
  folder_.Write("a/1.so", "one choice one");
  folder_.Write("a/2.so", "crash");
  folder_.Write("a/3.so", "three choice three");
  folder_.Write("a/4.so", "hang");
  folder_.Write("b/5.so", "five choice five");
  PluginIndex index = Index();
  const auto snapshot = index.Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/five", "plugins/one", "plugins/three"));
  EXPECT_THAT(Errors(*snapshot),
              ElementsAre("plugin " + folder_.path("a/2.so") +
                              " ended the worker that described it: SIGSEGV.",
                          "plugin " + folder_.path("a/4.so") +
                              " was not described within 1 s: loading it takes too long."));
  EXPECT_EQ(workers_.launched, 3);
  EXPECT_EQ(index.Refresh(), snapshot);
  EXPECT_EQ(workers_.launched, 3);
}

TEST_F(PluginIndexTest, TriesAgainWhenNoWorkerWasToBeHad) {
  folder_.Write("a/1.so", "one choice one");
  workers_.end_instead = EndBy(WorkerEnd::Kind::kRefused, "It is of another version.");
  PluginIndex index = Index();
  EXPECT_THAT(Errors(*index.Refresh()),
              ElementsAre("plugin " + folder_.path("a/1.so") +
                          " is not described: It is of another version."));
  workers_.end_instead.reset();
  EXPECT_THAT(Names(*index.Refresh()), ElementsAre("plugins/one"));
}

TEST_F(PluginIndexTest, GoesOnWhenAWorkerIsKilledFromOutside) {
  folder_.Write("a/1.so", "one choice one");
  folder_.Write("a/2.so", "kill");
  folder_.Write("a/3.so", "three choice three");
  PluginIndex index = Index();
  workers_.kills = 3;
  const auto snapshot = index.Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/one", "plugins/three"));
  EXPECT_THAT(Errors(*snapshot), ElementsAre("plugin " + folder_.path("a/2.so") +
                                             " is not described: SIGKILL from outside."));
  workers_.kills = 2;
  EXPECT_THAT(Names(*index.Refresh()), ElementsAre("plugins/kill", "plugins/one", "plugins/three"));
  EXPECT_EQ(workers_.launched, 4 + 3);
}

TEST_F(PluginIndexTest, RefusesTheLaterOfTwoPluginsWithTheSameComponent) {
  folder_.Write("a/1.so", "one choice zipf");
  folder_.Write("b/2.so", "two choice zipf");
  folder_.Write("b/3.so", "one rating zipf");
  const auto snapshot = Index().Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/one"));
  EXPECT_THAT(Errors(*snapshot),
              ElementsAre("the choice `zipf` is in two files: " + folder_.path("a/1.so") + " and " +
                              folder_.path("b/2.so") + ". Remove one of them.",
                          "the plugin `one` is in two files: " + folder_.path("a/1.so") + " and " +
                              folder_.path("b/3.so") + ". Remove one of them."));
}

TEST_F(PluginIndexTest, NamesAFolderThatCannotBeRead) {
  const auto snapshot =
      PluginIndex({folder_.path("missing"), folder_.path("a"), folder_.path("a/../a")}, "",
                  &workers_)
          .Refresh();
  EXPECT_THAT(Errors(*snapshot), ElementsAre("the plugin folder " + folder_.path("missing") +
                                             " cannot be read: No such file or directory."));
}

TEST_F(PluginIndexTest, DoesNotWaitForWhatIsNoFile) {
  ASSERT_EQ(mkfifo(folder_.path("a/1.so").c_str(), 0600), 0);
  folder_.Write("a/2.so", "two choice two");
  const auto snapshot = Index().Refresh();
  EXPECT_THAT(Names(*snapshot), ElementsAre("plugins/two"));
  EXPECT_THAT(Errors(*snapshot), ElementsAre(HasSubstr("1.so cannot be read")));
}

TEST_F(PluginIndexTest, LooksAgainAtAFileThatWasReplacedMeanwhile) {
  folder_.Write("a/1.so", "one choice one");
  workers_.before_describing = [this] { folder_.Write("a/1.so", "one choice other"); };
  PluginIndex index = Index();
  EXPECT_THAT(Errors(*index.Refresh()), ElementsAre(HasSubstr("was replaced")));
  EXPECT_EQ(index.Refresh()->plugins.at(0).components(0).name(), "other");
}

TEST_F(PluginIndexTest, TellsAWorkerWhatThereIs) {
  folder_.Write("a/bad.so", "bad");
  folder_.Write("a/good.so", "good choice fine");
  worker::v1::Start start;
  Index().Refresh()->AddTo(&start);
  ASSERT_THAT(start.plugins(), SizeIs(1));
  EXPECT_EQ(start.plugins(0).path(), folder_.path("a/good.so"));
  EXPECT_EQ(start.plugins(0).sha256(), DigestOf("good choice fine"));
  EXPECT_EQ(start.plugins(0).components(0).role(), "choice");
  EXPECT_EQ(start.plugins(0).components(0).name(), "fine");
  EXPECT_THAT(start.plugin_errors(), ElementsAre(HasSubstr("cannot be loaded: it is bad")));
}

// ---- Kept plugins ----

TEST_F(PluginIndexTest, KeepsWhatARunUsesThoughTheFileChanges) {
  folder_.Write("a/1.so", "one choice one");
  const std::string state = folder_.path("state");
  const std::vector<v1::PluginUse> used = {Use("one choice one")};
  {
    PluginIndex index = Index(state);
    ASSERT_EQ(index.Keep(used, *index.Refresh()), absl::OkStatus());
    ASSERT_EQ(index.Keep(used, *index.Refresh()), absl::OkStatus());
  }
  folder_.Write("a/1.so", "one choice changed");
  PluginIndex index = Index(state);
  const auto kept = index.Kept(used);
  ASSERT_TRUE(kept.ok()) << kept.status();
  const std::string path = state + "/plugins/" + DigestOf("one choice one") + ".so";
  ASSERT_THAT(kept->plugins, SizeIs(1));
  EXPECT_EQ(kept->plugins[0].path(), path);
  EXPECT_EQ(kept->plugins[0].name(), "plugins/one");
  EXPECT_EQ(kept->plugins[0].components(0).role(), "choice");
  EXPECT_EQ(kept->plugins[0].components(0).name(), "one");
  EXPECT_EQ(FileDigest(path).value(), used[0].sha256());
}

TEST_F(PluginIndexTest, NamesAKeptPluginThatIsGoneOrChanged) {
  folder_.Write("a/1.so", "one choice one");
  const std::string state = folder_.path("state");
  const std::vector<v1::PluginUse> used = {Use("one choice one")};
  PluginIndex index = Index(state);
  ASSERT_TRUE(index.Keep(used, *index.Refresh()).ok());
  const std::string path = state + "/plugins/" + used[0].sha256() + ".so";
  const std::string remedy =
      "; put the file with SHA-256 " + used[0].sha256() + " back, or create the run again.";
  folder_.Write("state/plugins/" + used[0].sha256() + ".so", "damaged");
  EXPECT_EQ(index.Kept(used).status(),
            absl::FailedPreconditionError("The plugin `one` 1.0.0 that the run was created with is "
                                          "changed: " +
                                          path + remedy));
  std::filesystem::remove(path);
  EXPECT_EQ(index.Kept(used).status(),
            absl::FailedPreconditionError("The plugin `one` 1.0.0 that the run was created with is "
                                          "gone: " +
                                          path + remedy));
  ASSERT_TRUE(index.Keep(used, *index.Refresh()).ok());  // mends it
  EXPECT_TRUE(index.Kept(used).ok());
}

TEST_F(PluginIndexTest, UsesTheFolderItselfWhenNothingIsKept) {
  folder_.Write("a/1.so", "one choice one");
  const std::vector<v1::PluginUse> used = {Use("one choice one")};
  PluginIndex index = Index();
  ASSERT_TRUE(index.Keep(used, *index.Refresh()).ok());
  EXPECT_EQ(index.Kept(used)->plugins.at(0).path(), folder_.path("a/1.so"));
  folder_.Write("a/1.so", "one choice changed");
  EXPECT_EQ(index.Kept(used).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PluginIndexTest, KeepsNothingThatWasReplacedOrIsUnknown) {
  folder_.Write("a/1.so", "one choice one");
  PluginIndex index = Index(folder_.path("state"));
  const auto snapshot = index.Refresh();
  EXPECT_THAT(std::string(index.Keep({Use("two choice two")}, *snapshot).message()),
              HasSubstr("is in none of the plugin folders"));
  folder_.Write("a/1.so", "one choice changed");
  EXPECT_THAT(std::string(index.Keep({Use("one choice one")}, *snapshot).message()),
              HasSubstr("was replaced in the meantime; try again."));
  v1::PluginUse escaping;
  escaping.set_sha256("../../escaped");
  EXPECT_EQ(index.Keep({escaping}, *snapshot).code(), absl::StatusCode::kInternal);
  EXPECT_THAT(folder_.Files(), ElementsAre("a/1.so", "b", "state/plugins"));
}

TEST_F(PluginIndexTest, SaysThatTheDiskTakesNoMore) {
  folder_.Write("a/1.so", "one choice one");
  PluginIndex index = Index(folder_.path("state"));
  const auto snapshot = index.Refresh();
  const auto before = signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  rlimit small = limit;
  small.rlim_cur = 5;
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status status = index.Keep({Use("one choice one")}, *snapshot);
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, before);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr(".so cannot be written: "));
  EXPECT_THAT(folder_.Files(), ElementsAre("a/1.so", "b", "state/plugins"));
}

TEST_F(PluginIndexTest, NamesAFolderThatCannotBeMade) {
  folder_.Write("a/1.so", "one choice one");
  folder_.Write("state", "a file where a folder should be");
  PluginIndex index = Index(folder_.path("state"));
  EXPECT_EQ(
      index.Keep({Use("one choice one")}, *index.Refresh()),
      absl::UnavailableError(folder_.path("state/plugins") + " cannot be made: Not a directory."));
}

TEST_F(PluginIndexTest, RemovesWhatNoRunUses) {
  folder_.Write("a/1.so", "one choice one");
  folder_.Write("a/2.so", "two choice two");
  PluginIndex index = Index(folder_.path("state"));
  index.RemoveUnheld();  // there is nothing yet
  const std::vector<v1::PluginUse> both = {Use("one choice one"), Use("two choice two")};
  const std::vector<v1::PluginUse> second = {Use("two choice two"), Use("two choice two")};
  ASSERT_TRUE(index.Keep(both, *index.Refresh()).ok());
  ASSERT_TRUE(index.Keep(second, *index.Refresh()).ok());
  folder_.Write("state/plugins/left.so.x1y2z3", "by a daemon that died");
  index.RemoveUnheld();
  index.Release(both);
  EXPECT_THAT(folder_.Files(), ElementsAre("a/1.so", "a/2.so", "b",
                                           "state/plugins/" + DigestOf("two choice two") + ".so"));
  PluginIndex later = Index(folder_.path("state"));  // of the next daemon
  later.Hold(second);
  later.RemoveUnheld();
  EXPECT_EQ(folder_.Files().size(), 4U);
  later.Release(second);
  EXPECT_THAT(folder_.Files(), ElementsAre("a/1.so", "a/2.so", "b", "state/plugins"));
}

// ---- With the real worker ----

TEST(PluginIndexOfRealWorkers, DescribesTheDeliveredPlugins) {
  SupervisorOptions options;
  options.worker_path = THRONG_WORKER;
  options.hello_timeout = std::chrono::seconds(60);
  Supervisor supervisor(options);
  PluginIndex index({THRONG_PLUGIN_FOLDER}, "", &supervisor, std::chrono::seconds(60));
  const auto snapshot = index.Refresh();
  EXPECT_THAT(snapshot->errors, IsEmpty());
  const auto found =
      std::find_if(snapshot->plugins.begin(), snapshot->plugins.end(),
                   [](const v1::Plugin& plugin) { return plugin.name() == "plugins/file"; });
  ASSERT_NE(found, snapshot->plugins.end());
  EXPECT_EQ(found->components(0).role(), "sink");
  EXPECT_TRUE(found->components(0).is_durable());
  EXPECT_EQ(found->path(), THRONG_PLUGIN_FOLDER "/file.so");
  EXPECT_EQ(found->sha256(), FileDigest(found->path()).value());
}

TEST(PluginIndexOfRealWorkers, SurvivesPluginsThatCrashOrHangWhenTheyAreLoaded) {
  const ScratchFolder folder;
  for (const char* plugin : {"load_crashes", "load_exits", "load_hangs", "table_good"}) {
    std::filesystem::copy_file(std::string(THRONG_FAULTY_PLUGINS "/") + plugin + ".so",
                               folder.path(std::string(plugin) + ".so"));
  }
  folder.Write("text.so", "This is not a library.");
  SupervisorOptions options;
  options.worker_path = THRONG_WORKER;
  options.hello_timeout = std::chrono::seconds(60);
  Supervisor supervisor(options);
  PluginIndex index({folder.path()}, "", &supervisor, std::chrono::seconds(6));
  const auto snapshot = index.Refresh();
  ASSERT_THAT(snapshot->plugins, SizeIs(1));
  std::vector<std::string> errors;
  for (const auto& error : snapshot->errors) errors.push_back(error.message());
  EXPECT_THAT(errors,
              ElementsAre(HasSubstr("load_crashes.so ended the worker that described it: SIGSEGV"),
                          HasSubstr("load_exits.so ended the worker that described it: The worker "
                                    "ended with exit code 4 before its work was done"),
                          HasSubstr("load_hangs.so was not described within 6 s"),
                          HasSubstr("text.so cannot be loaded")));
}

}  // namespace
}  // namespace throng
