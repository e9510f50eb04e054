#include "server/host/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "server/control/status.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"
#include "tests/plugins/sinks/scratch_folder.h"

namespace throng {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string Path(const std::string& plugin) {
  return std::string(THRONG_TEST_PLUGINS) + "/" + plugin + ".so";
}

std::string LoadError(const std::string& path) { return MessageOf(Plugin::Load(path).status()); }

// A folder with copies of plugins, under the names given.
class PluginFolder {
 public:
  void Add(const std::string& plugin, const std::string& name) const {
    std::filesystem::copy_file(Path(plugin), folder_.path(name + ".so"));
  }
  std::string path(const std::string& name = "") const { return folder_.path(name); }
  void Write(const std::string& name, const std::string& text) const { folder_.Write(name, text); }
  absl::StatusOr<Catalogue> Load() const { return Catalogue::Load({folder_.path()}); }

 private:
  ScratchFolder folder_;
};

TEST(PluginTest, ShowsItsTable) {
  const auto plugin = Plugin::Load(Path("zipf"));
  ASSERT_TRUE(plugin.ok()) << MessageOf(plugin.status());
  EXPECT_EQ((*plugin)->name(), "zipf");
  EXPECT_EQ((*plugin)->version(), "1.0.0");
  EXPECT_EQ((*plugin)->abi_minor(), static_cast<uint32_t>(THRONG_ABI_MINOR));
  ASSERT_THAT((*plugin)->components(), SizeIs(1));
  const Component& zipf = *(*plugin)->components()[0];
  EXPECT_EQ(zipf.role, Role::kChoice);
  EXPECT_EQ(zipf.name, "zipf");
  EXPECT_EQ(zipf.plugin, plugin->get());
  ASSERT_THAT(zipf.options, SizeIs(1));
  EXPECT_STREQ(zipf.options[0].name, "exponent");
  EXPECT_THAT((*plugin)->digest(), SizeIs(64));
}

TEST(PluginTest, AnOlderTableIsFilledWithZeroesAndANewerOneIsCutOff) {
  for (const char* name : {"misbehaving/table_older", "misbehaving/table_newer"}) {
    const auto plugin = Plugin::Load(Path(name));
    ASSERT_TRUE(plugin.ok()) << MessageOf(plugin.status());
    const throng_behaviour& functions = (*plugin)->components()[0]->behaviour;
    EXPECT_NE(functions.fill, nullptr);
    EXPECT_EQ(functions.kinds, nullptr);
    EXPECT_EQ(functions.block_rows, nullptr);
    EXPECT_EQ(functions.tables, nullptr);
  }
  EXPECT_EQ((*Plugin::Load(Path("misbehaving/table_newer")))->abi_minor(), 7U);
}

TEST(PluginTest, WhatCannotBeLoadedSaysWhy) {
  EXPECT_THAT(
      LoadError("/nowhere/x.so"),
      AllOf(StartsWith("plugin /nowhere/x.so cannot be loaded: "), HasSubstr("No such file")));
  const ScratchFolder folder;
  folder.Write("text.so", "This is no library.");
  EXPECT_THAT(LoadError(folder.path("text.so")),
              AllOf(StartsWith("plugin " + folder.path("text.so") + " cannot be loaded: "),
                    HasSubstr("file too short")));
  EXPECT_THAT(LoadError(Path("misbehaving/table_undefined_symbol")),
              HasSubstr("undefined symbol: nobody_has_this"));
}

TEST(PluginTest, AnotherMajorVersionIsRefused) {
  const std::string path = Path("misbehaving/table_other_major");
  EXPECT_EQ(LoadError(path),
            "plugin " + path +
                " has no function throng_plugin_v1: it is not a Throng plugin, or it was built for "
                "another major version of the plugin ABI (this host has version 1; rebuild it).");
}

TEST(PluginTest, WhatIsMissingInATableIsNamed) {
  const auto error = [](const std::string& name) {
    const std::string path = Path("misbehaving/" + name);
    const std::string message = LoadError(path);
    const std::string prefix = "plugin " + path + ": ";
    EXPECT_THAT(message, StartsWith(prefix));
    return message.size() < prefix.size() ? message : message.substr(prefix.size());
  };
  EXPECT_EQ(error("table_null"),
            "throng_plugin_v1 returned NULL: it cannot describe itself. Plugins of the C++ layer "
            "say why on standard error.");
  EXPECT_EQ(error("table_too_small"),
            "its table (struct_size 8) lacks a name, version, doc or components.");
  EXPECT_THAT(error("table_without_doc"), HasSubstr("lacks a role, name or doc."));
  EXPECT_EQ(error("table_name_not_utf8"), "a component has a name that is not UTF-8 text.");
  EXPECT_EQ(error("table_default_not_utf8"),
            "component `table` has option `stars` with a default that is not UTF-8 text.");
  EXPECT_EQ(error("table_without_fill"), "component `table` lacks: fill.");
  EXPECT_EQ(error("table_functions_too_small"), "component `table` lacks: create, destroy, fill.");
}

TEST(PluginTest, WhatIsWrongWithAnOptionTableIsNamed) {
  const struct {
    const char* plugin;
    const char* fault;
  } cases[] = {
      {"table_option_twice", "option `stars` twice"},
      {"table_option_escape", "option `\uFFFD[31mstars`: a name is written in snake_case"},
      {"table_option_not_snake", "option `bigStars`: a name is written in snake_case"},
      {"table_map_without_dot",
       "option `stars`: the name of a map, and of nothing else, ends with a dot"},
      {"table_default_no_number",
       "option `stars` with the default \"many\", which is no value of its type"},
      {"table_bound_no_number",
       "option `stars` with the bound \"few\", which is no value of its type"},
  };
  for (const auto& [plugin, fault] : cases) {
    const std::string path = Path(std::string("misbehaving/") + plugin);
    EXPECT_EQ(LoadError(path), "plugin " + path + ": component `table` has " + fault + ".");
  }
}

TEST(PluginTest, NamesThatATerminalWouldObeyAreRefused) {
  EXPECT_THAT(LoadError(Path("misbehaving/table_name_escape")),
              EndsWith(": a component has a name with control characters."));
}

TEST(PluginTest, AComponentOfAnUnknownRoleOrRevisionIsLeftOutAlone) {
  const auto oracle = Plugin::Load(Path("misbehaving/table_unknown_role"));
  ASSERT_TRUE(oracle.ok()) << MessageOf(oracle.status());
  EXPECT_THAT((*oracle)->components(), SizeIs(0));
  ASSERT_THAT((*oracle)->unusable(), SizeIs(1));
  EXPECT_EQ((*oracle)->unusable()[0].role, "oracle/1");
  EXPECT_EQ((*oracle)->unusable()[0].name, "table");

  PluginFolder folder;
  folder.Add("misbehaving/table_future_too", "both");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok());
  EXPECT_THAT(catalogue->errors(), SizeIs(0));
  EXPECT_TRUE(catalogue->Find(Role::kRating, "table").ok());
  EXPECT_THAT(MessageOf(catalogue->Find(Role::kRating, "future").status()),
              HasSubstr("there is no rating `future`"));
}

TEST(PluginTest, APluginForANewerHostIsRefused) {
  const std::string path = Path("misbehaving/table_needs_newer");
  EXPECT_EQ(LoadError(path),
            "plugin " + path +
                ": it needs the plugin ABI 1.2, and this host has 1.0; use a newer Throng.");
}

TEST(CatalogueTest, FindsComponentsByRoleAndName) {
  PluginFolder folder;
  folder.Add("zipf", "zipf");
  folder.Add("journal", "journal");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok()) << MessageOf(catalogue.status());
  const auto zipf = catalogue->Find(Role::kChoice, "zipf");
  ASSERT_TRUE(zipf.ok()) << MessageOf(zipf.status());
  EXPECT_EQ((*zipf)->name, "zipf");
  EXPECT_TRUE(catalogue->Find(Role::kSink, "journal").ok());
  EXPECT_FALSE(catalogue->Find(Role::kSink, "zipf").ok());
}

TEST(SinkTest, AHostStateThatNobodyCouldOpenAgainIsNotCommitted) {
  const auto plugin = Plugin::Load(Path("journal"));
  ASSERT_TRUE(plugin.ok()) << MessageOf(plugin.status());
  const Component& journal = *(*plugin)->components()[0];
  const ScratchFolder folder;
  Problems problems;
  const OptionValues options =
      OptionValues::Parse(journal, {{"path", folder.path("rows")}}, "sink", 0, &problems);
  ASSERT_THAT(problems, IsEmpty());
  const auto sink = Sink::Create(journal, Environment(), options.values());
  ASSERT_TRUE(sink.ok()) << MessageOf(sink.status());
  throng_target target{};
  target.struct_size = sizeof target;
  target.run_uid = "run";
  target.output = "out";
  target.identity = "identity";
  target.slice_count = 1;
  target.part = -1;
  ASSERT_TRUE((*sink)->Open(target).ok());

  const std::string much((size_t{1} << 30) + 1, 'n');
  EXPECT_EQ(MessageOf((*sink)->Commit(7, much)),
            "the notes of the format take 1073741825 bytes with the position, row 7; 1073741824 "
            "are allowed. Give the output roll_rows, so that each part keeps its own.");
  EXPECT_TRUE((*sink)->Commit(7, "notes").ok());
}

TEST(CatalogueTest, WhatIsNotThereIsAnsweredWithTheNearestName) {
  PluginFolder folder;
  folder.Add("zipf", "zipf");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok());
  const absl::Status status = catalogue->Find(Role::kChoice, "zapf").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(MessageOf(status),
            "there is no choice `zapf` in " + folder.path() + ". Did you mean \"zipf\"?");
}

TEST(CatalogueTest, WhatCouldNotBeLoadedIsSaidWhereItIsMissed) {
  PluginFolder folder;
  folder.Add("zipf", "zipf");
  folder.Write("broken.so", "This is no library.");
  folder.Write("notes.txt", "Not looked at.");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok());
  EXPECT_THAT(catalogue->errors(), SizeIs(1));
  EXPECT_TRUE(catalogue->Find(Role::kChoice, "zipf").ok());
  EXPECT_THAT(MessageOf(catalogue->Find(Role::kSink, "broken").status()),
              HasSubstr(" Not loaded: plugin " + folder.path("broken.so") + " cannot be loaded: "));
}

TEST(CatalogueTest, OfTwoFilesWithTheSameComponentTheFirstIsUsedAndBothAreNamed) {
  PluginFolder folder;
  folder.Add("zipf", "b");
  folder.Add("zipf", "a");
  folder.Add("misbehaving/faulty_behaviours", "c");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok()) << MessageOf(catalogue.status());
  EXPECT_THAT(catalogue->errors(),
              ElementsAre("the plugin `zipf` is in two files: " + folder.path("a.so") + " and " +
                          folder.path("b.so") + ". Remove one of them."));
  const auto zipf = catalogue->Find(Role::kChoice, "zipf");
  ASSERT_TRUE(zipf.ok()) << MessageOf(zipf.status());
  EXPECT_EQ((*zipf)->plugin->path(), folder.path("a.so"));
  EXPECT_TRUE(catalogue->Find(Role::kRating, "faulty_rating").ok());
}

TEST(CatalogueTest, APluginThatCannotEvenBeLookedAtIsAnErrorOnlyWhereItIsMissed) {
  const struct {
    const char* plugin;
    const char* why;
  } cases[] = {{"load_crashes", "SIGSEGV."},
               {"load_exits", "the process was ended with exit code 4."},
               {"load_hangs", "no end within 0.3 s."}};
  for (const auto& [plugin, why] : cases) {
    PluginFolder folder;
    folder.Add(std::string("misbehaving/") + plugin, "bad");
    folder.Add("journal", "a");  // looked at before and after
    folder.Add("zipf", "z");
    const auto catalogue = Catalogue::Load({folder.path()}, std::chrono::milliseconds(300));
    ASSERT_TRUE(catalogue.ok()) << MessageOf(catalogue.status());
    const std::string error = "plugin " + folder.path("bad.so") + " cannot be loaded: " + why;
    EXPECT_THAT(catalogue->errors(), ElementsAre(error));
    EXPECT_TRUE(catalogue->Find(Role::kSink, "journal").ok());
    EXPECT_TRUE(catalogue->Find(Role::kChoice, "zipf").ok());
    EXPECT_THAT(MessageOf(catalogue->Find(Role::kRating, "bad").status()),
                HasSubstr(" Not loaded: " + error));
  }
}

TEST(CatalogueTest, APluginThatIsReplacedAfterItWasLookedAtIsRefused) {
  PluginFolder folder;
  folder.Add("zipf", "zipf");
  const auto catalogue = folder.Load();
  ASSERT_TRUE(catalogue.ok());
  std::filesystem::remove(folder.path("zipf.so"));
  folder.Add("journal", "zipf");
  EXPECT_THAT(MessageOf(catalogue->Find(Role::kChoice, "zipf").status()),
              StartsWith("plugin " + folder.path("zipf.so") + " has changed: its SHA-256 is "));
}

TEST(CatalogueTest, AFolderThatCannotBeReadIsNamedWithTheRemedy) {
  EXPECT_EQ(MessageOf(Catalogue::Load({"/nowhere/plugins"}).status()),
            "the plugin folder /nowhere/plugins cannot be read: No such file or directory. Name "
            "another with --plugin-dir.");
}

TEST(CatalogueTest, APluginGivesOnlyWhatItIsListedFor) {
  const PluginFolder folder;
  folder.Add("misbehaving/faulty_places", "older");
  folder.Add("misbehaving/faulty_places", "newer");
  const auto plugin = Plugin::Load(folder.path("older.so"));
  ASSERT_TRUE(plugin.ok()) << MessageOf(plugin.status());
  const std::string digest = (*plugin)->digest();
  const Catalogue catalogue =
      Catalogue::FromIndex({{folder.path("older.so"), digest, {{Role::kSink, "folder_sink"}}},
                            {folder.path("newer.so"), digest, {{Role::kSink, "hidden_path_sink"}}}},
                           {});
  for (int i = 0; i < 2; ++i) {  // whichever is loaded meanwhile
    const auto folder_sink = catalogue.Find(Role::kSink, "folder_sink");
    ASSERT_TRUE(folder_sink.ok()) << MessageOf(folder_sink.status());
    EXPECT_THAT((*folder_sink)->plugin->path(), EndsWith("older.so"));
    const auto hidden = catalogue.Find(Role::kSink, "hidden_path_sink");
    ASSERT_TRUE(hidden.ok()) << MessageOf(hidden.status());
    EXPECT_THAT((*hidden)->plugin->path(), EndsWith("newer.so"));
  }
}

}  // namespace
}  // namespace throng
